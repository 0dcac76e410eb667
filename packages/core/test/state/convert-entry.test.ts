import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateFunction,
  type AggregatePart,
  type AggregateParts,
  countDistinct,
  DistinctValues,
  filtered,
  keyedProcess,
  listState,
  mapState,
  type StateDescriptor,
  valueState,
} from '@millrace/api'
import { z } from 'zod'
import { type Conversion, convertEntry, type StoredEntry } from '../../src/state/convert-entry.ts'
import { declaredTables } from '../../src/state/declared-tables.ts'
import type { PartReading } from '../../src/state/read-parts.ts'
import { combined as combinedOf } from '../operator/operator-nodes.ts'

function convert(state: StateDescriptor, entry: Partial<StoredEntry>, conversion: Partial<Conversion> = {}) {
  const fn = keyedProcess({ state: { seen: state }, onRecord() {} })
  const [table] = declaredTables('visits', { kind: 'keyedProcess', key: { kind: 'field', field: 'k' }, fn })
  assert.ok(table !== undefined)
  const whole: StoredEntry = { key: 'ada', sub: undefined, value: undefined, ...entry }
  return convertEntry(whole, table, { kind: 'converted', fromVersion: undefined, validates: true, ...conversion })
}

const fromOne = { fromVersion: 1, validates: false }

describe('migrating an entry', () => {
  it('makes values, elements of lists, entries and keys of maps', () => {
    const seen: number[] = []
    const value = valueState<string>({
      version: 2,
      migrate(old, from) {
        seen.push(from)
        return `v${old}`
      },
    })
    assert.equal(convert(value, { value: 7 }, fromOne).value, 'v7')
    assert.deepEqual(seen, [1])
    const list = listState<number>({ version: 2, migrate: (old: { n: number }) => old.n })
    assert.deepEqual(convert(list, { value: [{ n: 1 }, { n: 2 }] }, fromOne).value, [1, 2])
    const map = mapState<string, number>({ version: 2, migrateKey: String, migrate: (old: string) => Number(old) })
    assert.deepEqual(convert(map, { sub: 5, value: '6' }, fromOne), { sub: '5', value: 6 })
  })

  it('refuses a key of a map that can be none, by state and key', () => {
    const map = mapState<Date, number>({ version: 2, migrateKey: (old: number) => new Date(old) })
    assert.throws(() => convert(map, { sub: 5, value: 6 }, fromOne), {
      code: 'STATE_INCOMPATIBLE',
      message: /State "seen" of operator "visits", key "ada": a map key cannot be that/,
    })
  })

  const failures: readonly [string, StateDescriptor, RegExp][] = [
    ['throws', valueState({ version: 2, migrate: (old: { a: { b: number } }) => old.a.b }), /reading 'b'/],
    ['gives nothing', valueState({ version: 2, migrate: () => undefined }), /returned nothing/],
    ['gives a promise', valueState({ version: 2, migrate: () => Promise.reject(new Error('lost')) }), /promise/],
    ['gives what cannot be stored', valueState({ version: 2, migrate: () => () => 1 }), /function/],
  ]
  for (const [what, state, problem] of failures) {
    it(`names operator, state, key and versions when migrate ${what}`, () => {
      assert.throws(
        () => convert(state, { value: {} }, fromOne),
        (error: Error & { code?: string }) =>
          error.code === 'STATE_MIGRATION_FAILED' &&
          /State "seen" of operator "visits", key "ada": migrate from version 1 to 2 failed/.test(error.message) &&
          problem.test(error.message),
      )
    })
  }
})

describe('checking an entry by its schema', () => {
  it('fills in defaults and leaves out what is no longer there', () => {
    const state = valueState(z.object({ page: z.string(), site: z.string().default('main') }))
    assert.deepEqual(convert(state, { value: { page: '/', old: 1 } }).value, { page: '/', site: 'main' })
  })

  it('names operator, state, key and field of a value that does not fit', () => {
    const state = listState(z.object({ page: z.string() }))
    assert.throws(() => convert(state, { value: [{ page: '/' }, { page: 3 }] }), {
      code: 'STATE_INCOMPATIBLE',
      message: /State "seen" of operator "visits", key "ada": element 1\.page: .*string/,
    })
  })

  it('refuses a schema that would change what it gave, and one that is asynchronous', () => {
    const growing = valueState(z.number().transform((n) => n + 1))
    assert.throws(() => convert(growing, { value: 1 }), /the schema changes what it gives itself/)
    const other = valueState(z.string().transform(Number))
    assert.throws(() => convert(other, { value: '1' }), /the schema changes what it gives itself/)
    const slow = valueState({
      '~standard': { version: 1, vendor: 'slow', validate: async (value: unknown) => ({ value }) },
    })
    assert.throws(() => convert(slow, { value: 1 }), /asynchronous/)
  })

  it('checks what migrate has made', () => {
    const state = valueState(z.number(), { version: 2, migrate: (old) => old as number })
    assert.throws(() => convert(state, { value: 'x' }, { fromVersion: 1, validates: true }), {
      code: 'STATE_INCOMPATIBLE',
    })
  })
})

