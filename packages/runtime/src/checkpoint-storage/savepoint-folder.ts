/**
 * The folder of a savepoint: `_metadata` and one file `segments` with copies of all that it names. While it is written it also
 * holds `_writing`, which says by whom, so that what a killed process has left of one is told from one that is being written.
 *
 * Invariants: `_writing` is there, durably, before anything else is, and of a savepoint that is not finished the last to go; a
 * folder with a manifest is a whole savepoint, whether or not its writer came to remove `_writing`.
 */
import { type FileSystem, MillraceError } from '@millrace/api'
import { type CheckpointManifest, encodeManifest, type InFlightSnapshot, type SegmentRef } from '@millrace/core'
import type { StepProbe } from './checkpoint-storage.ts'
import { makeDurableFolder, readWholeFile, replaceFile } from './durable-files.ts'
import { MANIFEST_FILE, publishManifest, TEMPORARY_FILE, withNewFile } from './manifest-file.ts'
import { type ProcessIdentity, parseIdentity } from './process-identity.ts'
import { openSealedText, sealText } from './sealed-text.ts'
import { messageOf } from './storage-errors.ts'

export const SAVEPOINT_SEGMENTS = 'segments'
export const WRITING_FILE = '_writing'
const WRITING_MAGIC = 'MILLRACE-WRITING'

export interface SavepointWriting {
  readonly files: FileSystem
  /** New or empty. */
  readonly folder: string
  readonly manifest: CheckpointManifest
  /** Who writes it; `undefined`: the folder does not say. */
  readonly self: ProcessIdentity | undefined
  readonly probe: StepProbe
  readSegment(ref: SegmentRef): Promise<Uint8Array>
  /** Told what could not be removed. */
  report(message: string): void
}

/** Throws `SAVEPOINT_FAILED` for a folder that is not empty, and whatever fails; of what it had written nothing is left then. */
export async function writeSavepointFolder(writing: SavepointWriting): Promise<void> {
  const { files, folder, self, probe, report } = writing
  const isNew = (await files.stat(folder)) === undefined
  await makeDurableFolder(files, folder)
  await checkSavepointFolder(files, folder)
  try {
    if (self !== undefined) {
      await replaceFile(files, `${folder}/${WRITING_FILE}`, sealText(WRITING_MAGIC, JSON.stringify(self)))
    }
    const bytes = encodeManifest({ ...(await copySegments(writing)), kind: 'savepoint' })
    await publishManifest(files, folder, bytes, { makeNames: () => files.syncFolder(folder), probe })
  } catch (cause) {
    try {
      await removeUnfinished(files, folder)
      if (isNew) await files.removeFolder(folder)
    } catch (error) {
      report(`What was written of the savepoint in ${folder} could not be removed: ${messageOf(error)}`)
    }
    throw cause
  }
  await removeWriting(files, folder, report)
}

/** What a folder holds of a savepoint. */
export type SavepointState =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole' }
  /** It is being written, or its writer died; `undefined`: it cannot be read who that is. */
  | { readonly kind: 'unfinished'; readonly writer: ProcessIdentity | undefined }

export async function lookAtSavepoint(files: FileSystem, folder: string): Promise<SavepointState> {
  if ((await files.stat(`${folder}/${MANIFEST_FILE}`)) !== undefined) return { kind: 'whole' }
  const path = `${folder}/${WRITING_FILE}`
  if ((await files.stat(path)) === undefined) return { kind: 'none' }
  return { kind: 'unfinished', writer: parseIdentity(openSealedText(WRITING_MAGIC, await readWholeFile(files, path))) }
}

/** Takes away what its writer left, durably. Other files stay. */
export async function removeUnfinished(files: FileSystem, folder: string): Promise<void> {
  // There is one when its name could not be made durable. It goes first, durably: nobody finds a savepoint that lacks bytes.
  if (await files.remove(`${folder}/${MANIFEST_FILE}`)) await files.syncFolder(folder)
  for (const name of [TEMPORARY_FILE, SAVEPOINT_SEGMENTS]) await files.remove(`${folder}/${name}`)
  await files.syncFolder(folder)
  for (const name of [WRITING_FILE, `${WRITING_FILE}.tmp`]) await files.remove(`${folder}/${name}`)
  // Whoever remembers it may forget it now.
  await files.syncFolder(folder)
}

/** Of a whole one, where that is left to do. */
export async function removeWriting(
  files: FileSystem,
  folder: string,
  report: (message: string) => void,
): Promise<void> {
  try {
    // Durably, before it is forgotten that there is one.
    if (await files.remove(`${folder}/${WRITING_FILE}`)) await files.syncFolder(folder)
  } catch (error) {
    report(`The savepoint in ${folder} is whole, but ${WRITING_FILE} could not be removed from it: ${messageOf(error)}`)
  }
}

/** Throws `SAVEPOINT_FAILED` for a folder that a savepoint cannot be written into because something is there. */
export async function checkSavepointFolder(files: FileSystem, folder: string): Promise<void> {
  const found = await files.stat(folder)
  const problem =
    found === undefined
      ? undefined
      : found.kind !== 'folder'
        ? 'is a file'
        : (await files.list(folder)).length > 0
          ? 'is not empty'
          : undefined
  if (problem === undefined) return
  throw new MillraceError('SAVEPOINT_FAILED', `A savepoint cannot be written to ${folder}: it ${problem}`, {
    details: { folder },
    hint: 'Name a new or empty folder.',
  })
}

async function copySegments({ files, folder, manifest, readSegment }: SavepointWriting): Promise<CheckpointManifest> {
  let copied = manifest
  await withNewFile(files, `${folder}/${SAVEPOINT_SEGMENTS}`, async (file) => {
    const copy = async (ref: SegmentRef): Promise<SegmentRef> => {
      if (ref.location.kind === 'inline') return ref
      const offsetBytes = file.lengthBytes
      await file.write(await readSegment(ref))
      return { ...ref, location: { kind: 'file', file: SAVEPOINT_SEGMENTS, offsetBytes } }
    }
    copied = await withSegments(manifest, copy)
    await file.sync()
  })
  return copied
}

async function withSegments(
  manifest: CheckpointManifest,
  change: (ref: SegmentRef) => Promise<SegmentRef>,
): Promise<CheckpointManifest> {
  const operators: CheckpointManifest['operators'][number][] = []
  for (const operator of manifest.operators) {
    const keyGroups: (typeof operator.keyGroups)[number][] = []
    for (const { keyGroup, segments } of operator.keyGroups) {
      const changed: SegmentRef[] = []
      for (const ref of segments) changed.push(await change(ref))
      keyGroups.push({ keyGroup, segments: changed })
    }
    const inFlight: InFlightSnapshot[] = []
    for (const each of operator.inFlight ?? []) inFlight.push({ ...each, segment: await change(each.segment) })
    operators.push({ ...operator, keyGroups, ...(inFlight.length === 0 ? {} : { inFlight }) })
  }
  return { ...manifest, operators }
}
