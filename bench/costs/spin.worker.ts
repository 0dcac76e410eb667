/** A thread that counts for as long as it is told, each time that it is asked: work that needs a core and nothing else. */
import { parentPort } from 'node:worker_threads'

const AT_ONCE = 100_000

parentPort?.on('message', (milliseconds: number) => {
  const endMs = performance.now() + milliseconds
  let value = 1
  let times = 0
  while (performance.now() < endMs) {
    for (let i = 0; i < AT_ONCE; i++) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0
    times++
  }
  // The value goes along, so that the loop cannot be left out.
  parentPort?.postMessage({ times, value })
})
