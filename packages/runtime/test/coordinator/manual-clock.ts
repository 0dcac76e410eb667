/** A clock that moves when the test says so. */
import type { Clock } from '../../src/clock/clock.ts'

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

export class ManualClock implements Clock {
  #nowMs = 1_700_000_000_000
  #timers: Timer[] = []

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs - 1_600_000_000_000
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Passes time; timers run at their time. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms
    for (let due = this.#due(endMs); due !== undefined; due = this.#due(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      this.#run(due)
    }
    this.#nowMs = endMs
  }

  /** Time passes at once, as while a machine sleeps: timers that were due run late. */
  jump(ms: number): void {
    this.#nowMs += ms
    const due = this.#due(this.#nowMs)
    if (due !== undefined) this.#run(due)
  }

  #due(untilMs: number): Timer | undefined {
    return this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
  }

  #run(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
    timer.callback()
  }
}
