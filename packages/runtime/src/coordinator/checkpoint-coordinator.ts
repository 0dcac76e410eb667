/**
 * The checkpoints of one job: carries out, in order, what `decideCheckpoint` says. It sends barriers into the running
 * attempt, keeps what tasks acknowledge, has the manifest stored, tells the tasks, and lets retention run. What a
 * completion or a failure means for the job is for its `events`.
 *
 * What is asked for is answered exactly once, whatever happens to the attempt. A savepoint is copied while its checkpoint is
 * being stored, before retention may remove a segment that it names; of the final checkpoint, which nothing follows, at any
 * time.
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
  type CheckpointStatistics,
  checkpointStatistics,
  createTrackerState,
  decideCheckpoint,
  nextDeadlineMs,
  type RequestOutcome,
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
import type { SnapshotAnswer, SnapshotRequest } from './snapshot-request.ts'

export interface CheckpointCoordinatorEvents {
  /** It exists; the tasks do not know yet. */
  onCompleted(checkpointId: CheckpointId, completed: CompletedCheckpoint): void
  /** The tasks of the running attempt were told. */
  onAnnounced(isLast: boolean): void
  /** One failure more than is tolerated. */
  onTooManyFailures(error: MillraceError): void
  /** Something that a decision led to threw, an observer or this engine: no checkpoint may be missed for it in silence. */
  onFault(error: unknown): void
  /** It is not known whether a checkpoint exists, so that neither it nor the one before may be gone on from. */
  onOutcomeUnknown(error: MillraceError): void
}

export interface CompletedCheckpoint {
  /** The attempt ends when its output is committed. */
  readonly isLast: boolean
  /** All input had ended before it. */
  readonly isFinal: boolean
}

/** What became of a savepoint whose checkpoint exists. */
interface Copy {
  readonly answer: SnapshotAnswer
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
  /** Asked for and not answered yet, by the id that the tracker knows. */
  readonly #requests = new Map<string, SnapshotRequest>()
  /** What became of the copy of a checkpoint that is being stored, by request. */
  readonly #copies = new Map<string, Copy>()
  #requestCount = 0

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

