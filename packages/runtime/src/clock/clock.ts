/** Time and randomness as parameters, so that the fault simulation can own both. */
import { randomBytes } from 'node:crypto'

export interface Clock {
  /** Wall clock, epoch ms. */
  now(): number
  /** Never goes back; for durations. Milliseconds with fractions. */
  monotonicMs(): number
  /** Runs `callback` once after a delay; the returned function takes it back. */
  schedule(delayMs: number, callback: () => void): () => void
}

export interface RandomSource {
  /** Lower-case hex digits. */
  hex(digits: number): string
  /** Uniform in [0, 1). */
  fraction(): number
}

export class SystemClock implements Clock {
  now(): number {
    return Date.now()
  }

  monotonicMs(): number {
    return performance.now()
  }

  schedule(delayMs: number, callback: () => void): () => void {
    // setTimeout fires at once beyond 2^31 − 1 ms.
    const timer = setTimeout(callback, Math.min(delayMs, 2_147_483_647))
    return () => clearTimeout(timer)
  }
}

export class SystemRandom implements RandomSource {
  hex(digits: number): string {
    return randomBytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits)
  }

  fraction(): number {
    return Math.random()
  }
}
