/**
 * Runs one job to its end: attempts, restarts, stopping. It carries out what the pure deciders of `core` say
 * (`restart-strategy`, `restore-assignment`) and never touches a record. Checkpoints are the `CheckpointCoordinator`'s.
 *
 * What it keeps: a restore point is chosen only when no checkpoint is being stored any more; nothing is committed before
 * its checkpoint is stored; an attempt starts only when nothing of the one before runs.
 */
import { type ErrorData, MillraceError, toErrorData } from '@millrace/api'
import {
  assignRestore,
  type CheckpointId,
  type CheckpointStatistics,
  createRestartState,
  decideRestart,
  onCheckpointCompleted,
  type RestartState,
} from '@millrace/core'
import type { FromSlot } from '../slot/protocol.ts'
import type { TaskId } from '../task/task-ports.ts'
import { CheckpointCoordinator } from './checkpoint-coordinator.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import { CollectedOutput } from './collected-output.ts'
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
  readonly savepointFolder: string | undefined
  /** The state that the job ends in. */
  readonly endState: 'FINISHED' | 'CANCELED'
}

export class JobCoordinator {
  readonly #options: CoordinatorOptions
  readonly #facts: JobFacts
  readonly #keeper: CheckpointKeeper
  readonly #targets: SinkTargets
  readonly #checkpoints: CheckpointCoordinator
  readonly #collected = new CollectedOutput()
  #restarts: RestartState
  #attempt = 0
  #execution: Execution | undefined
  #attemptEnd = Promise.withResolvers<AttemptEnd>()
  #isRunning = false
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
  #completedCheckpoints = 0
  /** Taken while the tasks of the last attempt still had metrics. */
  #lastReading: JobReading | undefined
  #hasCommitted = false

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
    this.#targets = new SinkTargets(options, (channel, id, values) => this.#collected.add(channel, id, values))
    this.#checkpoints = new CheckpointCoordinator(options, this.#keeper, {
      onCompleted: (checkpointId, isLast) => this.#onCheckpointCompleted(checkpointId, isLast),
      onAnnounced: (isLast) => this.#stopWhenEnough(isLast),
      onRequestFailed: (error) => this.#onStopFailed(error),
      onTooManyFailures: (error) => this.#failAttempt(error, undefined, undefined),
      onOutcomeUnknown: (error) => this.#onOutcomeUnknown(error),
    })
    this.#restarts = createRestartState(config.restartStrategy)
  }

  get facts(): JobFacts {
    return this.#facts
  }

  get statistics(): CheckpointStatistics {
    return this.#checkpoints.statistics
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
    this.#stop = { savepointFolder, endState }
    if (endState === 'CANCELED') this.#facts.enter('CANCELLING', this.#options.clock.now())
    const snapshotKind = savepointFolder === undefined ? 'checkpoint' : 'full-checkpoint'
    this.#checkpoints.request({ requestId: 'stop', snapshotKind, thenStop: true }, savepointFolder)
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
      firstEpoch: this.#checkpoints.nextId,
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
    this.#checkpoints.beginAttempt(execution)
    await execution.start(start)
    if (execution !== this.#execution) return
    this.#isRunning = true
    this.#facts.enter('RUNNING', clock.now())
    if (restored !== undefined) this.#checkpoints.onRestored(restored)
    if (this.#attempt > 0) this.#tellRestart(restored)
    this.#checkpoints.onTasksRunning(this.#allTasks())
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
    if (end.kind === 'failed') {
      this.#facts.enter('FAILING', clock.now())
      this.#facts.onException({
        atMs: clock.now(),
        attempt: this.#attempt,
        task: end.task,
        error: toErrorData(end.error),
      })
    }
    this.#checkpoints.endAttempt(end.kind === 'failed' ? 'The attempt failed.' : 'The job ended.')
    if (execution !== undefined) {
      if (end.kind === 'failed') await execution.terminate()
      else await execution.close()
    }
    this.#facts.endTasks(end.kind === 'failed' ? 'FAILED' : 'CANCELED', clock.now())
    await this.#checkpoints.settled
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
    this.#checkpoints.shutDown()
    const { savepoint, statistics } = this.#checkpoints
    const { stopAfter } = this.#options
    if (state === 'FINISHED' && stopAfter !== undefined && savepoint === undefined) {
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
      savepoint,
      collected: this.#collected.byName(),
      reading: { ...final, statistics, state },
    }
  }

  #onMessage(message: FromSlot): void {
    switch (message.type) {
      case 'task-state':
        this.#facts.onTaskState(message.task, message.state, message.atMs)
        break
      case 'snapshot':
        this.#checkpoints.onSnapshot(message)
        break
      case 'declined':
        this.#checkpoints.onDeclined(message)
        break
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
        this.#collected.add(message.channel, message.id, message.values)
        break
      case 'ready':
      case 'failed':
      case 'counter':
      case 'closed':
        break
    }
  }

  #onAllEnded(): void {
    if (this.#options.config.isCheckpointing) {
      this.#checkpoints.onAllEnded()
      return
    }
    // Without checkpoints the sinks still prepare and commit once, with nothing stored in between.
    this.#checkpoints.request({ requestId: 'end', snapshotKind: 'checkpoint', thenStop: true })
  }

  #onCheckpointCompleted(checkpointId: CheckpointId, isLast: boolean): void {
    this.#completedCheckpoints++
    this.#restarts = onCheckpointCompleted(this.#restarts)
    if (this.#execution === undefined) return
    if (isLast) this.#awaitCommits(checkpointId)
    this.#hasCommitted = true
  }

  #stopWhenEnough(isLast: boolean): void {
    const { stopAfter } = this.#options
    if (!isLast && stopAfter !== undefined && this.#completedCheckpoints >= stopAfter.checkpoints) {
      this.stop('FINISHED', stopAfter.savepointFolder)
    }
  }

  /** Also when the attempt has ended already, of something that another attempt could follow. */
  #onOutcomeUnknown(error: MillraceError): void {
    this.#unknownCheckpoint = { kind: 'failed', error, task: undefined, slot: undefined }
    this.#attemptEnd.resolve(this.#unknownCheckpoint)
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
  #onStopFailed(error: MillraceError): void {
    if (!this.#isRunning) return
    const stop = this.#stop
    if (stop === undefined) {
      this.#failAttempt(error, undefined, undefined)
    } else if (stop.endState === 'CANCELED') {
      this.#options.observer.onMessage(
        'warning',
        `The last checkpoint failed, so output since the one before is not committed: ${error.message}`,
      )
      this.cancel()
    } else {
      const message = `The savepoint failed: ${error.message}`
      this.#failAttempt(new MillraceError(error.code, message), undefined, undefined)
    }
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
