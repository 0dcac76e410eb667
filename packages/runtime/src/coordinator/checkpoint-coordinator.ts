/**
 * The checkpoints of one job: carries out, in order, what `decideCheckpoint` says. It sends barriers into the running
 * attempt, keeps what tasks acknowledge, has the manifest stored, tells the tasks, and lets retention run. What a
 * completion or a failure means for the job is for its `events`.
 *
 * What it keeps: events and the actions that follow from them are worked off in order, also those that come while others
 * are; tasks are told of a completion only after the manifest is stored; retention never removes what a pending
 * checkpoint may build on; between attempts nothing is triggered, and `settled` says when nothing is being stored.
 */
import { MillraceError } from '@millrace/api'
import {
  assembleManifest,
  type CheckpointBarrier,
  type CheckpointId,
  type CheckpointManifest,
  type CheckpointRequest,
  type CheckpointStatistics,
  checkpointStatistics,
  createTrackerState,
  decideCheckpoint,
  nextDeadlineMs,
  type SnapshotKind,
  type SubtaskSnapshot,
  type TrackerAction,
  type TrackerEvent,
  type TrackerState,
} from '@millrace/core'
import type { FromSlot } from '../slot/protocol.ts'
import type { TaskId } from '../task/task-ports.ts'
import type { CheckpointKeeper } from './checkpoint-keeper.ts'
import type { CoordinatorOptions, RestoredCheckpoint } from './coordinator-ports.ts'
import { type Execution, taskKey } from './execution.ts'

export interface CheckpointCoordinatorEvents {
  /** It exists; the tasks do not know yet. */
  onCompleted(checkpointId: CheckpointId, completed: CompletedCheckpoint): void
  /** The tasks of the running attempt were told. */
  onAnnounced(isLast: boolean): void
  onRequestFailed(error: MillraceError): void
  /** The checkpoint that was asked for exists, its copy does not. */
  onSavepointFailed(error: unknown): void
  /** One failure more than is tolerated. */
  onTooManyFailures(error: MillraceError): void
  /** It is not known whether a checkpoint exists, so that neither it nor the one before may be gone on from. */
  onOutcomeUnknown(error: MillraceError): void
}

export interface CompletedCheckpoint {
  /** The attempt ends when its output is committed. */
  readonly isLast: boolean
  /** All input had ended before it. */
  readonly isFinal: boolean
}

/** A timer that comes later than this says that the process stood still; what has arrived meanwhile is heard first. */
const LATE_TIMER_MS = 1_000

export class CheckpointCoordinator {
  readonly #options: CoordinatorOptions
  readonly #keeper: CheckpointKeeper
  readonly #events: CheckpointCoordinatorEvents
  #tracker: TrackerState
  /** What has come while an event is worked off, after that one. */
  readonly #waiting: TrackerEvent[] = []
  /** The attempt that gets barriers; `undefined` between attempts. */
  #execution: Execution | undefined
  readonly #acknowledged = new Map<CheckpointId, Map<string, SubtaskSnapshot>>()
  /** The completed checkpoint that each pending one may build deltas on. */
  readonly #buildsOn = new Map<CheckpointId, CheckpointId>()
  #storing: Promise<void> = Promise.resolve()
  #cancelTimer: (() => void) | undefined
  /** The request whose checkpoint is exported, or `final` for that one, and where to. */
  #export: { readonly of: string | 'final'; readonly folder: string } | undefined
  #savepoint: string | undefined

  constructor(options: CoordinatorOptions, keeper: CheckpointKeeper, events: CheckpointCoordinatorEvents) {
    this.#options = options
    this.#keeper = keeper
    this.#events = events
    this.#tracker = createTrackerState(options.config.tracker, options.firstCheckpointId)
  }

