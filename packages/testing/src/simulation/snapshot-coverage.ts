/**
 * Which snapshots a simulation has taken and gone on from, by what the laws have to hold for: occasion, alignment and state
 * backend. Only counts, in the action log; a run of many schedules asserts that every combination has come.
 */
import type { CheckpointRecord } from '@millrace/core'
import type { ActionLog } from './action-log.ts'
import type { StateBackendType } from './simulated-slots.ts'

/** `stop` and `drain`: the job ended with the snapshot, without and with all input ended first. */
export const SNAPSHOT_OCCASIONS = ['incremental', 'full', 'savepoint', 'stop', 'drain'] as const
type SnapshotOccasion = (typeof SNAPSHOT_OCCASIONS)[number]

/** What the configuration says of barriers. */
export const ALIGNMENTS = ['aligned', 'unaligned', 'aligned-timeout', 'at-least-once'] as const
type Alignment = (typeof ALIGNMENTS)[number]

/** Of the tasks of one attempt. */
type Backends = StateBackendType | 'mixed' | 'none'

interface Taken {
  readonly alignment: Alignment
  readonly backends: Backends
  readonly hasInFlight: boolean
}

export class SnapshotCoverage {
  readonly #log: ActionLog
  readonly #taken = new Map<number, Taken>()
  readonly #backends = new Set<StateBackendType>()
  /** What the attempt was restored from is counted once. */
  #isRestoreCounted = false
  #newest: Taken | undefined

  constructor(log: ActionLog) {
    this.#log = log
  }

  /** Slots are launched anew. */
  onAttempt(): void {
    this.#backends.clear()
    this.#isRestoreCounted = false
  }

  /** A task of the attempt keeps its state in it. */
  onBackend(type: StateBackendType): void {
    this.#backends.add(type)
    this.#log.add(`backend:${type}`)
  }

  /** `restoredId`: what the attempt goes on from. */
  onCompleted(
    record: CheckpointRecord,
    restoredId: number | undefined,
    configuration: Readonly<Record<string, string>>,
  ): void {
    const taken: Taken = {
      alignment: alignmentOf(configuration),
      backends: this.#backendsNow,
      hasInFlight: record.persistedBytes > 0,
    }
    const occasion = occasionOf(record, configuration['execution.checkpointing.incremental'] !== 'false')
    if (occasion !== undefined) this.#log.add(`snapshot:${nameOf(occasion, taken)}`, String(record.id))
    if (taken.hasInFlight) {
      this.#log.add('in-flight', String(record.id))
      if (occasion !== undefined) this.#log.add(`in-flight:${nameOf(occasion, taken)}`)
    }
    this.#countRestore(restoredId === undefined ? undefined : this.#taken.get(restoredId))
    this.#taken.set(record.id, taken)
    this.#newest = taken
  }

  /** A completed one was copied for who asked for a savepoint. */
  onSavepoint(id: number): void {
    const taken = this.#taken.get(id)
    if (taken !== undefined) this.#log.add(`snapshot:${nameOf('savepoint', taken)}`, String(id))
  }

  /** The job ended with the snapshot that was completed last. */
  onStopped(occasion: 'stop' | 'drain'): void {
    if (this.#newest !== undefined) this.#log.add(`snapshot:${nameOf(occasion, this.#newest)}`)
  }

  #countRestore(from: Taken | undefined): void {
    if (from === undefined || this.#isRestoreCounted) return
    this.#isRestoreCounted = true
    const backends = `${from.backends}>${this.#backendsNow}`
    this.#log.add(`restored:${backends}`)
    if (from.hasInFlight) this.#log.add(`restored-in-flight:${backends}`)
  }

  get #backendsNow(): Backends {
    const [first, ...others] = this.#backends
    return first === undefined ? 'none' : others.length === 0 ? first : 'mixed'
  }
}

function alignmentOf(configuration: Readonly<Record<string, string>>): Alignment {
  if (configuration['execution.checkpointing.mode'] === 'AT_LEAST_ONCE') return 'at-least-once'
  if (configuration['execution.checkpointing.unaligned.enabled'] !== 'true') return 'aligned'
  const timeout = configuration['execution.checkpointing.aligned-checkpoint-timeout'] ?? '0 ms'
  return timeout === '0 ms' ? 'unaligned' : 'aligned-timeout'
}

/**
 * `undefined`: one that counts as nothing of its own, as the first incremental one, which has nothing to build on, and what
 * becomes a savepoint when it is copied.
 */
function occasionOf(record: CheckpointRecord, isIncremental: boolean): SnapshotOccasion | undefined {
  if (record.isFinal || record.kind === 'savepoint') return undefined
  if (record.kind === 'full-checkpoint' || !isIncremental) return 'full'
  return record.checkpointedBytes < record.stateBytes ? 'incremental' : undefined
}

function nameOf(occasion: SnapshotOccasion, { alignment, backends }: Taken): string {
  return `${occasion} ${alignment} ${backends}`
}
