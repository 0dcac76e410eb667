/**
 * Checkpoints in a folder: `chk-<n>/_metadata` (the manifest) and `shared/<file>` (segments, one file per subtask and
 * checkpoint). Segments and their folder are synced before the manifest is written; the manifest appears by a rename
 * and is then synced into its folder. Removal goes the other way round: manifest first, files after it.
 *
 * A file whose sync failed is never used again. Names that are not of this form are never touched.
 */
import { FileError, type FileSystem, MillraceError, type ReadableFile } from '@millrace/api'
import {
  type CheckpointManifest,
  encodeManifest,
  filesOf,
  hasSegmentChecksum,
  parseManifest,
  planReads,
  type ReadRange,
  type SegmentRef,
  segmentsNamedBy,
} from '@millrace/core'
import type {
  CheckpointStorage,
  ListedCheckpoint,
  SegmentBatch,
  SegmentTarget,
  SegmentWriting,
  StepProbe,
  StorageStep,
} from './checkpoint-storage.ts'
import { allSettled, makeDurableFolder, makeNamesDurable, parentOf, readRange, readWholeFile } from './durable-files.ts'
import { MANIFEST_FILE, publishManifest, TEMPORARY_FILE } from './manifest-file.ts'
import { adviseOnFolder } from './nearby-snapshots.ts'
import type { ProcessIdentity, ProcessTable } from './process-identity.ts'
import { checkSavepointFolder, lookAtSavepoint, writeSavepointFolder } from './savepoint-folder.ts'
import { SEGMENT_FILE, SegmentFile, SHARED_FOLDER } from './segment-file.ts'
import { damaged, messageOf, outcomeUnknown, savepointFailed, writeFailed } from './storage-errors.ts'
import { UnfinishedSavepoints } from './unfinished-savepoints.ts'

const CHECKPOINT_FOLDER = /^chk-([1-9]\d*)$/
/** A delta that lies between two others is small; reading it along is quicker than a read of its own. */
const READ_LIMITS = { rangeBytesMax: 4_194_304, gapBytesMax: 65_536 }

export interface FileStorageOptions {
  readonly probe?: StepProbe
  /** Told what could not be removed, and what was that somebody may look for. */
  readonly report?: (message: string) => void
  /** Of the job that owns the folder: left out, what is left of savepoints that it was writing when it died is nobody's. */
  readonly owner?: { readonly self: ProcessIdentity; readonly processes: ProcessTable }
}

export class FileCheckpointStorage implements CheckpointStorage {
  readonly folder: string
  readonly #files: FileSystem
  readonly #probe: StepProbe
  readonly #report: (message: string) => void
  readonly #self: ProcessIdentity | undefined
  readonly #unfinished: UnfinishedSavepoints | undefined
  /** Given up or dropped, but their manifest could not be removed: tried again with every `discard`. */
  readonly #undead = new Set<number>()

  constructor(files: FileSystem, folder: string, options: FileStorageOptions = {}) {
    this.#files = files
    this.folder = folder
    this.#probe = options.probe ?? (() => {})
    this.#report = options.report ?? (() => {})
    const { owner } = options
    this.#self = owner?.self
    if (owner !== undefined) {
      const { processes } = owner
      this.#unfinished = new UnfinishedSavepoints({ files, checkpointFolder: folder, processes, report: this.#report })
    }
  }

