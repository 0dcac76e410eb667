/** A thread that counts for as long as it is told, each time that it is asked: work that needs a core and nothing else. */
import { parentPort } from 'node:worker_threads'

const AT_ONCE = 100_000

/** How often it has counted to `AT_ONCE`, and the longest that one time has taken. */
export interface SpinAnswer {
  readonly times: number
  readonly longestMs: number
  /** Goes along so that the loop cannot be left out. */
  readonly value: number
}

parentPort?.on('message', (milliseconds: number) => {
  let nowMs = performance.now()
  const endMs = nowMs + milliseconds
  let value = 1
  let times = 0
  let longestMs = 0
  while (nowMs < endMs) {
    for (let i = 0; i < AT_ONCE; i++) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0
    times++
    const beforeMs = nowMs
    nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - beforeMs)
  }
  const answer: SpinAnswer = { times, longestMs, value }
  parentPort?.postMessage(answer)
})
