/** A queue against an array, beyond the length at which what was taken is cut off. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InFlightElement } from '@millrace/core'
import { KeptElements } from '../../src/task/kept-elements.ts'

const element = (timestamp: number): InFlightElement => ({ kind: 'watermark', timestamp })

test('gives what was added in its order, with its bytes, however much comes between', () => {
  const kept = new KeptElements()
  const model: number[] = []
  let added = 0
  // Grows, shrinks, is emptied and grows again.
  for (const [adds, takes] of [
    [3_000, 1_500],
    [10, 1_200],
    [4_000, 4_316],
    [5, 2],
  ] as const) {
    for (let i = 0; i < adds; i++) {
      kept.add({ element: element(added), bytes: added * 2 })
      model.push(added++)
    }
    // What was put back comes first, wherever the queue begins.
    for (let i = 0; i < 2; i++) {
      kept.putBack({ element: element(added), bytes: added * 2 })
      model.unshift(added++)
    }
    for (let i = 0; i < takes; i++) {
      const expected = model.shift()
      assert.deepEqual(
        kept.take(),
        expected === undefined ? undefined : { element: element(expected), bytes: expected * 2 },
      )
      assert.equal(kept.isEmpty, model.length === 0)
    }
    assert.deepEqual([...kept.elements()], model.map(element))
  }
})
