import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { WindowLayout } from '../../src/window/window-layout.ts'
import { sliding, tumbling } from '../operator/operator-nodes.ts'

describe('WindowLayout', () => {
  for (const { name, layout, timestamp, slice, ends } of [
    { name: 'tumbling', layout: tumbling(10), timestamp: 17, slice: [10, 20], ends: [20, 20] },
    { name: 'tumbling, at a start', layout: tumbling(10), timestamp: 20, slice: [20, 30], ends: [30, 30] },
    { name: 'tumbling, negative', layout: tumbling(10), timestamp: -1, slice: [-10, 0], ends: [0, 0] },
    { name: 'tumbling, negative at a start', layout: tumbling(10), timestamp: -10, slice: [-10, 0], ends: [0, 0] },
    { name: 'tumbling, offset', layout: tumbling(10, 3), timestamp: 2, slice: [-7, 3], ends: [3, 3] },
    { name: 'a fraction before an end', layout: tumbling(10), timestamp: 9.75, slice: [0, 10], ends: [10, 10] },
    { name: 'a negative fraction', layout: tumbling(10), timestamp: -0.25, slice: [-10, 0], ends: [0, 0] },
    { name: 'sliding, even', layout: sliding(10, 5), timestamp: 7, slice: [5, 10], ends: [10, 15] },
    { name: 'sliding, uneven, first slice', layout: sliding(5, 3), timestamp: 4, slice: [3, 5], ends: [5, 8] },
    { name: 'sliding, uneven, second slice', layout: sliding(5, 3), timestamp: 5, slice: [5, 6], ends: [8, 8] },
    { name: 'slide > size', layout: sliding(2, 10), timestamp: 11, slice: [10, 12], ends: [12, 12] },
  ]) {
    it(name, () => {
      const found = new WindowLayout(layout)
      assert.equal(found.locate(timestamp), true)
      assert.deepEqual([found.sliceStart, found.sliceEnd], slice)
      assert.deepEqual([found.firstWindowEnd, found.lastWindowEnd], ends)
      assert.equal(found.lastWindowEndOf(found.sliceEnd), found.lastWindowEnd)
    })
  }

  it('finds no window in a gap', () => {
    assert.equal(new WindowLayout(sliding(2, 10)).locate(12), false)
    assert.equal(new WindowLayout(sliding(2, 10)).locate(-1), false)
  })

  it('agrees with trying all windows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        fc.integer({ min: -40, max: 40 }),
        (sizeMs, slideMs, offset, timestamp) => {
          const offsetMs = offset % slideMs
          const windows: number[] = []
          for (let start = offsetMs - slideMs * 80; start <= 60; start += slideMs) {
            if (start <= timestamp && timestamp < start + sizeMs) windows.push(start + sizeMs)
          }
          const layout = new WindowLayout(sliding(sizeMs, slideMs, offsetMs))
          assert.equal(layout.locate(timestamp), windows.length > 0)
          if (windows.length === 0) return
          assert.deepEqual([layout.firstWindowEnd, layout.lastWindowEnd], [windows[0], windows.at(-1)])
          assert.ok(layout.sliceStart <= timestamp && timestamp < layout.sliceEnd)
          assert.equal(layout.lastWindowEndOf(layout.sliceEnd), windows.at(-1))
        },
      ),
    )
  })
})
