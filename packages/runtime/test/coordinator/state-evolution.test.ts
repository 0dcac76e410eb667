/** State that a later version of a job restores: from savepoints and from checkpoints that it then builds on. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateFunction,
  aggregatingState,
  ascending,
  collect,
  type JobDefinition,
  keyedProcess,
  listState,
  mapState,
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
  for (const from of ['a savepoint', 'a checkpoint'] as const) {
    for (const parallelism of ['1', '2']) {
      it(`migrates it from ${from} and goes on, at parallelism ${parallelism}`, { timeout: 60_000 }, async () => {
        const files = memoryDisk()
        const configuration = { 'parallelism.default': parallelism }
        let seen = 0
        const stored = await runUntil(
          versionOne(FIRST, () => seen++),
          () => seen === FIRST.length,
          {
            files,
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
        const last = await runInline(versionTwo(ASKED, true), { files, restore: LATEST })
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

/** Stores `visits` of one key by a job with `stored`, and gives what a job with `declared` then finds. */
async function reread<Old, New>(
  stored: ValueStateDescriptor<Old>,
  value: Old,
  declared: ValueStateDescriptor<New>,
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
  await runUntil(job(FIRST.slice(0, 1), false, first), () => isStored, { files, savepoint: SAVEPOINT })
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
      configuration: { 'restart-strategy.type': 'none' },
    },
  )
}

describe('records whose fields change', () => {
  it('gains and loses fields without a declaration', { timeout: 60_000 }, async () => {
    const { outcome } = await reread(
      valueState<{ page: string; old: number }>(),
      { page: '/', old: 1 },
      valueState<{ page: string; site?: string }>(),
    )
    assert.deepEqual(outcome.collected.out, [{ page: '/', old: 1 }])
  })

  it('takes defaults from a schema, and loses what the schema does not have', { timeout: 60_000 }, async () => {
    const before = z.object({ page: z.string(), old: z.number() })
    const after = z.object({ page: z.string(), site: z.string().default('main') })
    const { outcome } = await reread(valueState(before), { page: '/', old: 1 }, valueState(after))
    assert.deepEqual(outcome.collected.out, [{ page: '/', site: 'main' }])
  })

  it('is refused before it starts where the schema cannot read it', { timeout: 60_000 }, async () => {
    const before = z.object({ page: z.string() })
    const after = z.object({ page: z.string(), site: z.string() })
    const { outcome, slots } = await reread(valueState(before), { page: '/' }, valueState(after))
    assert.equal(outcome.error?.code, 'STATE_INCOMPATIBLE')
    assert.match(outcome.error?.message ?? '', /State "visit" of operator "visits".*value\.site/)
    assert.equal(slots.launched, 0)
  })

  it('is refused before the first record where only the values tell', { timeout: 60_000 }, async () => {
    const { outcome } = await reread(
      valueState<{ page: unknown }>(),
      { page: 3 },
      valueState(z.object({ page: z.string() })),
      () => assert.fail('a record was processed'),
    )
    assert.equal(outcome.error?.code, 'STATE_INCOMPATIBLE')
    assert.match(outcome.error?.message ?? '', /State "visit" of operator "visits", key "a": value\.page/)
  })

  it('names operator, state and key where code fails over a value without a schema', { timeout: 60_000 }, async () => {
    const { outcome } = await reread(
      valueState<{ page: string }>(),
      { page: '/' },
      valueState<{ urls: string[] }>(),
      (visit) => (visit as { urls: string[] }).urls.length,
    )
    assert.equal(outcome.error?.code, 'USER_FUNCTION_FAILED')
    assert.match(outcome.error?.message ?? '', /reading 'length'/)
    assert.equal(outcome.error?.details.key, '"a"')
    assert.equal(outcome.error?.details.restoredStates, 'visit')
    assert.match(outcome.error?.hint ?? '', /state "visit" of key "a" may be restored/)
  })
})
