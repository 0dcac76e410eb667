import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateFunction,
  type AnySchema,
  aggregatingState,
  count,
  type KeyedReduceSpec,
  keyedProcess,
  listState,
  mapState,
  type NodeSpec,
  reducingState,
  type StateDeclarations,
  sum,
  valueState,
} from '@millrace/api'
import { z } from 'zod'
import { type CheckpointManifest, type InFlightSnapshot, MANIFEST_VERSION } from '../../src/checkpoint/manifest.ts'
import { declaredTables } from '../../src/state/declared-tables.ts'
import { checkStoredStates, decideReading } from '../../src/state/stored-state-check.ts'
import type { TableDescriptor } from '../../src/state/table-descriptor.ts'
import { GraphBuilder } from '../plan/graph-builder.ts'

const specOf = (state: StateDeclarations): NodeSpec => ({
  kind: 'keyedProcess',
  key: { kind: 'field', field: 'id' },
  fn: keyedProcess({ state, onRecord() {} }),
})

const tablesOf = (state: StateDeclarations): readonly TableDescriptor[] =>
  declaredTables('days', specOf(state)).map(({ descriptor }) => descriptor)

/** What is decided of the only state of `declared`, when it was stored as `stored` says. */
function readingOf(stored: StateDeclarations, declared: StateDeclarations) {
  const [table] = declaredTables('days', specOf(declared))
  assert.ok(table !== undefined)
  const before = tablesOf(stored).find(({ name }) => name === table.descriptor.name)
  assert.ok(before !== undefined)
  return decideReading(before, table)
}

function check(stored: StateDeclarations, declared: StateDeclarations) {
  const manifest: CheckpointManifest = {
    version: MANIFEST_VERSION,
    jobName: 'job',
    lineage: '0123456789abcdef',
    checkpointId: 1,
    kind: 'savepoint',
    triggeredAtMs: 0,
    completedAtMs: 0,
    isFinal: false,
    operators: [
      {
        uid: 'days',
        name: 'days',
        parallelism: 1,
        maxParallelism: 8,
        tables: tablesOf(stored),
        keyGroups: [],
        entries: [],
        committables: [],
        finishedSubtasks: [],
      },
    ],
  }
  const graph = new GraphBuilder()
  graph.add(specOf(declared), [], { uid: 'days' })
  return checkStoredStates(manifest, graph.build(), { allowNonRestoredState: false, file: 'sp/_metadata' })
}

const Visit = z.object({ page: z.string(), at: z.number() })

