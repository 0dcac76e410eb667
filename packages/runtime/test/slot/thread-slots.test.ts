import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { ErrorData } from '@millrace/api'
import { threadJobs } from './thread-job.ts'

const { runText } = threadJobs()
const ENCODED = { 'millrace.exchange.encode': 'always' }

const innermost = (error: ErrorData | undefined): ErrorData | undefined =>
  error?.cause === undefined ? error : innermost(error.cause)
const all = (error: ErrorData | undefined): ErrorData[] => (error === undefined ? [] : [error, ...all(error.cause)])

describe('slots on threads', () => {
  it('values arrive the same at every parallelism, and when every hand-over is encoded', async () => {
    const text = await readFile(join(import.meta.dirname, 'nasty-values.job.ts'), 'utf8')
    const described: string[][] = []
    for (const configuration of [{}, ENCODED, { 'parallelism.default': '2' }]) {
      const { state, error, collected } = await runText(text, configuration)
      assert.equal(state, 'FINISHED', error?.message)
      described.push(((collected.described ?? []) as string[]).sort())
    }
    assert.equal(described[0]?.length, 2_000)
    assert.deepEqual(described[1], described[0])
    assert.deepEqual(described[2], described[0])
  })

  it('windows give the same, combined before the exchange or not, and metrics tell what was combined', async () => {
    const text = `import { ascending, collect, count, defineJob, first, generator, max, sum, tumbling } from '@millrace/api'
export default defineJob({
  name: 'combined',
  build(env) {
    env.from(generator({ records: 6_000, generate: (n) => ({ n, k: n % 7, s: 'key ' + (n % 5) }) }), {
      uid: 'numbers', parallelism: 1, watermarks: ascending(({ n }) => n),
    })
      .keyBy(({ k, s }) => ({ k, s })).window(tumbling({ size: '1000 ms' }))
      .aggregate({ rows: count(), total: sum('n'), most: max('s'), first: first('n') },
        (result, { key, window }) => JSON.stringify({ ...key, end: window.end, ...result }), { uid: 'counts' })
      .to(collect('out'), { uid: 'out' })
  },
})`
    const outputs: unknown[] = []
    for (const configuration of [
      {},
      ENCODED,
      { 'parallelism.default': '2' },
      { 'millrace.development-mode': 'true' },
      { 'millrace.exchange.combine': 'never' },
    ]) {
      const { state, error, collected, reading } = await runText(text, configuration)
      assert.equal(state, 'FINISHED', error?.message)
      outputs.push(((collected.out ?? []) as string[]).sort())
      const tasks = (reading?.tasks ?? []).flatMap(({ metrics }) => metrics ?? [])
      const [source, ...counts] = tasks
      assert.ok(source !== undefined)
      const isNever = 'millrace.exchange.combine' in configuration
      assert.equal(source.numRecordsCombined, isNever ? 0 : 6_000)
      assert.ok(isNever ? source.numRecordsOut === 6_000 : source.numPartialResultsOut < 1_000)
      if (!isNever) assert.equal(source.numRecordsOut, source.numPartialResultsOut)
      assert.equal(
        counts.reduce((sum, { numRecordsIn }) => sum + numRecordsIn, 0),
        source.numRecordsOut + counts.reduce((sum, { numRecordsOut }) => sum + numRecordsOut, 0),
      )
    }
    assert.equal((outputs[0] as unknown[]).length, 6 * 35)
    for (const output of outputs) assert.deepEqual(output, outputs[0])
  })

  for (const configuration of [{}, ENCODED]) {
    it(`metrics of both sides of an exchange agree, ${configuration === ENCODED ? 'encoded' : 'by reference'}`, async () => {
      const startMs = Date.now()
      const { reading } = await runText(
        `import { collect, defineJob, generator } from '@millrace/api'
export default defineJob({
  name: 'exchange',
  build(env) {
    env.from(generator({ records: 5_000, generate: (n) => ({ n }) }), { uid: 'numbers' })
      .rebalance().map(({ n }) => n, { uid: 'map' }).to(collect('out'), { uid: 'out' })
  },
})`,
        configuration,
      )
      const [source, map] = (reading?.tasks ?? []).map(({ metrics }) => metrics)
      assert.ok(source !== undefined && map !== undefined)
      assert.deepEqual([source.numRecordsIn, source.numRecordsOut, map.numRecordsIn], [5_000, 5_000, 5_000])
      assert.ok(source.numBytesOut > 5_000, `${source.numBytesOut} bytes`)
      assert.deepEqual([source.numBytesIn, map.numBytesIn, map.numBytesOut], [0, source.numBytesOut, 0])
      // One thread ran both.
      const ranMs = (reading?.atMs ?? 0) - (reading?.startedAtMs ?? 0)
      assert.ok(
        source.busyTimeMs + map.busyTimeMs <= ranMs + 1,
        `${source.busyTimeMs} + ${map.busyTimeMs} of ${ranMs} ms`,
      )
      for (const metrics of [source, map]) {
        assert.deepEqual([metrics.inputQueuedBytes, metrics.outputQueuedBytes, metrics.checkpointAligning], [0, 0, 0])
        assert.ok(metrics.lastHeartbeatAtMs >= startMs && metrics.lastHeartbeatAtMs <= Date.now())
      }
    })
  }

  it("an exception in user code shows the user's own line", async () => {
    const { error } = await runText(`import { collect, defineJob, generator } from '@millrace/api'

type Order = { readonly id: number }

function check(order: Order): Order {
  if (order.id === 7) throw new Error('order 7 is bad')
  return order
}

export default defineJob({
  name: 'orders',
  build(env) {
    env.from(generator<Order>({ records: 10, generate: (id) => ({ id }) }), { uid: 'orders' })
      .map(check, { name: 'check orders', uid: 'check' })
      .to(collect('out'), { uid: 'out' })
  },
})
`)
    const user = innermost(error)
    assert.equal(user?.message, 'order 7 is bad')
    assert.match(user?.stack ?? '', /job\.ts:6:\d+/)
    const described = all(error).find(({ code }) => code === 'USER_FUNCTION_FAILED')
    assert.match(described?.message ?? '', /"check orders" threw: order 7 is bad/)
    assert.equal(described?.details.uid, 'check')
  })

  const change = '(r: { n: number }) => { r.n = -1; return r }'
  const mutations: Record<string, string> = {
    'of a source, in its chain': `.map(${change}, { name: 'bad' })`,
    'of a step before, in the chain': `.map((r) => ({ ...r })).filter(() => true).map(${change}, { name: 'bad' })`,
    'of a step before, by another operator': `.flatMap((r) => [{ ...r }]).flatMap((r) => [(${change})(r)], { name: 'bad' })`,
    'of another slot': `.rebalance().flatMap((r) => [(${change})(r)], { name: 'bad', parallelism: 2 })`,
    'of another slot, in a map': `.rebalance().map(${change}, { name: 'bad', parallelism: 2 })`,
  }
  for (const [name, steps] of Object.entries(mutations)) {
    it(`development mode finds a change of a record ${name}`, async () => {
      const { state, error } = await runText(
        `import { collect, defineJob, generator } from '@millrace/api'
export default defineJob({
  name: 'mutation',
  build(env) {
    env.from(generator({ records: 10, generate: (n) => ({ n }) }), { uid: 'numbers', parallelism: 1 })${steps}
      .to(collect('out'), { uid: 'out' })
  },
})`,
        { 'millrace.development-mode': 'true', 'millrace.exchange.encode': 'always' },
      )
      assert.deepEqual([state, error?.code], ['FAILED', 'RECORD_MUTATED'], error?.message)
      assert.match(error?.message ?? '', /"bad" changed a value/)
    })
  }

  const refused: { name: string; code: string; steps: string; message: RegExp }[] = [
    {
      name: 'a key that is NaN',
      code: 'KEY_INVALID',
      steps: `.map((n) => ({ n }), { name: 'shape' }).keyBy(() => Number.NaN).reduce((a) => a, { name: 'first' })`,
      message: /shape.*keyBy\(\(\) => (Number\.)?NaN\) for "first".*NaN/,
    },
    {
      name: 'a key that is undefined',
      code: 'KEY_INVALID',
      steps: `.map((n) => ({ n }), { name: 'shape' }).keyBy(() => undefined).reduce((a) => a, { name: 'first' })`,
      message: /shape.*keyBy\(.*\) for "first".*undefined/,
    },
    {
      name: 'a key field that is absent',
      code: 'KEY_INVALID',
      steps: `.map((n) => ({ n } as { n: number; id?: string }), { name: 'shape' }).keyBy('id' as never).reduce((a) => a, { name: 'first' })`,
      message: /shape.*keyBy\('id'\) for "first".*undefined/,
    },
    {
      name: 'a record with a function',
      code: 'VALUE_NOT_ENCODABLE',
      steps: `.map((n) => ({ n, act() {} }), { name: 'shape' }).rebalance().map((x) => x.n, { name: 'next' })`,
      message: /shape.*record\.act is the function act/,
    },
    {
      name: 'a class instance within a later record',
      code: 'VALUE_NOT_ENCODABLE',
      steps: `.map((n) => ({ n, of: n < 5 ? null : { it: new (class Order { n = n })() } }), { name: 'shape' }).rebalance().map((x) => x.n, { name: 'next' })`,
      message: /shape.*record\.of\.it is an instance of Order/,
    },
    {
      name: 'a class instance',
      code: 'VALUE_NOT_ENCODABLE',
      steps: `.map((n) => (n < 5 ? { n } : new (class Order { n = n })()), { name: 'shape' }).rebalance().map((x) => x.n, { name: 'next' })`,
      message: /shape.*an instance of Order/,
    },
  ]
  for (const { name, code, steps, message } of refused) {
    for (const configuration of [{}, ENCODED]) {
      it(`refused, naming the task: ${name}, ${configuration === ENCODED ? 'encoded' : 'by reference'}`, async () => {
        const { state, error } = await runText(
          `import { collect, defineJob, generator } from '@millrace/api'
export default defineJob({
  name: 'refused',
  build(env) {
    env.from(generator({ records: 10, generate: (n) => n }), { name: 'numbers', uid: 'numbers' })${steps}
      .to(collect('out') as never, { uid: 'out' })
  },
})`,
          configuration,
        )
        assert.equal(state, 'FAILED')
        assert.equal(error?.code, code, error?.message)
        assert.match(error?.message ?? '', message)
      })
    }
  }

  it('a timestamp that is NaN, naming source and split', async () => {
    const { error } = await runText(`import { ascending, collect, defineJob, generator } from '@millrace/api'
export default defineJob({
  name: 'refused',
  build(env) {
    env.from(generator({ records: 10, generate: (n) => n }), { name: 'numbers', watermarks: ascending(() => NaN) })
      .to(collect('out'), { uid: 'out' })
  },
})`)
    assert.equal(error?.code, 'TIMESTAMP_INVALID')
    assert.deepEqual([error?.details.operator, error?.details.split], ['numbers', 'split-0'])
  })

  it('a job that is built otherwise in a slot', async () => {
    const { error } = await runText(`import { threadId } from 'node:worker_threads'
import { collect, defineJob, generator } from '@millrace/api'
export default defineJob({
  name: 'fickle',
  build(env) {
    env.from(generator({ records: 10, generate: (n) => n }), { uid: 'numbers' })
      .map((n) => n, { uid: \`map in \${threadId}\` })
      .to(collect('out'), { uid: 'out' })
  },
})`)
    assert.equal(error?.code, 'BUILD_NOT_DETERMINISTIC')
    assert.match(error?.message ?? '', /"fickle" built another graph in slot 0/)
  })
})
