/**
 * Law 8 for what a slot holds: a slot whose state outgrows its heap budget fails itself, naming what is large, and the
 * process lives on to say so. Each case runs in a process of its own, since V8 would end it.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import process from 'node:process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ErrorData } from '@millrace/api'
import { whyNoRocksdb } from '@millrace/testing'
import type { Growth } from './growing-state.job.ts'

const RUN = fileURLToPath(new URL('run-growing-state.ts', import.meta.url))
/** Spares each process the compiling of the engine. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/millrace-memory', import.meta.url))
const FLAGS = ['--conditions=@millrace/source', '--enable-source-maps', '--disable-warning=ExperimentalWarning']

interface Outcome {
  readonly state: string
  readonly error?: ErrorData
  readonly warnings: readonly string[]
}

/** What the message names; `undefined` where the memory is not the engine's to name. */
const cases: readonly { readonly growth: Growth; readonly state: string | undefined }[] = [
  { growth: 'many keys', state: 'grown' },
  { growth: 'growing values', state: 'grown' },
  { growth: 'long strings', state: 'list' },
  { growth: 'typed arrays', state: 'grown' },
  { growth: 'list state', state: 'list' },
  { growth: 'map state', state: 'map' },
  { growth: 'growing Map outside of state', state: undefined },
  { growth: 'growing array outside of state', state: undefined },
]

for (const { growth, state } of cases) {
  test(`${growth}: the slot fails itself in time and names the state`, async () => {
    const outcome = await run({ growth })
    assert.equal(outcome.state, 'FAILED')
    const error = innermost(outcome.error)
    assert.equal(error?.code, 'SLOT_OUT_OF_MEMORY', error?.message)
    assert.match(error.message, /48 MiB/)
    assert.match(error.hint ?? '', /taskmanager\.memory\.task\.heap\.size.*segments/)
    if (state === undefined) return
    assert.match(error.message, new RegExp(`state "${state}" of "grow"`))
    assert.deepEqual([error.details?.operator, error.details?.state], ['grow', state])
    assert.ok(outcome.warnings.length <= 1, 'it warns once, if it does not grow past the limit in one step')
    for (const warning of outcome.warnings) {
      assert.match(warning, new RegExp(`, (8|9)\\d % of 48 MiB; .*state "${state}" of "grow"`))
    }
  })
}

test('garbage does not count: a job that drops far more than its budget finishes', async () => {
  // Some 16 kB each: many times the budget.
  const outcome = await run({ growth: 'many keys', garbage: true, records: 100_000 })
  assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
})

for (const [type, managed] of [
  ['segments', '4 mb'],
  ['rocksdb', '8 mb'],
] as const) {
  const skip = type === 'rocksdb' && whyNoRocksdb !== undefined ? `NOT TESTED: ${whyNoRocksdb}` : false
  test(`state that does not fit the heap fits ${type}`, { skip }, async () => {
    const params = { growth: 'many keys', records: 180_000 }
    assert.equal(innermost((await run(params)).error)?.code, 'SLOT_OUT_OF_MEMORY', 'on the heap it does not fit')
    const outcome = await run(params, { 'state.backend.type': type, 'taskmanager.memory.managed.size': managed })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
  })
}

async function run(
  params: Record<string, string | number | boolean>,
  configuration: Record<string, string> = {},
): Promise<Outcome> {
  const { NODE_TEST_CONTEXT: _own, ...env } = process.env
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...FLAGS, RUN, JSON.stringify(params), JSON.stringify(configuration)],
    {
      env: { ...env, NODE_COMPILE_CACHE: COMPILE_CACHE },
    },
  )
  return JSON.parse(stdout) as Outcome
}

/** The restart strategy's word goes around the failure itself. */
function innermost(error: ErrorData | undefined): ErrorData | undefined {
  return error?.cause === undefined ? error : innermost(error.cause)
}
