/**
 * The longest time for which the machine let a thread wait that needs nothing but a core: other guests of the host, the scheduler, clocks
 * that are turned down. No job on it can promise to be faster than that.
 */
import { SpinningThreads } from './spinning-threads.ts'

const SPIN_MS = 2_000

/** In ms, within two seconds, of as many threads as there are. */
export async function measureLongestPause(threads: number): Promise<number> {
  return SpinningThreads.with(threads, async (spinning) =>
    Math.max(...(await spinning.spin(SPIN_MS)).map(({ longestMs }) => longestMs)),
  )
}
