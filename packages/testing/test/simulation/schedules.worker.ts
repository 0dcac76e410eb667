/**
 * Runs schedules on a thread of its own: the test runner's hooks on every promise would take as long as the schedules.
 * Takes seeds as messages, answers each with a `ScheduleAnswer`.
 */
import { parentPort } from 'node:worker_threads'
import { runSchedule, type ScheduleResult } from './schedule.ts'

export type ScheduleAnswer =
  | { readonly kind: 'passed'; readonly result: ScheduleResult }
  | { readonly kind: 'failed'; readonly seed: number; readonly message: string }

const port = parentPort
if (port === null) throw new Error('schedules.worker runs as a worker thread')
let running: Promise<void> = Promise.resolve()
port.on('message', (seed: number) => {
  running = running.then(async () => port.postMessage(await answer(seed)))
})

async function answer(seed: number): Promise<ScheduleAnswer> {
  try {
    return { kind: 'passed', result: await runSchedule(seed) }
  } catch (error) {
    return { kind: 'failed', seed, message: error instanceof Error ? error.message : String(error) }
  }
}
