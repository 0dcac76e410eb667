/**
 * How many cores are free for threads that do nothing but count: what so many of them get done against one, in turn. It meets all that
 * a figure of the load does not show: quotas of a container, other guests of the host, cores that share their units.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { median } from '../statistics.ts'

const SPIN_MS = 200
const ROUNDS = 3

/** 1 for one thread's work, `threads` when each has a core of its own. */
export async function measureFreeCores(threads: number): Promise<number> {
  const workers = Array.from({ length: threads }, () => new Worker(new URL('./spin.worker.ts', import.meta.url)))
  try {
    // Once for the compiler.
    await timesOf(workers)
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await timesOf(workers.slice(0, 1))
      ratios.push((await timesOf(workers)) / alone)
    }
    return median(ratios)
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

async function timesOf(workers: readonly Worker[]): Promise<number> {
  const answers = workers.map(async (worker) => {
    const answer = once(worker, 'message')
    worker.postMessage(SPIN_MS)
    const [{ times }] = (await answer) as [{ readonly times: number }]
    return times
  })
  return (await Promise.all(answers)).reduce((sum, times) => sum + times, 0)
}
