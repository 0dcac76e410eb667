/**
 * Runs one job through one schedule of faults, to its end: process after process, each with production code, a part of the
 * schedule deciding what happens next (`NextAction`), what goes wrong (`FaultInjection`) and what is asked for (`UserRequests`).
 * One seed gives one schedule.
 *
 * It fails (throws) when the engine gets stuck, reports an error that no injected fault explains, ends otherwise than it was
 * asked to, or when `inspect`, which is asked between actions, finds an invariant broken.
 */
import { setImmediate } from 'node:timers/promises'
import type { ErrorData, FileSystem } from '@millrace/api'
import type { CoordinatorObserver, JobOutcome, RestoreRequest } from '@millrace/runtime'
import { type DiskOperationKind, SimulatedDisk } from '../sim-disk/simulated-disk.ts'
import { ActionLog } from './action-log.ts'
import { DiskTraffic } from './disk-traffic.ts'
import { DiskTrouble, isDamage } from './disk-trouble.ts'
import { explainError } from './error-explanation.ts'
import { FaultInjection, REBOOT_MS } from './fault-injection.ts'
import { Life } from './life.ts'
import { NextAction } from './next-action.ts'
import { type ProcessEnd, type ProcessStart, SimulatedProcess } from './simulated-process.ts'
import { Findings, type SimulationEnd, type SimulationOptions, type SimulationParts } from './simulation-options.ts'
import { SnapshotCoverage } from './snapshot-coverage.ts'
import { UserRequests } from './user-requests.ts'
import { VirtualTime } from './virtual-time.ts'

/** What retention asks of the disk, one after the other: while none of these waits it has nothing to do. */
const RETENTION_OPERATIONS: ReadonlySet<DiskOperationKind> = new Set([
  'stat',
  'list',
  'remove',
  'remove-folder',
  'sync-folder',
] satisfies DiskOperationKind[])

const LATEST: RestoreRequest = { kind: 'latest', discardNewer: false, allowNonRestoredState: false }
const ACTIONS_MAX = 60_000

export class Simulation {
  readonly log: ActionLog
  readonly disk: SimulatedDisk
  readonly #parts: SimulationParts
  readonly #faults: FaultInjection
  readonly #requests: UserRequests
  readonly #next: NextAction
  #process: SimulatedProcess | undefined
  #processes = 0
  /** Checkpoints that were completed while the present attempt ran: retention looks at all of them then. */
  #completedInAttempt = 0

  constructor(options: SimulationOptions) {
    const { random } = options
    const log = new ActionLog(options.keptActions)
    const lookMs = random.pick([0, 0.01, 0.2])
    const time = new VirtualTime(() => lookMs * random.fraction())
    const trouble = new DiskTrouble(random, log, options.checkpointFolder)
    const traffic = new DiskTraffic()
    const disk = new SimulatedDisk({
      random: () => random.fraction(),
      schedule: traffic.schedule,
      fault: (operation) => trouble.faultOf(operation),
      isLie: (operation) => trouble.isLie(operation),
      now: () => time.nowMs,
    })
    const coverage = new SnapshotCoverage(log)
    this.log = log
    this.disk = disk
    this.#parts = { options, random, log, disk, traffic, time, trouble, coverage, findings: new Findings() }
    this.#requests = new UserRequests(this.#parts)
    this.#faults = new FaultInjection(this.#parts, this.#requests)
    this.#next = new NextAction(this.#parts, this.#faults)
  }

  /** Puts files on the disk before the job starts, durably. */
  async prepare(act: (files: FileSystem) => Promise<void>): Promise<void> {
    const { traffic } = this.#parts
    const life = new Life()
    let isDone = false
    const done = act(traffic.filesOf(life, this.disk.mount())).then(() => {
      isDone = true
    })
    while (!isDone) {
      await setImmediate()
      while (traffic.waiting.length > 0) traffic.complete(0)
    }
    await done
  }

