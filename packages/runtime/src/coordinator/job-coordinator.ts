/**
 * Runs one job to its end: attempts, checkpoints, restarts, stopping. It carries out what the pure deciders of `core`
 * say (`checkpoint-tracker`, `restart-strategy`, `retention`, `restore-assignment`) and never touches a record.
 *
 * What it keeps: a restore point is chosen only when no checkpoint is being stored any more; nothing is committed before
 * its checkpoint is stored; an attempt starts only when nothing of the one before runs.
 */
import { type ErrorData, MillraceError, toErrorData } from '@millrace/api'
import {
  assembleManifest,
  assignRestore,
  type CheckpointBarrier,
  type CheckpointId,
  type CheckpointStatistics,
  checkpointStatistics,
  createRestartState,
  createTrackerState,
  decideCheckpoint,
  decideRestart,
  nextDeadlineMs,
  onCheckpointCompleted,
  type RestartState,
  type SnapshotKind,
  type SubtaskSnapshot,
  type TrackerAction,
  type TrackerEvent,
  type TrackerState,
} from '@millrace/core'
import type { FromSlot } from '../slot/protocol.ts'
import type { TaskId } from '../task/task-ports.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import type { CoordinatorOptions, JobOutcome, JobReading, RestoredCheckpoint } from './coordinator-ports.ts'
import { Execution, type ExecutionStart, taskKey } from './execution.ts'
import { JobFacts } from './job-facts.ts'
import { SinkTargets } from './sink-targets.ts'
import { enumerateSplits } from './source-splits.ts'

type AttemptEnd =
  | { readonly kind: 'finished' }
  | { readonly kind: 'canceled' }
  | {
      readonly kind: 'failed'
      readonly error: unknown
      readonly task: TaskId | undefined
      readonly slot: number | undefined
    }

/** What the user asked for that ends the job before its input does. */
interface StopRequest {
  readonly requestId: string
  readonly savepointFolder: string | undefined
  /** The state that the job ends in. */
  readonly endState: 'FINISHED' | 'CANCELED'
}

export class JobCoordinator {
  readonly #options: CoordinatorOptions
  readonly #facts: JobFacts
  readonly #keeper: CheckpointKeeper
  readonly #targets: SinkTargets
  #tracker: TrackerState
  #restarts: RestartState
  #attempt = 0
  #execution: Execution | undefined
  #attemptEnd = Promise.withResolvers<AttemptEnd>()
  #isRunning = false
  readonly #acknowledged = new Map<CheckpointId, Map<string, SubtaskSnapshot>>()
  /** The completed checkpoint that each pending one may build deltas on. */
  readonly #buildsOn = new Map<CheckpointId, CheckpointId>()
  #storing: Promise<void> = Promise.resolve()
  /** Set when it is not known whether a checkpoint exists: then no attempt follows. */
  #unknownCheckpoint: (AttemptEnd & { readonly kind: 'failed' }) | undefined
  readonly #endedTasks = new Set<string>()
  /** Sinks commit `awaitedCommit`; when all have, `afterCommits` follows. */
  #awaitedCommit:
    | { readonly checkpointId: CheckpointId; readonly tasks: Set<string>; readonly then: AttemptEnd }
    | undefined
  #stop: StopRequest | undefined
  #isCanceled = false
  #wakeFromDelay: (() => void) | undefined
  #cancelTimer: (() => void) | undefined
  #completedCheckpoints = 0
  #savepoint: string | undefined
  /** Taken while the tasks of the last attempt still had metrics. */
  #lastReading: JobReading | undefined
  #hasCommitted = false
  readonly #collected = new Map<string, Map<string, readonly unknown[]>>()

