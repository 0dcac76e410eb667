import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NumbersAt } from '@millrace/core'
import fc from 'fast-check'
import { estimateBytes } from '../../../src/state/heap/bytes-estimate.ts'
import { EntryRows } from '../../../src/state/heap/entry-rows.ts'

/** With the form that the values of the first four give it, and room for more. */
function rowsOf(values: readonly unknown[], keys: readonly unknown[] = values.map((_, at) => at)): EntryRows {
  const rows = new EntryRows(1)
  values.forEach((value, at) => {
    rows.insert(keys[at], 7, value, 1)
  })
  while (rows.size < 64) rows.insert(rows.size, 7, values[0], 1)
  return rows
}

const numbersOf = ({ numbers, start, count }: NumbersAt) => [...numbers.subarray(start, start + count)]

const anyValue = fc.oneof(
  fc.double(),
  fc.array(fc.double(), { minLength: 1, maxLength: 2 }),
  fc.constantFrom<unknown>('text', true, null, [], [1, 'x'], [undefined], { a: 1 }, new Array(40).fill(1)),
)
const anyNumber = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true }).map((number) => number + 0),
)
const anyArray = (length: number) => fc.array(anyNumber, { minLength: length, maxLength: length })
const anyKey = fc.oneof(anyNumber, fc.string(), anyArray(1), anyArray(2), fc.tuple(fc.string(), anyNumber))
/** Mostly keys of one form, so that they are in the rows, and moved when another comes. */
const anyKeys = fc.oneof(
  fc.constant(anyKey),
  ...[anyNumber, anyArray(1), anyArray(2), anyArray(3)].map((usual) =>
    fc.constant(fc.oneof({ arbitrary: usual, weight: 40 }, { arbitrary: anyKey, weight: 1 })),
  ),
)

