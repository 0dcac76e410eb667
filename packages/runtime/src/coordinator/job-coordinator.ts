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
  checkStoredStates,
  createRestartState,
  decideRestart,
  onCheckpointCompleted,
  type RestartState,
} from '@millrace/core'
import type { FromSlot } from '../slot/protocol.ts'
import type { TaskId } from '../task/task-ports.ts'
import { CheckpointCoordinator, type CompletedCheckpoint } from './checkpoint-coordinator.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import { CollectedOutput } from './collected-output.ts'
import type { CoordinatorOptions, JobOutcome, JobReading, RestoredCheckpoint } from './coordinator-ports.ts'
import { Execution, type ExecutionStart, taskKey } from './execution.ts'
import { JobFacts, type TaskReading } from './job-facts.ts'
import { describeRecovery, RecoveryClock } from './recovery-clock.ts'
import { SinkTargets } from './sink-targets.ts'
import { enumerateSplits, withFreshSources } from './source-splits.ts'

type AttemptEnd =
  | { readonly kind: 'finished' }
  /** `isAtOnce`: the slots get no time to close. */
  | { readonly kind: 'canceled'; readonly isAtOnce: boolean }
  | {
      readonly kind: 'failed'
      readonly error: unknown
      readonly task: TaskId | undefined
      readonly slot: number | undefined
    }

/** What a slot, or a sink that is being prepared, gets to end in when the user wants it at once. */
const CANCEL_TIMEOUT_MS = 5_000

/** What the user asked for that ends the job before its input does. */
interface StopRequest {
  readonly savepointFolder: string | undefined
  /** The state that the job ends in. */
  readonly endState: 'FINISHED' | 'CANCELED'
}

function stuckError(end: AttemptEnd & { readonly kind: 'failed' }): ErrorData {
  const message = `A slot or a sink could not be ended after a failure: ${toErrorData(end.error).message}`
  const hint = 'It hangs in a call that nothing can end. End the process and start again with --resume.'
  return toErrorData(new MillraceError('SLOT_LOST', message, { hint, cause: end.error }))
}

export class JobCoordinator {
  readonly #options: CoordinatorOptions
  readonly #facts: JobFacts
  readonly #keeper: CheckpointKeeper
  readonly #targets: SinkTargets
  readonly #checkpoints: CheckpointCoordinator
  readonly #collected = new CollectedOutput()
  readonly #recovery: RecoveryClock
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
  /** The checkpoint folder is about this job's history. */
  #hasClaimed = false
  /** Something of an attempt could not be ended and may still act: only the end of the process helps. */
  #isStuck = false
  /** The execution that is being closed. */
  #closing: Execution | undefined
  #wakeFromDelay: (() => void) | undefined
  #completedCheckpoints = 0
  /** Taken while the tasks of the last attempt still had metrics. */
  #lastReading: JobReading | undefined
  #hasCommitted = false

