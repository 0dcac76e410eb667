/** State that a later version of a job restores: from savepoints and from checkpoints that it then builds on. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateFunction,
  type AggregateParts,
  aggregatingState,
  ascending,
  collect,
  count,
  type FileSystem,
  type JobDefinition,
  keyedProcess,
  listState,
  mapState,
  max,
  reducingState,
  tumbling,
  type,
  type ValueStateDescriptor,
  valueState,
} from '@millrace/api'
import { z } from 'zod'
import type { RestoreRequest } from '../../src/coordinator/choose-start.ts'
import { jobOf, rowsSource, runUntil } from './evolving-job.ts'
import { LATEST, memoryDisk, runInline } from './inline-job.ts'

interface Row {
  readonly k: string
  readonly n: number
}

const SAVEPOINT = 'savepoint'
const FROM_SAVEPOINT: RestoreRequest & { readonly kind: 'path' } = {
  kind: 'path',
  path: SAVEPOINT,
  discardNewer: false,
  allowNonRestoredState: false,
}

// What each version of the job stores of the numbers of a key.

const sumOne: AggregateFunction<Row, number, number> = {
  name: 'sum of n',
  create: () => 0,
  add: (sum, { n }) => sum + n,
  result: (sum) => sum,
}
const sumTwo: AggregateFunction<Row, { sum: number }, number> = {
  name: 'sum of n',
  version: 2,
  migrate: (old: number) => ({ sum: old }),
  create: () => ({ sum: 0 }),
  add: ({ sum }, { n }) => ({ sum: sum + n }),
  result: ({ sum }) => sum,
}

const one = keyedProcess({
  state: {
    total: valueState<number>(),
    rows: listState<number>(),
    byNumber: mapState<number, number>(),
    highest: reducingState<number>(Math.max),
    sum: aggregatingState(sumOne),
  },
  onRecord(row: Row, { state }) {
    state.total.set((state.total.get() ?? 0) + row.n)
    state.rows.add(row.n)
    state.byNumber.set(row.n, (state.byNumber.get(row.n) ?? 0) + 1)
    state.highest.add(row.n)
    state.sum.add(row)
  },
})

/** A record with the number 0 asks for what is there. */
const two = keyedProcess({
  state: {
    total: valueState<{ cents: number }>({ version: 2, migrate: (old: number) => ({ cents: old * 100 }) }),
    rows: listState<{ n: number }>({ version: 2, migrate: (n: number) => ({ n }) }),
    byNumber: mapState<string, { times: number }>({
      version: 2,
      migrateKey: (old) => `n${old}`,
      migrate: (times: number) => ({ times }),
    }),
    highest: reducingState<{ n: number }>((a, b) => (a.n > b.n ? a : b), {
      version: 2,
      migrate: (n: number) => ({ n }),
    }),
    sum: aggregatingState(sumTwo),
  },
  emits: type<string>(),
  onRecord(row: Row, { key, state, emit }) {
    if (row.n === 0) {
      const kept = {
        total: state.total.get(),
        rows: state.rows.get(),
        byNumber: [...state.byNumber.entries()].sort(([a], [b]) => (a < b ? -1 : 1)),
        highest: state.highest.get(),
        sum: state.sum.get(),
      }
      emit(`${key}: ${JSON.stringify(kept)}`)
      return
    }
    state.total.set({ cents: (state.total.get()?.cents ?? 0) + row.n * 100 })
    state.rows.add(row)
    const name = `n${row.n}`
    state.byNumber.set(name, { times: (state.byNumber.get(name)?.times ?? 0) + 1 })
    state.highest.add({ n: row.n })
    state.sum.add(row)
  },
})

function versionOne(rows: readonly Row[], onRow: () => void): JobDefinition {
  return jobOf((env) => {
    const keyed = env.from(rowsSource(rows, false), { uid: 'rows', watermarks: ascending(() => 1) }).keyBy('k')
    keyed.process(
      {
        ...one,
        onRecord(row: Row, ctx) {
          one.onRecord(row, ctx)
          onRow()
        },
      },
      { uid: 'kept' },
    )
    keyed
      .window(tumbling({ size: '1 h' }))
      .aggregate({ sum: sumOne }, (result, { key }) => `${key} ${result.sum}`, {
        uid: 'windows',
      })
      .to(collect('windows'), { uid: 'windows-out' })
    keyed.aggregate({ sum: sumOne }, { uid: 'running' }).to(collect('running'), { uid: 'running-out' })
  })
}