  async run(): Promise<SimulationEnd> {
    const { options } = this.#parts
    let restore: RestoreRequest = { kind: 'none' }
    for (;;) {
      const start = { configuration: options.configuration(), restore, stopAfter: this.#faults.drawStopAfter() }
      const process = this.#startProcess(start)
      const end = await this.#runProcess(process)
      const next = this.#afterProcess(process, end)
      if ('state' in next) return next
      restore = next
    }
  }

  /** Retention has removed what it may, nothing kept it from it, and nothing pending is older than the attempt's first completion. */
  get isRetentionSettled(): boolean {
    const { traffic, trouble, options } = this.#parts
    const concurrent = Number(this.#process?.start.configuration['execution.checkpointing.max-concurrent-checkpoints'])
    if (this.#completedInAttempt <= concurrent || trouble.hadTrouble) return false
    return !traffic.waiting.some(
      ({ operation: { kind, path } }) => RETENTION_OPERATIONS.has(kind) && path.startsWith(options.checkpointFolder),
    )
  }

  /** Files of checkpoints that may hold other bytes than were written. */
  get damagedFiles(): ReadonlySet<string> {
    return this.#parts.trouble.damaged
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

  #startProcess(start: ProcessStart): SimulatedProcess {
    const { options, log, traffic, time, trouble, coverage } = this.#parts
    const mount = this.disk.mount()
    this.#completedInAttempt = 0
    trouble.onProcess()
    coverage.onAttempt()
    this.#processes++
    log.add(`process:${start.restore.kind}`, `-p ${start.configuration['parallelism.default']}`)
    const process = new SimulatedProcess(this.#processes, start, {
      job: options.job,
      checkpointFolder: options.checkpointFolder,
      random: options.random,
      sizes: options.sizes,
      encodeStepEntries: options.encodeStepEntries,
      snapshotBytesMax: options.snapshotBytesMax,
      storeSizes: options.storeSizes,
      database: options.database,
      observer: this.#observer(),
      clockOf: (life) => time.clockOf(life),
      filesOf: (life) => traffic.filesOf(life, mount),
      chooseBackend: () => {
        const type = options.chooseBackend()
        coverage.onBackend(type)
        return type
      },
      onStoreWriting: () => trouble.onStoreWriting(),
      onSwept: (type) => log.add(`swept:${type}`),
      abandon: (life) => traffic.abandon(life),
      isRunning: (pid) => pid === this.#process?.pid && this.#process.life.isAlive,
    })
    this.#process = process
    this.#faults.onProcess()
    this.#requests.onProcess(process)
    return process
  }

  /** `undefined`: it was killed. */
  async #runProcess(process: SimulatedProcess): Promise<ProcessEnd | undefined> {
    const { log, findings, options } = this.#parts
    await setImmediate()
    for (;;) {
      findings.check()
      if (process.end !== undefined) {
        await this.#awaitAnswers()
        return process.end
      }
      if (log.total > ACTIONS_MAX) throw new Error(`the job has not ended after ${ACTIONS_MAX} actions`)
      this.#next.act(process)
      await setImmediate()
      if (!process.life.isAlive) return undefined
      if (log.total % 32 === 0) options.inspect('running')
    }
  }

  /** A process does not exit while a request waits for the disk: the job has ended, and it will be told so. */
  async #awaitAnswers(): Promise<void> {
    while (this.#requests.open > 0 && this.#parts.traffic.waiting.length > 0) {
      this.#next.completeOperation()
      await setImmediate()
    }
  }

