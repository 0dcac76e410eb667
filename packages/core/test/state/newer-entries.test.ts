import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NewerEntries } from '../../src/state/newer-entries.ts'

test('what was said counts, by table and outer key', () => {
  const newer = new NewerEntries()
  const keys = newer.of('map')
  assert.equal(keys.isEmpty, true)
  keys.say('a', 1)
  keys.say('a', 2)
  keys.say('b', 1)
  assert.equal(newer.of('map').isEmpty, false)
  assert.deepEqual([...(newer.of('map').saidOf('a') ?? [])], [1, 2])
  assert.equal(newer.of('map').saidOf('c'), undefined)
  assert.equal(newer.of('other').isEmpty, true)
})

test('what is dropped takes all that is older, and needs no keys any more', () => {
  const keys = new NewerEntries().of('map')
  keys.say('a', 1)
  keys.drop('a')
  assert.equal(keys.isDropped('a'), true)
  assert.equal(keys.saidOf('a'), undefined)
  keys.say('a', 2)
  assert.equal(keys.saidOf('a'), undefined)
  assert.equal(keys.isDropped('b'), false)
  assert.equal(keys.isEmpty, false)
})