function versionTwo(rows: readonly Row[], ends: boolean, onRow: () => void = () => {}): JobDefinition {
  return jobOf((env) => {
    const keyed = env.from(rowsSource(rows, ends), { uid: 'rows', watermarks: ascending(() => 1) }).keyBy('k')
    keyed
      .process(
        {
          ...two,
          onRecord(row: Row, ctx) {
            two.onRecord(row, ctx)
            onRow()
          },
        },
        { uid: 'kept' },
      )
      .to(collect('kept'), { uid: 'kept-out' })
    keyed
      .window(tumbling({ size: '1 h' }))
      .aggregate({ sum: sumTwo }, (result, { key }) => `${key} ${result.sum}`, { uid: 'windows' })
      .to(collect('windows'), { uid: 'windows-out' })
    keyed
      .aggregate({ sum: sumTwo }, ({ sum }, { key }) => `${key} ${sum}`, { uid: 'running' })
      .to(collect('running'), {
        uid: 'running-out',
      })
  })
}

const FIRST: readonly Row[] = [
  { k: 'a', n: 1 },
  { k: 'b', n: 5 },
  { k: 'a', n: 2 },
  { k: 'c', n: 9 },
]
const SECOND: readonly Row[] = [...FIRST, { k: 'a', n: 2 }]
const ASKED: readonly Row[] = [...SECOND, ...['a', 'b', 'c'].map((k) => ({ k, n: 0 }))]

describe('a job that declares its state in another version', () => {
  for (const { from, parallelism, before, after } of [
    { from: 'a savepoint', parallelism: '1', before: 'hashmap', after: 'hashmap' },
    { from: 'a checkpoint', parallelism: '2', before: 'hashmap', after: 'hashmap' },
    { from: 'a savepoint', parallelism: '2', before: 'segments', after: 'segments' },
    { from: 'a checkpoint', parallelism: '1', before: 'segments', after: 'segments' },
    { from: 'a savepoint', parallelism: '2', before: 'hashmap', after: 'segments' },
    { from: 'a checkpoint', parallelism: '2', before: 'segments', after: 'hashmap' },
  ]) {
    const name = `migrates it from ${from} of ${before} and goes on with ${after}, at parallelism ${parallelism}`
    it(name, { timeout: 60_000 }, async () => {
      const files = memoryDisk()
      const configuration = { 'parallelism.default': parallelism, 'state.backend.type': after }
      let seen = 0
      const stored = await runUntil(
        versionOne(FIRST, () => seen++),
        () => seen === FIRST.length,
        {
          files,
          configuration: { 'state.backend.type': before },
          ...(from === 'a savepoint' ? { savepoint: SAVEPOINT } : {}),
        },
      )
      assert.equal(stored.outcome.state, 'CANCELED', stored.outcome.error?.message)
      let seenThen = 0
      const migrated = await runUntil(
        versionTwo(SECOND, false, () => seenThen++),
        () => seenThen === 1,
        {
          files,
          configuration,
          restore: from === 'a savepoint' ? { ...FROM_SAVEPOINT, discardNewer: true } : LATEST,
        },
      )
      assert.equal(migrated.outcome.state, 'CANCELED', migrated.outcome.error?.message)
      // What was migrated is stored in the new version: it is not migrated twice, nor read as it was.
      const last = await runInline(versionTwo(ASKED, true), {
        files,
        configuration: { 'state.backend.type': after },
        restore: LATEST,
      })
      assert.equal(last.outcome.state, 'FINISHED', last.outcome.error?.message)
      assert.deepEqual(
        last.outcome.collected.kept?.toSorted(),
        [
          'a: {"total":{"cents":500},"rows":[{"n":1},{"n":2},{"n":2}],"byNumber":[["n1",{"times":1}],["n2",{"times":2}]],"highest":{"n":2},"sum":5}',
          'b: {"total":{"cents":500},"rows":[{"n":5}],"byNumber":[["n5",{"times":1}]],"highest":{"n":5},"sum":5}',
          'c: {"total":{"cents":900},"rows":[{"n":9}],"byNumber":[["n9",{"times":1}]],"highest":{"n":9},"sum":9}',
        ].map((text) => text.replace('{"n":2},{"n":2}]', '{"n":2},{"k":"a","n":2}]')),
      )
      assert.deepEqual(last.outcome.collected.windows?.toSorted(), ['a 5', 'b 5', 'c 9'])
      assert.deepEqual(last.outcome.collected.running?.toSorted(), ['a 5', 'b 5', 'c 9'])
    })
  }

  it('is refused before it starts when it is the older one, and nothing runs', { timeout: 60_000 }, async () => {
    const files = memoryDisk()
    let seen = 0
    await runUntil(
      versionTwo(FIRST, false, () => seen++),
      () => seen === FIRST.length,
      { files, savepoint: SAVEPOINT },
    )
    const older = await runInline(
      versionOne(SECOND, () => seen++),
      {
        files,
        restore: { ...FROM_SAVEPOINT, discardNewer: true },
      },
    )
    assert.equal(older.outcome.state, 'FAILED')
    assert.equal(older.outcome.error?.code, 'STATE_MISREAD')
    for (const name of ['total', 'rows', 'byNumber', 'highest', 'sum']) {
      assert.match(
        older.outcome.error?.message ?? '',
        new RegExp(`"${name}" of operator "kept" was stored as version 2`),
      )
    }
    assert.equal(older.slots.launched, 0)
    assert.equal(seen, FIRST.length)
  })
})

