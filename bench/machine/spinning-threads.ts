/** Threads that do nothing but count, to see what the machine gives to who needs nothing of it but a core. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { SpinAnswer } from './spin.worker.ts'

export class SpinningThreads {
  readonly #workers: readonly Worker[]

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers
  }

  /** They have counted for a moment: their loop is compiled. */
  static async with<T>(threads: number, use: (spinning: SpinningThreads) => Promise<T>): Promise<T> {
    const workers = Array.from({ length: threads }, () => new Worker(new URL('./spin.worker.ts', import.meta.url)))
    try {
      const spinning = new SpinningThreads(workers)
      await spinning.spin(WARM_UP_MS)
      return await use(spinning)
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
  }

  /** All at once, or the first `threads` of them. */
  async spin(milliseconds: number, threads: number = this.#workers.length): Promise<readonly SpinAnswer[]> {
    const answers = this.#workers.slice(0, threads).map(async (worker) => {
      const answer = once(worker, 'message')
      worker.postMessage(milliseconds)
      const [spun] = (await answer) as [SpinAnswer]
      return spun
    })
    return Promise.all(answers)
  }
}

const WARM_UP_MS = 200
