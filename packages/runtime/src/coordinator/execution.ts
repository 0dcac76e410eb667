/**
 * One attempt to run a job: its slots, channels and tasks, from deployment to termination. It carries messages and
 * watches heartbeats; what they mean for the job is the coordinator's matter. An execution is used once: what follows
 * a failure is a new one with new slots and new rings, since the old ring's writer may have died half-way.
 */
import { fromErrorData, MillraceError, type PlainValue } from '@millrace/api'
import type {
  CheckpointBarrier,
  CheckpointId,
  PhysicalPlan,
  PlanEdge,
  PlanVertex,
  SubtaskRestore,
} from '@millrace/core'
import { createDoorbell } from '../channel/doorbell.ts'
import { countRingChannels, decideNetworkMemory, type NetworkMemoryLimits } from '../channel/network-memory.ts'
import { createRing } from '../channel/ring.ts'
import type { Clock } from '../clock/clock.ts'
import { createTaskMetrics, TaskMetricsReader } from '../metrics/task-metrics.ts'
import {
  type ChannelDeployment,
  type FromSlot,
  latestByUid,
  type RestoredEventTimes,
  type SlotDeployment,
  type TaskDeployment,
} from '../slot/protocol.ts'
import { NOTHING_RESTORED, type RestoreMeasures } from '../slot/restore-keyed-state.ts'
import type { TaskId } from '../task/task-ports.ts'
import type { SlotHandle, SlotLauncher } from './slot-launcher.ts'

export interface ExecutionOptions {
  readonly attempt: number
  readonly plan: PhysicalPlan
  readonly jobName: string
  readonly lineage: string
  readonly checkpointFolder: string
  readonly config: Readonly<Record<string, string>>
  readonly firstEpoch: CheckpointId
  readonly network: NetworkMemoryLimits
  /** Encode every hand-over, also within a slot. */
  readonly encodeAlways: boolean
  readonly heartbeatTimeoutMs: number
  readonly terminationTimeoutMs: number
  readonly clock: Clock
  readonly launcher: SlotLauncher
  readonly events: ExecutionEvents
}

export interface ExecutionEvents {
  onMessage(message: FromSlot): void
  /** The attempt cannot go on. `slot` is set when a whole slot is concerned. */
  onFailed(error: unknown, task: TaskId | undefined, slot: number | undefined): void
}

/** What every subtask starts from, by vertex id. */
export interface ExecutionStart {
  readonly checkpointId: CheckpointId | undefined
  /** What its segments are relative to, when that is not the job's own checkpoint folder. */
  readonly folder: string | undefined
  readonly vertices: ReadonlyMap<string, readonly SubtaskRestore[]>
}

export interface RunningSlot {
  readonly index: number
  readonly group: string
  readonly subtask: number
  readonly handle: SlotHandle
  readonly heartbeat: Int32Array
  lastBeat: number
  lastBeatAtMs: number
  isReady: boolean
  restoredEventTimes: RestoredEventTimes
  restored: RestoreMeasures
}

export class Execution {
  readonly #options: ExecutionOptions
  readonly #slots: RunningSlot[] = []
  readonly #metrics = new Map<string, TaskMetricsReader>()
  readonly #ready = Promise.withResolvers<void>()
  readonly #closed = new Map<number, () => void>()
  #isEnding = false
  #stopHeartbeats: (() => void) | undefined

  constructor(options: ExecutionOptions) {
    this.#options = options
    // Whoever waits gets the rejection; without a waiter it is reported through `onFailed` all the same.
    this.#ready.promise.catch(() => {})
  }

  get slots(): readonly RunningSlot[] {
    return this.#slots
  }

