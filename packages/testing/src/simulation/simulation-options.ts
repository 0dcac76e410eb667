/** What a simulation is given, how it ends, and what its parts share. */
import type { ErrorData, JobDefinition } from '@millrace/api'
import type { OrderedStore, RestoreRequest, SlotSizes } from '@millrace/runtime'
import type { SeededRandom } from '../random/seeded-random.ts'
import type { SimulatedDisk } from '../sim-disk/simulated-disk.ts'
import type { ActionLog } from './action-log.ts'
import type { DiskTraffic } from './disk-traffic.ts'
import type { DiskTrouble } from './disk-trouble.ts'
import type { FaultPlan, Preferences } from './fault-plan.ts'
import type { StateBackendType, StoreSizes } from './simulated-slots.ts'
import type { SnapshotCoverage } from './snapshot-coverage.ts'
import type { UserCode } from './user-code.ts'
import type { VirtualTime } from './virtual-time.ts'

export type InspectedMoment = 'running' | 'crashed' | 'suspended'

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
  /** What backends of type `rocksdb` share; without it none may be chosen. */
  readonly database?: OrderedStore | undefined
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
  /** Whether a start was to be refused with this. */
  isExpected(error: ErrorData): boolean
  /** Called between actions, `crashed` right after the machine lost what was not synced, `suspended` when a job was suspended. */
  inspect(moment: InspectedMoment): void
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

/** What its parts share. */
export interface SimulationParts {
  readonly options: SimulationOptions
  readonly random: SeededRandom
  readonly log: ActionLog
  readonly disk: SimulatedDisk
  readonly traffic: DiskTraffic
  readonly time: VirtualTime
  readonly trouble: DiskTrouble
  readonly coverage: SnapshotCoverage
  readonly findings: Findings
}

/** What is wrong with the engine, remembered where it cannot be thrown. */
export class Findings {
  #first: Error | undefined

  add(error: Error): void {
    this.#first ??= error
  }

  /** What the engine calls must not throw into it. */
  guard(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.add(error as Error)
    }
  }

  /** Throws the first one. */
  check(): void {
    if (this.#first !== undefined) throw this.#first
  }
}
