/**
 * Deletes a savepoint that a user names. Only a folder whose manifest can be read and says that it is a savepoint is touched,
 * and of that only what a savepoint consists of: a wrong path deletes nothing. What an interrupted deletion has left
 * is deleted by the same call again, and so is what a process has left that was killed while it wrote a savepoint.
 */
import { type FileSystem, MillraceError } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import { discardSavepoint, isDiscarded, openDiscarded } from './discard-savepoint.ts'
import { folderNamedBy, openSnapshot } from './file-checkpoint-storage.ts'
import { type ProcessIdentity, type ProcessTable, SystemProcessTable } from './process-identity.ts'
import { lookAtSavepoint, removeUnfinished } from './savepoint-folder.ts'
import { messageOf } from './storage-errors.ts'
import { removeIfEmpty, whoWrites } from './unfinished-savepoints.ts'

export interface DisposedSavepoint {
  readonly folder: string
  /** The folder stays, since it holds something else. */
  readonly isFolderLeft: boolean
}

/**
 * `path`: the folder of a savepoint, or the `_metadata` in it. Throws `CHECKPOINT_NOT_FOUND`, and `SAVEPOINT_DISPOSAL_FAILED`
 * for what is no savepoint, cannot be read, or cannot be removed.
 */
export async function disposeSavepoint(
  files: FileSystem,
  path: string,
  processes: ProcessTable = new SystemProcessTable(),
): Promise<DisposedSavepoint> {
  const folder = folderNamedBy(path)
  const state = await lookAtSavepoint(files, folder)
  if (state.kind === 'unfinished' && !(await isDiscarded(files, folder))) {
    await refuseWritten(folder, state.writer, processes)
    return deleting(files, folder, async () => {
      await removeUnfinished(files, folder)
      await removeIfEmpty(files, folder)
    })
  }
  const manifest = await openToDispose(files, path)
  if (manifest.kind !== 'savepoint') {
    throw new MillraceError(
      'SAVEPOINT_DISPOSAL_FAILED',
      `Nothing was deleted: ${path} is checkpoint ${manifest.checkpointId} of job "${manifest.jobName}" and no savepoint`,
      {
        details: { path },
        hint: 'Checkpoints go by themselves, by execution.checkpointing.num-retained. millrace checkpoints <folder> shows what newer ones need of them.',
      },
    )
  }
  return deleting(files, folder, () => discardSavepoint(files, folder))
}

async function deleting(files: FileSystem, folder: string, act: () => Promise<void>): Promise<DisposedSavepoint> {
  try {
    await act()
    return { folder, isFolderLeft: (await files.stat(folder)) !== undefined }
  } catch (cause) {
    throw new MillraceError(
      'SAVEPOINT_DISPOSAL_FAILED',
      `The savepoint in ${folder} could not be deleted: ${messageOf(cause)}`,
      {
        details: { path: folder },
        hint: 'Check that its folder and the files in it may be changed, then ask again.',
        cause,
      },
    )
  }
}

/** Throws unless it is known that whoever wrote it is dead. */
async function refuseWritten(
  folder: string,
  writer: ProcessIdentity | undefined,
  processes: ProcessTable,
): Promise<void> {
  if (writer !== undefined && !(await processes.isAlive(writer))) return
  throw new MillraceError(
    'SAVEPOINT_DISPOSAL_FAILED',
    `Nothing was deleted: the savepoint in ${folder} is not finished, and ${whoWrites(writer)}`,
    {
      details: { path: folder, ...(writer === undefined ? {} : { pid: writer.pid, host: writer.host }) },
      hint: 'Ask again when it is written, or when that process has ended. If you know that nobody writes it any more, delete its folder by hand.',
    },
  )
}

/** What cannot be read may be anything, so that it is left to its owner. */
async function openToDispose(files: FileSystem, path: string): Promise<CheckpointManifest> {
  try {
    const left = await openDiscarded(files, folderNamedBy(path))
    return left ?? (await openSnapshot(files, path)).manifest
  } catch (cause) {
    if (cause instanceof MillraceError && cause.code === 'CHECKPOINT_NOT_FOUND') throw cause
    throw new MillraceError('SAVEPOINT_DISPOSAL_FAILED', `Nothing was deleted: ${messageOf(cause)}`, {
      details: { path },
      hint: 'If you know that it is a savepoint, delete its folder by hand.',
      cause,
    })
  }
}
