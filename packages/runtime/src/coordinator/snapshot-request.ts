/** A checkpoint or savepoint that somebody asked for, and the answer. */
import type { MillraceError } from '@millrace/api'
import type { CheckpointId, SnapshotKind } from '@millrace/core'

export interface CompletedSnapshot {
  readonly checkpointId: CheckpointId
  /** The folder that holds its manifest: `chk-<n>` of the job, or the savepoint's own. */
  readonly externalPath: string
}

export interface SnapshotRequest {
  readonly snapshotKind: SnapshotKind
  /** The job ends after it. */
  readonly thenStop: boolean
  /** All input is being ended for it: the final checkpoint answers it. */
  readonly drain: boolean
  /** What is taken is also written there, to stand by itself. */
  readonly savepointFolder: string | undefined
  /** Called exactly once, as soon as it is known. */
  onAnswer(answer: SnapshotAnswer): void
}

export type SnapshotAnswer =
  | { readonly kind: 'completed'; readonly snapshot: CompletedSnapshot }
  /** There is no checkpoint. */
  | { readonly kind: 'failed'; readonly error: MillraceError }
  /** The checkpoint exists and is the job's; its copy, the savepoint, does not. */
  | { readonly kind: 'not-copied'; readonly error: MillraceError }