  get statistics(): CheckpointStatistics {
    return checkpointStatistics(this.#tracker)
  }

  /** Of the next checkpoint. */
  get nextId(): CheckpointId {
    return this.#tracker.nextId
  }

  /** The folder of the savepoint that was asked for, once it is written. */
  get savepoint(): string | undefined {
    return this.#savepoint
  }

  /** Resolves when no manifest is being written. */
  get settled(): Promise<void> {
    return this.#storing
  }

  beginAttempt(execution: Execution): void {
    this.#acknowledged.clear()
    this.#buildsOn.clear()
    this.#execution = execution
  }

  onTasksRunning(tasks: readonly TaskId[]): void {
    this.#on({ kind: 'tasks-running', tasks })
  }

  onRestored({ manifest, file }: RestoredCheckpoint): void {
    const record = {
      id: manifest.checkpointId,
      restoredAtMs: this.#options.clock.now(),
      isSavepoint: manifest.kind === 'savepoint',
      externalPath: file,
    }
    this.#on({ kind: 'restored', record })
  }

  /** `savepointFolder`: what is taken is also written there, to stand by itself. */
  request(request: CheckpointRequest, savepointFolder?: string): void {
    if (savepointFolder !== undefined) this.#export = { of: request.requestId, folder: savepointFolder }
    this.#on({ kind: 'requested', request })
  }

  /** Writes the final checkpoint also as a savepoint: at once where it exists, or when it does. */
  exportFinal(folder: string): void {
    this.#export = { of: 'final', folder }
    const latest = this.#keeper.latest?.manifest
    const isPending = this.#tracker.pending.some(({ record }) => record.isFinal)
    if (latest?.isFinal === true && !isPending) {
      this.#storing = this.#storing
        .then(() => this.#exportTo(folder, latest))
        .then(() => this.#tellExported(latest.checkpointId))
    }
  }

  onSnapshot({ checkpointId, task, snapshot, stats }: FromSlot & { type: 'snapshot' }): void {
    const snapshots = this.#acknowledged.get(checkpointId)
    if (snapshots === undefined) return
    snapshots.set(taskKey(task), snapshot)
    this.#on({ kind: 'acknowledged', checkpointId, task, measures: stats })
  }

  onDeclined({ checkpointId, task, error }: FromSlot & { type: 'declined' }): void {
    const cause = error.code === 'CHECKPOINT_DECLINED' ? 'superseded' : 'failed'
    this.#on({ kind: 'declined', checkpointId, task, cause, message: error.message })
  }

  onAllEnded(): void {
    this.#on({ kind: 'all-ended' })
  }

  /** Gives up what is not being stored. */
  endAttempt(message: string): void {
    this.#execution = undefined
    this.#on({ kind: 'attempt-ended', message })
    this.#cancelTimer?.()
  }

  shutDown(): void {
    this.#on({ kind: 'shut-down', message: 'The job has ended.' })
    this.#cancelTimer?.()
  }

  #on(event: TrackerEvent): void {
    this.#waiting.push(event)
    if (this.#waiting.length > 1) return
    const { clock } = this.#options
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const time = { steadyMs: clock.monotonicMs(), epochMs: clock.now() }
      const { state, actions } = decideCheckpoint(this.#tracker, next, time)
      this.#tracker = state
      for (const action of actions) this.#apply(action)
      this.#waiting.shift()
    }
    this.#scheduleNext()
  }

  #scheduleNext(): void {
    const { clock } = this.#options
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const deadline = nextDeadlineMs(this.#tracker)
    if (deadline === undefined) return
    // Up to whole milliseconds, so that the deadline has passed when the timer comes.
    const delayMs = Math.ceil(Math.max(0, deadline - clock.monotonicMs()))
    this.#cancelTimer = clock.schedule(delayMs, () => {
      if (clock.monotonicMs() - deadline <= LATE_TIMER_MS) this.#on({ kind: 'time' })
      else this.#cancelTimer = clock.schedule(LATE_TIMER_MS, () => this.#on({ kind: 'time' }))
    })
  }

  #apply(action: TrackerAction): void {
    switch (action.kind) {
      case 'trigger':
        this.#trigger(action)
        break
      case 'store':
        this.#storing = this.#store(action.checkpointId, action.isFinal)
        break
      case 'complete':
        this.#onComplete(action.checkpointId, { isLast: action.isFinal || action.thenStop, isFinal: action.isFinal })
        break
      case 'abort':
        this.#acknowledged.delete(action.checkpointId)
        this.#buildsOn.delete(action.checkpointId)
        this.#keeper.onGivenUp(Math.min(this.#tracker.nextId, ...this.#tracker.pending.map(({ record }) => record.id)))
        this.#execution?.abort(action.checkpointId)
        this.#options.observer.onCheckpoint({ id: action.checkpointId, outcome: 'failed', reason: action.message })
        break
      case 'answer':
        if (action.outcome.kind === 'failed') {
          this.#events.onRequestFailed(new MillraceError(action.outcome.code, action.outcome.message))
        }
        break
      case 'fail-job':
        this.#events.onTooManyFailures(new MillraceError(action.code, action.message))
        break
    }
  }

