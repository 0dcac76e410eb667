/**
 * Runs one job to its end: attempts, restarts, stopping. It carries out what the pure deciders of `core` say
 * (`restart-strategy`, `restore-assignment`) and never touches a record. Checkpoints are the `CheckpointCoordinator`'s.
 *
 * What it keeps: a restore point is chosen only when no checkpoint is being stored any more; nothing is committed before
 * its checkpoint is stored; an attempt starts only when nothing of the one before runs.
 */
import { type ErrorData, type MillraceError, toErrorData } from '@millrace/api'
import type { CheckpointId, CheckpointStatistics } from '@millrace/core'
import type { FromSlot } from '../slot/protocol.ts'
import type { TaskId } from '../task/task-ports.ts'
import { type AttemptEnd, type FailedAttempt, FailureResponse, stuckError } from './attempt-end.ts'
import { AttemptStart } from './attempt-start.ts'
import { AwaitedCommits } from './awaited-commits.ts'
import { CheckpointCoordinator, type CompletedCheckpoint } from './checkpoint-coordinator.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import { CollectedOutput } from './collected-output.ts'
import type { CoordinatorOptions, JobOutcome, JobReading, RestoredCheckpoint } from './coordinator-ports.ts'
import { Execution, taskKey } from './execution.ts'
import { JobFacts, type TaskReading } from './job-facts.ts'
import { JobStop, type StopRequest, type UnfinishedState } from './job-stop.ts'
import { type CheckpointType, OnDemandSnapshots } from './on-demand-snapshots.ts'
import { describeRecovery, RecoveryClock } from './recovery-clock.ts'
import { SinkTargets } from './sink-targets.ts'
import type { JobMoment } from './snapshot-refusal.ts'
import type { CompletedSnapshot, SnapshotAnswer } from './snapshot-request.ts'

/** What a slot, or a sink that is being prepared, gets to end in when the user wants it at once. */
const CANCEL_TIMEOUT_MS = 5_000

