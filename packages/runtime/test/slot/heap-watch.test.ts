import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideHeapBudgetBytes, decideHeapLimitMb } from '../../src/slot/heap-budget.ts'
import { HeapWatch } from '../../src/slot/heap-watch.ts'

/** A heap of which a collection leaves what is alive. */
class Heap {
  live = 0
  garbage = 0
  collections = 0
  readonly watch: HeapWatch

  constructor(budgetBytes: number) {
    this.watch = new HeapWatch({
      budgetBytes,
      usedBytes: () => this.live + this.garbage,
      collectGarbage: () => {
        this.collections++
        this.garbage = 0
      },
    })
  }

  get isOver(): boolean {
    const { usedBytes, limitBytes } = this.watch.read()
    return usedBytes > limitBytes
  }

  get isNear(): boolean {
    return this.watch.read().isNearLimit === true
  }
}

test('below four fifths of the budget nothing is collected, whatever it is', () => {
  const heap = new Heap(100)
  heap.live = 50
  heap.garbage = 30
  assert.deepEqual([heap.isOver, heap.isNear], [false, false])
  assert.equal(heap.collections, 0)
})

test('from four fifths of the budget on what is alive is close to the limit; garbage is not', () => {
  const heap = new Heap(100)
  heap.live = 79
  heap.garbage = 21
  assert.equal(heap.isNear, false)
  assert.equal(heap.collections, 1)
  heap.live = 80
  heap.garbage = 30
  assert.equal(heap.isNear, true)
})

test('a heap that grows is seen close to its limit before it is over it, however much garbage there is', () => {
  for (const garbagePerTurn of [0, 1, 3]) {
    for (let live = 50; live < 80; live++) {
      const heap = new Heap(100)
      heap.live = live
      let near = 0
      for (;;) {
        const { usedBytes, limitBytes, isNearLimit } = heap.watch.read()
        if (usedBytes > limitBytes) break
        if (isNearLimit === true) near++
        heap.live += 3
        heap.garbage += garbagePerTurn
      }
      assert.ok(near > 0, `${garbagePerTurn} of garbage, from ${live} on`)
    }
  }
})

test('above the budget what is alive counts', () => {
  const heap = new Heap(100)
  heap.live = 30
  heap.garbage = 80
  assert.equal(heap.isOver, false)
  assert.equal(heap.collections, 1)
  heap.live = 101
  assert.equal(heap.isOver, true)
})

test('close to the budget a collection comes only after a third more', () => {
  const heap = new Heap(100)
  heap.live = 90
  let over = 0
  for (let round = 0; round < 300; round++) {
    heap.garbage++
    if (heap.isOver) over++
  }
  assert.equal(over, 0)
  assert.ok(heap.collections <= 300 / (90 / 3) + 1, `${heap.collections} collections`)
})

test('a heap that grows bit by bit is found before it holds a third more than its budget', () => {
  const heap = new Heap(100)
  while (!heap.isOver) heap.live++
  assert.ok(heap.live > 100 && heap.live <= 134, `${heap.live}`)
})

test('the slots share half of the machine unless they are told', () => {
  assert.equal(decideHeapBudgetBytes(undefined, { memoryBytes: 16_000, slots: 4 }), 2_000)
  assert.equal(decideHeapBudgetBytes(undefined, { memoryBytes: 16_000, slots: 0 }), 8_000)
  assert.equal(decideHeapBudgetBytes(500, { memoryBytes: 16_000, slots: 4 }), 500)
})

test('V8 is given room for a map that doubles at the budget', () => {
  const budgetBytes = 1_024 * 1_048_576
  assert.ok(decideHeapLimitMb(budgetBytes) * 1_048_576 >= 3 * budgetBytes)
})