describe('EntryRows', () => {
  it('give back what was put into them, whatever comes after what', () => {
    const stepWith = (key: fc.Arbitrary<unknown>) =>
      fc.tuple(fc.constantFrom('insert', 'insert', 'set', 'bury', 'revive', 'free'), fc.nat(), key, anyValue)
    const anySteps = anyKeys.chain((key) => fc.array(stepWith(key), { maxLength: 80 }))
    fc.assert(
      fc.property(anySteps, (steps) => {
        const rows = new EntryRows(1)
        const model = new Map<
          number,
          { key: unknown; keyGroup: number; value: unknown; isLive: boolean; changed: number }
        >()
        steps.forEach(([step, pick, key, value], index) => {
          if (step === 'insert') {
            const at = rows.insert(key, pick % 128, value, index)
            assert.equal(model.has(at), false)
            model.set(at, { key, keyGroup: pick % 128, value, isLive: true, changed: index })
            return
          }
          const found = [...model][pick % Math.max(1, model.size)]
          if (found === undefined) return
          const [at, held] = found
          if (step === 'set' && held.isLive) {
            rows.setValue(at, value)
            rows.setChanged(at, index, 0)
            Object.assign(held, { value, changed: index })
          } else if (step === 'bury' && held.isLive) {
            rows.bury(at)
            held.isLive = false
          } else if (step === 'revive' && !held.isLive) {
            rows.revive(at, value)
            Object.assign(held, { value, isLive: true })
          } else if (step === 'free') {
            rows.free(at)
            model.delete(at)
          }
        })
        assert.equal(rows.used, model.size)
        for (let at = 0; at < rows.size; at++) assert.equal(rows.isFree(at), !model.has(at))
        for (const [at, { key, keyGroup, value, isLive, changed }] of model) {
          assert.deepEqual(
            [rows.key(at), rows.keyGroup(at), rows.isLive(at), rows.changed(at), rows.hasKey(at, key)],
            [key, keyGroup, isLive, changed, true],
          )
          if (isLive) assert.deepEqual(rows.value(at), value)
          const inPlace = rows.keyInPlace(at)
          if (inPlace instanceof NumbersAt) assert.deepEqual(numbersOf(inPlace), key)
          else assert.deepEqual(inPlace, key)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('name the rows that have changed', () => {
    const row = fc.nat({ max: 4_095 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.array(row, { maxLength: 20 }), (count, changes) => {
        const rows = new EntryRows(1)
        for (let at = 0; at < count; at++) rows.insert(at, 7, at, 1 + (at >> 6))
        const all = rows.changedAfter(0)
        if (all === undefined) assert.ok(count < 64)
        else for (let at = 0; at < count; at++) assert.ok(all.includes(at), `row ${at} of ${count}`)
        const changed = changes.map((at) => at % count)
        for (const at of changed) rows.setChanged(at, 100, 99)
        const named = rows.changedAfter(99)
        if (named === undefined) return
        assert.deepEqual(
          named,
          [...new Set(changed)].sort((a, b) => a - b),
        )
      }),
    )
  })

  it('name rows in which a deletion is kept, however old it is', () => {
    const rows = new EntryRows(1)
    for (let at = 0; at < 100; at++) rows.insert(at, 7, at, 1)
    rows.setChanged(40, 2, 1)
    rows.bury(40)
    rows.deleted++
    rows.setChanged(41, 5, 4)
    const named = rows.changedAfter(4) ?? []
    assert.ok(named.includes(40) && named.includes(41))
  })

  it('keep the epoch of their last change when something older is restored after it', () => {
    const rows = new EntryRows(0)
    rows.insert('a', 7, 1, 0)
    rows.setChanged(0, 3, 0)
    rows.insert('b', 7, 1, 0)
    assert.equal(rows.changedEpoch, 3)
  })

  it('give values without an array for each', () => {
    const rows = rowsOf([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ])
    const found = rows.valueInPlace(2)
    assert.ok(found instanceof NumbersAt)
    assert.deepEqual(
      [numbersOf(found), rows.value(2)],
      [
        [5, 6],
        [5, 6],
      ],
    )
    for (const values of [
      [1, 2, 3, 4],
      ['a', 'b', 'c', 'd'],
    ])
      assert.equal(rowsOf(values).valueInPlace(2), values[2])
  })

  it('keep numbers as they are', () => {
    const numbers = [Number.NaN, -0, Number.MIN_VALUE, Number.POSITIVE_INFINITY]
    for (const values of [numbers, numbers.map((number) => [number, 1])]) {
      const rows = rowsOf(values)
      values.forEach((value, at) => {
        assert.deepEqual(rows.value(at), value)
      })
    }
  })

  it('do not change with an array that was set or got', () => {
    const set = [1, 2]
    const rows = rowsOf([[0, 0], [0, 0], [0, 0], set])
    set[0] = 5
    const got = rows.value(3) as number[]
    got[1] = 7
    assert.deepEqual(rows.value(3), [1, 2])
  })

  it('take no account of values that were dropped', () => {
    const rows = new EntryRows(1)
    for (let at = 0; at < 4; at++) rows.insert(at, 0, at === 2 ? 'gone' : [at], 1)
    rows.bury(2)
    rows.insert(4, 0, [4], 1)
    // In the rows: what is read is a copy.
    assert.notEqual(rows.value(0), rows.value(0))
    rows.revive(2, [9])
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((at) => rows.value(at)),
      [[0], [1], [9], [3], [4]],
    )
  })

  it('hold arrays of numbers as keys without an array for each', () => {
    const rows = new EntryRows(1)
    for (let n = 0; n < 9; n++) rows.insert([n, n / 2], 0, `value ${n}`, 1)
    assert.ok(rows.keyInPlace(3) instanceof NumbersAt)
    assert.deepEqual([rows.key(3), rows.value(3)], [[3, 1.5], 'value 3'])
    assert.notEqual(rows.key(3), rows.key(3))
  })

  it('tell keys in the rows from others that are near', () => {
    const keys = [1, 2, 3, 4].map((n) => [n, 0])
    const rows = new EntryRows(1)
    for (const key of [...keys, [5, -0]]) rows.insert(key, 0, 'x', 1)
    assert.ok(rows.keyInPlace(4) instanceof NumbersAt)
    assert.deepEqual(rows.key(4), [5, 0])
    for (const same of [
      [5, 0],
      [5, -0],
    ])
      assert.equal(rows.hasKey(4, same), true)
    for (const other of [
      [5, 1],
      [4, 0],
      [5],
      [5, 0, 0],
      [5, '0'],
      ['5', 0],
      [5, null],
      5,
      '5,0',
      null,
      { 0: 5, 1: 0 },
    ]) {
      assert.equal(rows.hasKey(4, other), false, String(other))
    }
  })

  it('do not change with a key that was given or got', () => {
    const given = [9, 1]
    const rows = new EntryRows(1)
    for (const key of [[1, 1], [2, 1], [3, 1], [4, 1], given]) rows.insert(key, 0, 'x', 1)
    given[0] = 0
    const got = rows.key(4) as number[]
    got[1] = 7
    assert.deepEqual(rows.key(4), [9, 1])
  })

  it('keep all keys when one of another form comes', () => {
    const pairs = Array.from({ length: 10 }, (_, n) => [n, n + 0.5])
    for (const other of ['text', 3, [1], [1, 2, 3], [1, 'x'], [[1], 2], { a: 1 }, null]) {
      const rows = new EntryRows(1)
      const keys = [...pairs, other, [-1, -1]]
      for (const key of keys) rows.insert(key, 0, 'x', 1)
      assert.deepEqual(
        keys.map((_, at) => rows.key(at)),
        keys,
      )
      for (const [at, key] of keys.entries()) assert.equal(rows.hasKey(at, key), true)
    }
  })

  it('count less for a key in the rows than for an array', () => {
    const rows = new EntryRows(1)
    for (let n = 0; n < 9; n++) rows.insert([n, n], 0, n, 1)
    assert.equal(rows.keyBytesEstimate(3), 16)
    rows.insert('text', 0, 9, 1)
    assert.deepEqual([rows.keyBytesEstimate(3), rows.keyBytesEstimate(9)], [[3, 3], 'text'].map(estimateBytes))
  })

  it('hold keys that are no numbers beside values that are, and the other way round', () => {
    const byText = rowsOf([1, 2, 3, 4], ['a', 'b', 'c', 'd'])
    const ofText = rowsOf(['a', 'b', 'c', 'd'])
    for (let at = 0; at < 4; at++) {
      assert.deepEqual([byText.key(at), byText.value(at)], ['abcd'[at], at + 1])
      assert.deepEqual([ofText.key(at), ofText.value(at)], [at, 'abcd'[at]])
    }
  })
})
