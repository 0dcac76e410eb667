/**
 * What users ask a simulated job for, and whoever ends processes: checkpoints, savepoints, and that it ends, in each of the
 * ways there are. It remembers what the present process was asked for and says whether the job has ended so: an end that
 * nobody asked for, and a wish that was forgotten, are faults of the engine.
 */
import { type ErrorCode, toErrorData } from '@millrace/api'
import type { JobCoordinator, JobOutcome } from '@millrace/runtime'
import type { SimulatedProcess } from './simulated-process.ts'
import type { SimulationParts } from './simulation-options.ts'

/** How a request for a checkpoint, a savepoint or a stop may be refused. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'CHECKPOINT_FAILED',
  'CHECKPOINT_DECLINED',
  'CHECKPOINT_EXPIRED',
  'SAVEPOINT_FAILED',
] satisfies ErrorCode[])

/** Each ends a job once. */
type EndingKind = 'savepoint-stop' | 'stop' | 'cancel' | 'drain-stop'
type RequestKind = EndingKind | 'suspend' | 'checkpoint-request' | 'savepoint-request'

/** Sent by who ends the process and has no patience. */
const SECOND_SIGNAL_CHANCE = 0.25

export class UserRequests {
  readonly #parts: SimulationParts
  #process: SimulatedProcess | undefined
  #savepoints = 0
  /** Of the present process that have no answer yet. */
  #open = 0
  #isAskedToEnd = false
  #isAskedToDrain = false
  /** In time, as the engine has said. */
  #isCanceled = false
  /** Checkpoints that may still be completed by a process that was told to end. */
  #checkpointsLeft: number | undefined

  constructor(parts: SimulationParts) {
    this.#parts = parts
  }

  get open(): number {
    return this.#open
  }

  /** Somebody wants the job, or its process, to end before its input does. */
  get isEndAsked(): boolean {
    return this.#isAskedToEnd || this.#isSignalled
  }

  get isAskedToDrain(): boolean {
    return this.#isAskedToDrain
  }

  get #isSignalled(): boolean {
    return this.#checkpointsLeft !== undefined
  }

  /** The next folder of a savepoint. */
  nextSavepoint(): string {
    return `${this.#parts.options.savepointFolder}/${++this.#savepoints}`
  }

  onProcess(process: SimulatedProcess): void {
    this.#process = process
    this.#open = 0
    this.#isAskedToEnd = process.start.stopAfter !== undefined
    this.#isAskedToDrain = false
    this.#isCanceled = false
    this.#checkpointsLeft = undefined
  }

  onCheckpointCompleted(): void {
    if (this.#checkpointsLeft === undefined || this.#checkpointsLeft-- > 0) return
    this.#parts.findings.add(new Error('the job goes on although its process was told to end'))
  }

  /** False when it does not apply now. */
  ask(kind: RequestKind, process: SimulatedProcess): boolean {
    const { coordinator } = process
    if (coordinator === undefined) return false
    const targetFolder = this.#parts.options.savepointFolder
    switch (kind) {
      case 'suspend':
        this.#suspend(coordinator, process)
        return true
      case 'checkpoint-request':
        this.#request(process, () => {
          const type = this.#parts.random.pick(['configured', 'full', 'incremental'] as const)
          return coordinator.takeCheckpoint({ type })
        })
        return true
      case 'savepoint-request':
        this.#request(process, async () => {
          const taken = await coordinator.takeSavepoint({ targetFolder })
          if (process.life.isAlive) {
            this.#parts.coverage.onSavepoint(taken.checkpointId)
            this.#parts.findings.guard(() => this.#parts.options.onSavepoint(taken.externalPath))
          }
          return taken
        })
        return true
      default:
        if (this.#isAskedToEnd || (kind === 'drain-stop' && coordinator.facts.state !== 'RUNNING')) return false
        this.#isAskedToEnd = true
        this.#end(kind, coordinator, process)
        return true
    }
  }

  /** Throws when the job has not ended as it was asked to. */
  checkEnd({ state }: JobOutcome): void {
    if (this.#open > 0) throw new Error(`${this.#open} requests were never answered`)
    if (state === 'CANCELED' && !this.#isAskedToEnd) throw new Error('the job was cancelled, and nobody asked for it')
    if (state === 'SUSPENDED' && !this.#isSignalled) throw new Error('the job was suspended by no signal')
    if (this.#isCanceled && state !== 'CANCELED')
      throw new Error(`the job was cancelled in time and yet it is ${state}`)
  }

  #end(kind: EndingKind, coordinator: JobCoordinator, process: SimulatedProcess): void {
    const targetFolder = this.#parts.options.savepointFolder
    switch (kind) {
      case 'stop':
        coordinator.stop()
        break
      case 'cancel':
        if (this.#isSignalled) this.#parts.log.add('cancelled-behind-a-signal')
        this.#isCanceled = coordinator.cancel() === undefined
        break
      case 'savepoint-stop':
        if (this.#parts.random.chance(0.5)) coordinator.stop('FINISHED', this.nextSavepoint())
        else this.#request(process, () => coordinator.stopWithSavepoint({ targetFolder, drain: false }))
        break
      case 'drain-stop':
        this.#isAskedToDrain = true
        this.#request(process, () => coordinator.stopWithSavepoint({ targetFolder, drain: true }))
        break
    }
  }

  /** As SIGTERM does, at any moment, also beside everything else that ends the job. */
  #suspend(coordinator: JobCoordinator, { start }: SimulatedProcess): void {
    if (this.#isAskedToEnd) this.#parts.log.add('signal-behind-a-stop')
    const concurrent = Number(start.configuration['execution.checkpointing.max-concurrent-checkpoints'])
    // Those that are under way, what was asked for before, a savepoint to stop with that fails, and the last one.
    this.#checkpointsLeft ??= concurrent + this.#open + 2
    if (this.#parts.random.chance(SECOND_SIGNAL_CHANCE)) coordinator.cancel('SUSPENDED')
    else coordinator.stop('SUSPENDED')
  }

  /** Every request is answered before its process ends by itself. */
  #request(process: SimulatedProcess, request: () => Promise<{ readonly checkpointId: number }>): void {
    const { log, trouble, findings } = this.#parts
    this.#open++
    request()
      .then(
        ({ checkpointId }) => log.add('request:answered', String(checkpointId)),
        (error: unknown) => {
          const { code, message } = error as { code?: ErrorCode; message: string }
          log.add(`request:${code}`, message)
          const isExplained = code !== undefined && (REFUSALS.has(code) || trouble.explains(toErrorData(error)))
          if (!isExplained) findings.add(error as Error)
        },
      )
      .finally(() => {
        if (process === this.#process) this.#open--
      })
  }
}
