/**
 * One slot: runs one subtask of every vertex of its slot-sharing group, cooperatively. `turn()` gives each task a
 * bounded step; whoever owns the thread calls it again while it says that there is work, and sleeps otherwise until
 * something wakes it. The slot acts on the coordinator's messages and reports; it decides nothing about the job.
 */
import { MillraceError, toErrorData } from '@millrace/api'
import {
  type CheckpointMode,
  ExpirySweep,
  type PlanVertex,
  parseConfig,
  type TableUsage,
  type TypedConfig,
} from '@millrace/core'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import { FileCheckpointStorage } from '../checkpoint-storage/file-checkpoint-storage.ts'
import { publishLocalStore } from '../metrics/local-store-metrics.ts'
import { TaskMetricsWriter } from '../metrics/task-metrics.ts'
import type { Task, TaskProgress } from '../task/task.ts'
import type { SnapshotStore, TaskEvents, TaskId } from '../task/task-ports.ts'
import { describeHolders, largestState, mebibytes } from './largest-state.ts'
import { latestByUid, type SlotDeployment, type TaskDeployment, type TaskState, type ToSlot } from './protocol.ts'
import { sumOfRestores } from './restore-keyed-state.ts'
import { SlotChannels } from './slot-channels.ts'
import type { SlotEnvironment, SlotMemory } from './slot-environment.ts'
import { type BuiltTask, TaskBuilder } from './task-builder.ts'

/** Units (records and firings) of one task in one turn: enough to amortise the turn, and fewer where they take long. */
const TURN_UNITS_MAX = 4_096
const TURN_UNITS_FIRST = 64
/** What a task's turn should take at most, so that the other tasks, the event loop and the memory check get theirs. */
const TURN_MS = 10
/** State sizes are sampled, so they are refreshed rarely; a slot that sleeps wakes once more to tell the last of them. */
const USAGE_EVERY_MS = 1_000

interface RunningTask extends BuiltTask {
  readonly metrics: TaskMetricsWriter
  turnUnits: number
  lastProgress: TaskProgress
  lastStepEndMs: number
  /** Of what has expired in its state. */
  readonly sweep: ExpirySweep | undefined
  usage: readonly TableUsage[]
  /** When it was looked at, wall clock: entries expire by that. */
  usageAtMs: number
  /** The task had a step since. */
  isUsageStale: boolean
}

export class Slot {
  readonly #environment: SlotEnvironment
  #deployment: SlotDeployment | undefined
  #heartbeat: Int32Array | undefined
  #tasks: RunningTask[] = []
  #isRunning = false
  #hasFailed = false
  #hasWarnedOfMemory = false
  #hasMovedRecords = false
  #isClosed = false

  constructor(environment: SlotEnvironment) {
    this.#environment = environment
  }

