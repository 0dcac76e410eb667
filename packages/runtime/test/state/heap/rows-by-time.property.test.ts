/** Rows by time against a map of sets; rows are given again, as those of a table are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RowsByTime, type RowWalk } from '../../../src/state/heap/rows-by-time.ts'
import { CountingQueue, stepsMax } from '../counting-queue.ts'

const steps = fc.array(fc.record({ row: fc.nat(60), time: fc.constantFrom(-5, 0, 1.5, 7, 8, 9, 1e12) }), {
  maxLength: 400,
})

test('finds the earliest time and the rows of each, whatever comes and goes', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const rows = new RowsByTime()
      const model = new Map<number, number>()
      for (const { row, time } of run) {
        if (model.has(row)) {
          rows.remove(row)
          model.delete(row)
        } else {
          rows.add(row, time)
          model.set(row, time)
        }
        const times = [...new Set(model.values())].sort((a, b) => a - b)
        assert.equal(rows.first, times[0])
        assert.deepEqual(rows.times(), times)
        for (const each of times) {
          const expected = [...model].filter(([, at]) => at === each).map(([at]) => at)
          assert.deepEqual(walked(rows.walk(each)).sort(byNumber), expected.sort(byNumber))
          assert.equal(rows.countAt(each), expected.length)
        }
      }
    }),
  )
})

const walkSteps = fc.array(
  fc.record({ what: fc.constantFrom('begin', 'next', 'next', 'next', 'change', 'change'), pick: fc.nat(60) }),
  { maxLength: 300 },
)

test('walks meet each row that is there from their beginning on once, whatever comes and goes meanwhile', () => {
  fc.assert(
    fc.property(walkSteps, (run) => {
      const rows = new RowsByTime()
      const there = new Set<number>()
      /** `left` have to be met, `added` may be. */
      const walks: { readonly walk: RowWalk; readonly left: Set<number>; readonly added: Set<number> }[] = []
      const takeNext = ({ walk, left, added }: (typeof walks)[number]): boolean => {
        const row = walk.next()
        if (row < 0) {
          assert.deepEqual([...left], [], 'rows that were never met')
          return false
        }
        assert.ok(left.delete(row) || added.delete(row), `row ${row} is gone, or was met before`)
        return true
      }
      for (let row = 0; row < 20; row++) {
        rows.add(row, 5)
        there.add(row)
      }
      for (const { what, pick } of run) {
        const walk = walks[pick % Math.max(1, walks.length)]
        if (what === 'begin') {
          walks.push({ walk: rows.walk(5), left: new Set(there), added: new Set() })
        } else if (what === 'next') {
          if (walk !== undefined && !takeNext(walk)) walks.splice(walks.indexOf(walk), 1)
        } else if (there.delete(pick)) {
          rows.remove(pick)
          for (const { left, added } of walks) {
            left.delete(pick)
            added.delete(pick)
          }
        } else {
          rows.add(pick, 5)
          there.add(pick)
          for (const { added } of walks) added.add(pick)
        }
      }
      for (const walk of walks) while (takeNext(walk)) {}
    }),
  )
})

const byNumber = (a: number, b: number): number => a - b

function walked(walk: RowWalk): number[] {
  const met: number[] = []
  for (let row = walk.next(); row >= 0; row = walk.next()) met.push(row)
  return met
}

test('a time that is set and taken back again and again leaves nothing behind', () => {
  const rows = new RowsByTime()
  for (let i = 0; i < 10_000; i++) {
    rows.add(3, i)
    rows.remove(3)
  }
  assert.equal(rows.first, undefined)
  rows.add(3, 5)
  assert.equal(rows.first, 5)
})

test('no operation takes more than a step for each level of the queue, however many times were given up before', () => {
  const queue = new CountingQueue()
  const rows = new RowsByTime(queue)
  let before = 0
  const within = (act: () => void): void => {
    const bound = stepsMax(queue.size + 1)
    act()
    assert.ok(queue.steps - before <= bound, `${queue.steps - before} steps with ${queue.size} times`)
    before = queue.steps
  }
  const count = 20_000
  const timeOf = (row: number): number => (row * 48_271) % count
  for (let row = 0; row < count; row++) within(() => rows.add(row, timeOf(row)))
  // Each moves on once: what it leaves behind is never the next one's affair.
  for (let row = 0; row < count; row++) {
    within(() => rows.remove(row))
    within(() => rows.add(row, timeOf(row) + count))
  }
  assert.equal(queue.size, count)
  for (let row = 0; row < count; row += 2) within(() => rows.remove(row))
  for (let time = rows.first; time !== undefined; time = rows.first) {
    const walk = rows.walk(time)
    for (let row = walk.next(); row >= 0; row = walk.next()) within(() => rows.remove(row))
  }
  assert.equal(queue.size, 0)
})
