import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  aggregateFunction,
  aggregatingState,
  count,
  listState,
  mapState,
  reducingState,
  valueState,
} from '../../src/index.ts'

test('descriptors hold kind, version and expiry', () => {
  assert.deepEqual(valueState(), { kind: 'value', version: 1, ttlMs: undefined })
  assert.deepEqual(listState({ ttl: '1 h', version: 3 }), { kind: 'list', version: 3, ttlMs: 3_600_000 })
  assert.equal(mapState().kind, 'map')
  assert.equal(reducingState(Math.max).reduce(1, 2), 2)
  assert.equal(aggregatingState(count()).aggregate.name, 'count')
})

test("a time to live may have rules, in Flink's words; its defaults are as if there were none", () => {
  assert.deepEqual(valueState({ ttl: { after: '1 h' } }), { kind: 'value', version: 1, ttlMs: 3_600_000 })
  assert.deepEqual(
    valueState({
      ttl: { after: '1 h', update: 'onCreateAndWrite', visibility: 'neverReturnExpired', cleanupInBackground: true },
    }),
    valueState({ ttl: '1 h' }),
  )
  assert.deepEqual(mapState({ ttl: { after: '5 s', update: 'onReadAndWrite' } }).ttlRules, {
    update: 'onReadAndWrite',
    visibility: 'neverReturnExpired',
    cleanupInBackground: true,
  })
  assert.deepEqual(
    listState({ ttl: { after: '5 s', visibility: 'returnExpiredIfNotCleanedUp', cleanupInBackground: false } })
      .ttlRules,
    { update: 'onCreateAndWrite', visibility: 'returnExpiredIfNotCleanedUp', cleanupInBackground: false },
  )
})

test('a reducing state may have a schema, and one of another version its migration', () => {
  const schema = z.object({ n: z.number() })
  const add = (a: { n: number }, b: { n: number }) => ({ n: a.n + b.n })
  const checked = reducingState(schema, add, { version: 2, migrate: (n: number) => ({ n }) })
  assert.deepEqual([checked.version, checked.evolution?.schema], [2, schema])
  assert.deepEqual(checked.reduce({ n: 1 }, { n: 2 }), { n: 3 })
  assert.deepEqual(checked.evolution?.migrate?.(7, 1), { n: 7 })
  assert.equal(reducingState(add).evolution, undefined)
  assert.throws(() => reducingState(schema, undefined as never), { code: 'OPTION_INVALID', message: /reduce/ })
})

test('an aggregating state has the form of its aggregate, or its own', () => {
  const own = z.object({ n: z.number() })
  const aggregate = aggregateFunction({
    name: 'own',
    version: 3,
    schema: own,
    migrate: (old: number) => ({ n: old }),
    create: () => ({ n: 0 }),
    add: ({ n }, more: number) => ({ n: n + more }),
    result: ({ n }) => n,
  })
  const as = aggregatingState(aggregate)
  assert.deepEqual([as.version, as.evolution?.schema, as.evolution?.migrate?.(7, 1)], [3, own, { n: 7 }])
  const narrower = z.object({ n: z.int() })
  const given = aggregatingState(narrower, aggregate, { version: 4, migrate: () => ({ n: 1 }), ttl: '1 h' })
  assert.deepEqual([given.version, given.evolution?.schema, given.ttlMs], [4, narrower, 3_600_000])
  assert.deepEqual([given.aggregate, given.evolution?.migrate?.(7, 1)], [aggregate, { n: 1 }])
  assert.equal(aggregatingState(narrower, aggregate).version, 3)
  assert.throws(() => aggregatingState(narrower, undefined as never), { code: 'OPTION_INVALID' })
})

test('descriptors with wrong options are refused', () => {
  const ttl = (options: object) => () => valueState({ ttl: options as never })
  assert.throws(ttl({}), { code: 'OPTION_INVALID', message: /after/ })
  assert.throws(ttl({ after: '0 s' }), { code: 'DURATION_INVALID' })
  assert.throws(ttl({ after: '1 s', update: 'onRead' }), { code: 'OPTION_INVALID', message: /onReadAndWrite/ })
  assert.throws(ttl({ after: '1 s', visibility: 'always' }), { code: 'OPTION_INVALID' })
  assert.throws(ttl({ after: '1 s', cleanupInBackground: 'no' }), { code: 'OPTION_INVALID' })
  assert.throws(ttl({ after: '1 s', cleanUp: true }), { code: 'OPTION_UNKNOWN' })
  assert.throws(() => valueState({ version: 0 }), { code: 'OPTION_INVALID' })
  assert.throws(() => valueState({ ttl: '0 s' }), { code: 'DURATION_INVALID' })
  assert.throws(() => valueState({ tll: '1 s' } as never), { code: 'OPTION_UNKNOWN' })
  assert.throws(() => reducingState(undefined as never), { code: 'OPTION_INVALID' })
  assert.throws(() => aggregatingState({} as never), { code: 'OPTION_INVALID' })
})
