/**
 * Looks at the checkpoints in a folder, and deletes savepoints: what `millrace checkpoints` and `millrace savepoint --dispose` do,
 * for programs. Nothing here needs the job or its code, and looking changes nothing; the job may be running.
 *
 * ```ts
 * const { contents } = await inspectCheckpoints('.millrace/orders')
 * for (const { checkpointId, stateBytes, neededBy } of contents) console.log(checkpointId, stateBytes, neededBy.length)
 * ```
 */
import {
  type DisposedSavepoint,
  disposeSavepoint as disposeSavepointIn,
  type InspectedCheckpoints,
  inspectCheckpoints as inspectCheckpointsIn,
  NodeFileSystem,
} from '@millrace/runtime'

export type { CheckpointContents, OperatorContents, SharedBytes, SubtaskRecord, VertexMeasures } from '@millrace/core'
export type { DisposedSavepoint, InspectedCheckpoints } from '@millrace/runtime'

/**
 * `path`: the checkpoint folder of a job, a checkpoint in it (`chk-<n>`), a savepoint, or the `_metadata` of either. Throws
 * `CHECKPOINT_NOT_FOUND`; for one that is named also `BYTES_DAMAGED` or `CHECKPOINT_NEWER_VERSION`, and for a savepoint whose
 * bytes are missing `CHECKPOINT_DAMAGED`. In a folder, those that cannot be restored are in `damaged`, each with its problem.
 */
export function inspectCheckpoints(path: string): Promise<InspectedCheckpoints> {
  return inspectCheckpointsIn(new NodeFileSystem(), path)
}

/**
 * Deletes a savepoint, and its folder when nothing else is in it. Throws `CHECKPOINT_NOT_FOUND`, and
 * `SAVEPOINT_DISPOSAL_FAILED` for a checkpoint or what cannot be read: that is left as it is.
 */
export function disposeSavepoint(path: string): Promise<DisposedSavepoint> {
  return disposeSavepointIn(new NodeFileSystem(), path)
}