  /** Resolves when no manifest and no savepoint is being written. */
  get settled(): Promise<void> {
    const storing = this.#storing
    // What was stored may have been asked for: then it is copied next.
    return storing.then(() => (storing === this.#storing ? undefined : this.settled))
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

  request(request: SnapshotRequest): void {
    const final = this.#finalCheckpoint
    if (final !== undefined) {
      // The tasks have nothing to add to it, and may be closing.
      this.#answerWith(request, final, final.path)
      return
    }
    const requestId = `request-${++this.#requestCount}`
    this.#requests.set(requestId, request)
    const { snapshotKind, thenStop, drain } = request
    this.#on({ kind: 'requested', request: { requestId, snapshotKind, thenStop, drain } })
  }

  /** The final checkpoint of this run, once it exists. */
  get #finalCheckpoint(): { readonly manifest: CheckpointManifest; readonly path: string } | undefined {
    const { latest } = this.#keeper
    if (this.#tracker.final !== 'done' || latest?.manifest.isFinal !== true) return undefined
    return { manifest: latest.manifest, path: latest.file.slice(0, latest.file.lastIndexOf('/')) }
  }

  onSnapshot({ checkpointId, task, snapshot, stats }: FromSlot & { type: 'snapshot' }): void {
    const snapshots = this.#acknowledged.get(checkpointId)
    if (snapshots === undefined) return
    snapshots.set(taskKey(task), snapshot)
    this.#on({ kind: 'acknowledged', checkpointId, task, measures: stats })
  }

  onDeclined({ checkpointId, task, error }: FromSlot & { type: 'declined' }): void {
    const cause = error.code === 'CHECKPOINT_DECLINED' ? 'passed-over' : 'failed'
    const vertex = this.#options.plan.vertices.find(({ id }) => id === task.vertexId)
    const name = `"${vertex?.name}" (${task.subtask + 1}/${vertex?.parallelism})`
    this.#on({ kind: 'declined', checkpointId, task, cause, message: `${name}: ${error.message}` })
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
      for (const action of actions) {
        try {
          this.#apply(action)
        } catch (error) {
          this.#events.onFault(error)
        }
      }
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
        this.#answer(action.requestId, action.outcome)
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

  #barrierKind({ snapshotKind }: TrackerAction & { kind: 'trigger' }): SnapshotKind {
    return snapshotKind === 'checkpoint' && !this.#options.config.isIncremental ? 'full-checkpoint' : snapshotKind
  }

  #answer(requestId: string, outcome: RequestOutcome): void {
    const request = this.#requests.get(requestId)
    if (request === undefined) return
    this.#requests.delete(requestId)
    if (outcome.kind === 'failed') {
      request.onAnswer({ kind: 'failed', error: new MillraceError(outcome.code, outcome.message) })
      return
    }
    const { checkpointId, externalPath } = outcome
    const copy = this.#copies.get(requestId)
    this.#copies.delete(requestId)
    if (copy !== undefined) request.onAnswer(copy.answer)
    else if (request.savepointFolder === undefined) {
      request.onAnswer({ kind: 'completed', snapshot: { checkpointId, externalPath } })
    } else {
      const manifest = this.#keeper.latest?.manifest
      if (manifest?.checkpointId !== checkpointId) {
        throw new MillraceError('INTERNAL', `Checkpoint ${checkpointId} was to be copied and is not the newest`)
      }
      this.#answerWith(request, { manifest }, externalPath)
    }
  }

  /** Nothing is stored after a final checkpoint, so that it can be copied at any time. */
  #answerWith(request: SnapshotRequest, { manifest }: { manifest: CheckpointManifest }, externalPath: string): void {
    const { checkpointId } = manifest
    if (request.savepointFolder === undefined) {
      request.onAnswer({ kind: 'completed', snapshot: { checkpointId, externalPath } })
      return
    }
    const folder = request.savepointFolder
    this.#storing = this.#storing.then(async () => {
      const copy = await this.#copy(manifest, folder)
      this.#tellCopied(copy)
      request.onAnswer(copy.answer)
    })
  }

  /** Never rejects: the tracker is told how it went. */
  async #store(checkpointId: CheckpointId, isFinal: boolean): Promise<void> {
    const pending = this.#tracker.pending.find(({ record }) => record.id === checkpointId)
    const requestId = pending?.request?.requestId
    try {
      const path = this.#options.config.isCheckpointing ? await this.#write(checkpointId, isFinal) : ''
      this.#acknowledged.delete(checkpointId)
      const copy = requestId === undefined ? undefined : this.#copies.get(requestId)
      this.#on({ kind: 'stored', checkpointId, externalPath: path })
      if (copy !== undefined) this.#tellCopied(copy)
    } catch (error) {
      this.#acknowledged.delete(checkpointId)
      if (error instanceof MillraceError && error.code === 'CHECKPOINT_FOLDER_UNUSABLE') {
        this.#events.onOutcomeUnknown(error)
      }
      this.#on({ kind: 'store-failed', checkpointId, message: whyNotStored(checkpointId, error) })
    }
  }

  async #write(checkpointId: CheckpointId, isFinal: boolean): Promise<string> {
    const { plan, clock, lineage, futures } = this.#options
    const snapshots = this.#acknowledged.get(checkpointId)
    const pending = this.#tracker.pending.find(({ record }) => record.id === checkpointId)
    const facts = {
      lineage,
      futures,
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
    const requestId = pending?.request?.requestId
    const folder = requestId === undefined ? undefined : this.#requests.get(requestId)?.savepointFolder
    if (requestId !== undefined && folder !== undefined) {
      this.#copies.set(requestId, await this.#copy(manifest, folder))
    }
    return path
  }

  #tellCopied({ answer }: Copy): void {
    if (answer.kind === 'completed') this.#on({ kind: 'exported', ...answer.snapshot })
  }

  /** Never rejects: the checkpoint itself exists, whatever becomes of its copy. */
  async #copy(manifest: CheckpointManifest, folder: string): Promise<Copy> {
    const { checkpointId } = manifest
    try {
      const externalPath = await this.#keeper.exportSavepoint(manifest, folder)
      return { answer: { kind: 'completed', snapshot: { checkpointId, externalPath } } }
    } catch (cause) {
      const message = `The savepoint in ${folder} could not be written`
      const error = cause instanceof MillraceError ? cause : new MillraceError('SAVEPOINT_FAILED', message, { cause })
      return { answer: { kind: 'not-copied', error } }
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

/** Storage says what it could not store; what else may go wrong does not. */
function whyNotStored(checkpointId: CheckpointId, error: unknown): string {
  if (error instanceof MillraceError && error.code !== 'INTERNAL') return error.message
  return `Checkpoint ${checkpointId} could not be stored: ${error instanceof Error ? error.message : String(error)}`
}
