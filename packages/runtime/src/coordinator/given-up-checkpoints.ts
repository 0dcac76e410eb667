/**
 * Checkpoints behind the one that a job goes back to are another future of the job, which is given up before a new one
 * begins: only by who says so, and only once the start is accepted. Until then a start may still be refused, by a state that the job
 * cannot read or a sink that does not fit, and must leave them.
 */
import { type FileSystem, MillraceError } from '@millrace/api'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import type { FolderHistory } from './chosen-future.ts'
import { type Lineage, writeLineage } from './lineage-file.ts'

/** Throws `CHECKPOINT_OTHER_JOB` unless they may be given up. */
export function refuseNewer(
  { discardNewer, path }: { readonly discardNewer: boolean; readonly path: string },
  newer: readonly number[],
  folder: string,
): void {
  if (newer.length === 0 || discardNewer) return
  throw new MillraceError(
    'CHECKPOINT_OTHER_JOB',
    `${folder} holds newer checkpoints than ${path}: ${newer.map((id) => `chk-${id}`).join(', ')}`,
    {
      details: { folder, path },
      hint: 'Restore the newest with --resume, choose another execution.checkpointing.dir, or give the newer ones up with --discard-newer.',
    },
  )
}

/**
 * Removes them, durably, and then makes the folder about `next`. What was given up stays so, whatever comes in between: the future
 * that begins is announced before. Throws `CHECKPOINT_FOLDER_UNUSABLE` when they cannot be removed.
 */
export async function beginBehind(
  givenUp: readonly number[],
  next: Lineage,
  { folder, lineage }: FolderHistory,
  { storage, files }: { readonly storage: CheckpointStorage; readonly files: FileSystem },
): Promise<void> {
  if (givenUp.length > 0) {
    const { id, futures } = next
    if (lineage?.id === id) await writeLineage(files, folder, { ...lineage, futures })
    await storage.discard(givenUp, [])
    const left = (await storage.listCheckpoints()).filter(({ checkpointId }) => givenUp.includes(checkpointId))
    if (left.length > 0) {
      throw new MillraceError(
        'CHECKPOINT_FOLDER_UNUSABLE',
        `${left.map(({ path }) => path).join(', ')} could not be removed from ${folder}`,
        { details: { folder }, hint: 'Check that the folder can be written.' },
      )
    }
    await storage.removeLeftovers()
  }
  await writeLineage(files, folder, next)
}
