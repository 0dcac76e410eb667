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
import { Attempt, CANCEL_TIMEOUT_MS } from './attempt.ts'
import { type AttemptEnd, type FailedAttempt, FailureResponse, stuckError } from './attempt-end.ts'
import { AttemptStart } from './attempt-start.ts'
import { CheckpointCoordinator, type CompletedCheckpoint } from './checkpoint-coordinator.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import { CollectedOutput } from './collected-output.ts'
import type { CoordinatorOptions, JobOutcome, JobReading, RestoredCheckpoint } from './coordinator-ports.ts'
import { createExecution } from './create-execution.ts'
import type { Execution } from './execution.ts'
import { JobEnding } from './job-ending.ts'
import { JobFacts } from './job-facts.ts'
import { type EndState, JobStop, type UnfinishedState } from './job-stop.ts'
import { type CheckpointType, OnDemandSnapshots } from './on-demand-snapshots.ts'
import { describeRecovery, RecoveryClock } from './recovery-clock.ts'
import { SinkTargets } from './sink-targets.ts'
import type { CompletedSnapshot } from './snapshot-request.ts'

export class JobCoordinator {
  readonly #options: CoordinatorOptions
  readonly #facts: JobFacts
  readonly #keeper: CheckpointKeeper
  readonly #starts: AttemptStart
  readonly #checkpoints: CheckpointCoordinator
  readonly #collected = new CollectedOutput()
  readonly #failures: FailureResponse
  readonly #recovery: RecoveryClock
  #attempt: Attempt
  /** Set when it is not known whether a checkpoint exists: then no attempt follows. */
  #unknownCheckpoint: FailedAttempt | undefined
  readonly #stop = new JobStop()
  readonly #ending: JobEnding
  readonly #onDemand: OnDemandSnapshots
  /** Something of an attempt could not be ended and may still act: only the end of the process helps. */
  #isStuck = false
  #wakeFromDelay: (() => void) | undefined
  #completedCheckpoints = 0
  /** Taken while the tasks of the last attempt still had metrics. */
  #lastReading: JobReading | undefined
  #hasCommitted = false

