import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExpirySweep } from '@millrace/core'

/** A backend with so many units of work, due at a time. */
class Work {
  left: number
  readonly #dueMs: number
  readonly steps: number[] = []

  constructor(left: number, dueMs: number) {
    this.left = left
    this.#dueMs = dueMs
  }

  sweepExpired(units: number): boolean {
    this.steps.push(units)
    this.left = Math.max(0, this.left - units)
    return this.left === 0
  }

  sweepDueMs(): number | undefined {
    return this.left === 0 ? undefined : this.#dueMs
  }
}

test('does nothing before something is due, and nothing where nothing ever is', () => {
  const work = new Work(10, 500)
  const sweep = new ExpirySweep(work)
  assert.equal(sweep.step(499, 0), false)
  assert.deepEqual([work.steps.length, sweep.nextDueMs(400)], [0, 500])
  assert.equal(sweep.step(500, 1), true)
  assert.equal(work.left, 0)
  assert.equal(sweep.nextDueMs(500), undefined)
  sweep.step(5_000, 1_000)
  assert.equal(work.steps.length, 1)
})

test('takes a bounded step, and the next one only after a pause, however often it is asked', () => {
  const work = new Work(Number.POSITIVE_INFINITY, 0)
  const sweep = new ExpirySweep(work)
  for (let monotonicMs = 0; monotonicMs < 1_000; monotonicMs++) sweep.step(10_000 + monotonicMs, monotonicMs)
  assert.equal(work.steps.length, 100)
  assert.ok(work.steps.every((units) => units === work.steps[0] && Number.isFinite(units)))
  const nowMs = 10_999
  assert.ok((sweep.nextDueMs(nowMs) ?? 0) > nowMs, 'a slot that sleeps until then does not spin')
})

test('goes on when the wall clock was set back', () => {
  const work = new Work(Number.POSITIVE_INFINITY, 0)
  const sweep = new ExpirySweep(work)
  sweep.step(10_000, 100)
  sweep.step(200, 110)
  assert.equal(work.steps.length, 2)
})
