/** Time that passes only when the simulation says so. Timers belong to a life and are silent after it. */
import type { Clock } from '@millrace/runtime'
import type { Life } from './life.ts'

/** Any moment; far from 0, so that times and durations are not mixed up unnoticed. */
const START_MS = 1_700_000_000_000

interface Timer {
  readonly atMs: number
  readonly life: Life
  readonly callback: () => void
}

export class VirtualTime {
  #nowMs = START_MS
  #timers: Timer[] = []
  /** What one look at the monotonic clock costs, ms: work takes time. */
  readonly #lookMs: () => number

  constructor(lookMs: () => number) {
    this.#lookMs = lookMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  pass(ms: number): void {
    this.#nowMs += ms
  }

  /** When the next timer of a living owner is due. */
  get nextTimerMs(): number | undefined {
    return this.#next()?.atMs
  }

  /** Whether a timer of this life is set. */
  hasTimerOf(life: Life): boolean {
    return life.isAlive && this.#timers.some((timer) => timer.life === life)
  }

  /** Moves time to the next timer, unless it is past that already, and runs it. */
  fireNext(): void {
    const timer = this.#next()
    if (timer === undefined) return
    this.#nowMs = Math.max(this.#nowMs, timer.atMs)
    this.#timers.splice(this.#timers.indexOf(timer), 1)
    timer.callback()
  }

  clockOf(life: Life): Clock {
    return {
      now: () => Math.floor(this.#nowMs),
      monotonicMs: () => {
        this.#nowMs += this.#lookMs()
        return this.#nowMs - START_MS
      },
      schedule: (delayMs, callback) => {
        const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), life, callback }
        this.#timers.push(timer)
        return () => {
          const index = this.#timers.indexOf(timer)
          if (index >= 0) this.#timers.splice(index, 1)
        }
      },
    }
  }

  #next(): Timer | undefined {
    let next: Timer | undefined
    let dead = 0
    for (const timer of this.#timers) {
      if (!timer.life.isAlive) dead++
      else if (next === undefined || timer.atMs < next.atMs) next = timer
    }
    if (dead > 0) this.#timers = this.#timers.filter(({ life }) => life.isAlive)
    return next
  }
}