  constructor(options: CoordinatorOptions) {
    const { clock, plan, config, storage, restored } = options
    this.#options = options
    this.#attempt = this.#newAttempt(0)
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
      isCanceled: () => this.#stop.isCanceled,
      endsWith: (checkpointId) => this.#stop.endsWith(checkpointId),
    })
    this.#checkpoints = new CheckpointCoordinator(options, this.#keeper, {
      onCompleted: (checkpointId, completed) => this.#onCheckpointCompleted(checkpointId, completed),
      onAnnounced: (isLast) => this.#stopWhenEnough(isLast),
      onTooManyFailures: (error) => this.#attempt.fail(error),
      onFault: (error) => this.#attempt.fail(error),
      onOutcomeUnknown: (error) => this.#onOutcomeUnknown(error),
    })
    this.#failures = new FailureResponse(options, this.#stop)
    this.#ending = new JobEnding(options, this.#facts, this.#stop, {
      attempt: () => this.#attempt,
      request: (request) => this.#checkpoints.request(request),
      wake: () => this.#wakeFromDelay?.(),
    })
    this.#onDemand = new OnDemandSnapshots({
      files: options.files,
      random: options.random,
      jobId: options.jobId,
      defaultFolder: config.savepointFolder,
      moment: () => this.#ending.moment,
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
    if (this.#stop.isCanceled) return this.#finish(this.#unfinishedState, undefined)
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
      if (this.#stop.isCanceled) return this.#finish(this.#unfinishedState, undefined)
      this.#attempt = this.#newAttempt(this.#attempt.number + 1)
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
    return this.#ending.stopWithSavepoint(folder, options.drain)
  }

  /** Ends without draining: with a last checkpoint, or with a savepoint in this new folder. */
  stop(endState: 'FINISHED' | UnfinishedState = 'CANCELED', savepointFolder?: string): void {
    this.#ending.stop(endState, savepointFolder)
  }

  /**
   * Ends at once. What was prepared and not committed waits for a resume. Returns `undefined`, or, where it comes too late,
   * what the job ends as.
   */
  cancel(endState: UnfinishedState = 'CANCELED'): EndState | undefined {
    return this.#ending.cancel(endState)
  }

  /** Of a job that neither finishes nor fails. */
  get #unfinishedState(): UnfinishedState {
    return this.#stop.unfinishedState ?? 'CANCELED'
  }

  /** Ends a slot as a crash would: for demonstrations and tests. */
  async killSlot(index: number): Promise<void> {
    await this.#attempt.execution?.killSlot(index)
  }

  reading(): JobReading {
    return {
      atMs: this.#options.clock.now(),
      startedAtMs: this.#facts.startedAtMs,
      state: this.#facts.state,
      attempt: this.#attempt.number,
      slots: this.#attempt.execution?.slots.length ?? 0,
      statistics: this.statistics,
      recoveries: this.#recovery.recoveries,
      // Between attempts and after the last: what was read at the end of the one before.
      tasks:
        (this.#attempt.execution === undefined ? this.#lastReading?.tasks : undefined) ?? this.#attempt.readTasks(),
    }
  }

  #newAttempt(number: number): Attempt {
    return new Attempt(this.#options.plan, number, ({ kind }) => {
      if (kind === 'finished') this.#stop.settle('FINISHED')
    })
  }

  async #runAttempt(): Promise<AttemptEnd> {
    const attempt = this.#attempt
    this.#facts.beginAttempt(attempt.number, this.#options.clock.now())
    this.#facts.enter('INITIALIZING', this.#options.clock.now())
    const starting = this.#startAttempt(attempt).catch((error: unknown) => attempt.fail(error))
    const end = await attempt.end
    await this.#endAttempt(attempt, end, starting)
    return this.#stop.isCanceled && end.kind === 'failed' ? { kind: 'canceled', isAtOnce: true } : end
  }

  async #startAttempt(attempt: Attempt): Promise<void> {
    const { clock } = this.#options
    const restored = this.#keeper.latest
    const prepared = await this.#starts.prepare(restored)
    if (prepared === undefined) return
    if (prepared.kind === 'done') return attempt.endWith({ kind: 'finished' })
    this.#recovery.mark('prepareMs')
    const execution: Execution = createExecution(this.#options, {
      attempt: attempt.number,
      firstEpoch: this.#checkpoints.nextId,
      events: {
        onMessage: (message) => {
          if (execution === attempt.execution) this.#onMessage(message)
        },
        onFailed: (error, task, slot) => {
          if (execution === attempt.execution) attempt.fail(error, task, slot)
        },
      },
    })
    attempt.onDeploying(execution)
    this.#checkpoints.beginAttempt(execution)
    const { tasks } = attempt
    for (const task of tasks) this.#facts.onTaskState(task, 'SCHEDULED', clock.now())
    const started = execution.start(prepared.start)
    for (const task of tasks) this.#facts.onDeployed(task, execution.slotOf(task), clock.now())
    await started
    if (execution !== attempt.execution) return
    this.#recovery.onReady(
      attempt.number,
      restored?.manifest.checkpointId,
      execution.slots.map((slot) => slot.restored),
    )
    attempt.onRunning()
    this.#facts.enter('RUNNING', clock.now())
    if (restored !== undefined) this.#checkpoints.onRestored(restored)
    if (attempt.number > 0) this.#tellRestart(attempt, restored)
    this.#checkpoints.onTasksRunning(tasks)
  }

  #tellRestart({ number }: Attempt, restored: RestoredCheckpoint | undefined): void {
    const from = restored === undefined ? 'the beginning' : `checkpoint ${restored.manifest.checkpointId}`
    this.#options.observer.onMessage('info', `Attempt ${number + 1} goes on from ${from}.`)
  }

  /** Ends what runs of an attempt and settles what is being stored, in this order. */
  async #endAttempt(attempt: Attempt, end: AttemptEnd, starting: Promise<void>): Promise<void> {
    const { clock, config } = this.#options
    this.#lastReading = this.reading()
    attempt.onEnding()
    if (end.kind === 'failed') {
      this.#recovery.begin()
      this.#facts.enter('FAILING', clock.now())
      this.#facts.onException({
        atMs: clock.now(),
        attempt: attempt.number,
        task: end.task,
        slot: end.slot,
        error: toErrorData(end.error),
      })
    }
    this.#facts.onTasksEnding(end, clock.now())
    this.#checkpoints.endAttempt(end.kind === 'failed' ? 'The attempt failed.' : 'The job ended.')
    if (!(await attempt.close(end, config.terminationTimeoutMs))) this.#isStuck = true
    // A cancel may come while sinks are being prepared or commit what was restored: nothing of that may go on afterwards.
    if (!(await this.#isSettledInTime(starting))) this.#isStuck = true
    this.#facts.endAttempt(end.kind, this.#lastReading.tasks, clock.now())
    await this.#checkpoints.settled
    this.#recovery.mark('cancelMs')
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

  async #finish(state: EndState, error: ErrorData | undefined): Promise<JobOutcome> {
    this.#stop.settle(state)
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
        this.#attempt.onCommitted(message.task, message.checkpointId)
        break
      case 'ended':
        this.#attempt.onTaskEnded(message.task)
        if (this.#attempt.hasAllEnded) this.#onAllEnded()
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
        if (answer.kind !== 'completed' && this.#attempt.isRunning) this.#attempt.fail(answer.error)
      },
    })
  }

  #onCheckpointCompleted(checkpointId: CheckpointId, { isLast, isFinal }: CompletedCheckpoint): void {
    this.#completedCheckpoints++
    this.#failures.onCheckpointCompleted()
    if (this.#attempt.execution === undefined) return
    if (isLast) {
      const isUnfinished = !isFinal && this.#stop.unfinishedState !== undefined
      const end: AttemptEnd = isUnfinished ? { kind: 'canceled', isAtOnce: false } : { kind: 'finished' }
      this.#attempt.endWithCommits(checkpointId, end)
    }
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
    this.#attempt.endWith(this.#unknownCheckpoint)
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