for (const backend of ['hashmap', 'segments']) {
  it(`the value of a reduce is migrated and checked, running and in windows, with ${backend}`, async () => {
    interface Sum {
      readonly k: string
      readonly sum: number
    }
    const files = memoryDisk()
    const configuration = { 'state.backend.type': backend }
    let seen = 0
    const first = jobOf((env) => {
      const keyed = env
        .from(rowsSource(FIRST, false), { uid: 'rows', watermarks: ascending(() => 1) })
        .map((row) => {
          seen++
          return row
        })
        .keyBy('k')
      const add = (a: Row, b: Row): Row => ({ k: a.k, n: a.n + b.n })
      keyed.reduce(add, { uid: 'running' }).to(collect('running'), { uid: 'running-out' })
      keyed
        .window(tumbling({ size: '1 h' }))
        .reduce(add, { uid: 'windows' })
        .to(collect('windows'), { uid: 'windows-out' })
    })
    await runUntil(first, () => seen === FIRST.length, { files, configuration, savepoint: SAVEPOINT })
    const second = (version: number) =>
      jobOf((env) => {
        const keyed = env
          .from(rowsSource(SECOND, true), { uid: 'rows', watermarks: ascending(() => 1) })
          .map(({ k, n }): Sum => ({ k, sum: n }))
          .keyBy('k')
        const add = (a: Sum, b: Sum): Sum => ({ k: a.k, sum: a.sum + b.sum })
        const form = { version, migrate: ({ k, n }: Row): Sum => ({ k, sum: n }) }
        const schema = z.object({ k: z.string(), sum: z.number() })
        keyed.reduce(add, { uid: 'running', ...form, schema }).to(collect('running'), { uid: 'running-out' })
        keyed
          .window(tumbling({ size: '1 h' }))
          .reduce(add, { uid: 'windows', ...form })
          .to(collect('windows'), { uid: 'windows-out' })
      })
    const restore = { ...FROM_SAVEPOINT, discardNewer: true }
    const { outcome } = await runInline(second(2), { files, configuration, restore })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.deepEqual(outcome.collected.running?.at(-1), { k: 'a', sum: 5 })
    assert.deepEqual(
      outcome.collected.windows?.toSorted((a, b) => ((a as Sum).k < (b as Sum).k ? -1 : 1)),
      [
        { k: 'a', sum: 5 },
        { k: 'b', sum: 5 },
        { k: 'c', sum: 9 },
      ],
    )
    const unraised = await runInline(second(1), {
      files,
      restore,
      configuration: { ...configuration, 'restart-strategy.type': 'none' },
    })
    assert.equal(unraised.outcome.error?.code, 'STATE_INCOMPATIBLE')
    assert.match(unraised.outcome.error?.message ?? '', /State "_reduce" of operator "running", key ".": value\.sum/)
  })
}

