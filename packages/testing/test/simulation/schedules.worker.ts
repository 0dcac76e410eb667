/**
 * Runs schedules on a thread of its own: the test runner's hooks on every promise would take as long as the schedules.
 * Takes seeds as messages, answers each with a `ScheduleAnswer`. Its database is in the folder that it is given, where RocksDB can be
 * loaded; it is closed with the thread.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { openTestDatabase } from '@millrace/testing'
import { runSchedule, type ScheduleResult } from './schedule.ts'

export type ScheduleAnswer =
  | { readonly kind: 'passed'; readonly result: ScheduleResult }
  | { readonly kind: 'failed'; readonly seed: number; readonly message: string }

const port = parentPort
if (port === null) throw new Error('schedules.worker runs as a worker thread')
const { folder } = workerData as { readonly folder: string | undefined }
const opening = folder === undefined ? Promise.resolve(undefined) : openTestDatabase(folder)
let running: Promise<void> = Promise.resolve()
port.on('message', (seed: number) => {
  running = running.then(async () => port.postMessage(await answer(seed)))
})

async function answer(seed: number): Promise<ScheduleAnswer> {
  try {
    return { kind: 'passed', result: await runSchedule(seed, await opening) }
  } catch (error) {
    return { kind: 'failed', seed, message: error instanceof Error ? error.message : String(error) }
  }
}