  /** The slot that runs a task; -1 before `start`. */
  slotOf({ vertexId, subtask }: TaskId): number {
    const group = vertexOf(this.#options.plan, vertexId).slotSharingGroup
    return this.#slots.findIndex((slot) => slot.group === group && slot.subtask === subtask)
  }

  metricsOf(task: TaskId): TaskMetricsReader | undefined {
    return this.#metrics.get(taskKey(task))
  }

  /** Launches the slots, deploys the tasks and starts them when all are ready. Rejects when one fails before. */
  async start(start: ExecutionStart): Promise<void> {
    const places = this.#placeSlots()
    const { attempt, launcher, clock } = this.#options
    const doorbells = places.map(() => createDoorbell())
    const beats = places.map(() => new SharedArrayBuffer(8))
    const rings = this.#createChannels(places)
    for (const [index, place] of places.entries()) {
      const heartbeat = beats[index] as SharedArrayBuffer
      const slot: RunningSlot = {
        index,
        ...place,
        handle: launcher.launch(
          { slot: index, attempt, doorbell: doorbells[index] as SharedArrayBuffer, heartbeat },
          {
            onMessage: (message) => this.#onMessage(index, message),
            onLost: (error) => this.#onLost(index, error),
          },
        ),
        heartbeat: new Int32Array(heartbeat),
        lastBeat: 0,
        lastBeatAtMs: clock.monotonicMs(),
        isReady: false,
        restoredEventTimes: {},
        restored: NOTHING_RESTORED,
      }
      this.#slots.push(slot)
    }
    for (const slot of this.#slots) {
      const channels = rings.filter(({ fromSlot, toSlot }) => fromSlot === slot.index || toSlot === slot.index)
      slot.handle.post({ type: 'deploy', deployment: this.#deploymentOf(slot, start, channels, doorbells, beats) })
    }
    this.#watchHeartbeats()
    await this.#ready.promise
    const restoredEventTimes = latestByUid(this.#slots.map((slot) => slot.restoredEventTimes))
    for (const { handle } of this.#slots) handle.post({ type: 'start', restoredEventTimes })
  }

  /** Sends a checkpoint's barrier into the sources. */
  trigger(barrier: CheckpointBarrier): void {
    const { plan } = this.#options
    for (const slot of this.#slots) {
      const tasks = plan.vertices
        .filter((vertex) => vertex.isSource && runsIn(vertex, slot))
        .map((vertex) => idIn(vertex, slot))
      if (tasks.length > 0) slot.handle.post({ type: 'trigger', barrier, tasks })
    }
  }

  complete(checkpointId: CheckpointId): void {
    for (const { handle } of this.#slots) handle.post({ type: 'complete', checkpointId })
  }

  abort(checkpointId: CheckpointId): void {
    for (const { handle } of this.#slots) handle.post({ type: 'abort', checkpointId })
  }

  /** All sources end as if their input had. */
  drain(): void {
    for (const { handle } of this.#slots) handle.post({ type: 'drain' })
  }

  /** Ends one slot as a crash would. */
  async killSlot(index: number): Promise<void> {
    const slot = this.#slots[index]
    if (slot === undefined) return
    await slot.handle.terminate()
    this.#onLost(index, undefined)
  }

  /** Asks the slots to close in order, then ends them as `terminate` does; who does not answer in time is ended anyway. */
  async close(): Promise<boolean> {
    if (!this.#isEnding) {
      const closing = this.#slots.map((slot) => this.#closeSlot(slot))
      this.#isEnding = true
      await Promise.all(closing)
    }
    return await this.terminate(this.#options.terminationTimeoutMs)
  }

  /**
   * Ends all slots at once. Resolves to true when nothing of them runs any more, so that a next attempt never meets a
   * writer of this one; to false when a slot could not be ended in time: it hangs in a system call, and only the end of the
   * process helps.
   */
  async terminate(timeoutMs: number): Promise<boolean> {
    this.#isEnding = true
    this.#stopHeartbeats?.()
    this.#ready.reject(new MillraceError('JOB_CANCELED', 'The attempt was ended'))
    const timeout = Promise.withResolvers<false>()
    const cancel = this.#options.clock.schedule(timeoutMs, () => timeout.resolve(false))
    try {
      const terminated = Promise.all(this.#slots.map(({ handle }) => handle.terminate()))
      return await Promise.race([terminated.then(() => true), timeout.promise])
    } finally {
      cancel()
    }
  }

  #closeSlot(slot: RunningSlot): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(this.#options.terminationTimeoutMs, resolve)
      this.#closed.set(slot.index, () => {
        cancel()
        resolve()
      })
      slot.handle.post({ type: 'close' })
    })
  }

  #placeSlots(): { group: string; subtask: number }[] {
    const widest = new Map<string, number>()
    for (const { slotSharingGroup, parallelism } of this.#options.plan.vertices) {
      widest.set(slotSharingGroup, Math.max(parallelism, widest.get(slotSharingGroup) ?? 0))
    }
    return [...widest].flatMap(([group, count]) => Array.from({ length: count }, (_, subtask) => ({ group, subtask })))
  }

  #createChannels(places: readonly { group: string; subtask: number }[]): ChannelDeployment[] {
    const { plan, network, encodeAlways } = this.#options
    const slotOf = (vertex: PlanVertex, subtask: number): number =>
      places.findIndex((place) => place.group === vertex.slotSharingGroup && place.subtask === subtask)
    const isLocal = (edge: PlanEdge, from: number, to: number): boolean =>
      !encodeAlways && slotOf(vertexOf(plan, edge.from), from) === slotOf(vertexOf(plan, edge.to), to)
    const { ringBytes } = decideNetworkMemory(countRingChannels(plan, isLocal), network)
    return plan.edges.flatMap((edge) => {
      const from = vertexOf(plan, edge.from)
      const to = vertexOf(plan, edge.to)
      return subtaskPairs(edge, from, to).map(([fromSubtask, toSubtask]) => ({
        edgeId: edge.id,
        fromSubtask,
        toSubtask,
        fromSlot: slotOf(from, fromSubtask),
        toSlot: slotOf(to, toSubtask),
        ring: isLocal(edge, fromSubtask, toSubtask)
          ? undefined
          : (createRing({ capacityBytes: ringBytes }) as SharedArrayBuffer),
      }))
    })
  }

  #deploymentOf(
    slot: RunningSlot,
    start: ExecutionStart,
    channels: readonly ChannelDeployment[],
    doorbells: readonly SharedArrayBuffer[],
    beats: readonly SharedArrayBuffer[],
  ): SlotDeployment {
    const { attempt, plan, jobName, lineage, checkpointFolder, config, firstEpoch } = this.#options
    return {
      slot: slot.index,
      attempt,
      jobName,
      lineage,
      graphHash: plan.graphHash,
      config,
      checkpointFolder,
      firstEpoch,
      tasks: plan.vertices.filter((vertex) => runsIn(vertex, slot)).map((vertex) => this.#taskOf(vertex, slot, start)),
      channels,
      doorbells,
      heartbeat: beats[slot.index] as SharedArrayBuffer,
    }
  }

  #taskOf(vertex: PlanVertex, slot: RunningSlot, start: ExecutionStart): TaskDeployment {
    const id = idIn(vertex, slot)
    const metrics = createTaskMetrics()
    this.#metrics.set(taskKey(id), new TaskMetricsReader(metrics))
    const restore = start.vertices.get(vertex.id)?.[slot.subtask]
    const operators = restore?.operators ?? []
    const entries: Record<string, readonly PlainValue[]> = {}
    const keyGroups: Record<string, SubtaskRestore['operators'][number]['keyGroups']> = {}
    const inFlight = operators.flatMap((operator) => operator.inFlight)
    const tables: Record<string, SubtaskRestore['operators'][number]['tables']> = {}
    for (const operator of operators) {
      entries[operator.uid] = operator.entries
      tables[operator.uid] = operator.tables
      keyGroups[operator.uid] = operator.keyGroups
    }
    return {
      id,
      restore:
        start.checkpointId === undefined
          ? undefined
          : { checkpointId: start.checkpointId, folder: start.folder, keyGroups, tables, inFlight },
      entries,
      wasFinished: restore?.finished ?? false,
      metrics,
    }
  }

  #onMessage(index: number, message: FromSlot): void {
    const slot = this.#slots[index] as RunningSlot
    if (message.type === 'closed') this.#closed.get(index)?.()
    if (this.#isEnding && message.type !== 'report') return
    switch (message.type) {
      case 'ready':
        slot.isReady = true
        slot.restoredEventTimes = message.restoredEventTimes
        slot.restored = message.restored
        if (this.#slots.every(({ isReady }) => isReady)) this.#ready.resolve()
        break
      case 'failed': {
        const error = fromErrorData(message.error)
        this.#ready.reject(error)
        this.#options.events.onFailed(error, message.task, index)
        break
      }
      case 'exiting':
        this.#onLost(index, fromErrorData(message.error))
        break
      case 'counter':
        this.metricsOf(message.task)?.onCounter({ name: message.name, index: message.index })
        break
      case 'state-usage':
        this.metricsOf(message.task)?.onStateUsage(message.usage, message.store)
        break
      default:
        this.#options.events.onMessage(message)
    }
  }

  #onLost(index: number, cause: unknown): void {
    // Who waits for it to close waits no longer.
    this.#closed.get(index)?.()
    if (this.#isEnding) return
    const slot = this.#slots[index]
    const error = lostError(index, slot === undefined ? [] : this.#taskNamesIn(slot), cause)
    this.#ready.reject(error)
    this.#options.events.onFailed(error, undefined, index)
  }

  #watchHeartbeats(): void {
    const { clock, heartbeatTimeoutMs } = this.#options
    const periodMs = heartbeatTimeoutMs / 4
    let lastCheckMs = clock.monotonicMs()
    const check = (): void => {
      if (this.#isEnding) return
      const now = clock.monotonicMs()
      // A check that comes late (a stopped process, a suspended machine) says nothing about the slots.
      const wasLate = now - lastCheckMs > 2 * periodMs
      lastCheckMs = now
      for (const slot of this.#slots) {
        const beat = Atomics.load(slot.heartbeat, 0)
        if (beat !== slot.lastBeat || wasLate) {
          slot.lastBeat = beat
          slot.lastBeatAtMs = now
        } else if (now - slot.lastBeatAtMs > heartbeatTimeoutMs) {
          const error = this.#heartbeatError(slot)
          this.#ready.reject(error)
          this.#options.events.onFailed(error, undefined, slot.index)
          return
        }
      }
      this.#stopHeartbeats = clock.schedule(periodMs, check)
    }
    this.#stopHeartbeats = clock.schedule(periodMs, check)
  }

  #taskNamesIn(slot: RunningSlot): string[] {
    return this.#options.plan.vertices
      .filter((vertex) => runsIn(vertex, slot))
      .map(({ name, parallelism }) => `${name} (${slot.subtask + 1}/${parallelism})`)
  }

  #heartbeatError(slot: RunningSlot): MillraceError {
    const tasks = this.#taskNamesIn(slot)
    return new MillraceError(
      'SLOT_HEARTBEAT_TIMEOUT',
      `Slot ${slot.index} made no progress for ${this.#options.heartbeatTimeoutMs} ms; it runs ${tasks.join(', ')}`,
      {
        details: { slot: slot.index, timeoutMs: this.#options.heartbeatTimeoutMs },
        hint: 'A function of the job does not return, or works longer than heartbeat.timeout allows.',
      },
    )
  }
}

export function taskKey({ vertexId, subtask }: TaskId): string {
  return `${vertexId}/${subtask}`
}

/** The cause is kept: an uncaught error has the line of the user that threw it, and the restart strategy looks at it. */
function lostError(slot: number, tasks: readonly string[], cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause
  const isMemory = cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
  const reason = cause === undefined ? 'it ended' : cause instanceof Error ? cause.message : String(cause)
  const message = `Slot ${slot} was lost: ${reason}; it ran ${tasks.join(', ')}`
  return new MillraceError(isMemory ? 'SLOT_OUT_OF_MEMORY' : 'SLOT_LOST', message, {
    details: { slot },
    ...(cause === undefined ? {} : { cause }),
  })
}

function subtaskPairs(edge: PlanEdge, from: PlanVertex, to: PlanVertex): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = []
  for (let i = 0; i < from.parallelism; i++) {
    for (let j = 0; j < to.parallelism; j++) {
      if (edge.partitioning.kind !== 'forward' || i === j) pairs.push([i, j])
    }
  }
  return pairs
}

function runsIn(vertex: PlanVertex, slot: { readonly group: string; readonly subtask: number }): boolean {
  return vertex.slotSharingGroup === slot.group && slot.subtask < vertex.parallelism
}

function idIn(vertex: PlanVertex, slot: { readonly subtask: number }): TaskId {
  return { vertexId: vertex.id, subtask: slot.subtask }
}

function vertexOf(plan: PhysicalPlan, id: string): PlanVertex {
  const vertex = plan.vertices.find((candidate) => candidate.id === id)
  if (vertex === undefined) throw new MillraceError('INTERNAL', `The plan has an edge at a missing vertex ${id}`)
  return vertex
}