  constructor(options: CoordinatorOptions) {
    const { clock, plan, config, storage, restored } = options
    this.#options = options
    this.#recovery = new RecoveryClock(clock)
    this.#facts = new JobFacts(options.jobId, plan, clock.now(), (state, atMs) => options.observer.onState(state, atMs))
    this.#keeper = new CheckpointKeeper({
      storage,
      retainedMax: config.retainedMax,
      restored,
      existing: options.existing,
      firstCheckpointId: options.firstCheckpointId,
      unclaimedId: options.unclaimedId,
    })
    this.#targets = new SinkTargets(options, (channel, id, values) => this.#collected.add(channel, id, values))
    this.#checkpoints = new CheckpointCoordinator(options, this.#keeper, {
      onCompleted: (checkpointId, completed) => this.#onCheckpointCompleted(checkpointId, completed),
      onAnnounced: (isLast) => this.#stopWhenEnough(isLast),
      onRequestFailed: (error) => this.#onStopFailed(error),
      onSavepointFailed: (error) => this.#failAttempt(error, undefined, undefined),
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
    this.#recovery.begin()
    for (;;) {
      const end = await this.#runAttempt()
      if (end.kind !== 'failed') return this.#finish(end.kind === 'finished' ? 'FINISHED' : 'CANCELED', undefined)
      const next = this.#isStuck ? stuckError(end) : this.#decideNext(this.#unknownCheckpoint ?? end)
      if (typeof next !== 'number') {
        return this.#isCanceled ? this.#finish('CANCELED', undefined) : this.#finish('FAILED', next)
      }
      this.#facts.enter('RESTARTING', this.#options.clock.now())
      await this.#delay(next)
      this.#recovery.mark('delayMs')
      if (this.#isCanceled) return this.#finish('CANCELED', undefined)
      this.#attempt++
    }
  }

  /**
   * Ends without draining: a last checkpoint, its output committed. Without checkpoints the tasks only close; when none runs
   * there is nothing to wait for. When all input has ended already, the job finishes as it would.
   */
  stop(endState: 'FINISHED' | 'CANCELED' = 'CANCELED', savepointFolder?: string): void {
    if (this.#stop !== undefined || this.#isCanceled) return
    const { config, observer } = this.#options
    if (!this.#isRunning || !config.isCheckpointing) {
      this.#cancel(!this.#isRunning)
      return
    }
    if (this.#hasAllEnded) {
      observer.onMessage('info', 'All input has ended: the job finishes with its final checkpoint.')
      if (savepointFolder !== undefined) this.#checkpoints.exportFinal(savepointFolder)
      return
    }
    this.#stop = { savepointFolder, endState }
    if (endState === 'CANCELED') this.#facts.enter('CANCELLING', this.#options.clock.now())
    const snapshotKind = savepointFolder === undefined ? 'checkpoint' : 'full-checkpoint'
    this.#checkpoints.request({ requestId: 'stop', snapshotKind, thenStop: true }, savepointFolder)
  }

  /** Ends at once. What was prepared and not committed waits for a resume. */
  cancel(): void {
    this.#cancel(true)
    // What is being closed already is not waited for any more.
    void this.#closing?.terminate(CANCEL_TIMEOUT_MS)
  }

  #cancel(isAtOnce: boolean): void {
    if (this.#isCanceled) return
    this.#isCanceled = true
    this.#facts.enter('CANCELLING', this.#options.clock.now())
    this.#wakeFromDelay?.()
    this.#attemptEnd.resolve({ kind: 'canceled', isAtOnce })
  }

  /** Ends a slot as a crash would: for demonstrations and tests. */
  async killSlot(index: number): Promise<void> {
    await this.#execution?.killSlot(index)
  }

  reading(): JobReading {
    return {
      atMs: this.#options.clock.now(),
      startedAtMs: this.#facts.startedAtMs,
      state: this.#facts.state,
      attempt: this.#attempt,
      slots: this.#execution?.slots.length ?? 0,
      statistics: this.statistics,
      recoveries: this.#recovery.recoveries,
      tasks: this.#taskReadings(),
    }
  }

  /** Between attempts and after the last: what was read at the end of the one before. */
  #taskReadings(): readonly TaskReading[] {
    const execution = this.#execution
    if (execution === undefined && this.#lastReading !== undefined) return this.#lastReading.tasks
    return this.#allTasks().map((id) => ({
      id,
      isEnded: this.#endedTasks.has(taskKey(id)),
      metrics: execution?.metricsOf(id)?.snapshot(),
    }))
  }

  async #runAttempt(): Promise<AttemptEnd> {
    this.#attemptEnd = Promise.withResolvers<AttemptEnd>()
    this.#endedTasks.clear()
    this.#awaitedCommit = undefined
    this.#facts.beginAttempt(this.#attempt, this.#options.clock.now())
    this.#facts.enter('INITIALIZING', this.#options.clock.now())
    const starting = this.#startAttempt().catch((error: unknown) => this.#failAttempt(error, undefined, undefined))
    const end = await this.#attemptEnd.promise
    await this.#endAttempt(end, starting)
    return this.#isCanceled && end.kind === 'failed' ? { kind: 'canceled', isAtOnce: true } : end
  }

  async #startAttempt(): Promise<void> {
    const { plan, config, clock } = this.#options
    const restored = this.#keeper.latest
    const start = restored === undefined ? await this.#freshStart() : await this.#restoreStart(restored)
    if (!this.#hasClaimed) {
      await this.#targets.check(restored?.manifest)
      await this.#options.claim()
      this.#hasClaimed = true
    }
    if (this.#isCanceled) return
    await this.#targets.prepare(restored?.manifest, this.#attempt === 0)
    if (this.#isCanceled) return
    if (restored !== undefined) {
      // Before any writer is opened: a writer may end transactions that it finds open under its name.
      await this.#targets.commit(restored.manifest)
      if (restored.manifest.isFinal) return this.#attemptEnd.resolve({ kind: 'finished' })
    }
    if (this.#isCanceled) return
    this.#recovery.mark('prepareMs')
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
    const tasks = this.#allTasks()
    for (const task of tasks) this.#facts.onTaskState(task, 'SCHEDULED', clock.now())
    const started = execution.start(start)
    for (const task of tasks) this.#facts.onDeployed(task, execution.slotOf(task), clock.now())
    await started
    if (execution !== this.#execution) return
    this.#recovery.onReady(
      this.#attempt,
      restored?.manifest.checkpointId,
      execution.slots.map((slot) => slot.restored),
    )
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

  async #restoreStart({ manifest, file, folder }: RestoredCheckpoint): Promise<ExecutionStart> {
    const { plan, graph, allowNonRestoredState } = this.#options
    const assignment = assignRestore(manifest, plan, { allowNonRestoredState, file })
    if (assignment.report.dropped.length > 0) {
      this.#options.observer.onMessage('warning', `State left behind: ${assignment.report.dropped.join(', ')}`)
    }
    const unread = checkStoredStates(manifest, graph, file)
    for (const { operator, state, nearest } of this.#attempt === 0 ? unread : []) {
      const hint = nearest === undefined ? '' : ` (is it what is "${nearest}" now?)`
      this.#options.observer.onMessage(
        'warning',
        `Operator "${operator}" does not use its stored state "${state}"${hint}`,
      )
    }
    const vertices = await withFreshSources(assignment.vertices, assignment.report.fresh, this.#options)
    return { checkpointId: manifest.checkpointId, folder, vertices }
  }

  #tellRestart(restored: RestoredCheckpoint | undefined): void {
    const from = restored === undefined ? 'the beginning' : `checkpoint ${restored.manifest.checkpointId}`
    this.#options.observer.onMessage('info', `Attempt ${this.#attempt + 1} goes on from ${from}.`)
  }

  /** Ends what runs of an attempt and settles what is being stored, in this order. */
  async #endAttempt(end: AttemptEnd, starting: Promise<void>): Promise<void> {
    const { clock } = this.#options
    const execution = this.#execution
    this.#lastReading = this.reading()
    this.#isRunning = false
    this.#execution = undefined
    if (end.kind === 'failed') {
      this.#recovery.begin()
      this.#facts.enter('FAILING', clock.now())
      this.#facts.onException({
        atMs: clock.now(),
        attempt: this.#attempt,
        task: end.task,
        slot: end.slot,
        error: toErrorData(end.error),
      })
    }
    this.#facts.onTasksEnding(end, clock.now())
    this.#checkpoints.endAttempt(end.kind === 'failed' ? 'The attempt failed.' : 'The job ended.')
    if (execution !== undefined && !(await this.#endExecution(execution, end))) this.#isStuck = true
    // A cancel may come while sinks are being prepared or commit what was restored: nothing of that may go on afterwards.
    if (!(await this.#isSettledInTime(starting))) this.#isStuck = true
    this.#facts.endAttempt(end.kind, this.#lastReading.tasks, clock.now())
    await this.#checkpoints.settled
    this.#recovery.mark('cancelMs')
  }

  /** False: some slot could not be ended. */
  async #endExecution(execution: Execution, end: AttemptEnd): Promise<boolean> {
    const { terminationTimeoutMs } = this.#options.config
    if (end.kind === 'failed') return await execution.terminate(terminationTimeoutMs)
    if (end.kind === 'canceled' && end.isAtOnce) return await execution.terminate(CANCEL_TIMEOUT_MS)
    this.#closing = execution
    return await execution.close()
  }

  async #isSettledInTime(work: Promise<void>): Promise<boolean> {
    const timeout = Promise.withResolvers<false>()
    const cancel = this.#options.clock.schedule(CANCEL_TIMEOUT_MS, () => timeout.resolve(false))
    try {
      return await Promise.race([work.then(() => true), timeout.promise])
    } finally {
      cancel()
    }
  }

  /** The delay before the next attempt, or the error that the job ends with. */
  #decideNext(end: AttemptEnd & { kind: 'failed' }): number | ErrorData {
    const { clock, random, observer, findUserFrame, config } = this.#options
    const error = toErrorData(end.error)
    const report = (restartInMs: number | undefined): void =>
      observer.onFailure({ atMs: clock.now(), error, task: end.task, slot: end.slot, restartInMs })
    if (this.#isCanceled) return error
    const stop = this.#stop
    this.#stop = undefined
    if (stop?.endState === 'CANCELED') {
      observer.onMessage(
        'warning',
        `The job failed while it was stopped, so output since the last checkpoint is not committed: ${error.message}`,
      )
      this.#isCanceled = true
      return error
    }
    if (stop !== undefined)
      observer.onMessage('warning', `The job failed before its savepoint was taken: ${error.message}`)
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
    if (this.#isStuck) {
      const message =
        'A slot or a sink could not be ended and may still act: the checkpoint folder stays locked until this process ends'
      this.#options.observer.onMessage('warning', message)
    } else {
      await this.#keeper.close(state, this.#options.config.retention)
    }
    this.#facts.enter(state, this.#options.clock.now())
    return {
      isStuck: this.#isStuck,
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
        if (this.#hasAllEnded) this.#onAllEnded()
        break
      case 'report':
        this.#options.observer.onMessage(message.level ?? 'info', message.message)
        break
      case 'printed':
        this.#options.observer.onPrinted(message.line)
        break
      case 'collected':
        this.#collected.add(message.channel, message.id, message.values)
        break
      case 'first-record':
        this.#onFirstRecord()
        break
      case 'ready':
      case 'failed':
      case 'counter':
      case 'closed':
        break
    }
  }

  #onFirstRecord(): void {
    const recovery = this.#recovery.onFirstRecord()
    if (recovery !== undefined) this.#options.observer.onMessage('info', `Recovered ${describeRecovery(recovery)}.`)
  }

  get #hasAllEnded(): boolean {
    return this.#endedTasks.size === this.#allTasks().length
  }

  #onAllEnded(): void {
    if (this.#options.config.isCheckpointing) {
      this.#checkpoints.onAllEnded()
      return
    }
    // Without checkpoints the sinks still prepare and commit once, with nothing stored in between.
    this.#checkpoints.request({ requestId: 'end', snapshotKind: 'checkpoint', thenStop: true })
  }

  #onCheckpointCompleted(checkpointId: CheckpointId, { isLast, isFinal }: CompletedCheckpoint): void {
    this.#completedCheckpoints++
    this.#restarts = onCheckpointCompleted(this.#restarts)
    if (this.#execution === undefined) return
    if (isLast) this.#awaitCommits(checkpointId, isFinal)
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

  #awaitCommits(checkpointId: CheckpointId, isFinal: boolean): void {
    const isCanceled = !isFinal && this.#stop?.endState === 'CANCELED'
    const then: AttemptEnd = isCanceled ? { kind: 'canceled', isAtOnce: false } : { kind: 'finished' }
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

  /** The checkpoint to stop with failed: a cancelled job ends all the same, one that was to leave a savepoint goes on. */
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
      this.#cancel(false)
    } else {
      this.#stop = undefined
      this.#options.observer.onMessage('warning', `The savepoint failed, and the job goes on: ${error.message}`)
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