describe('whether stored state can be read', () => {
  it('reads what is as it was, with another time to live too', () => {
    assert.deepEqual(readingOf({ a: valueState<number>() }, { a: valueState<number>({ ttl: '1 h' }) }), {
      kind: 'as-is',
    })
    assert.deepEqual(readingOf({ a: listState(Visit) }, { a: listState(Visit) }), { kind: 'as-is' })
  })

  it('refuses another kind, a newer version, and an older one without migrate', () => {
    const kind = readingOf({ a: valueState() }, { a: listState() })
    assert.equal(kind.kind === 'refused' && kind.code, 'STATE_MISREAD')
    const newer = readingOf({ a: valueState({ version: 3 }) }, { a: valueState<1>({ version: 2, migrate: () => 1 }) })
    assert.match(newer.kind === 'refused' ? newer.problem : '', /"a" of operator "days" was stored as version 3/)
    const older = readingOf({ a: valueState() }, { a: valueState({ version: 2 }) })
    assert.match(older.kind === 'refused' ? `${older.problem} ${older.hint}` : '', /without migrate.*Add migrate/)
  })

  it('migrates an older version, whose schema no longer counts', () => {
    const declared = valueState(z.string(), { version: 2, migrate: String })
    assert.deepEqual(readingOf({ a: valueState(z.number()) }, { a: declared }), {
      kind: 'converted',
      fromVersion: 1,
      validates: true,
    })
    const keys = mapState<string, number>({ version: 2, migrateKey: String })
    assert.deepEqual(readingOf({ a: mapState() }, { a: keys }), { kind: 'converted', fromVersion: 1, validates: false })
  })

  it('refuses a schema that is certain not to read what was stored, by state, operator and field', () => {
    assert.throws(() => check({ a: listState(Visit) }, { a: listState(Visit.extend({ site: z.string() })) }), {
      code: 'STATE_INCOMPATIBLE',
      message: /State "a" of operator "days" cannot read what was stored: value\.site is required and was not stored/,
    })
    assert.throws(() => check({ a: valueState(Visit) }, { a: valueState(Visit.extend({ at: z.string() })) }), {
      code: 'STATE_INCOMPATIBLE',
      message: /value\.at was number and is string/,
    })
    assert.throws(
      () => check({ a: mapState(z.string(), Visit) }, { a: mapState(z.number(), Visit) }),
      /key was string and is number/,
    )
  })

  it('compares what was given with what the schema takes, unless it gives the same', () => {
    const atOnce = z.codec(z.string(), z.number(), { decode: Number, encode: String })
    assert.equal(readingOf({ a: valueState(atOnce) }, { a: valueState(atOnce) }).kind, 'as-is')
    assert.equal(readingOf({ a: valueState(z.number()) }, { a: valueState(atOnce) }).kind, 'as-is')
    assert.equal(readingOf({ a: valueState(z.string()) }, { a: valueState(atOnce) }).kind, 'converted')
    assert.equal(readingOf({ a: valueState(z.boolean()) }, { a: valueState(atOnce) }).kind, 'refused')
  })

  it('lets the values tell where the schemas differ otherwise, or one is not known', () => {
    const validates = { kind: 'converted', fromVersion: undefined, validates: true }
    assert.deepEqual(readingOf({ a: valueState(Visit) }, { a: valueState(Visit.omit({ at: true })) }), validates)
    const withDefault = Visit.extend({ site: z.string().default('main') })
    assert.deepEqual(readingOf({ a: valueState(Visit) }, { a: valueState(withDefault) }), validates)
    assert.deepEqual(readingOf({ a: valueState() }, { a: valueState(Visit) }), validates)
    assert.deepEqual(readingOf({ a: valueState(z.date()) }, { a: valueState(z.date()) }), validates)
    assert.deepEqual(readingOf({ a: valueState(Visit) }, { a: valueState() }), { kind: 'as-is' })
  })

  it('reads the value of a reduce by its version and schema', () => {
    const reducing = (more: Partial<KeyedReduceSpec>) =>
      declaredTables('days', { kind: 'keyedReduce', key: { kind: 'field', field: 'id' }, reduce: (a) => a, ...more })[0]
    const plain = reducing({})
    assert.ok(plain !== undefined)
    assert.deepEqual(
      [plain.descriptor.name, plain.descriptor.version, plain.descriptor.form],
      ['_reduce', 1, undefined],
    )
    const raised = reducing({ version: 2 })
    const migrating = reducing({ version: 2, evolution: { migrate: String } })
    const checked = reducing({ evolution: { schema: Visit } })
    assert.ok(raised !== undefined && migrating !== undefined && checked !== undefined)
    assert.equal(decideReading(plain.descriptor, plain).kind, 'as-is')
    assert.equal(decideReading(plain.descriptor, raised).kind, 'refused')
    assert.equal(decideReading(raised.descriptor, plain).kind, 'refused')
    assert.equal(decideReading(plain.descriptor, migrating).kind, 'converted')
    assert.deepEqual(decideReading(plain.descriptor, checked), {
      kind: 'converted',
      fromVersion: undefined,
      validates: true,
    })
    assert.equal(decideReading(checked.descriptor, checked).kind, 'as-is')
  })

  it('refuses a reducing state whose schema is certain not to read what was stored', () => {
    const last = (_: unknown, b: unknown) => b as never
    assert.throws(
      () => check({ a: reducingState(Visit, last) }, { a: reducingState(Visit.extend({ at: z.string() }), last) }),
      { code: 'STATE_INCOMPATIBLE', message: /value\.at was number and is string/ },
    )
  })

  it('refuses accumulators of another aggregate', () => {
    assert.throws(() => check({ a: aggregatingState(count()) }, { a: aggregatingState(sum((n: number) => n)) }), {
      code: 'STATE_INCOMPATIBLE',
      message: /the accumulators are of the aggregate count, the job has sum/,
    })
  })

  it('compares the schemas of accumulators of an aggregating state, its own or those of the aggregate', () => {
    type Visited = z.infer<typeof Visit>
    const own = (schema?: typeof Visit): AggregateFunction<Visited, Visited, string> => ({
      name: 'latest',
      create: () => ({ page: '', at: 0 }),
      add: (_, visit) => visit,
      result: ({ page }) => page,
      ...(schema === undefined ? {} : { schema }),
    })
    const narrower = Visit.extend({ at: z.string() }) as unknown as typeof Visit
    assert.deepEqual(readingOf({ a: aggregatingState(own(Visit)) }, { a: aggregatingState(Visit, own()) }), {
      kind: 'as-is',
    })
    assert.deepEqual(readingOf({ a: aggregatingState(own()) }, { a: aggregatingState(own(Visit)) }), {
      kind: 'converted',
      fromVersion: undefined,
      validates: true,
    })
    assert.throws(() => check({ a: aggregatingState(own(Visit)) }, { a: aggregatingState(own(narrower)) }), {
      code: 'STATE_INCOMPATIBLE',
      message: /State "a" of operator "days" .*value\.at was number and is string/,
    })
  })

  it('tells accumulators from values, which are stored alike', () => {
    const total = aggregatingState(sum((n: number) => n))
    assert.throws(() => check({ a: total }, { a: valueState<number>() }), {
      code: 'STATE_INCOMPATIBLE',
      message: /"a" of operator "days" .*accumulators of the aggregate sum, and it is declared as a state without one/,
    })
    assert.throws(() => check({ a: valueState(z.number()) }, { a: total }), {
      message: /its values are none of an aggregate, and it is declared as accumulators of sum/,
    })
    assert.equal(readingOf({ a: total }, { a: valueState(z.number()) }).kind, 'converted')
    const migrating = valueState<number>({ version: 2, migrate: Number })
    assert.equal(readingOf({ a: total }, { a: migrating }).kind, 'converted')
    const last = (_: number, b: number) => b
    assert.equal(readingOf({ a: valueState<number>() }, { a: reducingState(last) }).kind, 'as-is')
  })

  it('names every state that does not fit, and those that nobody reads', () => {
    assert.throws(
      () => check({ a: valueState(), b: valueState() }, { a: listState(), b: mapState() }),
      (error: Error) => /"a".*"b"/.test(error.message),
    )
    assert.deepEqual(check({ totals: valueState() }, { total: valueState() }), {
      unread: [{ operator: 'days', state: 'totals', nearest: 'total' }],
      changedAggregates: [],
    })
  })
})