  /** Makes the folders; once, in the coordinator, before anything is written. Throws `CHECKPOINT_FOLDER_UNUSABLE`. */
  async open(): Promise<void> {
    try {
      await makeDurableFolder(this.#files, `${this.folder}/${SHARED_FOLDER}`)
    } catch (cause) {
      throw new MillraceError('CHECKPOINT_FOLDER_UNUSABLE', `The checkpoint folder ${this.folder} cannot be used`, {
        details: { folder: this.folder },
        hint: 'Check that it can be written and that its disk has room, or set execution.checkpointing.dir.',
        cause,
      })
    }
  }

  beginSegments(target: SegmentTarget): SegmentWriting {
    return new SegmentFile({ files: this.#files, folder: this.folder, target, probe: this.#probe })
  }

  async writeSegments({ pieces, ...target }: SegmentBatch): Promise<readonly SegmentRef[]> {
    const writing = this.beginSegments(target)
    await writing.write(pieces)
    return writing.finish()
  }

  async writeManifest(manifest: CheckpointManifest): Promise<string> {
    const { checkpointId } = manifest
    const folder = `${this.folder}/chk-${checkpointId}`
    let lengthBytes = 0
    try {
      const bytes = encodeManifest(manifest)
      lengthBytes = bytes.length
      await this.checkFiles(manifest)
      await this.#files.makeFolder(folder)
      const makeNames = (): Promise<void> => this.#files.syncFolder(this.folder)
      await publishManifest(this.#files, folder, bytes, { makeNames, probe: this.#probe })
    } catch (cause) {
      // It may have appeared already: a checkpoint that is given up must not be there after a crash.
      await this.#removeManifest(checkpointId).catch((error: unknown) => {
        throw outcomeUnknown(folder, checkpointId, error)
      })
      const failed = await this.#writeFailed(checkpointId, `${folder}/${TEMPORARY_FILE}`, lengthBytes, cause)
      await this.#files.removeFolder(folder).catch(() => {})
      throw failed
    }
    return folder
  }

  async writeSavepoint(manifest: CheckpointManifest, folder: string): Promise<string> {
    try {
      await checkSavepointFolder(this.#files, folder)
      await this.#unfinished?.add(folder)
      try {
        await writeSavepointFolder({
          files: this.#files,
          folder,
          manifest,
          self: this.#self,
          probe: this.#probe,
          readSegment: (ref) => this.readSegment(ref),
          report: this.#report,
        })
      } finally {
        await this.#unfinished?.onEnded(folder)
      }
      return folder
    } catch (cause) {
      if (cause instanceof MillraceError && cause.code === 'SAVEPOINT_FAILED') throw cause
      throw savepointFailed(folder, manifest.checkpointId, segmentBytesOf(manifest), cause)
    }
  }

  async readSegment(ref: SegmentRef): Promise<Uint8Array> {
    const [bytes] = await this.readSegments([ref])
    return bytes as Uint8Array
  }

  async readSegments(refs: readonly SegmentRef[]): Promise<readonly Uint8Array[]> {
    const read = new Array<Uint8Array>(refs.length)
    refs.forEach(({ location }, index) => {
      if (location.kind === 'inline') read[index] = new Uint8Array(Buffer.from(location.base64, 'base64'))
    })
    const takeParts = (range: ReadRange, bytes: Uint8Array): void => {
      for (const { index, offsetBytes, lengthBytes } of range.parts) {
        const from = offsetBytes - range.offsetBytes
        read[index] = bytes.subarray(from, from + lengthBytes)
      }
    }
    const byFile = Map.groupBy(planReads(refs, READ_LIMITS), ({ file }) => file)
    await Promise.all([...byFile].map(([file, ranges]) => this.#readRanges(file, ranges, takeParts)))
    refs.forEach((ref, index) => {
      this.#checkSegment(ref, read[index] as Uint8Array)
    })
    return read
  }

  async listCheckpoints(): Promise<readonly ListedCheckpoint[]> {
    if ((await this.#files.stat(this.folder)) === undefined) return []
    // A process that was killed between rename and sync leaves a manifest that everybody sees and that a later crash
    // could still take back, after output was committed on the strength of it.
    await makeNamesDurable(this.#files, this.folder)
    const listed: ListedCheckpoint[] = []
    for (const { name, kind } of await this.#files.list(this.folder)) {
      const checkpointId = Number(CHECKPOINT_FOLDER.exec(name)?.[1] ?? 0)
      if (kind !== 'folder' || checkpointId === 0) continue
      const path = `${this.folder}/${name}`
      if ((await this.#files.stat(`${path}/${MANIFEST_FILE}`)) === undefined) continue
      // Who only looks has no lock: its job may have removed it since.
      if (!(await isThere(this.#files.syncFolder(path)))) continue
      listed.push(await this.#readCheckpoint(checkpointId, path))
    }
    return listed.sort((a, b) => a.checkpointId - b.checkpointId)
  }

  async discard(checkpointIds: readonly number[], deadFiles: readonly string[]): Promise<void> {
    try {
      // All at once: when one cannot be removed, the ones after it must not be forgotten.
      for (const id of checkpointIds) this.#undead.add(id)
      const ids = [...this.#undead]
      if (ids.length > 0) await this.#step('discard:before-manifest-remove')
      for (const id of ids) await this.#removeManifest(id)
      if (deadFiles.length > 0) await this.#step('discard:before-files-remove')
      for (const file of deadFiles) await this.#files.remove(`${this.folder}/${file}`)
      for (const id of ids) await this.#removeCheckpointFolder(id)
      await this.#step('discard:after-files-remove')
    } catch (error) {
      this.#report(`Old checkpoints could not be removed from ${this.folder}: ${messageOf(error)}`)
    }
  }

  async removeUnnamedSegments(fromId: number, toId: number, named: ReadonlySet<string>): Promise<void> {
    // A dropped checkpoint whose manifest is still there may name them; the next start removes them.
    if (this.#undead.size > 0) return
    try {
      for (const { name } of await this.#files.list(`${this.folder}/${SHARED_FOLDER}`)) {
        const id = Number(SEGMENT_FILE.exec(name)?.[1] ?? 0)
        const file = `${SHARED_FOLDER}/${name}`
        if (id >= fromId && id <= toId && !named.has(file)) await this.#files.remove(`${this.folder}/${file}`)
      }
    } catch (error) {
      this.#report(`Segments of failed checkpoints could not be removed from ${this.folder}: ${messageOf(error)}`)
    }
  }

  async removeLeftovers(): Promise<readonly string[]> {
    const removed = [...((await this.#unfinished?.clear()) ?? [])]
    const listed = await this.listCheckpoints()
    const known = new Set(listed.map((checkpoint) => `chk-${checkpoint.checkpointId}`))
    for (const { name, kind } of await this.#files.list(this.folder)) {
      if (kind !== 'folder' || !CHECKPOINT_FOLDER.test(name) || known.has(name)) continue
      await this.#removeCheckpointFolder(Number(CHECKPOINT_FOLDER.exec(name)?.[1]))
      removed.push(name)
    }
    const whole = listed.flatMap((checkpoint) => (checkpoint.state === 'whole' ? [checkpoint.manifest] : []))
    // What a damaged manifest names cannot be known, so nothing that it might name is removed.
    if (whole.length < listed.length) return removed
    const live = filesOf(whole)
    for (const { name, kind } of await this.#files.list(`${this.folder}/${SHARED_FOLDER}`)) {
      const file = `${SHARED_FOLDER}/${name}`
      if (kind !== 'file' || !SEGMENT_FILE.test(name) || live.has(file)) continue
      await this.#files.remove(`${this.folder}/${file}`)
      removed.push(file)
    }
    return removed
  }

  async #readCheckpoint(checkpointId: number, path: string): Promise<ListedCheckpoint> {
    try {
      const manifest = parseManifest(
        await readWholeFile(this.#files, `${path}/${MANIFEST_FILE}`),
        `${path}/${MANIFEST_FILE}`,
      )
      if (manifest.checkpointId !== checkpointId) {
        throw damaged(path, `its manifest is of checkpoint ${manifest.checkpointId}`)
      }
      await this.checkFiles(manifest)
      return { state: 'whole', checkpointId, path, manifest }
    } catch (error) {
      const problem = error instanceof MillraceError ? error : damaged(path, 'its manifest cannot be read', error)
      return { state: 'damaged', checkpointId, path, problem }
    }
  }

  /** Every file that a manifest names has to be there and long enough. Throws `CHECKPOINT_DAMAGED`. */
  async checkFiles(manifest: CheckpointManifest): Promise<void> {
    await allSettled([...extentsOf(manifest)].map(([file, endBytes]) => this.#checkFile(file, endBytes)))
  }

  async #checkFile(file: string, endBytes: number): Promise<void> {
    const path = `${this.folder}/${file}`
    const facts = await this.#files.stat(path)
    if (facts === undefined) throw damaged(this.folder, `${path}, which it names, is missing`)
    if (facts.sizeBytes >= endBytes) return
    throw damaged(this.folder, `${path} has ${facts.sizeBytes} bytes, at least ${endBytes} are named`)
  }

  /** Durably, before any file of it goes: a manifest that came back after a crash would name missing bytes. */
  async #removeManifest(checkpointId: number): Promise<void> {
    const folder = `${this.folder}/chk-${checkpointId}`
    this.#undead.add(checkpointId)
    if ((await this.#files.stat(folder)) !== undefined) {
      await this.#files.remove(`${folder}/${MANIFEST_FILE}`)
      await this.#files.syncFolder(folder)
    }
    this.#undead.delete(checkpointId)
  }

  async #removeCheckpointFolder(checkpointId: number): Promise<void> {
    await this.#files.remove(`${this.folder}/chk-${checkpointId}/${TEMPORARY_FILE}`)
    await this.#files.removeFolder(`${this.folder}/chk-${checkpointId}`)
  }

  /** One after the other: a segment in many pieces has many ranges. A range has fewer bytes when the file ends before. */
  async #readRanges(
    name: string,
    ranges: readonly ReadRange[],
    take: (range: ReadRange, bytes: Uint8Array) => void,
  ): Promise<void> {
    const path = `${this.folder}/${name}`
    try {
      const file: ReadableFile = await this.#files.openRead(path)
      try {
        for (const range of ranges) take(range, await readRange(file, range.offsetBytes, range.lengthBytes))
      } finally {
        await file.close()
      }
    } catch (cause) {
      const isMissing = cause instanceof FileError && cause.kind === 'not-found'
      throw damaged(this.folder, isMissing ? `${path} is missing` : `the segment in ${path} cannot be read`, cause)
    }
  }

  #checkSegment(ref: SegmentRef, bytes: Uint8Array): void {
    const place = ref.location.kind === 'inline' ? 'the manifest' : `${this.folder}/${ref.location.file}`
    if (bytes.length !== ref.lengthBytes) {
      throw damaged(this.folder, `${place} holds ${bytes.length} of the ${ref.lengthBytes} bytes of a segment`)
    }
    if (!hasSegmentChecksum(bytes, ref.crc32c)) throw damaged(this.folder, `a segment in ${place} has a wrong checksum`)
  }

  async #writeFailed(checkpointId: number, file: string, bytes: number, cause: unknown): Promise<MillraceError> {
    // Best effort: a left-over file is removed when the checkpoint is given up, or at the next start.
    await this.#files.remove(file).catch(() => false)
    return writeFailed(checkpointId, file, bytes, cause)
  }

  async #step(step: StorageStep): Promise<void> {
    await this.#probe(step)
  }
}

/** The newest checkpoint that is whole, or `undefined`. */
export function latestWhole(
  listed: readonly ListedCheckpoint[],
): Extract<ListedCheckpoint, { state: 'whole' }> | undefined {
  return listed.findLast((checkpoint) => checkpoint.state === 'whole')
}

/** A checkpoint or savepoint that a user named: its folder, or the `_metadata` in it. */
export interface OpenedSnapshot {
  readonly manifest: CheckpointManifest
  readonly manifestFile: string
  /** What segment files are relative to: give it to a `FileCheckpointStorage` to read them. */
  readonly folder: string
}

/** The folder of a checkpoint or savepoint that is named by it, or by the `_metadata` in it. */
export function folderNamedBy(path: string): string {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path
  const isManifest = trimmed === MANIFEST_FILE || trimmed.endsWith(`/${MANIFEST_FILE}`)
  return isManifest ? parentOf(trimmed) : trimmed
}

/** Throws `CHECKPOINT_NOT_FOUND`, `BYTES_DAMAGED` or `CHECKPOINT_NEWER_VERSION`. */
export async function openSnapshot(files: FileSystem, path: string): Promise<OpenedSnapshot> {
  const folder = folderNamedBy(path)
  const manifestFile = `${folder}/${MANIFEST_FILE}`
  const bytes = await readIfThere(files, manifestFile)
  if (bytes === undefined) throw await notFound(files, path, folder)
  const manifest = parseManifest(bytes, manifestFile)
  // As in `listCheckpoints`: output will be committed on the strength of it.
  await makeNamesDurable(files, folder)
  return { manifest, manifestFile, folder: manifest.kind === 'savepoint' ? folder : parentOf(folder) }
}

async function notFound(files: FileSystem, path: string, folder: string): Promise<MillraceError> {
  const isUnfinished = (await lookAtSavepoint(files, folder)).kind === 'unfinished'
  const message = isUnfinished
    ? `The savepoint in ${folder} is not finished`
    : `There is no checkpoint or savepoint in ${folder}`
  return new MillraceError('CHECKPOINT_NOT_FOUND', message, {
    details: { path },
    hint: isUnfinished
      ? 'It is being written. Or its process was killed: millrace savepoint --dispose tells, and removes it then.'
      : ((await adviseOnFolder(files, folder)) ??
        `Name a folder that holds a file ${MANIFEST_FILE}: a savepoint, or chk-<n> in a checkpoint folder.`),
  })
}

/** `undefined`: there is none, or none any more. */
async function readIfThere(files: FileSystem, path: string): Promise<Uint8Array | undefined> {
  if ((await files.stat(path)) === undefined) return undefined
  let bytes: Uint8Array | undefined
  const reading = readWholeFile(files, path).then((read) => {
    bytes = read
  })
  return (await isThere(reading)) ? bytes : undefined
}

/** False when what is asked for was removed; throws any other failure. */
async function isThere(asking: Promise<void>): Promise<boolean> {
  try {
    await asking
    return true
  } catch (error) {
    if (error instanceof FileError && error.kind === 'not-found') return false
    throw error
  }
}

/** Per file, the end of the last segment that is named in it. */
function extentsOf(manifest: CheckpointManifest): ReadonlyMap<string, number> {
  const extents = new Map<string, number>()
  for (const { location, lengthBytes } of segmentsNamedBy(manifest)) {
    if (location.kind !== 'file') continue
    extents.set(location.file, Math.max(extents.get(location.file) ?? 0, location.offsetBytes + lengthBytes))
  }
  return extents
}

/** Of a copy of all that it names. */
function segmentBytesOf(manifest: CheckpointManifest): number {
  return segmentsNamedBy(manifest).reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
}