  constructor(options: CoordinatorOptions) {
    const { clock, plan, config, storage, restored } = options
    this.#options = options
    this.#facts = new JobFacts(plan, clock.now(), (state, atMs) => options.observer.onState(state, atMs))
    this.#keeper = new CheckpointKeeper({
      storage,
      retainedMax: config.retainedMax,
      restored,
      existing: options.existing,
      firstCheckpointId: options.firstCheckpointId,
    })
    this.#targets = new SinkTargets(options, (channel, id, values) => this.#collect(channel, id, values))
    this.#tracker = createTrackerState(config.tracker, options.firstCheckpointId)
    this.#restarts = createRestartState(config.restartStrategy)
  }

  get facts(): JobFacts {
    return this.#facts
  }

  get statistics(): CheckpointStatistics {
    return checkpointStatistics(this.#tracker)
  }

  /** Runs the job. Never rejects: what went wrong is in the outcome. */
  async run(): Promise<JobOutcome> {
    if (this.#isCanceled) return this.#finish('CANCELED', undefined)
    for (;;) {
      const end = await this.#runAttempt()
      if (end.kind !== 'failed') return this.#finish(end.kind === 'finished' ? 'FINISHED' : 'CANCELED', undefined)
      const delayMs = this.#decideNext(this.#unknownCheckpoint ?? end)
      if (typeof delayMs !== 'number') {
        return this.#isCanceled ? this.#finish('CANCELED', undefined) : this.#finish('FAILED', delayMs)
      }
      this.#facts.enter('RESTARTING', this.#options.clock.now())
      await this.#delay(delayMs)
      if (this.#isCanceled) return this.#finish('CANCELED', undefined)
      this.#attempt++
    }
  }

  /** Ends without draining: a last checkpoint, its output committed. At once when no task runs. */
  stop(endState: 'FINISHED' | 'CANCELED' = 'CANCELED', savepointFolder?: string): void {
    if (this.#stop !== undefined || this.#isCanceled) return
    if (!this.#isRunning || !this.#options.config.isCheckpointing) {
      this.cancel()
      return
    }
    this.#stop = { requestId: 'stop', savepointFolder, endState }
    if (endState === 'CANCELED') this.#facts.enter('CANCELLING', this.#options.clock.now())
    const snapshotKind = savepointFolder === undefined ? 'checkpoint' : 'full-checkpoint'
    this.#onTracker({ kind: 'requested', request: { requestId: 'stop', snapshotKind, thenStop: true } })
  }

  /** Ends at once. What was prepared and not committed waits for a resume. */
  cancel(): void {
    if (this.#isCanceled) return
    this.#isCanceled = true
    this.#facts.enter('CANCELLING', this.#options.clock.now())
    this.#wakeFromDelay?.()
    this.#attemptEnd.resolve({ kind: 'canceled' })
  }

  /** Ends a slot as a crash would: for demonstrations and tests. */
  async killSlot(index: number): Promise<void> {
    await this.#execution?.killSlot(index)
  }

  reading(): JobReading {
    const { clock, plan } = this.#options
    return {
      atMs: clock.now(),
      startedAtMs: this.#facts.startedAtMs,
      state: this.#facts.state,
      attempt: this.#attempt,
      slots: this.#execution?.slots.length ?? 0,
      statistics: this.statistics,
      tasks: plan.vertices.flatMap((vertex) =>
        Array.from({ length: vertex.parallelism }, (_, subtask) => {
          const id = { vertexId: vertex.id, subtask }
          return { id, isEnded: this.#endedTasks.has(taskKey(id)), metrics: this.#execution?.metricsOf(id)?.snapshot() }
        }),
      ),
    }
  }

  async #runAttempt(): Promise<AttemptEnd> {
    this.#attemptEnd = Promise.withResolvers<AttemptEnd>()
    this.#endedTasks.clear()
    this.#acknowledged.clear()
    this.#awaitedCommit = undefined
    this.#facts.beginAttempt(this.#attempt, this.#options.clock.now())
    this.#facts.enter('INITIALIZING', this.#options.clock.now())
    this.#startAttempt().catch((error: unknown) => this.#failAttempt(error, undefined, undefined))
    const end = await this.#attemptEnd.promise
    await this.#endAttempt(end)
    return this.#isCanceled && end.kind === 'failed' ? { kind: 'canceled' } : end
  }

  async #startAttempt(): Promise<void> {
    const { plan, config, clock } = this.#options
    const restored = this.#keeper.latest
    const start = restored === undefined ? await this.#freshStart() : this.#restoreStart(restored)
    await this.#targets.prepare(restored?.manifest, this.#attempt === 0)
    if (restored !== undefined) {
      // Before any writer is opened: a writer may end transactions that it finds open under its name.
      await this.#targets.commit(restored.manifest)
      if (restored.manifest.isFinal) return this.#attemptEnd.resolve({ kind: 'finished' })
    }
    if (this.#isCanceled) return
    const execution = new Execution({
      attempt: this.#attempt,
      plan,
      jobName: plan.jobName,
      lineage: this.#options.lineage,
      checkpointFolder: this.#options.checkpointFolder,
      config: config.given,
      firstEpoch: this.#tracker.nextId,
      network: config.network,
      encodeAlways: config.encodeAlways,
      heartbeatTimeoutMs: config.heartbeatTimeoutMs,
      terminationTimeoutMs: config.terminationTimeoutMs,
      clock,
      launcher: this.#options.launcher,
      events: {
        onMessage: (message) => {
          if (execution === this.#execution) this.#onMessage(message)
        },
        onFailed: (error, task, slot) => {
          if (execution === this.#execution) this.#failAttempt(error, task, slot)
        },
      },
    })
    this.#execution = execution
    await execution.start(start)
    if (execution !== this.#execution) return
    this.#isRunning = true
    this.#facts.enter('RUNNING', clock.now())
    if (restored !== undefined) this.#reportRestored(restored)
    if (this.#attempt > 0) this.#tellRestart(restored)
    this.#onTracker({ kind: 'tasks-running', tasks: this.#allTasks() })
  }

  async #freshStart(): Promise<ExecutionStart> {
    const splits = await enumerateSplits(this.#options)
    return { checkpointId: undefined, folder: undefined, vertices: splits }
  }

  #restoreStart({ manifest, file, folder }: RestoredCheckpoint): ExecutionStart {
    const { plan, allowNonRestoredState } = this.#options
    const assignment = assignRestore(manifest, plan, { allowNonRestoredState, file })
    if (assignment.report.dropped.length > 0) {
      this.#options.observer.onMessage('warning', `State left behind: ${assignment.report.dropped.join(', ')}`)
    }
    return { checkpointId: manifest.checkpointId, folder, vertices: assignment.vertices }
  }

  #reportRestored({ manifest, file }: RestoredCheckpoint): void {
    const record = {
      id: manifest.checkpointId,
      restoredAtMs: this.#options.clock.now(),
      isSavepoint: manifest.kind === 'savepoint',
      externalPath: file,
    }
    this.#onTracker({ kind: 'restored', record })
  }

  #tellRestart(restored: RestoredCheckpoint | undefined): void {
    const from = restored === undefined ? 'the beginning' : `checkpoint ${restored.manifest.checkpointId}`
    this.#options.observer.onMessage('info', `Attempt ${this.#attempt + 1} goes on from ${from}.`)
  }

  /** Ends what runs of an attempt and settles what is being stored, in this order. */
  async #endAttempt(end: AttemptEnd): Promise<void> {
    const { clock } = this.#options
    const execution = this.#execution
    this.#lastReading = this.reading()
    this.#isRunning = false
    this.#execution = undefined
    this.#cancelTimer?.()
    if (end.kind === 'failed') {
      this.#facts.enter('FAILING', clock.now())
      this.#facts.onException({
        atMs: clock.now(),
        attempt: this.#attempt,
        task: end.task,
        error: toErrorData(end.error),
      })
    }
    this.#onTracker({
      kind: 'attempt-ended',
      message: end.kind === 'failed' ? 'The attempt failed.' : 'The job ended.',
    })
    this.#cancelTimer?.()
    if (execution !== undefined) {
      if (end.kind === 'failed') await execution.terminate()
      else await execution.close()
    }
    this.#facts.endTasks(end.kind === 'failed' ? 'FAILED' : 'CANCELED', clock.now())
    await this.#storing
  }

  /** The delay before the next attempt, or the error that the job ends with. */
  #decideNext(end: AttemptEnd & { kind: 'failed' }): number | ErrorData {
    const { clock, random, observer, findUserFrame, config } = this.#options
    const error = toErrorData(end.error)
    const report = (restartInMs: number | undefined): void =>
      observer.onFailure({ atMs: clock.now(), error, task: end.task, slot: end.slot, restartInMs })
    if (this.#isCanceled) return error
    if (this.#stop !== undefined) {
      report(undefined)
      return error
    }
    if (!config.isCheckpointing && this.#hasCommitted) {
      report(undefined)
      const message = `The job failed while its sinks committed, and without checkpoints it cannot go on from there: ${error.message}`
      return toErrorData(
        new MillraceError('SINK_COMMIT_FAILED', message, {
          cause: end.error,
          hint: 'Turn checkpoints on (execution.checkpointing.interval).',
        }),
      )
    }
    const topUserFrame = findUserFrame(error)
    const decision = decideRestart(this.#restarts, { error, topUserFrame }, clock.now(), () => random.fraction())
    this.#restarts = decision.state
    if (decision.kind === 'restart') {
      report(decision.delayMs)
      return decision.delayMs
    }
    report(undefined)
    return decision.code === error.code
      ? error
      : toErrorData(new MillraceError(decision.code, decision.message, { cause: end.error }))
  }

  async #finish(state: 'FINISHED' | 'FAILED' | 'CANCELED', error: ErrorData | undefined): Promise<JobOutcome> {
    this.#onTracker({ kind: 'shut-down', message: 'The job has ended.' })
    this.#cancelTimer?.()
    const { stopAfter } = this.#options
    if (state === 'FINISHED' && stopAfter !== undefined && this.#savepoint === undefined) {
      this.#options.observer.onMessage(
        'warning',
        `The input ended before ${stopAfter.checkpoints} checkpoints were complete, so no savepoint was taken`,
      )
    }
    const final = this.#lastReading ?? this.reading()
    await this.#keeper.close(state, this.#options.config.retention)
    this.#facts.enter(state, this.#options.clock.now())
    return {
      state,
      error,
      savepoint: this.#savepoint,
      collected: Object.fromEntries([...this.#collected].map(([name, parts]) => [name, [...parts.values()].flat()])),
      reading: { ...final, statistics: this.statistics, state },
    }
  }

  #onMessage(message: FromSlot): void {
    switch (message.type) {
      case 'task-state':
        this.#facts.onTaskState(message.task, message.state, message.atMs)
        break
      case 'snapshot': {
        const snapshots = this.#acknowledged.get(message.checkpointId)
        if (snapshots === undefined) return
        snapshots.set(taskKey(message.task), message.snapshot)
        const { stats } = message
        const measures = { ...stats, processedBytes: 0, persistedBytes: 0 }
        this.#onTracker({ kind: 'acknowledged', checkpointId: message.checkpointId, task: message.task, measures })
        break
      }
      case 'declined': {
        const { checkpointId, task, error } = message
        const cause = error.code === 'CHECKPOINT_DECLINED' ? 'superseded' : 'failed'
        this.#onTracker({ kind: 'declined', checkpointId, task, cause, message: error.message })
        break
      }
      case 'committed':
        this.#onCommitted(message.task, message.checkpointId)
        break
      case 'ended':
        this.#endedTasks.add(taskKey(message.task))
        if (this.#endedTasks.size === this.#allTasks().length) this.#onAllEnded()
        break
      case 'report':
        this.#options.observer.onMessage('info', message.message)
        break
      case 'printed':
        this.#options.observer.onPrinted(message.line)
        break
      case 'collected':
        this.#collect(message.channel, message.id, message.values)
        break
      case 'ready':
      case 'failed':
      case 'counter':
      case 'closed':
        break
    }
  }

  /** A delivery that comes again after a recovery changes nothing. */
  #collect(channel: string, id: string, values: readonly unknown[]): void {
    const parts = this.#collected.get(channel) ?? new Map<string, readonly unknown[]>()
    parts.set(id, values)
    this.#collected.set(channel, parts)
  }

  #onAllEnded(): void {
    if (this.#options.config.isCheckpointing) {
      this.#onTracker({ kind: 'all-ended' })
      return
    }
    // Without checkpoints the sinks still prepare and commit once, with nothing stored in between.
    this.#onTracker({ kind: 'requested', request: { requestId: 'end', snapshotKind: 'checkpoint', thenStop: true } })
  }

  #onTracker(event: TrackerEvent): void {
    const { state, actions } = decideCheckpoint(this.#tracker, event, this.#options.clock.now())
    this.#tracker = state
    for (const action of actions) this.#apply(action)
    this.#scheduleTracker()
  }

  #scheduleTracker(): void {
    const { clock } = this.#options
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const deadline = nextDeadlineMs(this.#tracker)
    if (deadline === undefined) return
    this.#cancelTimer = clock.schedule(Math.max(0, deadline - clock.now()), () => this.#onTracker({ kind: 'time' }))
  }

  #apply(action: TrackerAction): void {
    switch (action.kind) {
      case 'trigger': {
        this.#acknowledged.set(action.checkpointId, new Map())
        this.#buildsOn.set(action.checkpointId, this.#tracker.lastCompletedId ?? 0)
        const barrier: CheckpointBarrier = {
          kind: 'barrier',
          checkpointId: action.checkpointId,
          triggeredAtMs: action.triggeredAtMs,
          lastCompletedId: this.#tracker.lastCompletedId ?? 0,
          snapshotKind: this.#barrierKind(action),
        }
        this.#execution?.trigger(barrier)
        break
      }
      case 'store':
        this.#storing = this.#store(action.checkpointId, action.isFinal)
        break
      case 'complete':
        this.#onComplete(action.checkpointId, action.isFinal || action.thenStop)
        break
      case 'abort': {
        this.#acknowledged.delete(action.checkpointId)
        this.#buildsOn.delete(action.checkpointId)
        this.#keeper.onGivenUp()
        this.#execution?.abort(action.checkpointId)
        this.#options.observer.onCheckpoint({ id: action.checkpointId, outcome: 'failed', reason: action.message })
        break
      }
      case 'answer':
        if (action.outcome.kind === 'failed') this.#onStopFailed(action.outcome.code, action.outcome.message)
        break
      case 'fail-job':
        this.#failAttempt(new MillraceError(action.code, action.message), undefined, undefined)
        break
    }
  }

  /** What becomes a savepoint may outlive everything that has no finished name, so that sinks have to close it. */
  #barrierKind({ checkpointId, snapshotKind }: TrackerAction & { kind: 'trigger' }): SnapshotKind {
    const pending = this.#tracker.pending.find(({ record }) => record.id === checkpointId)
    const stop = this.#stop
    if (stop?.savepointFolder !== undefined && pending?.request?.requestId === stop.requestId) return 'savepoint'
    return this.#options.config.isIncremental ? snapshotKind : 'full-checkpoint'
  }

  /** Never rejects: the tracker is told how it went. */
  async #store(checkpointId: CheckpointId, isFinal: boolean): Promise<void> {
    const { plan, clock, lineage, config } = this.#options
    try {
      let path = ''
      if (config.isCheckpointing) {
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
        const manifest = assembleManifest(plan, facts, (vertexId, subtask) =>
          snapshots?.get(taskKey({ vertexId, subtask })),
        )
        path = await this.#keeper.store(manifest)
        if (this.#stop?.savepointFolder !== undefined && pending?.request?.requestId === this.#stop.requestId) {
          this.#savepoint = await this.#keeper.exportSavepoint(manifest, this.#stop.savepointFolder)
        }
      }
      this.#acknowledged.delete(checkpointId)
      this.#onTracker({ kind: 'stored', checkpointId, externalPath: path })
    } catch (error) {
      this.#acknowledged.delete(checkpointId)
      // Whether the checkpoint exists is not known, so neither it nor the one before may be gone on from.
      if (error instanceof MillraceError && error.code === 'CHECKPOINT_FOLDER_UNUSABLE') {
        // Also when the attempt has ended already, of something that another attempt could follow.
        this.#unknownCheckpoint = { kind: 'failed', error, task: undefined, slot: undefined }
        this.#attemptEnd.resolve(this.#unknownCheckpoint)
      }
      this.#onTracker({
        kind: 'store-failed',
        checkpointId,
        message: error instanceof Error ? error.message : String(error),
      })
    }
  }

  #onComplete(checkpointId: CheckpointId, isLast: boolean): void {
    this.#completedCheckpoints++
    this.#restarts = onCheckpointCompleted(this.#restarts)
    this.#options.observer.onCheckpoint({ id: checkpointId, outcome: 'completed', reason: undefined })
    const execution = this.#execution
    // The attempt has ended meanwhile: the checkpoint is what the next one starts from, and it commits then.
    if (execution === undefined) return
    if (isLast) this.#awaitCommits(checkpointId)
    this.#hasCommitted = true
    execution.complete(checkpointId)
    this.#buildsOn.delete(checkpointId)
    // Tasks may have learned of a completion between the trigger of a pending one and its barrier.
    this.#keeper.retain(Math.min(...this.#buildsOn.values()))
    const { stopAfter } = this.#options
    if (!isLast && stopAfter !== undefined && this.#completedCheckpoints >= stopAfter.checkpoints) {
      this.stop('FINISHED', stopAfter.savepointFolder)
    }
  }

  #awaitCommits(checkpointId: CheckpointId): void {
    const then: AttemptEnd =
      this.#stop === undefined || this.#stop.endState === 'FINISHED' ? { kind: 'finished' } : { kind: 'canceled' }
    const sinks = this.#options.plan.vertices.filter(({ steps }) => steps.at(-1)?.kind === 'sink')
    const tasks = new Set(
      sinks.flatMap(({ id, parallelism }) =>
        Array.from({ length: parallelism }, (_, subtask) => taskKey({ vertexId: id, subtask })),
      ),
    )
    this.#awaitedCommit = { checkpointId, tasks, then }
    if (tasks.size === 0) this.#attemptEnd.resolve(then)
  }

  #onCommitted(task: TaskId, checkpointId: CheckpointId): void {
    const awaited = this.#awaitedCommit
    if (awaited === undefined || checkpointId < awaited.checkpointId) return
    awaited.tasks.delete(taskKey(task))
    if (awaited.tasks.size === 0) this.#attemptEnd.resolve(awaited.then)
  }

  /** The checkpoint to stop with failed: a cancelled job ends all the same, a stop with savepoint does not happen. */
  #onStopFailed(code: MillraceError['code'], message: string): void {
    const stop = this.#stop
    if (stop === undefined || !this.#isRunning) {
      if (this.#isRunning) this.#failAttempt(new MillraceError(code, message), undefined, undefined)
      return
    }
    if (stop.endState === 'CANCELED') {
      this.#options.observer.onMessage(
        'warning',
        `The last checkpoint failed, so output since the one before is not committed: ${message}`,
      )
      this.cancel()
    } else this.#failAttempt(new MillraceError(code, `The savepoint failed: ${message}`), undefined, undefined)
  }

  #failAttempt(error: unknown, task: TaskId | undefined, slot: number | undefined): void {
    this.#attemptEnd.resolve({ kind: 'failed', error, task, slot })
  }

  #allTasks(): TaskId[] {
    return this.#options.plan.vertices.flatMap(({ id, parallelism }) =>
      Array.from({ length: parallelism }, (_, subtask) => ({ vertexId: id, subtask })),
    )
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(ms, resolve)
      this.#wakeFromDelay = () => {
        cancel()
        resolve()
      }
    })
  }
}
