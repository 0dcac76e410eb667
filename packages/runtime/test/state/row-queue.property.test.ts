/** The queue against a map that is searched, with the work of each operation counted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CountingQueue, stepsMax } from './counting-queue.ts'

const steps = fc.array(
  fc.record({
    row: fc.nat(70),
    to: fc.nat(70),
    number: fc.oneof(fc.constantFrom(-5, 0, 1.5, 1e12), fc.nat(100)),
  }),
  { maxLength: 400, size: 'max' },
)

test('knows the smallest and takes out any row, whatever comes and goes', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const queue = new CountingQueue()
      const model = new Map<number, number>()
      for (const { row, to, number } of run) {
        const held = model.get(row)
        const bound = stepsMax(queue.size + 1)
        const before = queue.steps
        if (held === undefined) {
          queue.add(row, number)
          model.set(row, number)
        } else if (model.has(to)) {
          queue.remove(row)
          model.delete(row)
        } else {
          queue.replace(row, to)
          model.delete(row)
          model.set(to, held)
        }
        assert.ok(queue.steps - before <= bound, `${queue.steps - before} steps with ${queue.size} rows`)
        const numbers = [...model.values()].sort((a, b) => a - b)
        assert.deepEqual([queue.size, queue.first, queue.numbers], [numbers.length, numbers[0], numbers])
      }
      for (const [row, number] of [...model].sort(([, a], [, b]) => a - b)) {
        assert.equal(queue.first, number)
        queue.remove(row)
      }
      assert.equal(queue.first, undefined)
    }),
  )
})