  #trigger(action: TrackerAction & { kind: 'trigger' }): void {
    const lastCompletedId = this.#tracker.lastCompletedId ?? 0
    this.#acknowledged.set(action.checkpointId, new Map())
    this.#buildsOn.set(action.checkpointId, lastCompletedId)
    const barrier: CheckpointBarrier = {
      kind: 'barrier',
      checkpointId: action.checkpointId,
      triggeredAtMs: action.triggeredAtMs,
      lastCompletedId,
      snapshotKind: this.#barrierKind(action),
    }
    this.#execution?.trigger(barrier)
  }

  /** What becomes a savepoint may outlive everything that has no finished name, so that sinks have to close it. */
  #barrierKind({ checkpointId, snapshotKind }: TrackerAction & { kind: 'trigger' }): SnapshotKind {
    if (this.#exportFolderOf(checkpointId) !== undefined) return 'savepoint'
    return this.#options.config.isIncremental ? snapshotKind : 'full-checkpoint'
  }

  #exportFolderOf(checkpointId: CheckpointId): string | undefined {
    const pending = this.#tracker.pending.find(({ record }) => record.id === checkpointId)
    // A request that waits behind the final checkpoint is answered with it.
    const isMeant = pending?.record.isFinal === true || pending?.request?.requestId === this.#export?.of
    return isMeant ? this.#export?.folder : undefined
  }

  /** Never rejects: the tracker is told how it went. */
  async #store(checkpointId: CheckpointId, isFinal: boolean): Promise<void> {
    try {
      const path = this.#options.config.isCheckpointing ? await this.#write(checkpointId, isFinal) : ''
      this.#acknowledged.delete(checkpointId)
      this.#on({ kind: 'stored', checkpointId, externalPath: path })
      this.#tellExported(checkpointId)
    } catch (error) {
      this.#acknowledged.delete(checkpointId)
      if (error instanceof MillraceError && error.code === 'CHECKPOINT_FOLDER_UNUSABLE') {
        this.#events.onOutcomeUnknown(error)
      }
      const message = error instanceof Error ? error.message : String(error)
      this.#on({ kind: 'store-failed', checkpointId, message })
    }
  }

  async #write(checkpointId: CheckpointId, isFinal: boolean): Promise<string> {
    const { plan, clock, lineage } = this.#options
    const snapshots = this.#acknowledged.get(checkpointId)
    const pending = this.#tracker.pending.find(({ record }) => record.id === checkpointId)
    const facts = {
      lineage,
      checkpointId,
      kind: 'checkpoint' as const,
      triggeredAtMs: pending?.record.triggeredAtMs ?? clock.now(),
      completedAtMs: clock.now(),
      isFinal,
    }
    const manifest = assembleManifest(
      plan,
      facts,
      (vertexId, subtask) => snapshots?.get(taskKey({ vertexId, subtask })),
      pending?.record.vertices,
    )
    const path = await this.#keeper.store(manifest)
    // Asked only now: somebody may have wanted it meanwhile.
    const exportFolder = this.#exportFolderOf(checkpointId)
    if (exportFolder !== undefined) await this.#exportTo(exportFolder, manifest)
    return path
  }

  #tellExported(checkpointId: CheckpointId): void {
    if (this.#savepoint !== undefined) this.#on({ kind: 'exported', checkpointId, externalPath: this.#savepoint })
  }

  /** Never rejects: the checkpoint itself exists, whatever becomes of its copy. */
  async #exportTo(folder: string, manifest: CheckpointManifest): Promise<void> {
    try {
      this.#savepoint = await this.#keeper.exportSavepoint(manifest, folder)
    } catch (error) {
      this.#events.onSavepointFailed(error)
    }
  }

  #onComplete(checkpointId: CheckpointId, completed: CompletedCheckpoint): void {
    this.#buildsOn.delete(checkpointId)
    this.#options.observer.onCheckpoint({ id: checkpointId, outcome: 'completed', reason: undefined })
    this.#events.onCompleted(checkpointId, completed)
    // The attempt has ended meanwhile: the checkpoint is what the next one starts from, and it commits then.
    if (this.#execution === undefined) return
    this.#execution.complete(checkpointId)
    // Tasks may have learned of a completion between the trigger of a pending one and its barrier.
    const dropped = this.#keeper.retain(Math.min(...this.#buildsOn.values()))
    for (const id of dropped) this.#on({ kind: 'discarded', checkpointId: id })
    this.#events.onAnnounced(completed.isLast)
  }
}
