/**
 * The entry of a worker thread: one slot and its loop. The loop gives the slot turns while there is work, the event loop
 * a turn every few milliseconds, and sleeps on the doorbell when nothing is ready. The control port keeps the thread
 * alive: a pending `waitAsync` alone would not.
 */
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { buildGraph, type ErrorData, toErrorData } from '@millrace/api'
import { compilePlan } from '@millrace/core'
import { Doorbell, DoorbellRinger } from '../channel/doorbell.ts'
import type { WakeUp } from '../channel/wake-up.ts'
import { SystemClock, SystemRandom } from '../clock/clock.ts'
import { KillingFileSystem } from '../file-system/killing-file-system.ts'
import { NodeFileSystem } from '../file-system/node-file-system.ts'
import { loadJob } from '../job-loading/load-job.ts'
import { collectGarbage } from './collect-garbage.ts'
import { HeapWatch } from './heap-watch.ts'
import type { FromSlot, ToSlot } from './protocol.ts'
import { Slot } from './slot.ts'
import { SlotBackends } from './slot-backends.ts'
import type { LoadedJob, SlotEnvironment } from './slot-environment.ts'
import type { SlotWorkerData } from './slot-worker-data.ts'

/** How long the slot works before the event loop gets a turn: timers, I/O and messages wait this long at most. */
const LOOP_SLICE_MS = 5

const port = parentPort
if (port === null) throw new Error('slot-main runs as a worker thread')
const data = workerData as SlotWorkerData
const bell = new Doorbell(data.doorbell)
const heartbeat = new Int32Array(data.heartbeat)
const clock = new SystemClock()
let ringers: readonly WakeUp[] = []
let isClosed = false
const backends = new SlotBackends(data.state, data.slot, clock)
const heap = new HeapWatch({ budgetBytes: data.heapBudgetBytes, usedBytes: heapBytes, collectGarbage })

const environment: SlotEnvironment = {
  clock,
  random: new SystemRandom(),
  files:
    data.killPoint === undefined ? new NodeFileSystem() : new KillingFileSystem(new NodeFileSystem(), data.killPoint),
  ownWakeUp: bell,
  loadJob: loadThisJob,
  post: (message: FromSlot) => {
    port.postMessage(message)
    if (message.type === 'closed') isClosed = true
  },
  wakeUpOf: (slot) => ringers[slot] ?? bell,
  createBackend: (keyGroups, maxParallelism) => backends.create(keyGroups, maxParallelism),
  isStateOnDisk: data.state.type !== 'hashmap',
  memory: () => heap.read(),
}

const slot = new Slot(environment)
port.on('message', (message: ToSlot) => {
  if (message.type === 'deploy') ringers = message.deployment.doorbells.map((memory) => new DoorbellRinger(memory))
  slot.onMessage(message)
  bell.wake()
})
// A slot that waits is alive: only user code that does not return keeps this timer from running.
const pulse = setInterval(() => Atomics.add(heartbeat, 0, 1), data.heartbeatPeriodMs)
// Runs within `process.exit` and has its caller on the stack; at any other end of the thread there is none.
process.on('exit', (code) => {
  const error = new Error(`process.exit(${code}) was called`)
  Error.captureStackTrace(error, process.exit)
  if (!isClosed && (error.stack ?? '').includes('\n')) {
    port.postMessage({ type: 'exiting', error: toErrorData(error) } satisfies FromSlot)
  }
})
runLoop().catch((error: unknown) => {
  const failure: ErrorData = toErrorData(error)
  port.postMessage({ type: 'failed', task: undefined, error: failure } satisfies FromSlot)
})

async function runLoop(): Promise<void> {
  let sliceStartMs = clock.monotonicMs()
  while (!isClosed) {
    const looked = bell.look()
    const hasMore = slot.turn()
    if (clock.monotonicMs() - sliceStartMs >= LOOP_SLICE_MS) {
      await setImmediate()
      sliceStartMs = clock.monotonicMs()
    }
    if (hasMore) continue
    await sleep(looked)
  }
  clearInterval(pulse)
  port?.close()
}

async function sleep(looked: number): Promise<void> {
  const due = slot.nextDueMs()
  if (due === undefined) return bell.sleep(looked)
  const cancel = clock.schedule(Math.max(0, due - clock.now()), () => bell.wake())
  await bell.sleep(looked)
  cancel()
}

async function loadThisJob(): Promise<LoadedJob> {
  const job = await loadJob(data.bundlePath)
  const graph = buildGraph(job, data.params)
  return { graph, plan: compilePlan(graph, data.planSettings) }
}

/** The heap, and typed arrays and strings that V8 keeps outside of it. */
function heapBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}
