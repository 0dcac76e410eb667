/**
 * Runs one job through one schedule of faults, to its end. All that runs is production code; this loop decides what
 * happens next: a turn of a slot, a message, a disk operation, time, a fault. One seed gives one schedule.
 *
 * It fails (throws) when the engine gets stuck, reports an error that no injected fault explains, or when `inspect`,
 * which is asked between actions, finds an invariant broken.
 */
import { setImmediate } from 'node:timers/promises'
import { type ErrorCode, type ErrorData, type FileSystem, type JobDefinition, toErrorData } from '@millrace/api'
import type { CoordinatorObserver, RestoreRequest, SlotSizes } from '@millrace/runtime'
import type { SeededRandom } from '../random/seeded-random.ts'
import { type DiskOperationKind, SimulatedDisk } from '../sim-disk/simulated-disk.ts'
import { ActionLog } from './action-log.ts'
import { DiskTraffic } from './disk-traffic.ts'
import { DiskTrouble, isDamage } from './disk-trouble.ts'
import { type FaultKind, type FaultPlan, type Preferences, REQUESTS } from './fault-plan.ts'
import { Life } from './life.ts'
import { type ProcessEnd, type ProcessStart, SimulatedProcess } from './simulated-process.ts'
import type { SimulatedSlot, StateBackendType, StoreSizes } from './simulated-slots.ts'
import { SnapshotCoverage } from './snapshot-coverage.ts'
import type { UserCode } from './user-code.ts'
import { VirtualTime } from './virtual-time.ts'

export interface SimulationOptions {
  readonly random: SeededRandom
  readonly job: JobDefinition
  readonly userCode: UserCode
  readonly checkpointFolder: string
  /** Where savepoints go, each into a folder of its own. */
  readonly savepointFolder: string
  readonly faults: FaultPlan
  readonly preferences: Preferences
  readonly sizes: SlotSizes
  readonly encodeStepEntries: number
  readonly snapshotBytesMax: number
  readonly storeSizes: StoreSizes
  /** How many of the last actions a report shows. */
  readonly keptActions: number
  /** Of each process; asked again for every one. */
  configuration(): Readonly<Record<string, string>>
  /** Of each task with keyed state, in each attempt. */
  chooseBackend(): StateBackendType
  /**
   * How to go on after a process ended and the job had not; `undefined`: there is nothing to go on from. `error`: what the
   * process ended with, unless it was killed.
   */
  chooseRestore(latest: RestoreRequest, error: ErrorData | undefined): RestoreRequest | undefined
  /** Called between actions, and with `crashed` right after the machine lost what was not synced. */
  inspect(moment: 'running' | 'crashed'): void
  onCompletedCheckpoint(id: number): void
  /** A savepoint was promised to whoever asked for it. */
  onSavepoint(path: string): void
}

/** How a job of a simulation ended. */
export interface SimulationEnd {
  readonly state: 'FINISHED' | 'FAILED'
  readonly error: ErrorData | undefined
  /** Nothing but the last process has touched the disk since this many faults. */
  readonly faultsInLastProcess: number
  readonly processes: number
}

/** Errors that injected faults may lead to. Everything else is a fault of the engine. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set([
  'USER_FUNCTION_FAILED',
  'SLOT_LOST',
  'SLOT_HEARTBEAT_TIMEOUT',
  'SINK_WRITE_FAILED',
  'SINK_COMMIT_FAILED',
  'CHECKPOINT_DECLINED',
  'CHECKPOINT_FAILED',
  'CHECKPOINT_FOLDER_UNUSABLE',
  'SAVEPOINT_FAILED',
  'INPUT_UNREADABLE',
  'DISK_FAILED',
  'RESTARTS_EXHAUSTED',
  'JOB_CANCELED',
] satisfies ErrorCode[])

/** Errors that need no fault but only things that take their time. */
const SLOWNESS: ReadonlySet<ErrorCode> = new Set([
  'CHECKPOINT_EXPIRED',
  'CHECKPOINT_FAILURES_EXCEEDED',
  'CHECKPOINT_FOLDER_LOCKED',
] satisfies ErrorCode[])