describe('whether the accumulators of a step that has other aggregates can be read', () => {
  const aggregateOf = (name: string, version?: number, migrate?: (old: unknown) => unknown) =>
    ({ name, create: () => 0, add: () => 0, result: () => 0, version, migrate }) as unknown as AggregateFunction<
      unknown,
      unknown,
      unknown
    >
  /** As `combineAggregates` makes it: by sorted names, with the raises of all. */
  function combined(parts: Readonly<Record<string, AggregateFunction<unknown, unknown, unknown>>>): NodeSpec {
    const named = Object.entries(parts)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, aggregate]) => ({ name, aggregate }))
    const version = named.reduce((total, { aggregate }) => total + (aggregate.version ?? 1) - 1, 1)
    const aggregate = { ...aggregateOf(`{${named.map(({ name }) => name).join()}}`, version), parts: named }
    return { kind: 'keyedAggregate', key: { kind: 'field', field: 'id' }, aggregate, project: (result) => result }
  }

  function checkParts(
    stored: NodeSpec,
    declared: NodeSpec,
    allowNonRestoredState = false,
    inFlight: readonly InFlightSnapshot[] = [],
    leftBehind: readonly TableDescriptor[] = [],
  ) {
    const graph = new GraphBuilder()
    graph.add(declared, [], { uid: 'days' })
    const operator = {
      uid: 'days',
      name: 'days',
      parallelism: 1,
      maxParallelism: 8,
      tables: [...leftBehind, ...declaredTables('days', stored).map(({ descriptor }) => descriptor)],
      keyGroups: [{ keyGroup: 0, segments: [segment] }],
      entries: [],
      committables: [],
      finishedSubtasks: [],
      inFlight,
    }
    const manifest: CheckpointManifest = {
      version: MANIFEST_VERSION,
      jobName: 'job',
      lineage: '0123456789abcdef',
      checkpointId: 1,
      kind: 'savepoint',
      triggeredAtMs: 0,
      completedAtMs: 0,
      isFinal: false,
      operators: [operator],
    }
    return checkStoredStates(manifest, graph.build(), { allowNonRestoredState, file: 'sp/_metadata' })
  }
  const readingOfParts = (stored: NodeSpec, declared: NodeSpec) => {
    const [[before], [table]] = [declaredTables('days', stored), declaredTables('days', declared)]
    assert.ok(before !== undefined && table !== undefined)
    return decideReading(before.descriptor, table)
  }
  const n = aggregateOf('count')
  const worst = aggregateOf('max')
  const segment = {
    kind: 'base',
    checkpointId: 1,
    location: { kind: 'inline', base64: '' },
    lengthBytes: 0,
    crc32c: 0,
    entries: 0,
  } as const
  const inFlight = [{ subtask: 0, from: ['bids'], segment }]

  it('reads the same ones as they are', () => {
    assert.deepEqual(readingOfParts(combined({ n, worst }), combined({ worst, n })), { kind: 'as-is' })
  })

  it('finds each by the name of its result, wherever it stood, and lets a new one begin', () => {
    assert.deepEqual(readingOfParts(combined({ n, worst }), combined({ a: n, n, worst })), {
      kind: 'converted',
      fromVersion: undefined,
      validates: false,
      parts: {
        parts: [
          { kind: 'new' },
          { kind: 'stored', place: 0, fromVersion: undefined, validates: false },
          { kind: 'stored', place: 1, fromVersion: undefined, validates: false },
        ],
        isChanged: true,
        added: ['a'],
        dropped: [],
      },
    })
    assert.deepEqual(checkParts(combined({ n }), combined({ n, worst })).changedAggregates, [
      { operator: 'days', added: ['worst'], dropped: [] },
    ])
  })

  it('leaves one behind only where that is allowed, and says what it may be called now', () => {
    assert.throws(() => checkParts(combined({ n, worst }), combined({ n })), {
      code: 'STATE_INCOMPATIBLE',
      message:
        'State "_aggregate" of operator "days" holds the aggregate "worst", which the step does not have any more',
    })
    assert.throws(() => checkParts(combined({ n, worst }), combined({ n, worse: worst })), {
      message: /holds the aggregate "worst" \(is it "worse" now\?\)/,
    })
    assert.deepEqual(checkParts(combined({ n, worst }), combined({ n, other: worst }), true).changedAggregates, [
      { operator: 'days', added: ['other'], dropped: ['worst'] },
    ])
  })

  it('refuses to change them where partial results of the old ones are in flight, whatever is allowed', () => {
    for (const declared of [
      combined({ n, worst }),
      combined({ worst }),
      combined({ n: aggregateOf('count', 2, (old) => old) }),
    ]) {
      assert.throws(() => checkParts(combined({ n }), declared, true, inFlight), {
        code: 'STATE_INCOMPATIBLE',
        message:
          /"_aggregate" of operator "days" is declared in another form than the partial results that are in flight/,
        hint: /stop with a savepoint/,
      })
    }
    assert.deepEqual(checkParts(combined({ n }), combined({ n }), false, inFlight).changedAggregates, [])
  })

  it('refuses another aggregate under the name, whatever is allowed', () => {
    assert.throws(() => checkParts(combined({ n }), combined({ n: worst }), true), {
      code: 'STATE_INCOMPATIBLE',
      message: /its aggregate "n" was count and is max/,
    })
  })

  it('compares the version of each, so that several may have been raised', () => {
    const twice = (version: number) =>
      combined({ a: aggregateOf('a', version, String), b: aggregateOf('b', version, String), n })
    const reading = readingOfParts(twice(1), twice(2))
    assert.deepEqual(reading.kind === 'converted' && reading.parts?.parts, [
      { kind: 'stored', place: 0, fromVersion: 1, validates: false },
      { kind: 'stored', place: 1, fromVersion: 1, validates: false },
      { kind: 'stored', place: 2, fromVersion: undefined, validates: false },
    ])
    assert.throws(() => checkParts(twice(2), twice(1)), {
      code: 'STATE_MISREAD',
      message: /"a" was stored as version 2/,
    })
    assert.throws(() => checkParts(combined({ n }), combined({ n: aggregateOf('count', 2) })), {
      code: 'STATE_MISREAD',
      message: /"n" was stored as version 1, and the job declares version 2 without migrate/,
    })
  })

  it('compares the schema of each, and has the values checked where it cannot tell', () => {
    const own = (schema: AnySchema | undefined) =>
      combined({ kept: { ...aggregateOf('own'), ...(schema === undefined ? {} : { schema }) } as typeof n, n })
    const checkedBy = (stored: NodeSpec, declared: NodeSpec) => {
      const reading = readingOfParts(stored, declared)
      return reading.kind === 'converted' && reading.parts?.isChanged === false
        ? reading.parts.parts.map((part) => part.kind === 'stored' && part.validates)
        : reading.kind
    }
    assert.equal(checkedBy(own(Visit), own(Visit)), 'as-is')
    assert.deepEqual(checkedBy(own(undefined), own(Visit)), [true, false])
    assert.deepEqual(checkedBy(own(Visit), own(Visit.omit({ at: true }))), [true, false])
    assert.equal(checkedBy(own(Visit), own(undefined)), 'as-is')
    assert.throws(() => checkParts(own(Visit), own(Visit.extend({ site: z.string() }))), {
      code: 'STATE_INCOMPATIBLE',
      message: /"_aggregate" of operator "days" .* of its aggregate "kept" value\.site is required and was not stored/,
    })
  })

  it('only checks values where records are in flight: a restart must not be refused', () => {
    const own = combined({ kept: { ...aggregateOf('own'), schema: z.date() } as typeof n, n })
    assert.deepEqual(checkParts(own, own, false, inFlight).changedAggregates, [])
  })

  it('refuses a step of another kind, and windows that store otherwise, whose state would be lost', () => {
    const merging = { ...aggregateOf('own'), merge: (into: unknown) => into } as typeof n
    const windows = (aggregate: typeof n): NodeSpec => ({
      kind: 'window',
      key: { kind: 'field', field: 'key' },
      assigner: { kind: 'tumbling', sizeMs: 10, slideMs: 10, offsetMs: 0 },
      allowedLatenessMs: 0,
      aggregate,
      project: (result) => result,
    })
    const reduce: NodeSpec = { kind: 'keyedReduce', key: { kind: 'field', field: 'id' }, reduce: (a) => a }
    for (const [stored, declared, problem] of [
      [
        windows(merging),
        windows(n),
        /"_window-slices" of operator "days" is of windows .* there is one without merge now/,
      ],
      [windows(n), windows(merging), /"_windows" of operator "days" is of windows with an aggregate without merge/],
      [windows(n), combined({ n }), /"_windows" of operator "days" is of a step of another kind/],
      [reduce, combined({ n }), /"_reduce" of operator "days" is of a step of another kind/],
      [combined({ n }), specOf({ kept: valueState() }), /"_aggregate" of operator "days" is of a step of another kind/],
    ] as const) {
      assert.throws(() => checkParts(stored, declared), { code: 'STATE_INCOMPATIBLE', message: problem })
      assert.equal(checkParts(stored, declared, true).unread.length > 0, true)
    }
  })

  it('does not ask again about state that was left behind', () => {
    const kept: TableDescriptor = { operatorUid: 'days', name: '_reduce', kind: 'value', version: 1, ttlMs: undefined }
    const { unread } = checkParts(combined({ n }), combined({ n }), false, [], [kept])
    assert.deepEqual(unread, [{ operator: 'days', state: '_reduce', nearest: undefined }])
  })

  it('knows who shares different values, and reads them apart when others do', () => {
    const shared = (names: readonly string[], heldAt: Readonly<Record<string, number>>) => {
      const spec = combined(Object.fromEntries(names.map((name) => [name, aggregateOf('countDistinct')])))
      const { aggregate } = spec as { aggregate: AggregateFunction<unknown, unknown, unknown> }
      const parts = aggregate.parts?.map((part) => {
        const at = heldAt[part.name]
        return at === undefined ? part : { ...part, heldAt: at }
      })
      return { ...spec, aggregate: { ...aggregate, parts } } as NodeSpec
    }
    const pair = shared(['a', 'b', 'c'], { a: 0, c: 0 })
    assert.equal(readingOfParts(pair, pair).kind, 'as-is')
    for (const declared of [
      shared(['a', 'b', 'c'], {}),
      shared(['a', 'b', 'c'], { a: 0, b: 0 }),
      shared(['a', 'b', 'c', 'd'], { a: 0, c: 0 }),
    ]) {
      const reading = readingOfParts(pair, declared)
      assert.ok(reading.kind === 'converted' && reading.parts?.isChanged === true)
      assert.deepEqual(
        reading.parts.parts.slice(0, 3).map((part) => part.kind === 'stored' && part.sharers),
        [[0, 2], undefined, [0, 2]],
      )
    }
  })

  it('of a manifest that does not tell its parts, compares them all together', () => {
    const [before] = declaredTables('days', combined({ n }))
    const [table] = declaredTables('days', combined({ n, worst }))
    assert.ok(before !== undefined && table !== undefined)
    const untold = { ...before.descriptor, form: { kind: 'aggregate', name: '{n}' } } as const
    const reading = decideReading(untold, table)
    assert.equal(reading.kind === 'refused' && reading.code, 'STATE_INCOMPATIBLE')
    assert.match(reading.kind === 'refused' ? reading.hint : '', /take a savepoint, and change them then/)
  })
})
