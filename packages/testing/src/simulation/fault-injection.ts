/** Injects the faults of a plan into a simulated process, and counts what it has met. */
import { CALM_AFTER_ACTIONS, type FaultKind, REQUESTS } from './fault-plan.ts'
import type { ProcessStart, SimulatedProcess } from './simulated-process.ts'
import type { SimulationParts } from './simulation-options.ts'
import type { UserRequests } from './user-requests.ts'

/** How long after the completion of a checkpoint a failure finds commits and retention under way. */
const RISKY_ACTIONS = 60
/** Longer than any timeout of the configuration but the heartbeat's. */
const CLOCK_JUMP_MS = 2_000
/** A lock without a name is taken for an abandoned one after ten seconds. */
export const REBOOT_MS = 11_000

export class FaultInjection {
  readonly #parts: SimulationParts
  readonly #requests: UserRequests
  #left: number
  #inProcess = 0
  #hangsInProcess = 0
  #slowDiskActions = 0
  /** Until this many actions faults are likelier: a checkpoint has just been completed. */
  #riskyUntil = 0

  constructor(parts: SimulationParts, requests: UserRequests) {
    this.#parts = parts
    this.#requests = requests
    this.#left = parts.options.faults.faultsMax
  }

  /** Faults that the present process has met. */
  get inProcess(): number {
    return this.#inProcess
  }

  get hangsInProcess(): number {
    return this.#hangsInProcess
  }

  onProcess(): void {
    this.#inProcess = 0
    this.#hangsInProcess = 0
  }

  onCheckpointCompleted(): void {
    this.#riskyUntil = this.#parts.log.total + RISKY_ACTIONS
  }

  /** Whether the disk is slow in this action. */
  takeSlowDisk(): boolean {
    return this.#slowDiskActions > 0 && this.#slowDiskActions-- > 0
  }

  drawStopAfter(): ProcessStart['stopAfter'] {
    const { random, options } = this.#parts
    if (this.#left === 0 || !options.faults.kinds.includes('savepoint-stop') || !random.chance(0.3)) return undefined
    this.#left--
    return { checkpoints: 1 + random.below(3), savepointFolder: this.#requests.nextSavepoint() }
  }

  /** Injects one when the time for it has come; false when nothing has happened. */
  injectDue(process: SimulatedProcess): boolean {
    const { random, log, options } = this.#parts
    const { kinds, chance } = options.faults
    if (this.#left === 0 || log.total >= CALM_AFTER_ACTIONS) return false
    if (!random.chance(log.total < this.#riskyUntil ? chance * 5 : chance)) return false
    const kind = random.pick(kinds)
    if (!this.#apply(kind, process)) return false
    log.add(`fault:${kind}`)
    this.#left--
    if (!REQUESTS.has(kind)) this.#inProcess++
    return true
  }

  /** False when the fault does not apply now. */
  #apply(kind: FaultKind, process: SimulatedProcess): boolean {
    const { random, disk, trouble, time, options } = this.#parts
    const { coordinator } = process
    const alive = process.slots.filter(({ life, isHung }) => life.isAlive && !isHung)
    switch (kind) {
      case 'task-failure':
        options.userCode.failAfter(random.below(60))
        return true
      case 'slot-crash':
        if (alive.length === 0) return false
        random.pick(alive).crash(random.below(4))
        return true
      case 'slot-hang':
        if (alive.length === 0 || coordinator?.facts.state !== 'RUNNING') return false
        random.pick(alive).isHung = true
        this.#hangsInProcess++
        return true
      case 'process-kill':
        this.#endProcess(process)
        disk.killProcess()
        return true
      case 'machine-crash':
        this.#endProcess(process)
        disk.crash()
        trouble.onCrash()
        options.inspect('crashed')
        return true
      case 'storage-error':
        if (coordinator === undefined || coordinator.statistics.counts.inProgress === 0) return false
        trouble.fail('io', `${options.checkpointFolder}/`)
        return true
      case 'disk-error':
        trouble.fail('io', '')
        return true
      case 'disk-full':
        trouble.fail('no-space', '')
        return true
      case 'local-disk-full':
        trouble.failStores()
        return true
      case 'sync-lie':
        trouble.lie()
        return true
      case 'bit-rot':
        // The final one is what is looked at in the end.
        if (coordinator?.statistics.history.some(({ isFinal }) => isFinal) === true) return false
        return trouble.rot(disk)
      case 'disk-slow':
        this.#slowDiskActions = 20 + random.below(300)
        return true
      case 'clock-jump':
        time.pass(CLOCK_JUMP_MS * (1 + random.fraction()))
        return true
      default:
        return this.#requests.ask(kind, process)
    }
  }

  #endProcess(process: SimulatedProcess): void {
    process.life.end()
    this.#parts.traffic.forget()
    this.#parts.time.pass(REBOOT_MS)
  }
}
