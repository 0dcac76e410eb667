/**
 * The file `lineage` in a checkpoint folder: the id of the history that the folder is about, the futures of it that the
 * folder came through, and the snapshot that it was started from, when it was one that was named. It is durable before any sink of that history writes, so that a
 * run that dies before its first checkpoint still knows its left-overs, and a resume where it began.
 */
import { type FileSystem, MillraceError } from '@millrace/api'
import type { Future } from '@millrace/core'
import { readWholeFile, replaceFile } from '../checkpoint-storage/durable-files.ts'
import { openSealedText, sealText } from '../checkpoint-storage/sealed-text.ts'

const LINEAGE_FILE = 'lineage'
const MAGIC = 'MILLRACE-LINEAGE'

export interface Lineage {
  readonly id: string
  readonly origin: LineageOrigin | undefined
  /** The last one is that of the checkpoints that come; none: the first future of the history. */
  readonly futures: readonly Future[]
}

export interface LineageOrigin {
  /** As it was given. */
  readonly path: string
  readonly checkpointId: number
  /** Given when it became the job's. */
  readonly claimMode?: 'CLAIM'
}

/** The lineage of the folder, or `undefined` when there is no file. Throws `BYTES_DAMAGED` for a file of another form. */
export async function readLineage(files: FileSystem, folder: string): Promise<Lineage | undefined> {
  const path = `${folder}/${LINEAGE_FILE}`
  if ((await files.stat(path)) === undefined) return undefined
  const lineage = parseLineage(openSealedText(MAGIC, await readWholeFile(files, path)))
  if (lineage !== undefined) return lineage
  throw new MillraceError('BYTES_DAMAGED', `${path} is damaged`, {
    details: { file: path },
    hint: 'Remove it: the newest checkpoint of the folder knows the history, and what was given up of it. Lost is what only this file knows: the snapshot that the job was started from with -s, and a return to an older checkpoint that no checkpoint has followed yet. Where the folder holds none, start again with -s.',
  })
}

/** Writes it durably, by a rename. */
export async function writeLineage(files: FileSystem, folder: string, { id, origin, futures }: Lineage): Promise<void> {
  const more = { ...origin, ...(futures.length === 0 ? {} : { futures }) }
  const text = Object.keys(more).length === 0 ? id : `${id} ${JSON.stringify(more)}`
  await replaceFile(files, `${folder}/${LINEAGE_FILE}`, sealText(MAGIC, text))
}

/** The id, and behind a blank origin and futures as JSON where there are any. */
function parseLineage(text: string | undefined): Lineage | undefined {
  const [, id, json] = /^([0-9a-f]{16})(?: (\{.*\}))?$/.exec(text ?? '') ?? []
  if (id === undefined) return undefined
  if (json === undefined) return { id, origin: undefined, futures: [] }
  try {
    const { futures = [], ...named } = JSON.parse(json) as Partial<LineageOrigin> & { futures?: readonly Future[] }
    if (!Array.isArray(futures) || !futures.every(isFuture)) return undefined
    const origin = Object.keys(named).length === 0 ? undefined : parseOrigin(named)
    return origin === 'damaged' ? undefined : { id, origin, futures }
  } catch {
    return undefined
  }
}

function parseOrigin({ path, checkpointId, claimMode }: Partial<LineageOrigin>): LineageOrigin | 'damaged' {
  if (typeof path !== 'string' || typeof checkpointId !== 'number') return 'damaged'
  return { path, checkpointId, ...(claimMode === 'CLAIM' ? { claimMode } : {}) }
}

function isFuture(value: unknown): value is Future {
  const { id, after } = (value ?? {}) as Partial<Future>
  return typeof id === 'string' && /^[0-9a-f]{16}$/.test(id) && Number.isSafeInteger(after)
}
