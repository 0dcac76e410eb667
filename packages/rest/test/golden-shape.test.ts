import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differences, shapeOf } from './golden-shape.ts'

const shape = shapeOf([
  { id: 1, end: null, tasks: { aa: 1 }, list: [{ a: 1 }] },
  { id: 2, end: 5, tasks: { aa: 2 }, list: [], more: 'x' },
])

test('a value in the shape has no differences', () => {
  assert.deepEqual(differences({ id: 3, end: 1, tasks: { aa: 0 }, list: [{ a: 2 }, { a: 3 }] }, shape), [])
  assert.deepEqual(differences({ id: 3, end: null, tasks: { aa: 0 }, list: [], more: 'y' }, shape), [])
})

test('a missing key, one too many and another type are found, wherever they are', () => {
  const value = { id: '3', end: true, tasks: {}, list: [{ a: 2, b: 1 }], other: 1 }
  assert.deepEqual(differences(value, shape).toSorted(), [
    '$.end is boolean, not null or number',
    '$.id is string, not number',
    "$.list[0].b is not in Flink's answers",
    "$.other is not in Flink's answers",
    '$.tasks.aa is missing',
  ])
})

test('ids as keys are all the same', () => {
  const [one, two] = ['1'.repeat(32), '2'.repeat(32)]
  const byId = shapeOf([{ [one]: { a: 1 } }])
  assert.deepEqual(differences({ [two]: { a: 2 } }, byId), [])
  assert.deepEqual(differences({ [two]: { a: 'x' } }, byId), ['$.<id>.a is string, not number'])
})