  onMessage(message: ToSlot): void {
    switch (message.type) {
      case 'deploy':
        this.#deploy(message.deployment).catch((error: unknown) => this.#fail(undefined, error))
        break
      case 'start':
        for (const { restoreEventTimes } of this.#tasks) restoreEventTimes(message.restoredEventTimes)
        this.#isRunning = true
        for (const { task } of this.#tasks) this.#reportState(task.id, 'RUNNING')
        this.#environment.ownWakeUp.wake()
        break
      case 'trigger':
        for (const { task } of this.#tasks) {
          if (message.tasks.some((id) => isSame(id, task.id))) task.trigger(message.barrier)
        }
        break
      case 'complete':
        for (const { task } of this.#tasks) task.onCheckpointComplete(message.checkpointId)
        break
      case 'abort':
        for (const { task } of this.#tasks) task.onCheckpointAborted(message.checkpointId)
        break
      case 'drain':
        for (const { task } of this.#tasks) task.drain()
        break
      case 'close':
        void this.#close()
        break
    }
  }

  /** Gives every task a step. True when some task has more to do at once. */
  turn(): boolean {
    if (this.#heartbeat !== undefined) Atomics.add(this.#heartbeat, 0, 1)
    if (!this.#isRunning || this.#hasFailed || this.#isClosed) return false
    if (!this.#checkMemory()) return false
    let hasMore = false
    for (const running of this.#tasks) {
      const progress = this.#step(running)
      // What the records wait for does not keep a snapshot from being encoded, and nobody would wake the slot for that.
      if (progress === 'more' || running.task.isEncoding) hasMore = true
    }
    return hasMore
  }

  /** When the slot needs a turn though nothing wakes it; epoch ms, `undefined` for never. */
  nextDueMs(): number | undefined {
    if (!this.#isRunning || this.#hasFailed) return undefined
    const nowMs = this.#environment.clock.now()
    let due: number | undefined
    for (const running of this.#tasks) {
      const { task, sweep } = running
      for (const own of [task.nextDueMs(), sweep?.nextDueMs(nowMs), nextUsageMs(running, nowMs)]) {
        if (own !== undefined && (due === undefined || own < due)) due = own
      }
    }
    return due
  }

  #step(running: RunningTask): TaskProgress {
    const { task, metrics, driver } = running
    const { clock } = this.#environment
    const startMs = clock.monotonicMs()
    accountWait(metrics, running.lastProgress, startMs - running.lastStepEndMs)
    const isSwept = this.#sweep(running, startMs)
    const recordsBefore = task.recordsIn + task.recordsOut
    const progress = task.step({ units: this.#environment.sizes?.turnUnits() ?? running.turnUnits })
    const endMs = clock.monotonicMs()
    metrics.add('busyTimeMs', endMs - startMs)
    metrics.add('numTurns', 1)
    running.turnUnits = decideTurnUnits(running.turnUnits, endMs - startMs, progress)
    running.lastProgress = progress
    running.lastStepEndMs = endMs
    const nowMs = clock.now()
    if (task.recordsIn + task.recordsOut !== recordsBefore) {
      metrics.set('lastProgressAtMs', nowMs)
      this.#onRecords()
    }
    metrics.set('lastHeartbeatAtMs', nowMs)
    publish(task, metrics)
    running.isUsageStale = true
    if (isSwept || isUsageOld(running, nowMs)) this.#refreshUsage(running, nowMs)
    if (driver !== undefined) {
      const { done, total } = driver.progress()
      metrics.set('sourceProgressAmount', done)
      metrics.set('sourceProgressTotal', total > 0 ? total : Number.NaN)
    }
    return progress
  }

  /** True when nothing that has expired is left. What fails there is the task's. */
  #sweep({ task, sweep }: RunningTask, monotonicMs: number): boolean {
    try {
      return sweep?.step(this.#environment.clock.now(), monotonicMs) === true
    } catch (error) {
      task.fail(error)
      return false
    }
  }

  #onRecords(): void {
    if (this.#hasMovedRecords) return
    this.#hasMovedRecords = true
    this.#environment.post({ type: 'first-record' })
  }

  #refreshUsage(running: RunningTask, nowMs: number): void {
    running.usageAtMs = nowMs
    running.isUsageStale = false
    if (running.backend === undefined) return
    const { metrics, task } = running
    const earlier = running.usage
    const usage = running.backend.usage()
    running.usage = usage
    metrics.set(
      'stateEntries',
      sum(usage, ({ entries }) => entries),
    )
    metrics.set(
      'stateBytes',
      sum(usage, ({ bytesEstimate }) => bytesEstimate),
    )
    metrics.set(
      'stateExpiredEntries',
      sum(usage, ({ expiredEntries = 0 }) => expiredEntries),
    )
    metrics.set(
      'stateExpiredBytes',
      sum(usage, ({ expiredBytesEstimate = 0 }) => expiredBytesEstimate),
    )
    publishLocalStore(running.backend, metrics)
    const store = running.backend.storeMetrics?.()
    if (store === undefined && isSameUsage(earlier, usage)) return
    this.#environment.post({ type: 'state-usage', task: task.id, usage, store })
  }

  async #deploy(deployment: SlotDeployment): Promise<void> {
    this.#deployment = deployment
    this.#heartbeat = new Int32Array(deployment.heartbeat)
    const { files, loadJob } = this.#environment
    const config = parseConfig([{ source: 'job', pairs: deployment.config }])
    const { graph, plan } = await loadJob.call(this.#environment)
    if (plan.graphHash !== deployment.graphHash) throw otherGraph(deployment, plan.graphHash)
    const storageOf = (folder: string): CheckpointStorage =>
      new FileCheckpointStorage(
        files,
        folder,
        this.#environment.probe === undefined ? {} : { probe: this.#environment.probe },
      )
    const storage = storageOf(deployment.checkpointFolder)
    const { attempt } = deployment
    const inlineBytesMax = config.get('state.storage.fs.memory-threshold')
    const channels = new SlotChannels({
      slot: deployment.slot,
      channels: deployment.channels,
      localBytesMax: config.get('millrace.channel.local-size'),
      recordBytesMax: config.get('millrace.record.max-size'),
      ownWakeUp: this.#environment.ownWakeUp,
      wakeUpOf: (slot) => this.#environment.wakeUpOf(slot),
    })
    const store: SnapshotStore = {
      begin: (checkpointId, task, isInFlight = false) =>
        storage.beginSegments({ checkpointId, attempt, ...task, isInFlight, inlineBytesMax }),
    }
    const mode: CheckpointMode =
      config.get('execution.checkpointing.mode') === 'AT_LEAST_ONCE' ? 'at-least-once' : 'exactly-once'
    const builder = new TaskBuilder({
      environment: this.#environment,
      deployment,
      graph,
      plan,
      storageOf: (folder) => storageOf(folder ?? deployment.checkpointFolder),
      store,
      mode,
      overtakeAfterMs: overtakeAfterMsOf(config),
      readAheadBytesMax: config.get('millrace.channel.read-ahead-size'),
      bufferTimeoutMs: config.get('execution.buffer-timeout'),
      developmentMode: config.get('millrace.development-mode'),
      combines: config.get('millrace.exchange.combine') === 'auto',
      writerOf: (edge, from, to) => channels.writerOf(edge, from, to),
      readerOf: (edge, from, to) => channels.readerOf(edge, from, to),
    })
    for (const task of deployment.tasks) {
      this.#reportState(task.id, 'INITIALIZING')
      this.#tasks.push(await this.#buildTask(builder, task, plan.vertices))
      if (this.#isClosed) return
    }
    const restoredEventTimes = latestByUid(this.#tasks.map((task) => task.restoredEventTimes))
    const restored = sumOfRestores(this.#tasks.map((task) => task.restored))
    this.#environment.post({ type: 'ready', restoredEventTimes, restored })
  }

  async #buildTask(builder: TaskBuilder, task: TaskDeployment, vertices: readonly PlanVertex[]): Promise<RunningTask> {
    if (!vertices.some(({ id }) => id === task.id.vertexId)) {
      throw new MillraceError('INTERNAL', `The plan has no vertex ${task.id.vertexId}`)
    }
    const metrics = new TaskMetricsWriter(task.metrics, ({ name, index }) =>
      this.#environment.post({ type: 'counter', task: task.id, name, index }),
    )
    const built = await builder.build(task, metrics, this.#eventsOf(task.id, metrics))
    const { clock } = this.#environment
    return {
      ...built,
      metrics,
      sweep: built.backend === undefined ? undefined : new ExpirySweep(built.backend),
      turnUnits: TURN_UNITS_FIRST,
      lastProgress: 'idle',
      lastStepEndMs: clock.monotonicMs(),
      usage: [],
      usageAtMs: clock.now(),
      isUsageStale: true,
    }
  }

  #eventsOf(task: TaskId, metrics: TaskMetricsWriter): TaskEvents {
    const { post, ownWakeUp } = this.#environment
    return {
      onSnapshot: (checkpointId, snapshot, stats) => {
        metrics.set('checkpointAlignmentTimeMs', stats.alignmentDurationMs)
        metrics.set('lastSnapshotBytes', stats.checkpointedBytes)
        post({ type: 'snapshot', task, checkpointId, snapshot, stats })
      },
      onDeclined: (checkpointId, error) => post({ type: 'declined', task, checkpointId, error: toErrorData(error) }),
      onCommitted: (checkpointId) => post({ type: 'committed', task, checkpointId }),
      onEnded: () => {
        const running = this.#tasks.find((each) => isSame(each.task.id, task))
        if (running !== undefined) this.#refreshUsage(running, this.#environment.clock.now())
        this.#reportState(task, 'FINISHED')
        post({ type: 'ended', task })
      },
      onFailed: (error) => this.#fail(task, error),
      wake: () => ownWakeUp.wake(),
    }
  }

  #fail(task: TaskId | undefined, error: unknown): void {
    if (this.#isClosed) return
    // The first failure is the cause; what follows in this slot is its consequence.
    if (this.#hasFailed) return
    this.#hasFailed = true
    if (task !== undefined) this.#reportState(task, 'FAILED')
    this.#environment.post({ type: 'failed', task, error: toErrorData(error) })
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const { task } of this.#tasks) {
      try {
        await task.close()
      } catch (error) {
        this.#environment.post({
          type: 'report',
          task: task.id,
          message: `${task.name} could not be closed: ${error instanceof Error ? error.message : String(error)}`,
        })
      }
    }
    this.#tasks = []
    this.#environment.post({ type: 'closed' })
  }

  /** Warns once, and fails the slot before V8 would abort the whole process; both name the state that holds most. */
  #checkMemory(): boolean {
    const memory = this.#environment.memory()
    const { usedBytes, limitBytes } = memory
    if (usedBytes > limitBytes) {
      this.#failOutOfMemory(memory)
      return false
    }
    if (memory.isNearLimit === true && !this.#hasWarnedOfMemory) {
      this.#hasWarnedOfMemory = true
      const largest = largestState(this.#tasks)
      const [first] = this.#tasks
      const share = Math.floor((usedBytes / limitBytes) * 100)
      const task = (largest?.task ?? first)?.task.id
      if (task !== undefined) {
        this.#environment.post({
          type: 'report',
          level: 'warning',
          task,
          message: `Slot ${this.#deployment?.slot} holds ${mebibytes(usedBytes)}, ${share} % of ${mebibytes(limitBytes)}; above that the job fails. ${describeHolders(this.#tasks, largest)} ${memoryHint(this.#environment)}`,
        })
      }
    }
    return true
  }

  #failOutOfMemory({ usedBytes, limitBytes }: SlotMemory): void {
    const largest = largestState(this.#tasks)
    this.#fail(
      largest?.task.task.id,
      new MillraceError(
        'SLOT_OUT_OF_MEMORY',
        `Slot ${this.#deployment?.slot} uses ${mebibytes(usedBytes)} of ${mebibytes(limitBytes)}. ${describeHolders(this.#tasks, largest)}`,
        {
          details: {
            slot: this.#deployment?.slot,
            usedBytes,
            limitBytes,
            operator: largest?.table.operatorUid,
            state: largest?.table.name,
          },
          hint: memoryHint(this.#environment),
        },
      ),
    )
  }

  #reportState(task: TaskId, state: TaskState): void {
    this.#environment.post({ type: 'task-state', task, state, atMs: this.#environment.clock.now() })
  }
}

/** At-least-once lets nothing wait for a barrier, so there is nothing to overtake. */
function overtakeAfterMsOf(config: TypedConfig): number | undefined {
  const isExactlyOnce = config.get('execution.checkpointing.mode') === 'EXACTLY_ONCE'
  if (!isExactlyOnce || !config.get('execution.checkpointing.unaligned.enabled')) return undefined
  return config.get('execution.checkpointing.aligned-checkpoint-timeout')
}

function memoryHint({ isStateOnDisk }: SlotEnvironment): string {
  const further =
    isStateOnDisk === true
      ? 'lower taskmanager.memory.managed.size'
      : 'keep state on the local disk (state.backend.type: segments or rocksdb)'
  return `Raise taskmanager.memory.task.heap.size, add slots, let state expire (ttl), or ${further}.`
}

/** What a task counts itself. */
function publish(task: Task, metrics: TaskMetricsWriter): void {
  metrics.set('numRecordsIn', task.recordsIn)
  metrics.set('numRecordsOut', task.recordsOut)
  metrics.set('numRecordsCombined', task.recordsCombined)
  metrics.set('numPartialResultsOut', task.partialsOut)
  metrics.set('numBytesIn', task.bytesIn)
  metrics.set('numBytesOut', task.bytesOut)
  metrics.set('currentInputWatermark', task.watermarkIn)
  metrics.set('currentOutputWatermark', task.watermarkOut)
  metrics.set('inputQueuedBytes', task.inputQueuedBytes)
  metrics.set('outputQueuedBytes', task.outputQueuedBytes)
  const alignment = task.openAlignment
  metrics.set('checkpointAligning', alignment?.barrier.checkpointId ?? 0)
  metrics.set('checkpointAlignmentStartedAtMs', alignment?.firstBarrierAtMs ?? 0)
}

/** Time between two steps belongs to what the task was waiting for; a sink that waits for its target is busy. */
function accountWait(metrics: TaskMetricsWriter, progress: TaskProgress, waitedMs: number): void {
  if (progress === 'idle') metrics.add('idleTimeMs', waitedMs)
  else if (progress === 'blocked') metrics.add('backPressuredTimeMs', waitedMs)
  else if (progress === 'waiting') metrics.add('busyTimeMs', waitedMs)
  else metrics.add('runnableTimeMs', waitedMs)
}

/** More only where the units were what ended the turn: one that had nothing to do says nothing about its time. */
function decideTurnUnits(units: number, tookMs: number, progress: TaskProgress): number {
  if (tookMs > TURN_MS) return Math.max(1, Math.floor((units * TURN_MS) / tookMs))
  return progress === 'more' ? Math.min(TURN_UNITS_MAX, units * 2) : units
}

/** Also when the clock was set back. */
function isUsageOld({ usageAtMs }: RunningTask, nowMs: number): boolean {
  return nowMs < usageAtMs || nowMs - usageAtMs >= USAGE_EVERY_MS
}

/** When the slot should look at the sizes of a task's state though nothing else wakes it: after its last step, and when more expires. */
function nextUsageMs(running: RunningTask, nowMs: number): number | undefined {
  const { backend, usage, usageAtMs, isUsageStale } = running
  if (backend === undefined) return undefined
  const atMs = nowMs < usageAtMs ? nowMs : usageAtMs + USAGE_EVERY_MS
  if (isUsageStale) return atMs
  const expiries = usage.flatMap(({ nextExpiryMs }) => nextExpiryMs ?? [])
  return expiries.length === 0 ? undefined : Math.max(atMs, Math.min(...expiries))
}

function isSame(a: TaskId, b: TaskId): boolean {
  return a.vertexId === b.vertexId && a.subtask === b.subtask
}

function sum(usage: readonly TableUsage[], of: (table: TableUsage) => number): number {
  return usage.reduce((total, table) => total + of(table), 0)
}

function isSameUsage(a: readonly TableUsage[], b: readonly TableUsage[]): boolean {
  if (a.length !== b.length) return false
  return a.every((table, index) => {
    const other = b[index] as TableUsage
    return (
      table.name === other.name &&
      table.operatorUid === other.operatorUid &&
      table.entries === other.entries &&
      table.bytesEstimate === other.bytesEstimate &&
      table.expiredEntries === other.expiredEntries
    )
  })
}

function otherGraph(deployment: SlotDeployment, graphHash: string): MillraceError {
  return new MillraceError(
    'BUILD_NOT_DETERMINISTIC',
    `The job "${deployment.jobName}" built another graph in slot ${deployment.slot}`,
    {
      details: { coordinator: deployment.graphHash, slot: graphHash },
      hint: 'build() must give the same steps each time: it may depend on its parameters only.',
    },
  )
}
