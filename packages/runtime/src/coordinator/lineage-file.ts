/**
 * The file `lineage` in a checkpoint folder: the id of the history that the folder is about. It is durable before any
 * sink of that history writes, so that a run that dies before its first checkpoint still knows its left-overs.
 */
import { type FileSystem, MillraceError } from '@millrace/api'
import { readWholeFile } from '../checkpoint-storage/durable-files.ts'
import { openSealedText, sealText } from '../checkpoint-storage/sealed-text.ts'

const LINEAGE_FILE = 'lineage'
const MAGIC = 'MILLRACE-LINEAGE'
const LINEAGE = /^[0-9a-f]{16}$/

/** The lineage of the folder, or `undefined` when it has none. Throws `BYTES_DAMAGED` for a file of another form. */
export async function readLineage(files: FileSystem, folder: string): Promise<string | undefined> {
  const path = `${folder}/${LINEAGE_FILE}`
  if ((await files.stat(path)) === undefined) return undefined
  const lineage = openSealedText(MAGIC, await readWholeFile(files, path))
  if (lineage !== undefined && LINEAGE.test(lineage)) return lineage
  throw new MillraceError('BYTES_DAMAGED', `${path} is damaged`, {
    details: { file: path },
    hint: 'Remove it to let --resume take the newest checkpoint of the folder, whatever run wrote it.',
  })
}

/** Writes it durably, by a rename. */
export async function writeLineage(files: FileSystem, folder: string, lineage: string): Promise<void> {
  const temporary = `${folder}/${LINEAGE_FILE}.tmp`
  const file = await files.create(temporary)
  try {
    await file.write(sealText(MAGIC, lineage))
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(temporary, `${folder}/${LINEAGE_FILE}`)
  await files.syncFolder(folder)
}