for (const backend of ['hashmap', 'segments']) {
  describe(`a step that gets and loses aggregates, with ${backend}`, () => {
    const configuration = {
      'state.backend.type': backend,
      'parallelism.default': '2',
      'restart-strategy.type': 'none',
    }

    function jobWith<Parts extends AggregateParts<Row>>(
      rows: readonly Row[],
      ends: boolean,
      parts: Parts,
      onRow: () => void = () => {},
    ): JobDefinition {
      return jobOf((env) => {
        const keyed = env
          .from(rowsSource(rows, ends), { uid: 'rows', watermarks: ascending(() => 1) })
          .map((row) => {
            onRow()
            return row
          })
          .keyBy('k')
        keyed
          .aggregate(parts, (results, { key }) => ({ key, results }), { uid: 'running' })
          .to(collect('running'), { uid: 'running-out' })
        keyed
          .window(tumbling({ size: '1 h' }))
          .aggregate(parts, (results, { key }) => ({ key, results }), { uid: 'windows' })
          .to(collect('windows'), { uid: 'windows-out' })
      })
    }

    async function stored(): Promise<FileSystem> {
      const files = memoryDisk()
      let seen = 0
      const job = jobWith(FIRST, false, { n: count() }, () => seen++)
      await runUntil(job, () => seen === FIRST.length, { files, configuration, savepoint: SAVEPOINT })
      return files
    }
    const byKey = (results: readonly unknown[] | undefined) =>
      (results as { key: string; results: object }[] | undefined)?.toSorted((a, b) => (a.key < b.key ? -1 : 1))

    it('goes on with those that it had, and the new ones begin; the next checkpoint holds both', async () => {
      const files = await stored()
      let seen = 0
      const worse = { most: max((row: Row) => row.n), n: count() }
      const first = await runUntil(
        jobWith(SECOND, false, worse, () => seen++),
        () => seen === 1,
        { files, configuration, restore: { ...FROM_SAVEPOINT, discardNewer: true } },
      )
      assert.equal(first.outcome.state, 'CANCELED', first.outcome.error?.message)
      assert.match(first.messages.join('\n'), /Operator "running" did not have "most" before/)
      assert.match(first.messages.join('\n'), /Operator "windows" did not have "most" before/)
      assert.deepEqual(byKey(first.outcome.collected.running), [{ key: 'a', results: { most: 2, n: 3 } }])
      const last = await runInline(jobWith([...SECOND, { k: 'b', n: 7 }], true, worse), {
        files,
        configuration,
        restore: LATEST,
      })
      assert.equal(last.outcome.state, 'FINISHED', last.outcome.error?.message)
      assert.deepEqual(byKey(last.outcome.collected.running)?.at(-1), { key: 'b', results: { most: 7, n: 2 } })
      assert.deepEqual(byKey(last.outcome.collected.windows), [
        { key: 'a', results: { most: 2, n: 3 } },
        { key: 'b', results: { most: 7, n: 2 } },
        { key: 'c', results: { most: undefined, n: 1 } },
      ])
    })

    it('leaves one behind only where that is allowed', async () => {
      const files = await stored()
      const renamed = jobWith(SECOND, true, { m: count() })
      const restore = { ...FROM_SAVEPOINT, discardNewer: true }
      const refused = await runInline(renamed, { files, configuration, restore })
      assert.equal(refused.outcome.error?.code, 'STATE_INCOMPATIBLE')
      assert.match(refused.outcome.error?.message ?? '', /"running" holds the aggregate "n".*"windows" holds/)
      assert.equal(refused.slots.launched, 0)
      const allowed = await runInline(renamed, {
        files,
        configuration,
        restore: { ...restore, allowNonRestoredState: true },
      })
      assert.equal(allowed.outcome.state, 'FINISHED', allowed.outcome.error?.message)
      assert.match(allowed.messages.join('\n'), /State left behind: "n" of the aggregates of operator "running"/)
      assert.deepEqual(byKey(allowed.outcome.collected.running), [{ key: 'a', results: { m: 1 } }])
      assert.deepEqual(byKey(allowed.outcome.collected.windows), [
        { key: 'a', results: { m: 1 } },
        { key: 'b', results: { m: 0 } },
        { key: 'c', results: { m: 0 } },
      ])
    })
  })
}

