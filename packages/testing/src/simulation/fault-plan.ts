/** Which faults a schedule may meet, and how it prefers what to do next. */
import type { SeededRandom } from '../random/seeded-random.ts'

export const FAULT_KINDS = [
  /** The job's own code throws. */
  'task-failure',
  /** A slot's thread ends. */
  'slot-crash',
  /** A slot's thread never returns to its loop. */
  'slot-hang',
  /** SIGKILL: what was written stays. */
  'process-kill',
  /** Power off: what was not synced is lost, in part, or torn. */
  'machine-crash',
  /** Disk operations fail for a while. */
  'disk-error',
  'disk-full',
  /** The disk of the local state stores is full for a while. */
  'local-disk-full',
  /** Only where checkpoints are stored: they fail, and the job goes on. */
  'storage-error',
  /** Disk operations wait for a while. */
  'disk-slow',
  /** Time jumps so far that pending checkpoints expire. */
  'clock-jump',
  /** Stops by a savepoint, or by a checkpoint, or at once. */
  'savepoint-stop',
  'stop',
  'cancel',
  /** All input is ended where it stands, and the job with it. */
  'drain-stop',
  /** Asks the running job for one; it goes on. */
  'checkpoint-request',
  'savepoint-request',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

/** What a user asks for: it disturbs nothing, so that nothing is explained by it. */
export const REQUESTS: ReadonlySet<FaultKind> = new Set(['checkpoint-request', 'savepoint-request'])

/** Those that a job without checkpoints lives through. */
export const FAULTS_WITHOUT_CHECKPOINTS: readonly FaultKind[] = [
  'task-failure',
  'slot-crash',
  'slot-hang',
  'local-disk-full',
  'disk-slow',
  'clock-jump',
]

/**
 * A checkpoint that is given up, then a restore: together they show what the next delta forgot. Few jobs can be drained, and
 * of those few are still reading.
 */
const OFTEN: ReadonlySet<FaultKind> = new Set(['storage-error', 'slot-crash', 'drain-stop', 'savepoint-request'])

export interface FaultPlan {
  readonly kinds: readonly FaultKind[]
  readonly faultsMax: number
  /** Per action. */
  readonly chance: number
}

/** How much one kind of action is preferred; a skewed mix finds other orders than an even one. */
export interface Preferences {
  readonly turn: number
  readonly toSlot: number
  readonly toCoordinator: number
  readonly disk: number
  readonly time: number
}

export function drawFaultPlan(random: SeededRandom, kinds: readonly FaultKind[] = FAULT_KINDS): FaultPlan {
  // Few kinds at a time: then each of them happens often enough to meet itself and one other.
  const chosen = kinds.filter((kind) => random.chance(OFTEN.has(kind) ? 0.5 : 0.25))
  return {
    kinds: chosen.length === 0 ? [random.pick(kinds)] : chosen,
    faultsMax: random.pick([0, 1, 2, 3, 5, 8]),
    chance: random.pick([0.005, 0.015, 0.04]),
  }
}

export function drawPreferences(random: SeededRandom): Preferences {
  const weight = (): number => random.pick([0.1, 0.5, 1, 1, 4])
  return {
    turn: weight(),
    toSlot: weight(),
    toCoordinator: weight(),
    disk: weight(),
    time: random.pick([0.001, 0.005, 0.03]),
  }
}
