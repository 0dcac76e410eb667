/**
 * The file of one subtask's segments while it is written, piece by piece. It is made when there is more than goes into the manifest;
 * its name is made durable while its bytes are still coming, and the bytes at the end, so that only one sync is waited for.
 *
 * Invariant: a segment is returned when its bytes and the name of its file are durable; a file of which an operation failed, or
 * that was given up, is removed as far as it can be and never used.
 */
import type { FileSystem, MillraceError, WritableFile } from '@millrace/api'
import { type SegmentRef, segmentChecksum } from '@millrace/core'
import type { NewSegment, SegmentTarget, SegmentWriting, StepProbe } from './checkpoint-storage.ts'
import { writeFailed } from './storage-errors.ts'
import { PieceWrites } from './write-pieces.ts'

/** In the checkpoint folder. */
export const SHARED_FOLDER = 'shared'
/** Of the files in there. The first group is the checkpoint. */
export const SEGMENT_FILE: RegExp = /^(\d+)-[\w-]+-\d+-\d+(?:-in-flight)?\.seg$/

export interface SegmentFileOptions {
  readonly files: FileSystem
  /** The checkpoint folder. */
  readonly folder: string
  readonly target: SegmentTarget
  readonly probe: StepProbe
}

export class SegmentFile implements SegmentWriting {
  readonly #options: SegmentFileOptions
  /** Within the checkpoint folder. */
  readonly #name: string
  readonly #path: string
  /** What goes into the manifest unless more comes. */
  #waiting: NewSegment[] = []
  readonly #refs: SegmentRef[] = []
  readonly #writes = new PieceWrites()
  /** Of all that has come, and what is in the file or on its way there. */
  #bytes = 0
  #placedBytes = 0
  #file: WritableFile | undefined
  #isMade = false
  /** The name of the file is becoming durable. */
  #naming: Promise<void> = Promise.resolve()
  #state: 'writing' | 'finishing' | 'given-up' | 'failed' = 'writing'
  /** Settles with the write that is under way. */
  #running: Promise<void> = Promise.resolve()

  constructor(options: SegmentFileOptions) {
    const { checkpointId, vertexId, subtask, attempt, isInFlight = false } = options.target
    this.#options = options
    this.#name = `${SHARED_FOLDER}/${checkpointId}-${vertexId}-${subtask}-${attempt}${isInFlight ? '-in-flight' : ''}.seg`
    this.#path = `${options.folder}/${this.#name}`
  }

  async write(pieces: readonly NewSegment[]): Promise<void> {
    if (this.#state !== 'writing') return
    for (const piece of pieces) {
      this.#waiting.push(piece)
      this.#bytes += piece.bytes.length
    }
    if (this.#isSmall) return
    const waiting = this.#waiting
    this.#waiting = []
    await this.#attempt(() => this.#append(waiting))
  }

  async finish(): Promise<readonly SegmentRef[]> {
    if (this.#state !== 'writing') throw new Error(`${this.#path} is ${this.#state}`)
    this.#state = 'finishing'
    const { checkpointId } = this.#options.target
    if (this.#isSmall) return this.#waiting.map((piece) => inlineRef(checkpointId, piece))
    await this.#attempt(() => this.#makeDurable())
    return this.#refs
  }

  async discard(): Promise<void> {
    if (this.#state !== 'writing') return
    this.#state = 'given-up'
    this.#waiting = []
    await this.#running
    await this.#remove()
  }

  get #isSmall(): boolean {
    return !this.#isMade && (this.#bytes < this.#options.target.inlineBytesMax || this.#bytes === 0)
  }

  async #append(pieces: readonly NewSegment[]): Promise<void> {
    const file = this.#file ?? (await this.#create())
    const { checkpointId } = this.#options.target
    for (const piece of pieces) {
      const location = { kind: 'file', file: this.#name, offsetBytes: this.#placedBytes } as const
      this.#refs.push(refOf(checkpointId, piece, location))
      this.#placedBytes += piece.bytes.length
    }
    for (const bytes of this.#writes.of(pieces.map((piece) => piece.bytes))) {
      if (this.#state === 'given-up') return
      await file.write(bytes)
    }
  }

  async #create(): Promise<WritableFile> {
    const { files, folder, probe } = this.#options
    await probe('segment:before-write')
    // From now on there may be a file, whatever is answered.
    this.#isMade = true
    const file = await files.create(this.#path)
    this.#file = file
    await probe('segment:before-folder-sync')
    this.#naming = files.syncFolder(`${folder}/${SHARED_FOLDER}`)
    // It is waited for at the end.
    this.#naming.catch(() => {})
    return file
  }

  async #makeDurable(): Promise<void> {
    const { probe } = this.#options
    const file = this.#file as WritableFile
    await probe('segment:before-sync')
    await file.sync()
    this.#file = undefined
    await file.close()
    await this.#naming
    await probe('segment:stored')
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    const acting = act()
    this.#running = acting.then(
      () => {},
      () => {},
    )
    try {
      await acting
    } catch (cause) {
      throw await this.#failed(cause)
    }
  }

  async #failed(cause: unknown): Promise<MillraceError> {
    // Whoever has given it up removes it.
    if (this.#state !== 'given-up') {
      this.#state = 'failed'
      await this.#remove()
    }
    return writeFailed(this.#options.target.checkpointId, this.#path, this.#bytes, cause)
  }

  /** Best effort: a file that is left is removed when the checkpoint is given up, or at the next start. */
  async #remove(): Promise<void> {
    if (!this.#isMade) return
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
    await this.#naming.catch(() => {})
    await this.#options.files.remove(this.#path).catch(() => false)
  }
}

function inlineRef(checkpointId: number, segment: NewSegment): SegmentRef {
  const { buffer, byteOffset, length } = segment.bytes
  const base64 = Buffer.from(buffer, byteOffset, length).toString('base64')
  return refOf(checkpointId, segment, { kind: 'inline', base64 })
}

function refOf(checkpointId: number, segment: NewSegment, location: SegmentRef['location']): SegmentRef {
  return {
    kind: segment.kind,
    ...(segment.isContinuation === true ? { isContinuation: true } : {}),
    checkpointId,
    location,
    lengthBytes: segment.bytes.length,
    crc32c: segment.crc32c ?? segmentChecksum(segment.bytes),
    entries: segment.entries,
  }
}
