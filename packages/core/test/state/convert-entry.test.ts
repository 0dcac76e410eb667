import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateFunction,
  type AggregatePart,
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

  const failures: readonly [string, StateDescriptor, RegExp][] = [
    ['throws', valueState({ version: 2, migrate: (old: { a: { b: number } }) => old.a.b }), /reading 'b'/],
    ['gives nothing', valueState({ version: 2, migrate: () => undefined }), /returned nothing/],
    ['gives a promise', valueState({ version: 2, migrate: () => Promise.resolve(1) }), /promise/],
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
  const part = (name: string, more: Partial<AggregateFunction<unknown, unknown, unknown>> = {}) => ({
    name,
    aggregate: { name, create: () => `new ${name}`, add: () => 0, result: () => 0, ...more },
  })
  function convertParts(parts: readonly AggregatePart[], readings: readonly PartReading[], value: readonly unknown[]) {
    const descriptor = {
      operatorUid: 'visits',
      name: '_aggregate',
      kind: 'value',
      version: 1,
      ttlMs: undefined,
    } as const
    const reading = { parts: readings, added: [], dropped: [] }
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
      { kind: 'stored', place: 2, fromVersion: 1 },
      { kind: 'stored', place: 0, fromVersion: undefined },
    ]
    assert.deepEqual(convertParts([part('a'), b, part('c')], readings, ['x', 'y', 'z']), ['new a', 'z of 1', 'x'])
  })

  it('name the aggregate whose migration fails', () => {
    const b = part('b', { version: 3, migrate: () => undefined })
    assert.throws(() => convertParts([b], [{ kind: 'stored', place: 0, fromVersion: 1 }], ['x']), {
      code: 'STATE_MIGRATION_FAILED',
      message: /key "ada": migrate of "b" from version 1 to 3 failed: .*returned nothing/,
    })
  })
})
