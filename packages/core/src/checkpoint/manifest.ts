/**
 * What a checkpoint is: the manifest names every piece of state by operator uid and key group. It is written last, so
 * a checkpoint without a manifest does not exist. `manifest-format.ts` turns it into bytes and back.
 */
import type { PlainValue } from '@millrace/api'
import type { TableDescriptor } from '../state/table-descriptor.ts'
import type { SubtaskRecord } from './checkpoint-statistics.ts'
import type { Future } from './future.ts'

/**
 * 2: says what its subtasks measured and what is known of the form of values, and names data in flight. 3: a segment may be
 * continued by others. 4: lists files once, and segments in rows (`listed-segments.ts`); a history may have several futures.
 */
export const MANIFEST_VERSION = 4

export interface CheckpointManifest {
  readonly version: typeof MANIFEST_VERSION
  readonly jobName: string
  /** Id of the job's history, 16 hex digits: new on a fresh start, kept by every restore. */
  readonly lineage: string
  /** Through which futures of that history it came; left out: through the first one only. */
  readonly futures?: readonly Future[]
  readonly checkpointId: number
  readonly kind: 'checkpoint' | 'savepoint'
  readonly triggeredAtMs: number
  readonly completedAtMs: number
  readonly operators: readonly OperatorSnapshot[]
  /** All inputs had ended, or were drained, and everything was flushed: a restore commits what is pending and runs nothing more. */
  readonly isFinal: boolean
  /** What its tasks measured, in the order of the plan; for people, no restore looks at it. Version 1 does not have it. */
  readonly measures?: readonly VertexMeasures[]
}

export interface VertexMeasures {
  readonly vertexId: string
  readonly name: string
  /** All of them, by number. */
  readonly subtasks: readonly SubtaskRecord[]
}

/** The state of one operator (one step of the job with its uid), over all its subtasks. */
export interface OperatorSnapshot {
  readonly uid: string
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly tables: readonly TableDescriptor[]
  /** Keyed state: segments per key group, in key-group order; groups without state are left out. */
  readonly keyGroups: readonly KeyGroupSnapshot[]
  /** Non-keyed state: opaque entries, dealt out anew on restore. Source splits, sink writer states. */
  readonly entries: readonly PlainValue[]
  /** Prepared by a sink and not known to be committed. */
  readonly committables: readonly PlainValue[]
  /** Subtasks whose input had ended and was processed to the end; a restore does not run them again. */
  readonly finishedSubtasks: readonly number[]
  /**
   * Records that were on their way to this operator, the first of its task, when barriers overtook them; by subtask. Left
   * out: none.
   */
  readonly inFlight?: readonly InFlightSnapshot[]
}

/** Data in flight of one receiving subtask; its bytes are those of `in-flight-format.ts`. */
export interface InFlightSnapshot extends SubtaskInFlight {
  readonly subtask: number
}

export interface SubtaskInFlight {
  /** Uids of the steps that sent it. */
  readonly from: readonly string[]
  readonly segment: SegmentRef
}

export interface KeyGroupSnapshot {
  readonly keyGroup: number
  /** Base first, then deltas, oldest first, each with its continuations behind it. See `segment-chain.ts`. */
  readonly segments: readonly SegmentRef[]
}

/** Where the bytes of a segment are. */
export interface SegmentRef {
  readonly kind: 'base' | 'delta'
  /** It goes on where the segment before it ended, of the same kind and checkpoint: both are one base or one delta. Left out: no. */
  readonly isContinuation?: boolean
  /** The checkpoint that wrote it. */
  readonly checkpointId: number
  readonly location: SegmentLocation
  readonly lengthBytes: number
  /** See `segmentChecksum`. */
  readonly crc32c: number
  readonly entries: number
}

/** `file` is relative to the checkpoint folder (`shared/…`), or within a savepoint to its own folder. */
export type SegmentLocation =
  | { readonly kind: 'file'; readonly file: string; readonly offsetBytes: number }
  | { readonly kind: 'inline'; readonly base64: string }

/** What one subtask says when it has stored its part of a checkpoint. */
export interface SubtaskSnapshot {
  readonly operators: readonly SubtaskOperatorSnapshot[]
  /** The task's input had ended and everything was flushed before the barrier. */
  readonly finished: boolean
}

export interface SubtaskOperatorSnapshot {
  readonly uid: string
  readonly tables: readonly TableDescriptor[]
  readonly keyGroups: readonly KeyGroupSnapshot[]
  readonly entries: readonly PlainValue[]
  readonly committables: readonly PlainValue[]
  readonly inFlight?: SubtaskInFlight
}
