/** What a slot needs from its surroundings: everything that differs between a worker thread and the simulation. */
import type { FileSystem, LogicalGraph } from '@millrace/api'
import type { KeyedStateBackend, KeyGroupRange, PhysicalPlan } from '@millrace/core'
import type { WakeUp } from '../channel/wake-up.ts'
import type { StepProbe } from '../checkpoint-storage/checkpoint-storage.ts'
import type { Clock, RandomSource } from '../clock/clock.ts'
import type { FromSlot } from './protocol.ts'

export interface SlotEnvironment {
  readonly clock: Clock
  readonly random: RandomSource
  readonly files: FileSystem
  /** Builds the job in this slot. */
  loadJob(): Promise<LoadedJob>
  post(message: FromSlot): void
  /** Wakes another slot of the deployment. */
  wakeUpOf(slot: number): WakeUp
  /** Wakes this slot from its own thread. */
  readonly ownWakeUp: WakeUp
  createBackend(keyGroups: KeyGroupRange, maxParallelism: number): KeyedStateBackend | Promise<KeyedStateBackend>
  /** Whether backends keep their state on the local disk; for what is advised when memory runs out. */
  readonly isStateOnDisk?: boolean
  /** Told at each step of storing, for the suites that crash there. */
  readonly probe?: StepProbe
  /** Default: those of production. */
  readonly sizes?: SlotSizes
  /** Bytes used and allowed in this slot's heap, and outside of it; asked now and then. */
  memory(): SlotMemory
}

/** Sizes that the fault simulation makes small, so that little input meets their borders often. */
export interface SlotSizes {
  /** Units (records and firings) of one task in one turn; asked before every step. */
  turnUnits(): number
  /** Records of a split between two watermarks. */
  readonly watermarkEveryRecords: number
  /** Keys that are combined at once; default: those of production. */
  readonly combinedKeysMax?: number
}

export interface LoadedJob {
  readonly graph: LogicalGraph
  readonly plan: PhysicalPlan
}

export interface SlotMemory {
  readonly usedBytes: number
  readonly limitBytes: number
  /** What is alive comes close to the limit; asked again it may be said again. */
  readonly isNearLimit?: boolean
}