export class JobCoordinator {
  readonly #options: CoordinatorOptions
  readonly #facts: JobFacts
  readonly #keeper: CheckpointKeeper
  readonly #starts: AttemptStart
  readonly #checkpoints: CheckpointCoordinator
  readonly #collected = new CollectedOutput()
  readonly #failures: FailureResponse
  readonly #recovery: RecoveryClock
  #attempt = 0
  #execution: Execution | undefined
  #attemptEnd = Promise.withResolvers<AttemptEnd>()
  #isRunning = false
  /** Set when it is not known whether a checkpoint exists: then no attempt follows. */
  #unknownCheckpoint: FailedAttempt | undefined
  readonly #endedTasks = new Set<string>()
  /** Sinks commit the last checkpoint; when all have, the attempt ends so. */
  #awaitedCommits: { readonly commits: AwaitedCommits; readonly then: AttemptEnd } | undefined
  readonly #stop = new JobStop()
  readonly #onDemand: OnDemandSnapshots
  /** What the job ends as, once it is ended at once. */
  #canceledAs: UnfinishedState | undefined
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
      claimed: options.claimed,
    })
    const targets = new SinkTargets(options, (channel, id, values) => this.#collected.add(channel, id, values))
    this.#starts = new AttemptStart(options, targets, {
      isCanceled: () => this.#isCanceled,
      endsWith: (checkpointId) => this.#stop.endsWith(checkpointId),
    })
    this.#checkpoints = new CheckpointCoordinator(options, this.#keeper, {
      onCompleted: (checkpointId, completed) => this.#onCheckpointCompleted(checkpointId, completed),
      onAnnounced: (isLast) => this.#stopWhenEnough(isLast),
      onTooManyFailures: (error) => this.#failAttempt(error, undefined, undefined),
      onOutcomeUnknown: (error) => this.#onOutcomeUnknown(error),
    })
    this.#failures = new FailureResponse(options, this.#stop)
    this.#onDemand = new OnDemandSnapshots({
      files: options.files,
      random: options.random,
      jobId: options.jobId,
      defaultFolder: config.savepointFolder,
      moment: () => this.#moment,
      request: (request) => this.#checkpoints.request(request),
    })
  }

  get facts(): JobFacts {
    return this.#facts
  }

  get statistics(): CheckpointStatistics {
    return this.#checkpoints.statistics
  }

  /** Runs the job. Never rejects: what went wrong is in the outcome. */
  async run(): Promise<JobOutcome> {
    if (this.#isCanceled) return this.#finish(this.#unfinishedState, undefined)
    this.#recovery.begin()
    for (;;) {
      const end = await this.#runAttempt()
      if (end.kind !== 'failed') {
        return this.#finish(end.kind === 'finished' ? 'FINISHED' : this.#unfinishedState, undefined)
      }
      if (this.#isStuck) return this.#finish('FAILED', stuckError(end))
      const next = this.#failures.decide(this.#unknownCheckpoint ?? end, this.#hasCommitted)
      if (next.kind === 'end') {
        return this.#finish(next.state, next.state === 'FAILED' ? next.error : undefined)
      }
      this.#facts.enter('RESTARTING', this.#options.clock.now())
      await this.#delay(next.delayMs)
      this.#recovery.mark('delayMs')
      if (this.#isCanceled) return this.#finish(this.#unfinishedState, undefined)
      this.#attempt++
    }
  }

  /** Answered when it is complete and its output is being committed. Rejects with a `MillraceError`. */
  takeCheckpoint(options: { readonly type: CheckpointType }): Promise<CompletedSnapshot> {
    return this.#onDemand.takeCheckpoint(options.type)
  }

  /** `targetFolder`: where it gets a folder of its own; `undefined`: `execution.checkpointing.savepoint-dir`. */
  takeSavepoint(options: { readonly targetFolder: string | undefined }): Promise<CompletedSnapshot> {
    return this.#onDemand.takeSavepoint(options.targetFolder)
  }

  /**
   * Ends the job FINISHED with a savepoint; answered at its end. `drain`: first all input counts as ended, so that windows
   * and event-time timers fire; without it nothing is fired.
   */
  async stopWithSavepoint(options: {
    readonly targetFolder: string | undefined
    readonly drain: boolean
  }): Promise<CompletedSnapshot> {
    this.#onDemand.refuse('stop')
    const folder = await this.#onDemand.folderFor(options.targetFolder)
    this.#onDemand.refuse('stop')
    const waiting = Promise.withResolvers<CompletedSnapshot>()
    this.#beginStop({ endState: 'FINISHED', waiting }, folder, options.drain)
    return waiting.promise
  }

  /**
   * Ends without draining: a last checkpoint, its output committed. Without checkpoints the tasks only close; when none runs
   * there is nothing to wait for. When all input has ended already, the job finishes as it would.
   */
  stop(endState: 'FINISHED' | UnfinishedState = 'CANCELED', savepointFolder?: string): void {
    if (this.#stop.endState !== undefined || this.#isCanceled) return
    if (!this.#isRunning || !this.#options.config.isCheckpointing) {
      this.#cancel(!this.#isRunning, endState === 'FINISHED' ? 'CANCELED' : endState)
      return
    }
    if (savepointFolder === undefined && this.#hasAllEnded) {
      this.#options.observer.onMessage('info', 'All input has ended: the job finishes with its final checkpoint.')
      return
    }
    this.#beginStop({ endState }, savepointFolder, false)
  }

  #beginStop(stop: StopRequest, savepointFolder: string | undefined, drain: boolean): void {
    const { observer, clock } = this.#options
    this.#stop.begin(stop)
    // Then the final checkpoint is the last one, and the answer.
    const hasAllEnded = this.#hasAllEnded
    if (hasAllEnded) observer.onMessage('info', 'All input has ended: the job finishes with its final checkpoint.')
    else if (stop.endState === 'CANCELED') this.#facts.enter('CANCELLING', clock.now())
    this.#checkpoints.request({
      snapshotKind: savepointFolder === undefined ? 'checkpoint' : 'savepoint',
      savepointFolder,
      thenStop: !hasAllEnded,
      drain: drain && !hasAllEnded,
      onAnswer: (answer) => this.#onStopAnswer(answer),
    })
    if (drain && !hasAllEnded) this.#execution?.drain()
  }

  /** Ends at once. What was prepared and not committed waits for a resume. */
  cancel(endState: UnfinishedState = 'CANCELED'): void {
    this.#cancel(true, endState)
    // What is being closed already is not waited for any more.
    void this.#closing?.terminate(CANCEL_TIMEOUT_MS)
  }

  get #isCanceled(): boolean {
    return this.#canceledAs !== undefined
  }

  /** Of a job that neither finishes nor fails: what was asked for last. */
  get #unfinishedState(): UnfinishedState {
    return this.#canceledAs ?? this.#stop.unfinishedState ?? 'CANCELED'
  }

  get #ending(): JobMoment['ending'] {
    const ending = this.#canceledAs ?? this.#stop.endState
    if (ending === undefined) return undefined
    return ({ CANCELED: 'cancel', SUSPENDED: 'suspend', FINISHED: 'stop' } as const)[ending]
  }

  get #moment(): JobMoment {
    return {
      state: this.#facts.state,
      isRunning: this.#isRunning,
      isCheckpointing: this.#options.config.isCheckpointing,
      ending: this.#ending,
    }
  }

  #cancel(isAtOnce: boolean, endState: UnfinishedState): void {
    if (this.#isCanceled) return
    this.#canceledAs = endState
    if (endState === 'CANCELED') this.#facts.enter('CANCELLING', this.#options.clock.now())
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
    this.#awaitedCommits = undefined
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
    const prepared = await this.#starts.prepare(restored, this.#attempt)
    if (prepared === undefined) return
    if (prepared.kind === 'done') return this.#attemptEnd.resolve({ kind: 'finished' })
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
    const started = execution.start(prepared.start)
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

  async #finish(state: JobOutcome['state'], error: ErrorData | undefined): Promise<JobOutcome> {
    this.#checkpoints.shutDown()
    const savepoint = this.#stop.savepoint?.externalPath
    const { statistics } = this.#checkpoints
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
    } else if (this.#starts.hasClaimed) {
      // What the folder held before is nothing that a refused start may remove.
      await this.#keeper.close(state, this.#options.config.retention)
    }
    this.#facts.enter(state, this.#options.clock.now())
    this.#stop.onJobEnded(state, error)
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
      case 'state-usage':
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
    this.#checkpoints.request({
      snapshotKind: 'checkpoint',
      savepointFolder: undefined,
      thenStop: true,
      drain: false,
      onAnswer: (answer) => {
        if (answer.kind !== 'completed' && this.#isRunning) this.#failAttempt(answer.error, undefined, undefined)
      },
    })
  }

  #onCheckpointCompleted(checkpointId: CheckpointId, { isLast, isFinal }: CompletedCheckpoint): void {
    this.#completedCheckpoints++
    this.#failures.onCheckpointCompleted()
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
    const isUnfinished = !isFinal && this.#stop.unfinishedState !== undefined
    const then: AttemptEnd = isUnfinished ? { kind: 'canceled', isAtOnce: false } : { kind: 'finished' }
    const commits = new AwaitedCommits(this.#options.plan, checkpointId)
    this.#awaitedCommits = { commits, then }
    if (commits.isDone) this.#attemptEnd.resolve(then)
  }

  #onCommitted(task: TaskId, checkpointId: CheckpointId): void {
    const awaited = this.#awaitedCommits
    if (awaited?.commits.onCommitted(task, checkpointId)) this.#attemptEnd.resolve(awaited.then)
  }

  #onStopAnswer(answer: SnapshotAnswer): void {
    const { observer } = this.#options
    if (answer.kind === 'completed') {
      this.#stop.onTaken(answer.snapshot)
      return
    }
    if (answer.kind === 'not-copied') {
      observer.onMessage('warning', `The job stops without its savepoint: ${answer.error.message}`)
      // The sinks commit for good: there is no way back to a running job.
      this.#stop.giveUp(answer.error)
      this.#failAttempt(answer.error, undefined, undefined)
      return
    }
    const { error } = answer
    // The end of the attempt says what becomes of the stop.
    if (!this.#isRunning) return
    const { unfinishedState } = this.#stop
    if (unfinishedState !== undefined) {
      const lost = `The last checkpoint failed, so output since the one before is not committed: ${error.message}`
      observer.onMessage('warning', lost)
      this.#cancel(false, unfinishedState)
      return
    }
    this.#stop.giveUp(error)
    observer.onMessage('warning', `The savepoint failed, and the job goes on: ${error.message}`)
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