describe('accumulators of several aggregates', () => {
  // biome-ignore lint/suspicious/noExplicitAny: aggregates of the records of each test
  const combined = (parts: AggregateParts<any>) => combinedOf(parts)
  const part = (name: string, more: Partial<AggregateFunction<unknown, unknown, unknown>> = {}) => ({
    name,
    aggregate: { name, create: () => `new ${name}`, add: () => 0, result: () => 0, ...more },
  })
  function convertParts(
    parts: readonly AggregatePart[],
    readings: readonly PartReading[],
    value: readonly unknown[],
    isChanged = true,
  ) {
    const descriptor = {
      operatorUid: 'visits',
      name: '_aggregate',
      kind: 'value',
      version: 1,
      ttlMs: undefined,
    } as const
    const reading = { parts: readings, isChanged, added: [], dropped: [] }
    return convertEntry(
      { key: 'ada', sub: undefined, value },
      { descriptor, evolution: undefined, parts },
      { kind: 'converted', fromVersion: undefined, validates: false, parts: reading },
    ).value
  }

  it('are put where their aggregates are now, migrated one by one, and new ones begin', () => {
    const b = part('b', { version: 2, migrate: (old, from) => `${old} of ${from}` })
    const readings: readonly PartReading[] = [
      { kind: 'new' },
      { kind: 'stored', place: 2, fromVersion: 1, validates: false },
      { kind: 'stored', place: 0, fromVersion: undefined, validates: false },
    ]
    assert.deepEqual(convertParts([part('a'), b, part('c')], readings, ['x', 'y', 'z']), ['new a', 'z of 1', 'x'])
  })

  it('name the aggregate whose migration fails', () => {
    const b = part('b', { version: 3, migrate: () => undefined })
    assert.throws(() => convertParts([b], [{ kind: 'stored', place: 0, fromVersion: 1, validates: false }], ['x']), {
      code: 'STATE_MIGRATION_FAILED',
      message: /key "ada": migrate of "b" from version 1 to 3 failed: .*returned nothing/,
    })
  })

  it('begin anew where nothing was taken in yet, whatever migrate would make of that', () => {
    const b = part('b', { version: 2, migrate: (old) => (old as { n: number }).n })
    const readings: readonly PartReading[] = [{ kind: 'stored', place: 0, fromVersion: 1, validates: false }]
    assert.deepEqual(convertParts([b], readings, [undefined]), ['new b'])
  })

  it('go through the schema of their aggregate, which names them', () => {
    const schema = z.object({ page: z.string(), site: z.string().default('main') })
    const readings: readonly PartReading[] = [
      { kind: 'stored', place: 0, fromVersion: undefined, validates: true },
      { kind: 'stored', place: 1, fromVersion: undefined, validates: false },
    ]
    const parts = [part('a', { schema }), part('b')]
    assert.deepEqual(convertParts(parts, readings, [{ page: '/' }, { page: 3 }], false), [
      { page: '/', site: 'main' },
      { page: 3 },
    ])
    assert.throws(() => convertParts(parts, readings, [{ page: 3 }, 1], false), {
      code: 'STATE_INCOMPATIBLE',
      message: /State "_aggregate" of operator "visits", key "ada": value of "a"\.page: .*string/,
    })
  })

  it('that share different values come apart, and together with others', () => {
    const pages = (record: unknown) => (record as { page: number }).page
    const users = (record: unknown) => (record as { user: number }).user
    const isNew = (record: unknown) => (record as { user: number }).user > 1
    const before = combined({
      a: countDistinct(users),
      b: filtered(countDistinct(users), isNew),
      c: countDistinct(pages),
    })
    const after = combined({
      a: countDistinct(users),
      b: filtered(countDistinct(pages), isNew),
      c: countDistinct(pages),
    })
    const stored = [1, 2, 3, 2].reduce(
      (accumulators, user) => before.add(accumulators, { user, page: user % 2 }, 0),
      before.create(),
    ) as unknown[]
    const readings: readonly PartReading[] = [
      { kind: 'stored', place: 0, sharers: [0, 1], fromVersion: undefined, validates: false },
      { kind: 'stored', place: 1, sharers: [0, 1], fromVersion: undefined, validates: false },
      { kind: 'stored', place: 2, fromVersion: undefined, validates: false },
    ]
    const converted = convertParts(after.parts ?? [], readings, stored) as unknown[]
    assert.deepEqual(
      converted.map((each) => (each instanceof DistinctValues ? each.counts : each)),
      [1, 2, null],
    )
    assert.deepEqual(after.result(converted), { a: 3, b: 2, c: 2 })
    assert.deepEqual(before.result(stored), { a: 3, b: 2, c: 2 }, 'what was stored stays as it is')
    assert.deepEqual(after.result(after.add(converted, { user: 9, page: 7 }, 0)), { a: 4, b: 3, c: 3 })
  })

  it('name operator, state and key where several counts have stored something else', () => {
    const both = combined({ a: countDistinct<{ u: number }>('u'), b: countDistinct<{ u: number }>('u') })
    const readings: readonly PartReading[] = [0, 1].map((place) => {
      return { kind: 'stored', place, sharers: [0, 1], fromVersion: undefined, validates: false }
    })
    assert.throws(() => convertParts(both.parts ?? [], readings, [null, null]), {
      code: 'STATE_MISREAD',
      message: /State "_aggregate" of operator "visits", key "ada": What countDistinct has stored/,
    })
  })
})
