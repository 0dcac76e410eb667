/**
 * Takes a savepoint away. First its manifest gets another name, durably: from then on it is no savepoint any more. Then its
 * segments go, durably, and the renamed manifest last. So nobody ever finds a savepoint that lacks bytes, and what an
 * interruption leaves says whose it is: `openDiscarded` finds it, and `discardSavepoint` brings the removal to its end.
 *
 * Other files in the folder stay, and so does then the folder.
 */
import type { FileSystem } from '@millrace/api'
import { type CheckpointManifest, parseManifest } from '@millrace/core'
import { readWholeFile } from './durable-files.ts'
import { MANIFEST_FILE } from './manifest-file.ts'
import { SAVEPOINT_SEGMENTS, WRITING_FILE } from './savepoint-folder.ts'

const DISCARDED_FILE = '_metadata.discarded'

/** Also of what is left of one; where neither is, it does nothing. */
export async function discardSavepoint(files: FileSystem, folder: string): Promise<void> {
  const discarded = `${folder}/${DISCARDED_FILE}`
  if ((await files.stat(`${folder}/${MANIFEST_FILE}`)) !== undefined) {
    await files.rename(`${folder}/${MANIFEST_FILE}`, discarded)
  } else if ((await files.stat(discarded)) === undefined) return
  // Also where somebody else has renamed it, who may not have got as far as this.
  await files.syncFolder(folder)
  for (const name of [SAVEPOINT_SEGMENTS, WRITING_FILE]) await files.remove(`${folder}/${name}`)
  await files.syncFolder(folder)
  await files.remove(discarded)
  if ((await files.list(folder)).length === 0) await files.removeFolder(folder)
}

/** Its removal was interrupted. */
export async function isDiscarded(files: FileSystem, folder: string): Promise<boolean> {
  return (await files.stat(`${folder}/${DISCARDED_FILE}`)) !== undefined
}

/** The manifest of a savepoint whose removal was interrupted. Throws `BYTES_DAMAGED` or `CHECKPOINT_NEWER_VERSION`. */
export async function openDiscarded(files: FileSystem, folder: string): Promise<CheckpointManifest | undefined> {
  if (!(await isDiscarded(files, folder))) return undefined
  const path = `${folder}/${DISCARDED_FILE}`
  return parseManifest(await readWholeFile(files, path), path)
}