/** What retention asks of the disk, one after the other: while none of these waits it has nothing to do. */
const RETENTION_OPERATIONS: ReadonlySet<DiskOperationKind> = new Set([
  'stat',
  'list',
  'remove',
  'remove-folder',
  'sync-folder',
] satisfies DiskOperationKind[])

/** How a request for a checkpoint, a savepoint or a stop may be refused. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'CHECKPOINT_FAILED',
  'CHECKPOINT_DECLINED',
  'CHECKPOINT_EXPIRED',
  'SAVEPOINT_FAILED',
] satisfies ErrorCode[])

const ACTIONS_MAX = 60_000
/** From then on no faults, and an even mix of actions, so that every job comes to its end. */
const CALM_AFTER_ACTIONS = 8_000
const CALM: Preferences = { turn: 1, toSlot: 1, toCoordinator: 1, disk: 2, time: 0.002 }
/** How long after the completion of a checkpoint a failure finds commits and retention under way. */
const RISKY_ACTIONS = 60
/** Time that may pass although something else could happen: less than any slot is given to end. */
const HASTE_MS_MAX = 200
const TURN_MS_MAX = 1.5
/** Longer than any timeout of the configuration but the heartbeat's. */
const CLOCK_JUMP_MS = 2_000
/** A lock without a name is taken for an abandoned one after ten seconds. */
const REBOOT_MS = 11_000

export class Simulation {
  readonly log: ActionLog
  readonly disk: SimulatedDisk
  readonly #options: SimulationOptions
  readonly #random: SeededRandom
  readonly #traffic = new DiskTraffic()
  readonly #time: VirtualTime
  #process: SimulatedProcess | undefined
  #mount: FileSystem | undefined
  #processes = 0
  #savepoints = 0
  #faultsLeft: number
  #faultsInProcess = 0
  #hangsInProcess = 0
  readonly #trouble: DiskTrouble
  readonly #coverage: SnapshotCoverage
  #slowDiskActions = 0
  /** The user asked the job to end before its input does. */
  #isAskedToEnd = false
  #isAskedToDrain = false
  /** Requests of the present process that have no answer yet. */
  #openRequests = 0
  /** Until this many actions faults are likelier: a checkpoint has just been completed. */
  #riskyUntil = 0
  #unexplained: Error | undefined
  /** Checkpoints that were completed while the present attempt ran: retention looks at all of them then. */
  #completedInAttempt = 0

  constructor(options: SimulationOptions) {
    const { random } = options
    this.#options = options
    this.#random = random
    this.log = new ActionLog(options.keptActions)
    this.#faultsLeft = options.faults.faultsMax
    const lookMs = random.pick([0, 0.01, 0.2])
    this.#time = new VirtualTime(() => lookMs * random.fraction())
    this.#trouble = new DiskTrouble(random, this.log, options.checkpointFolder)
    this.#coverage = new SnapshotCoverage(this.log)
    this.disk = new SimulatedDisk({
      random: () => random.fraction(),
      schedule: this.#traffic.schedule,
      fault: (operation) => this.#trouble.faultOf(operation),
      isLie: (operation) => this.#trouble.isLie(operation),
      now: () => this.#time.nowMs,
    })
  }

  /** Puts files on the disk before the job starts, durably. */
  async prepare(act: (files: FileSystem) => Promise<void>): Promise<void> {
    const life = new Life()
    let isDone = false
    const done = act(this.#traffic.filesOf(life, this.disk.mount())).then(() => {
      isDone = true
    })
    while (!isDone) {
      await setImmediate()
      while (this.#traffic.waiting.length > 0) this.#traffic.complete(0)
    }
    await done
  }

  async run(): Promise<SimulationEnd> {
    let restore: RestoreRequest = { kind: 'none' }
    for (;;) {
      this.#startProcess({ configuration: this.#options.configuration(), restore, stopAfter: this.#drawStopAfter() })
      const end = await this.#runProcess()
      const next = this.#afterProcess(end)
      if ('state' in next) return next
      restore = next
    }
  }

