/**
 * Where checkpoints are kept: the contract that a connector implements for another kind of storage. Slots write segments
 * through it and read them back, the coordinator writes the manifest last and removes what is no longer needed.
 * `FileCheckpointStorage` is the implementation on a `FileSystem`; docs/internals/checkpoint-storage.md says what an object
 * store or HDFS has in place of rename and fsync. Every implementation passes `checkpointStorageConformance` of
 * `@millrace/testing`.
 *
 * Invariant: a manifest that can be read names only segments that are durable and whole, at every instant and after a
 * crash at any instant.
 *
 * Who calls: one coordinator, and beside it any number of slots in other threads, each with an object of its own for the
 * same place. Segments of different subtasks, attempts and checkpoints are written at the same time and never under the
 * same name. A process that was killed may have left anything half done.
 */
import type { CheckpointManifest, SegmentRef } from '@millrace/core'

export interface CheckpointStorage {
  /** The place, as a user would write it; it stands in messages. */
  readonly folder: string

  /** Makes the place ready; once, in the coordinator, before anything is written. Throws `CHECKPOINT_FOLDER_UNUSABLE`. */
  open(): Promise<void>

  /**
   * Begins to store the segments of one subtask for one checkpoint, which come piece by piece while they are encoded. Nothing
   * is stored before the first one comes.
   */
  beginSegments(target: SegmentTarget): SegmentWriting

  /** All segments at once: as `beginSegments`, one `write` and `finish`. */
  writeSegments(batch: SegmentBatch): Promise<readonly SegmentRef[]>

  /**
   * Makes a checkpoint exist, at once or not at all. Checks first that everything that it names is there. Returns its
   * external path. Throws `CHECKPOINT_FAILED` when it does not exist, and `CHECKPOINT_FOLDER_UNUSABLE` when that cannot be
   * told: then no checkpoint may follow in this process.
   */
  writeManifest(manifest: CheckpointManifest): Promise<string>

  /**
   * Writes a self-contained savepoint into a folder of its own, new or empty: copies every segment that it names.
   * Returns the folder. Throws `SAVEPOINT_FAILED`; then nothing of it is left.
   */
  writeSavepoint(manifest: CheckpointManifest, folder: string): Promise<string>

  /** Bytes of a segment; throws `CHECKPOINT_DAMAGED` naming the file when they are missing or not what was written. */
  readSegment(ref: SegmentRef): Promise<Uint8Array>

  /**
   * `readSegment` of all of these, in the same order, in as few reads as it takes: segments that lie side by side are read
   * together. The caller gives so many as it has memory for.
   */
  readSegments(refs: readonly SegmentRef[]): Promise<readonly Uint8Array[]>

  /** Everything in the place that calls itself a checkpoint, oldest first; made durable, so that a crash keeps it. */
  listCheckpoints(): Promise<readonly ListedCheckpoint[]>

  /**
   * Removes checkpoints (manifests first, durably) and then files. What cannot be removed now is left for
   * `removeLeftovers`; failing to remove is not an error of the job.
   */
  discard(checkpointIds: readonly number[], deadFiles: readonly string[]): Promise<void>

  /**
   * Removes segment files of checkpoints from `fromId` to `toId` that are not in `named`: those of checkpoints that were
   * given up. Nothing of these may be pending. Failing to remove is not an error of the job.
   */
  removeUnnamedSegments(fromId: number, toId: number, named: ReadonlySet<string>): Promise<void>

  /**
   * After a start, before anything is written: removes unfinished checkpoints, savepoints that this place's owner was writing when it
   * was killed, and segment files that no manifest names. Does nothing about files while any manifest is damaged. Returns
   * what was removed.
   */
  removeLeftovers(): Promise<readonly string[]>
}

/**
 * The segments of one subtask on their way. `write` and `finish` throw `CHECKPOINT_FAILED`, whose message says what is full or
 * failed and how much had come; what was written is then removed as far as it can be, and nothing of it is ever used: a write
 * that failed is not tried again under its name.
 */
export interface SegmentWriting {
  /**
   * Takes further segments. Resolves when they are out of memory, but for what may still go into the manifest (`inlineBytesMax`) or
   * fills no part of an upload yet; they need not be durable. One call at a time.
   */
  write(pieces: readonly NewSegment[]): Promise<void>
  /**
   * Makes everything durable and returns where the segments are, in the order in which they came. Small ones, if there are no others, come
   * back inlined and leave nothing that is stored.
   */
  finish(): Promise<readonly SegmentRef[]>
  /**
   * Gives up what was not finished: waits for a `write` that is under way, which may resolve or throw, and removes what was written as far as
   * it can be. Does nothing once `finish` was called: then the checkpoint may name it. Never rejects.
   */
  discard(): Promise<void>
}

export interface SegmentTarget {
  readonly checkpointId: number
  /** Of the job in this process, so that a writer of an attempt that was given up writes elsewhere. */
  readonly attempt: number
  readonly vertexId: string
  readonly subtask: number
  /**
   * Data in flight, which only this checkpoint names: it is stored apart from segments, whose files later checkpoints keep. At most
   * one writing of each kind for a subtask.
   */
  readonly isInFlight?: boolean
  /** Pieces that are smaller together go into the manifest instead of a file. */
  readonly inlineBytesMax: number
}

export interface SegmentBatch extends SegmentTarget {
  readonly pieces: readonly NewSegment[]
}

/** What a `SnapshotPiece` tells the storage. */
export interface NewSegment {
  readonly kind: 'base' | 'delta'
  /** See `SegmentRef`; it comes back in there. */
  readonly isContinuation?: boolean
  /** A whole segment, as `SegmentWriter.finish` returns it. */
  readonly bytes: Uint8Array
  /** Its `segmentChecksum`, from who has it already. */
  readonly crc32c?: number
  readonly entries: number
}

export type ListedCheckpoint =
  | {
      readonly state: 'whole'
      readonly checkpointId: number
      readonly path: string
      readonly manifest: CheckpointManifest
    }
  | { readonly state: 'damaged'; readonly checkpointId: number; readonly path: string; readonly problem: Error }

/** Steps at which the suite that kills the process may do so; `probe` is called exactly there. */
export const STORAGE_STEPS = [
  'segment:before-write',
  'segment:before-folder-sync',
  'segment:before-sync',
  'segment:stored',
  'manifest:before-write',
  'manifest:before-sync',
  'manifest:before-rename',
  'manifest:before-folder-sync',
  'manifest:after-folder-sync',
  'discard:before-manifest-remove',
  'discard:before-files-remove',
  'discard:after-files-remove',
] as const

export type StorageStep = (typeof STORAGE_STEPS)[number]

/** Told before or after each step of storing; a test kills the process or throws here. */
export type StepProbe = (step: StorageStep) => void | Promise<void>
