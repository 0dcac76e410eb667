import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutClockAndRandomness } from '../../src/job/build-guard.ts'

const refusedCalls: readonly [string, () => unknown][] = [
  ['Date.now()', () => Date.now()],
  ['new Date()', () => new Date()],
  // biome-ignore lint/complexity/useDateNow: this form is what is tested
  ['new Date() as number', () => +new Date()],
  ['Date()', () => (Date as unknown as () => string)()],
  ['performance.now()', () => performance.now()],
  ['Math.random()', () => Math.random()],
  ['crypto.randomUUID()', () => crypto.randomUUID()],
  ['crypto.getRandomValues()', () => crypto.getRandomValues(new Uint8Array(1))],
]

test('clock and randomness throw', () => {
  for (const [name, call] of refusedCalls) {
    assert.throws(() => withoutClockAndRandomness(call), { code: 'BUILD_NOT_DETERMINISTIC' }, name)
  }
})

test('dates of given times stay', () => {
  withoutClockAndRandomness(() => {
    assert.equal(new Date(5).getTime(), 5)
    assert.equal(new Date(2020, 1).getFullYear(), 2020)
    assert.ok(new Date(5) instanceof Date)
    assert.equal(Date.parse('1970-01-01T00:00:01Z'), 1_000)
    assert.equal(Date.UTC(1970, 0), 0)
  })
})

test('everything is back afterwards, also after a throw and when nested', () => {
  const before = [Date, Math.random, performance.now, crypto.randomUUID]
  const ownBefore = [Reflect.ownKeys(performance), Reflect.ownKeys(crypto)]
  withoutClockAndRandomness(() => withoutClockAndRandomness(() => {}))
  assert.throws(() => withoutClockAndRandomness(() => assert.fail('thrown')), /thrown/)
  assert.deepEqual([Date, Math.random, performance.now, crypto.randomUUID], before)
  assert.deepEqual([Reflect.ownKeys(performance), Reflect.ownKeys(crypto)], ownBefore)
  for (const [, call] of refusedCalls) call()
})
