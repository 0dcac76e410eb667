import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aggregatingState, count, listState, mapState, reducingState, valueState } from '../../src/index.ts'

test('descriptors hold kind, version and expiry', () => {
  assert.deepEqual(valueState(), { kind: 'value', version: 1, ttlMs: undefined })
  assert.deepEqual(listState({ ttl: '1 h', version: 3 }), { kind: 'list', version: 3, ttlMs: 3_600_000 })
  assert.equal(mapState().kind, 'map')
  assert.equal(reducingState(Math.max).reduce(1, 2), 2)
  assert.equal(aggregatingState(count()).aggregate.name, 'count')
})

test('descriptors with wrong options are refused', () => {
  assert.throws(() => valueState({ version: 0 }), { code: 'OPTION_INVALID' })
  assert.throws(() => valueState({ ttl: '0 s' }), { code: 'DURATION_INVALID' })
  assert.throws(() => valueState({ tll: '1 s' } as never), { code: 'OPTION_UNKNOWN' })
  assert.throws(() => reducingState(undefined as never), { code: 'OPTION_INVALID' })
  assert.throws(() => aggregatingState({} as never), { code: 'OPTION_INVALID' })
})
