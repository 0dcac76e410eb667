/**
 * How many cores are free for threads that do nothing but count: what so many of them get done against one, in turn. It meets all that
 * a figure of the load does not show: quotas of a container, other guests of the host, cores that share their units.
 */
import { median } from '../statistics.ts'
import { SpinningThreads } from './spinning-threads.ts'

const SPIN_MS = 200
const ROUNDS = 3

/** 1 for one thread's work, `threads` when each has a core of its own. */
export async function measureFreeCores(threads: number): Promise<number> {
  return SpinningThreads.with(threads, async (spinning) => {
    const timesOf = async (some: number) =>
      (await spinning.spin(SPIN_MS, some)).reduce((sum, { times }) => sum + times, 0)
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await timesOf(1)
      ratios.push((await timesOf(threads)) / alone)
    }
    return median(ratios)
  })
}
