import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BufferTimeout, PARTIALS_TIMEOUT_MS } from '../../src/task/buffer-timeout.ts'

/** Notes what is flushed, and when it holds something. */
class Output {
  hasOpenBatch = false
  holdsPartials = false
  flushed: string[] = []

  flush(): void {
    if (this.hasOpenBatch) this.flushed.push('records')
    this.hasOpenBatch = false
  }

  flushPartials(): void {
    if (this.holdsPartials) this.flushed.push('partials')
    this.holdsPartials = false
  }

  take(): string[] {
    return this.flushed.splice(0)
  }
}

describe('BufferTimeout', () => {
  it('records of any output leave after the timeout, counted from when they were seen', () => {
    const outputs = [new Output(), new Output()] as const
    const timeout = new BufferTimeout(outputs, 30)
    timeout.step(1_000)
    assert.equal(timeout.dueMs, undefined)
    outputs[1].hasOpenBatch = true
    timeout.step(1_010)
    assert.equal(timeout.dueMs, 1_040)
    outputs[0].hasOpenBatch = true
    timeout.step(1_039)
    assert.deepEqual([outputs[0].take(), outputs[1].take()], [[], []])
    timeout.step(1_040)
    assert.deepEqual([outputs[0].take(), outputs[1].take()], [['records'], ['records']])
    assert.equal(timeout.dueMs, undefined)
  })

  it('a batch that left by itself begins the time anew', () => {
    const output = new Output()
    const timeout = new BufferTimeout([output], 30)
    output.hasOpenBatch = true
    timeout.step(0)
    output.hasOpenBatch = false
    timeout.step(20)
    output.hasOpenBatch = true
    timeout.step(25)
    assert.equal(timeout.dueMs, 55)
  })

  for (const [timeoutMs, heldMs] of [
    [0, PARTIALS_TIMEOUT_MS],
    [10, PARTIALS_TIMEOUT_MS],
    [PARTIALS_TIMEOUT_MS, PARTIALS_TIMEOUT_MS],
    [250, 250],
  ] as const) {
    it(`partial results are held ${heldMs} ms with a timeout of ${timeoutMs} ms, whatever records do meanwhile`, () => {
      const output = new Output()
      const timeout = new BufferTimeout([output], timeoutMs)
      output.holdsPartials = true
      timeout.step(0)
      assert.equal(timeout.dueMs, heldMs)
      output.hasOpenBatch = true
      timeout.step(1)
      timeout.step(Math.min(1 + timeoutMs, heldMs - 1))
      assert.deepEqual(output.take(), timeoutMs < PARTIALS_TIMEOUT_MS ? ['records'] : [])
      timeout.step(heldMs - 1)
      assert.equal(output.holdsPartials, true)
      timeout.step(heldMs)
      assert.equal(output.holdsPartials, false)
    })
  }

  it('nothing leaves by time with a timeout below 0', () => {
    const output = new Output()
    const timeout = new BufferTimeout([output], -1)
    output.hasOpenBatch = true
    output.holdsPartials = true
    for (const nowMs of [0, 1e9]) timeout.step(nowMs)
    assert.deepEqual([output.take(), timeout.dueMs], [[], undefined])
  })
})
