/**
 * Reads the state in checkpoints and savepoints, without the job that wrote it: what `millrace state` does, for programs.
 *
 * ```ts
 * const saved = await openState('savepoints/monday')
 * for await (const { key, value } of saved.entries({ operator: 'visits', state: 'totals' })) console.log(key, value)
 * ```
 */
import { NodeFileSystem, SavedState } from '@millrace/runtime'

export type { TableDescriptor, TableKind } from '@millrace/core'
export {
  compareStates,
  type EntryFilter,
  isExpired,
  type KeyBytes,
  type OperatorSummary,
  type SavedEntry,
  type SavedState,
  type SavedStateSummary,
  type StateDifference,
  type StateSummary,
  type SummaryOptions,
  summarizeState,
} from '@millrace/runtime'

/**
 * `path`: the folder of a savepoint or of a checkpoint (`chk-<n>`), or the `_metadata` in it. Throws
 * `CHECKPOINT_NOT_FOUND`, `BYTES_DAMAGED`, or `CHECKPOINT_NEWER_VERSION` for one that a later version wrote.
 */
export function openState(path: string): Promise<SavedState> {
  return SavedState.open(new NodeFileSystem(), path)
}