/** Stores `visits` of one key by a job with `stored`, and gives what a job with `declared` then finds. */
async function reread<Old, New>(
  stored: ValueStateDescriptor<Old>,
  value: Old,
  declared: ValueStateDescriptor<New>,
  backend: string,
  use: (value: unknown) => unknown = (found) => found,
) {
  const files = memoryDisk()
  let isStored = false
  const first = keyedProcess({
    state: { visit: stored },
    onRecord(_row: Row, { state }) {
      state.visit.set(value)
      isStored = true
    },
  })
  const job = (rows: readonly Row[], ends: boolean, fn: typeof first) =>
    jobOf((env) => {
      env
        .from(rowsSource(rows, ends), { uid: 'rows' })
        .keyBy('k')
        .process(fn as never, { uid: 'visits' })
        .to(collect('out') as never, { uid: 'out' })
    })
  await runUntil(job(FIRST.slice(0, 1), false, first), () => isStored, {
    files,
    savepoint: SAVEPOINT,
    configuration: { 'state.backend.type': backend },
  })
  const second = keyedProcess({
    state: { visit: declared },
    emits: type<unknown>(),
    onRecord(_row: Row, { state, emit }) {
      emit(use(state.visit.get()))
    },
  })
  return runInline(
    job(
      [
        { k: 'a', n: 1 },
        { k: 'a', n: 2 },
      ],
      true,
      second as never,
    ),
    {
      files,
      restore: { ...FROM_SAVEPOINT, discardNewer: true },
      configuration: { 'restart-strategy.type': 'none', 'state.backend.type': backend },
    },
  )
}

for (const backend of ['hashmap', 'segments']) {
  describe(`records whose fields change, with ${backend}`, () => {
    it('gains and loses fields without a declaration', { timeout: 60_000 }, async () => {
      const { outcome } = await reread(
        valueState<{ page: string; old: number }>(),
        { page: '/', old: 1 },
        valueState<{ page: string; site?: string }>(),
        backend,
      )
      assert.deepEqual(outcome.collected.out, [{ page: '/', old: 1 }])
    })

    it('takes defaults from a schema, and loses what the schema does not have', { timeout: 60_000 }, async () => {
      const before = z.object({ page: z.string(), old: z.number() })
      const after = z.object({ page: z.string(), site: z.string().default('main') })
      const { outcome } = await reread(valueState(before), { page: '/', old: 1 }, valueState(after), backend)
      assert.deepEqual(outcome.collected.out, [{ page: '/', site: 'main' }])
    })

    it('is refused before it starts where the schema cannot read it', { timeout: 60_000 }, async () => {
      const before = z.object({ page: z.string() })
      const after = z.object({ page: z.string(), site: z.string() })
      const { outcome, slots } = await reread(valueState(before), { page: '/' }, valueState(after), backend)
      assert.equal(outcome.error?.code, 'STATE_INCOMPATIBLE')
      assert.match(outcome.error?.message ?? '', /State "visit" of operator "visits".*value\.site/)
      assert.equal(slots.launched, 0)
    })

    it('is refused before the first record where only the values tell', { timeout: 60_000 }, async () => {
      const { outcome } = await reread(
        valueState<{ page: unknown }>(),
        { page: 3 },
        valueState(z.object({ page: z.string() })),
        backend,
        () => assert.fail('a record was processed'),
      )
      assert.equal(outcome.error?.code, 'STATE_INCOMPATIBLE')
      assert.match(outcome.error?.message ?? '', /State "visit" of operator "visits", key "a": value\.page/)
    })

    it('names operator, state and key where code fails over a value without a schema', {
      timeout: 60_000,
    }, async () => {
      const { outcome } = await reread(
        valueState<{ page: string }>(),
        { page: '/' },
        valueState<{ urls: string[] }>(),
        backend,
        (visit) => (visit as { urls: string[] }).urls.length,
      )
      assert.equal(outcome.error?.code, 'USER_FUNCTION_FAILED')
      assert.match(outcome.error?.message ?? '', /reading 'length'/)
      assert.equal(outcome.error?.details.key, '"a"')
      assert.equal(outcome.error?.details.restoredStates, 'visit')
      assert.match(outcome.error?.hint ?? '', /state "visit" of key "a" may be restored/)
    })
  })
}
