/**
 * Reads the state in checkpoints and savepoints, without the job that wrote it: what `millrace state` does, for programs. And writes
 * savepoints without a running job, so that one can start with state from elsewhere.
 *
 * ```ts
 * const saved = await openState('savepoints/monday')
 * for await (const { key, value } of saved.entries({ operator: 'visits', state: 'totals' })) console.log(key, value)
 * ```
 */
import type { JobDefinition } from '@millrace/api'
import {
  NodeFileSystem,
  SavedState,
  type WriteSavepointOptions,
  type WrittenOperator,
  writeSavepoint as writeSavepointTo,
} from '@millrace/runtime'

export type { TableDescriptor, TableKind } from '@millrace/core'
export {
  type BootstrapContext,
  type BootstrapOptions,
  bootstrapState,
  compareStates,
  type EntryFilter,
  exportedEntries,
  isExpired,
  type KeyBytes,
  type OperatorState,
  type OperatorSummary,
  type SavedEntry,
  type SavedState,
  type SavedStateSummary,
  type StateDifference,
  type StateSummary,
  type StoredStateEntry,
  type SummaryOptions,
  storedEntries,
  summarizeState,
  type Values,
  type WriteSavepointOptions,
  type WrittenOperator,
} from '@millrace/runtime'

/**
 * `path`: the folder of a savepoint or of a checkpoint (`chk-<n>`), or the `_metadata` in it. Throws
 * `CHECKPOINT_NOT_FOUND`, `BYTES_DAMAGED`, or `CHECKPOINT_NEWER_VERSION` for one that a later version wrote.
 */
export function openState(path: string): Promise<SavedState> {
  return SavedState.open(new NodeFileSystem(), path)
}

/**
 * Writes a savepoint for a job into the new or empty folder `path`: state out of records (`bootstrapState`), out of stored entries
 * (`storedEntries`), or out of another savepoint (`from`) of which operators are replaced or removed. A job starts from it
 * with `-s`, at any parallelism; sources and sinks that are not in it start fresh. Throws `SAVEPOINT_FAILED`, `STATE_NOT_FOUND`, and
 * what the start of the job would throw.
 */
export function writeSavepoint<P>(
  path: string,
  job: JobDefinition<P>,
  options: WriteSavepointOptions,
): Promise<readonly WrittenOperator[]> {
  return writeSavepointTo(new NodeFileSystem(), path, job, options)
}
