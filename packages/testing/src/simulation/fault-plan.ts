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
  /** Syncs of files of checkpoints say that they are done and are not: a crash shows it. */
  'sync-lie',
  /** A byte of a stored checkpoint changes. */
  'bit-rot',
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
  /** A signal, or two of them: the process is to end, not the job. Also while something else ends the job. */
  'suspend',
  /** All input is ended where it stands, and the job with it. */
  'drain-stop',
  /** Asks the running job for one; it goes on. */
  'checkpoint-request',
  'savepoint-request',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

/** From then on no faults, and an even mix of actions, so that every job comes to its end. */
export const CALM_AFTER_ACTIONS = 8_000

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

/** They end many a job for good: no checkpoint is whole any more. */
const RARE: ReadonlySet<FaultKind> = new Set(['sync-lie', 'bit-rot'])

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

/** They come once in the life of a job, if it has not ended before: so they get schedules of their own. Few jobs can be drained. */
const ENDINGS: readonly FaultKind[] = ['savepoint-stop', 'drain-stop', 'drain-stop']
const ENDINGS_CHANCE = 0.25
/** Somebody takes savepoints, and then has a reason to go back to one. */
const RETURNS: readonly FaultKind[] = [
  ...Array<FaultKind>(4).fill('savepoint-request'),
  'process-kill',
  'machine-crash',
]
const RETURNS_CHANCE = 0.12

export function drawFaultPlan(random: SeededRandom, kinds: readonly FaultKind[] = FAULT_KINDS): FaultPlan {
  const endings = ENDINGS.filter((kind) => kinds.includes(kind))
  if (endings.length > 0 && random.chance(ENDINGS_CHANCE)) {
    return { kinds: [random.pick(endings), random.pick(kinds)], faultsMax: random.pick([1, 2, 3]), chance: 0.02 }
  }
  if (RETURNS.every((kind) => kinds.includes(kind)) && random.chance(RETURNS_CHANCE)) {
    return { kinds: RETURNS, faultsMax: 20, chance: 0.01 }
  }
  // Few kinds at a time: then each of them happens often enough to meet itself and one other.
  const chosen = kinds.filter((kind) => random.chance(OFTEN.has(kind) ? 0.5 : RARE.has(kind) ? 0.1 : 0.25))
  // Nothing else shows a lie.
  if (chosen.includes('sync-lie') && !chosen.includes('machine-crash')) chosen.push('machine-crash')
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