  /** Retention has removed what it may, nothing kept it from it, and nothing pending is older than the attempt's first completion. */
  get isRetentionSettled(): boolean {
    const concurrent = Number(this.#process?.start.configuration['execution.checkpointing.max-concurrent-checkpoints'])
    if (this.#completedInAttempt <= concurrent || this.#trouble.hadTrouble) return false
    return !this.#traffic.waiting.some(
      ({ operation: { kind, path } }) =>
        RETENTION_OPERATIONS.has(kind) && path.startsWith(this.#options.checkpointFolder),
    )
  }

  /** Files of checkpoints that may hold other bytes than were written. */
  get damagedFiles(): ReadonlySet<string> {
    return this.#trouble.damaged
  }

  /** The tasks of the running attempt and how far they are, a line each. */
  describeTasks(): readonly string[] {
    const coordinator = this.#process?.coordinator
    if (coordinator === undefined) return ['no job runs']
    const { state, attempt, tasks } = coordinator.reading()
    const lines = tasks.map(({ id, isEnded, metrics }) => {
      const { numRecordsIn, numRecordsOut, currentInputWatermark, inputQueuedBytes } = metrics ?? {}
      const progress = `in ${numRecordsIn}, out ${numRecordsOut}, queued ${inputQueuedBytes}, watermark ${currentInputWatermark}`
      return `task ${id.vertexId}/${id.subtask}: ${isEnded ? 'ended' : 'running'}; ${progress}`
    })
    return [`job ${state}, attempt ${attempt}`, ...lines]
  }

  #startProcess(start: ProcessStart): void {
    const mount = this.disk.mount()
    this.#mount = mount
    this.#isAskedToEnd = start.stopAfter !== undefined
    this.#isAskedToDrain = false
    this.#openRequests = 0
    this.#faultsInProcess = 0
    this.#hangsInProcess = 0
    this.#completedInAttempt = 0
    this.#trouble.onProcess()
    this.#coverage.onAttempt()
    this.#processes++
    this.log.add(`process:${start.restore.kind}`, `-p ${start.configuration['parallelism.default']}`)
    this.#process = new SimulatedProcess(this.#processes, start, {
      job: this.#options.job,
      checkpointFolder: this.#options.checkpointFolder,
      random: this.#random,
      sizes: this.#options.sizes,
      encodeStepEntries: this.#options.encodeStepEntries,
      snapshotBytesMax: this.#options.snapshotBytesMax,
      storeSizes: this.#options.storeSizes,
      observer: this.#observer(),
      clockOf: (life) => this.#time.clockOf(life),
      filesOf: (life) => this.#traffic.filesOf(life, mount),
      chooseBackend: () => {
        const type = this.#options.chooseBackend()
        this.#coverage.onBackend(type)
        return type
      },
      onStoreWriting: () => this.#trouble.onStoreWriting(),
      onSwept: (type) => this.log.add(`swept:${type}`),
      abandon: (life) => this.#traffic.abandon(life),
      isRunning: (pid) => pid === this.#process?.pid && this.#process.life.isAlive,
    })
  }

  /** `undefined`: it was killed. */
  async #runProcess(): Promise<ProcessEnd | undefined> {
    const process = this.#process as SimulatedProcess
    await setImmediate()
    for (;;) {
      if (this.#unexplained !== undefined) throw this.#unexplained
      if (process.end !== undefined) {
        await this.#awaitAnswers()
        return process.end
      }
      if (this.log.total > ACTIONS_MAX) throw new Error(`the job has not ended after ${ACTIONS_MAX} actions`)
      this.#act(process)
      await setImmediate()
      if (!process.life.isAlive) return undefined
      if (this.log.total % 32 === 0) this.#options.inspect('running')
    }
  }

  /** A process does not exit while a request waits for the disk: the job has ended, and it will be told so. */
  async #awaitAnswers(): Promise<void> {
    while (this.#openRequests > 0 && this.#traffic.waiting.length > 0) {
      this.#completeOperation()
      await setImmediate()
    }
  }

  #act(process: SimulatedProcess): void {
    const { slots } = process
    const { faults } = this.#options
    const preferences = this.log.total < CALM_AFTER_ACTIONS ? this.#options.preferences : CALM
    if (this.#isFaultDue(faults.chance) && this.#injectFault(process)) return
    for (const slot of slots) slot.beat()
    const due = slots.filter((slot) => slot.isTurnDue(this.#time.nowMs))
    const hearing = slots.filter(({ hasInbox }) => hasInbox)
    const telling = slots.filter(({ hasOutbox }) => hasOutbox)
    const exiting = slots.filter(({ isExiting }) => isExiting)
    const isSlow = this.#slowDiskActions > 0
    if (isSlow) this.#slowDiskActions--
    const weights = [
      due.length > 0 ? preferences.turn : 0,
      hearing.length > 0 ? preferences.toSlot : 0,
      telling.length > 0 ? preferences.toCoordinator : 0,
      exiting.length > 0 ? 0.5 : 0,
      this.#traffic.waiting.length > 0 ? (isSlow ? 0.01 : preferences.disk) : 0,
      // What is overdue comes soon, like a turn.
      (this.#time.nextTimerMs ?? Number.POSITIVE_INFINITY) <= this.#time.nowMs ? preferences.turn : 0,
    ]
    const other = weights.reduce((sum, weight) => sum + weight, 0)
    let at = this.#random.fraction() * (other + preferences.time)
    const chosen = weights.findIndex((weight) => {
      at -= weight
      return at < 0
    })
    if (other === 0) this.#passTime(process)
    else if (chosen === -1) this.#passTime(undefined)
    else if (chosen === 0) this.#turn(this.#random.pick(due))
    else if (chosen === 1) this.#hear(this.#random.pick(hearing))
    else if (chosen === 2) this.#tell(this.#random.pick(telling))
    else if (chosen === 3) this.#exit(this.#random.pick(exiting))
    else if (chosen === 4) this.#completeOperation()
    else this.#fireTimer()
  }

  #turn(slot: SimulatedSlot): void {
    this.log.add('turn', String(slot.index))
    this.#time.pass(this.#random.fraction() * TURN_MS_MAX)
    slot.turn()
  }

  #hear(slot: SimulatedSlot): void {
    const type = slot.hear()
    this.log.add(`to-slot:${type}`, String(slot.index))
  }

  #tell(slot: SimulatedSlot): void {
    const type = slot.tell()
    this.log.add(`to-coordinator:${type}`, String(slot.index))
  }

  #exit(slot: SimulatedSlot): void {
    this.log.add('exit', String(slot.index))
    slot.exit()
  }

  #completeOperation(): void {
    const { operation } = this.#traffic.complete(this.#random.below(this.#traffic.waiting.length))
    this.log.add(`disk:${operation.kind}`, operation.path)
    this.#time.pass(this.#random.fraction() * 0.2)
  }

  /** `stillProcess` is given when nothing else could happen: then somebody has to be waiting for time. */
  #passTime(stillProcess: SimulatedProcess | undefined): void {
    const timerMs = this.#time.nextTimerMs
    const slots = this.#process?.slots ?? []
    const dues = slots.map(({ nextDueMs }) => nextDueMs).filter((due) => due !== undefined)
    if (stillProcess !== undefined) this.#checkNotStuck(stillProcess, dues)
    const dueMs = dues.length === 0 ? undefined : Math.min(...dues)
    const earliestMs = Math.min(timerMs ?? Number.POSITIVE_INFINITY, dueMs ?? Number.POSITIVE_INFINITY)
    if (stillProcess === undefined && earliestMs > this.#time.nowMs + HASTE_MS_MAX) return
    if (timerMs === undefined && dueMs === undefined) {
      if (stillProcess !== undefined) throw new Error('stuck: nothing is left that could happen')
      return
    }
    if (dueMs !== undefined && (timerMs === undefined || dueMs < timerMs)) {
      this.log.add('time:slot-due')
      // Due times are whole milliseconds and a clock that shows them may stand a fraction before.
      this.#time.pass(Math.max(0, Math.ceil(dueMs) - this.#time.nowMs))
      return
    }
    this.#fireTimer()
  }

  #fireTimer(): void {
    this.log.add('time:timer')
    this.#time.fireNext()
  }

  /** Everything is still, so tasks that have work were not woken for it. */
  #checkNotStuck(process: SimulatedProcess, dues: readonly number[]): void {
    const { coordinator, slots } = process
    if (coordinator === undefined || dues.length > 0) return
    if (coordinator.facts.state !== 'RUNNING' && coordinator.facts.state !== 'CANCELLING') return
    if (slots.some(({ isHung, life }) => isHung && life.isAlive)) return
    if (slots.some(({ life }) => this.#time.hasTimerOf(life))) return
    const running = coordinator.reading().tasks.filter(({ isEnded }) => !isEnded)
    const { inProgress } = coordinator.statistics.counts
    if (running.length === 0 && inProgress > 0) throw new Error('stuck: nobody works on the pending checkpoint')
    if (running.length === 0) return
    const names = running.map(({ id }) => `${id.vertexId}/${id.subtask}`).join(', ')
    throw new Error(`stuck: nothing happens although ${names} have not ended: a wake-up was lost`)
  }

  #isFaultDue(chance: number): boolean {
    if (this.#faultsLeft === 0 || this.log.total >= CALM_AFTER_ACTIONS) return false
    return this.#random.chance(this.log.total < this.#riskyUntil ? chance * 5 : chance)
  }

  /** False when the fault does not apply now. */
  #injectFault(process: SimulatedProcess): boolean {
    const kind = this.#random.pick(this.#options.faults.kinds)
    if (!this.#apply(kind, process)) return false
    this.log.add(`fault:${kind}`)
    this.#faultsLeft--
    if (!REQUESTS.has(kind)) this.#faultsInProcess++
    return true
  }

  #apply(kind: FaultKind, process: SimulatedProcess): boolean {
    const { coordinator } = process
    const targetFolder = this.#options.savepointFolder
    const alive = process.slots.filter(({ life, isHung }) => life.isAlive && !isHung)
    switch (kind) {
      case 'task-failure':
        this.#options.userCode.failAfter(this.#random.below(60))
        return true
      case 'slot-crash':
        if (alive.length === 0) return false
        this.#random.pick(alive).crash(this.#random.below(4))
        return true
      case 'slot-hang':
        if (alive.length === 0 || coordinator?.facts.state !== 'RUNNING') return false
        this.#random.pick(alive).isHung = true
        this.#hangsInProcess++
        return true
      case 'process-kill':
        this.#endProcess(process)
        this.disk.killProcess()
        return true
      case 'machine-crash':
        this.#endProcess(process)
        this.disk.crash()
        this.#trouble.onCrash()
        this.#options.inspect('crashed')
        return true
      case 'storage-error':
        if (coordinator === undefined || coordinator.statistics.counts.inProgress === 0) return false
        this.#trouble.fail('io', `${this.#options.checkpointFolder}/`)
        return true
      case 'disk-error':
        this.#trouble.fail('io', '')
        return true
      case 'disk-full':
        this.#trouble.fail('no-space', '')
        return true
      case 'local-disk-full':
        this.#trouble.failStores()
        return true
      case 'sync-lie':
        this.#trouble.lie()
        return true
      case 'bit-rot':
        // The final one is what is looked at in the end.
        if (coordinator?.statistics.history.some(({ isFinal }) => isFinal) === true) return false
        return this.#trouble.rot(this.disk)
      case 'disk-slow':
        this.#slowDiskActions = 20 + this.#random.below(300)
        return true
      case 'clock-jump':
        this.#time.pass(CLOCK_JUMP_MS * (1 + this.#random.fraction()))
        return true
      case 'savepoint-stop':
      case 'stop':
      case 'cancel':
        if (coordinator === undefined || this.#isAskedToEnd) return false
        this.#isAskedToEnd = true
        if (kind === 'stop') coordinator.stop()
        else if (kind === 'cancel') coordinator.cancel()
        else if (this.#random.chance(0.5)) coordinator.stop('FINISHED', this.#nextSavepoint())
        else this.#ask(process, () => coordinator.stopWithSavepoint({ targetFolder, drain: false }))
        return true
      case 'drain-stop':
        if (coordinator?.facts.state !== 'RUNNING' || this.#isAskedToEnd) return false
        this.#isAskedToEnd = true
        this.#isAskedToDrain = true
        this.#ask(process, () => coordinator.stopWithSavepoint({ targetFolder, drain: true }))
        return true
      case 'checkpoint-request':
        if (coordinator === undefined) return false
        this.#ask(process, () =>
          coordinator.takeCheckpoint({ type: this.#random.pick(['configured', 'full', 'incremental'] as const) }),
        )
        return true
      case 'savepoint-request':
        if (coordinator === undefined) return false
        this.#ask(process, async () => {
          const taken = await coordinator.takeSavepoint({ targetFolder })
          if (process.life.isAlive) {
            this.#coverage.onSavepoint(taken.checkpointId)
            this.#guarded(() => this.#options.onSavepoint(taken.externalPath))
          }
          return taken
        })
        return true
    }
  }

  /** Every request is answered before its process ends by itself. */
  #ask(process: SimulatedProcess, request: () => Promise<{ readonly checkpointId: number }>): void {
    this.#openRequests++
    request()
      .then(
        ({ checkpointId }) => this.log.add('request:answered', String(checkpointId)),
        (error: unknown) => {
          const { code, message } = error as { code?: ErrorCode; message: string }
          this.log.add(`request:${code}`, message)
          const isExplained = code !== undefined && (REFUSALS.has(code) || this.#trouble.explains(toErrorData(error)))
          if (!isExplained) this.#unexplained ??= error as Error
        },
      )
      .finally(() => {
        if (process === this.#process) this.#openRequests--
      })
  }

  #endProcess(process: SimulatedProcess): void {
    process.life.end()
    this.#traffic.forget()
    this.#time.pass(REBOOT_MS)
  }

  #drawStopAfter(): ProcessStart['stopAfter'] {
    if (this.#faultsLeft === 0 || !this.#options.faults.kinds.includes('savepoint-stop')) return undefined
    if (!this.#random.chance(0.3)) return undefined
    this.#faultsLeft--
    return { checkpoints: 1 + this.#random.below(3), savepointFolder: this.#nextSavepoint() }
  }

  #nextSavepoint(): string {
    return `${this.#options.savepointFolder}/${++this.#savepoints}`
  }

  #observer(): CoordinatorObserver {
    return {
      onState: (state) => {
        this.log.add(`state:${state}`)
        this.#completedInAttempt = 0
        if (state === 'RESTARTING') this.#coverage.onAttempt()
      },
      onMessage: () => {},
      onFailure: ({ error, restartInMs }) => {
        if (error.code === undefined) throw new Error(`a failure without a code: ${error.stack}`)
        this.log.add(`failure:${error.code}`, `${restartInMs === undefined ? 'final' : 'restart'} ${error.message}`)
        this.#explain(error)
      },
      onCheckpoint: ({ id, outcome, reason }) => {
        this.log.add(`checkpoint:${outcome}`, `${id} ${reason ?? ''}`)
        if (outcome === 'completed') this.#tellCompleted(id)
      },
      onPrinted: () => {},
    }
  }

  #tellCompleted(id: number): void {
    this.#riskyUntil = this.log.total + RISKY_ACTIONS
    const { coordinator, start } = this.#process as SimulatedProcess
    if (coordinator?.facts.state === 'RUNNING') this.#completedInAttempt++
    const { latest } = (coordinator as NonNullable<typeof coordinator>).statistics
    const isCheckpointing = start.configuration['execution.checkpointing.interval'] !== '0'
    if (isCheckpointing && latest.completed?.id === id) {
      this.#coverage.onCompleted(latest.completed, latest.restored?.id, start.configuration)
    }
    this.#guarded(() => this.#options.onCompletedCheckpoint(id))
  }

  /** What the engine calls must not throw into it. */
  #guarded(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#unexplained ??= error as Error
    }
  }

  /** Remembers an error that nothing injected explains. */
  #explain(error: ErrorData): void {
    let innermost = error
    while (innermost.cause !== undefined) innermost = innermost.cause
    if (innermost.message.includes('injected')) return
    for (let each: ErrorData | undefined = error; each !== undefined; each = each.cause) {
      if (each.code !== undefined && SLOWNESS.has(each.code)) return
    }
    const isDisturbed = this.#faultsInProcess > 0 || this.#isAskedToEnd
    if (isDisturbed && error.code !== undefined && EXPLAINED.has(error.code)) return
    // Injected errors differ from each other but for these: the same slot twice ends the job on purpose.
    if (error.code === 'REPEATED_FAILURE' && innermost.code === 'SLOT_HEARTBEAT_TIMEOUT' && this.#hangsInProcess > 1) {
      return
    }
    if (this.#trouble.explains(error)) {
      this.log.add('damage-found', error.message)
      return
    }
    // What cannot be read counts as damaged until it can.
    if (this.#trouble.hadTrouble && JSON.stringify(error).includes('injected')) return
    this.#unexplained ??= new Error(
      `no fault explains ${error.code}: ${error.message}${innermost === error ? '' : ` (${innermost.message})`}\n${innermost.stack ?? ''}`,
    )
  }

  /** The end of the simulation, or what the next process starts from. */
  #afterProcess(end: ProcessEnd | undefined): SimulationEnd | RestoreRequest {
    const latest: RestoreRequest = { kind: 'latest', discardNewer: false, allowNonRestoredState: false }
    const process = this.#process as SimulatedProcess
    const options = this.#options
    if (end === undefined) return options.chooseRestore(latest, undefined) ?? this.#nothingLeft(undefined)
    process.life.end()
    // The exit of a process leaves what it wrote; what it still had under way is cut off.
    this.disk.killProcess()
    this.#traffic.forget()
    if (end.kind === 'not-started') {
      this.log.add('not-started', end.error.message)
      this.#explain(end.error)
      if (this.#unexplained !== undefined) throw this.#unexplained
      this.#time.pass(REBOOT_MS)
      // Whoever runs it looks after the disk before long.
      if (this.#random.chance(0.5)) this.#trouble.calm()
      // It may have been the first of all: then there is nothing to resume, and that is a fresh start too. And it may
      // have got half-way through giving up newer checkpoints: then the same has to be asked for again.
      return options.chooseRestore(latest, end.error) ?? this.#nothingLeft(end.error)
    }
    const { state, error, savepoint } = end.outcome
    this.log.add(`outcome:${state}`, error?.message ?? '')
    if (this.#openRequests > 0) throw new Error(`${this.#openRequests} requests were never answered`)
    if (error !== undefined) this.#explain(error)
    if (this.#unexplained !== undefined) throw this.#unexplained
    if (state === 'FINISHED' && savepoint !== undefined) {
      this.#coverage.onStopped(this.#isAskedToDrain ? 'drain' : 'stop')
    }
    if (state === 'FINISHED' && savepoint !== undefined && !this.#isAskedToDrain) {
      if (this.#random.chance(0.5)) return latest
      return { kind: 'path', path: savepoint, discardNewer: false, allowNonRestoredState: false }
    }
    const isCheckpointing = process.start.configuration['execution.checkpointing.interval'] !== '0'
    if (state === 'FINISHED' || !isCheckpointing) {
      return {
        state: state === 'FINISHED' ? state : 'FAILED',
        error,
        // A disk that failed since an earlier process is a fault of this one too.
        faultsInLastProcess: this.#faultsInProcess + (this.#trouble.hadTrouble ? 1 : 0),
        processes: this.#processes,
      }
    }
    if (state === 'CANCELED' && !this.#isAskedToEnd) throw new Error('the job was cancelled, and nobody asked for it')
    this.#time.pass(this.#random.below(100))
    return options.chooseRestore(latest, error) ?? this.#nothingLeft(error)
  }

  /** Every checkpoint is damaged, which is what was said. */
  #nothingLeft(error: ErrorData | undefined): SimulationEnd {
    if (error === undefined || !isDamage(error)) throw new Error('given up although nothing was said to be damaged')
    this.log.add('nothing-whole')
    const faultsInLastProcess = Math.max(1, this.#faultsInProcess)
    return { state: 'FAILED', error, faultsInLastProcess, processes: this.#processes }
  }
}
