/**
 * What the conformance suite of checkpoint storage needs of an outside world: a place that lives of processes come to one
 * after the other, that can be looked into, damaged and filled. `FileStorageWorld` is the one for file systems; the connector
 * for an object store brings one of its own, over a fake store or a real one.
 */
import type { CheckpointManifest } from '@millrace/core'
import type { CheckpointStorage } from '@millrace/runtime'

export interface StorageWorld {
  /**
   * A process begins. Of the one before nothing goes on and nothing is answered any more; what it had not made durable may be
   * lost.
   */
  begin(options?: LifeOptions): Promise<StorageLife>
  /** Everything that is stored, by name. */
  contents(): Promise<ReadonlyMap<string, Uint8Array>>
  /** Replaces what is stored under a name, or with `undefined` removes it, behind the storage's back. */
  overwrite(name: string, bytes: Uint8Array | undefined): Promise<void>
  /** A savepoint, opened by what `writeSavepoint` returned, in the life that runs. */
  openSavepoint(path: string): Promise<{ readonly manifest: CheckpointManifest; readonly storage: CheckpointStorage }>
  /** From now on so many bytes find room in all; `undefined`: any number. Missing in a world that cannot be filled. */
  setCapacity?(bytes: number | undefined): void
  /** What was done that must not be, as a second sync of a file after one that failed; empty when all is well. */
  violations?(): readonly string[]
  /** Removes all that the world has made. */
  end?(): Promise<void>
}

export interface LifeOptions {
  /** The process dies in place of the outside operation that follows so many. */
  readonly operationsMax?: number
  /** The operation with this number, counted from 0, fails, once. */
  readonly failsAt?: number
}

export interface StorageLife {
  readonly storage: CheckpointStorage
  /** Resolves when the process has died by its `operationsMax`. */
  readonly ended: Promise<void>
  /** Outside operations so far. */
  operations(): number
}