  #observer(): CoordinatorObserver {
    const { log, coverage } = this.#parts
    return {
      onState: (state) => {
        log.add(`state:${state}`)
        this.#completedInAttempt = 0
        if (state === 'RESTARTING') coverage.onAttempt()
      },
      onMessage: (_level, text) => {
        if (text.startsWith('Removed what a process that was killed')) log.add('savepoint-cleared')
      },
      onFailure: ({ error, restartInMs }) => {
        if (error.code === undefined) throw new Error(`a failure without a code: ${error.stack}`)
        log.add(`failure:${error.code}`, `${restartInMs === undefined ? 'final' : 'restart'} ${error.message}`)
        this.#explain(error)
      },
      onCheckpoint: ({ id, outcome, reason }) => {
        log.add(`checkpoint:${outcome}`, `${id} ${reason ?? ''}`)
        if (outcome === 'completed') this.#tellCompleted(id)
      },
      onPrinted: () => {},
    }
  }

  #tellCompleted(id: number): void {
    const { coverage, findings, options } = this.#parts
    this.#faults.onCheckpointCompleted()
    this.#requests.onCheckpointCompleted()
    const { coordinator, start } = this.#process as SimulatedProcess
    if (coordinator?.facts.state === 'RUNNING') this.#completedInAttempt++
    const { latest } = (coordinator as NonNullable<typeof coordinator>).statistics
    if (isCheckpointing(start) && latest.completed?.id === id) {
      coverage.onCompleted(latest.completed, latest.restored?.id, start.configuration)
    }
    findings.guard(() => options.onCompletedCheckpoint(id))
  }

  #explain(error: ErrorData): void {
    const isDisturbed = this.#faults.inProcess > 0 || this.#requests.isEndAsked
    explainError(error, { isDisturbed, hangs: this.#faults.hangsInProcess }, this.#parts)
  }

  /** The end of the simulation, or what the next process starts from. */
  #afterProcess(process: SimulatedProcess, end: ProcessEnd | undefined): SimulationEnd | RestoreRequest {
    const { options, log, traffic, time, trouble, random, findings } = this.#parts
    if (end === undefined) return options.chooseRestore(LATEST, undefined) ?? this.#nothingLeft(undefined)
    process.life.end()
    // The exit of a process leaves what it wrote; what it still had under way is cut off.
    this.disk.killProcess()
    traffic.forget()
    if (end.kind === 'outcome') return this.#afterOutcome(process, end.outcome)
    log.add('not-started', end.error.message)
    this.#explain(end.error)
    findings.check()
    time.pass(REBOOT_MS)
    // Whoever runs it looks after the disk before long.
    if (random.chance(0.5)) trouble.calm()
    // It may have been the first of all: then there is nothing to resume, and that is a fresh start too. And it may
    // have got half-way through giving up newer checkpoints: then the same has to be asked for again.
    return options.chooseRestore(LATEST, end.error) ?? this.#nothingLeft(end.error)
  }

  #afterOutcome({ start }: SimulatedProcess, outcome: JobOutcome): SimulationEnd | RestoreRequest {
    const { options, log, time, trouble, coverage, random, findings } = this.#parts
    const { state, error, savepoint } = outcome
    log.add(`outcome:${state}`, error?.message ?? '')
    this.#requests.checkEnd(outcome)
    if (error !== undefined) this.#explain(error)
    findings.check()
    const { isAskedToDrain } = this.#requests
    if (state === 'FINISHED' && savepoint !== undefined) {
      coverage.onStopped(isAskedToDrain ? 'drain' : 'stop')
      if (!isAskedToDrain && random.chance(0.5)) return LATEST
      if (!isAskedToDrain) {
        return { kind: 'path', path: savepoint, discardNewer: false, allowNonRestoredState: false }
      }
    }
    if (state === 'FINISHED' || !isCheckpointing(start)) {
      return {
        state: state === 'FINISHED' ? state : 'FAILED',
        error,
        // A disk that failed since an earlier process is a fault of this one too.
        faultsInLastProcess: this.#faults.inProcess + (trouble.hadTrouble ? 1 : 0),
        processes: this.#processes,
      }
    }
    if (state === 'SUSPENDED') options.inspect('suspended')
    time.pass(random.below(100))
    const restore = options.chooseRestore(LATEST, error) ?? this.#nothingLeft(error)
    if (state === 'SUSPENDED' && 'kind' in restore && restore.kind === 'latest') log.add('resumed:SUSPENDED')
    return restore
  }

  /** Every checkpoint is damaged, which is what was said. */
  #nothingLeft(error: ErrorData | undefined): SimulationEnd {
    if (error === undefined || !isDamage(error)) throw new Error('given up although nothing was said to be damaged')
    this.log.add('nothing-whole')
    const faultsInLastProcess = Math.max(1, this.#faults.inProcess)
    return { state: 'FAILED', error, faultsInLastProcess, processes: this.#processes }
  }
}

function isCheckpointing({ configuration }: ProcessStart): boolean {
  return configuration['execution.checkpointing.interval'] !== '0'
}
