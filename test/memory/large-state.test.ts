/**
 * Law 8 for snapshots: full checkpoints of state that is several times the heap of its slot take no memory for all of it. In
 * a process of its own, whose memory is watched.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import process from 'node:process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ErrorData } from '@millrace/api'

const RUN = fileURLToPath(new URL('run-large-state.ts', import.meta.url))
/** Spares each process the compiling of the engine. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/millrace-memory', import.meta.url))
const FLAGS = ['--conditions=@millrace/source', '--enable-source-maps', '--disable-warning=ExperimentalWarning']
const MEBIBYTE = 1024 * 1024
/** Of one slot; what its heap takes and what it keeps outside count together. */
const HEAP_BUDGET_BYTES = 72 * MEBIBYTE

interface Outcome {
  readonly state: string
  readonly error?: ErrorData
  readonly rssMostBytes: number
  readonly completed: number
  readonly largestBytes: number
}

test('full checkpoints of state three times the heap budget stay within it', async () => {
  const outcome = await run({ records: 120_000, textUnits: 2_000 })
  assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
  assert.ok(outcome.completed > 0, 'there is one at the end at least')
  const { largestBytes, rssMostBytes } = outcome
  assert.ok(largestBytes > 3 * HEAP_BUDGET_BYTES, `the state took ${largestBytes} bytes only`)
  // The engine, its compiled code and what V8 keeps beside the heap are in it.
  assert.ok(rssMostBytes < HEAP_BUDGET_BYTES + 300 * MEBIBYTE, `the process took ${rssMostBytes} bytes`)
})

async function run(params: Record<string, number>): Promise<Outcome> {
  const { NODE_TEST_CONTEXT: _own, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, RUN, JSON.stringify(params)], {
    env: { ...env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  return JSON.parse(stdout) as Outcome
}
