import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
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

const anyValue = fc.oneof(
  fc.double(),
  fc.array(fc.double(), { minLength: 1, maxLength: 2 }),
  fc.constantFrom<unknown>('text', true, null, [], [1, 'x'], [undefined], { a: 1 }, new Array(40).fill(1)),
)
const anyKey = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true }).map((key) => key + 0),
  fc.string(),
)

describe('EntryRows', () => {
  it('give back what was put into them, whatever comes after what', () => {
    const anyStep = fc.tuple(
      fc.constantFrom('insert', 'insert', 'set', 'bury', 'revive', 'free'),
      fc.nat(),
      anyKey,
      anyValue,
    )
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
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
            rows.setChanged(at, index)
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
        }
      }),
      { numRuns: 1_000 },
    )
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

  it('hold keys that are no numbers beside values that are, and the other way round', () => {
    const byText = rowsOf([1, 2, 3, 4], ['a', 'b', 'c', 'd'])
    const ofText = rowsOf(['a', 'b', 'c', 'd'])
    for (let at = 0; at < 4; at++) {
      assert.deepEqual([byText.key(at), byText.value(at)], ['abcd'[at], at + 1])
      assert.deepEqual([ofText.key(at), ofText.value(at)], [at, 'abcd'[at]])
    }
  })
})
