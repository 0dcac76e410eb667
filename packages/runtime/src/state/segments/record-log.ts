/**
 * Records in append-only files. A position is a file and a place in it; whoever holds positions says which records are
 * superseded, and the log knows by counting which files are mostly dead. Dead space is reclaimed by `log-cleaner.ts`.
 *
 * A view (of an open snapshot) fixes what the log holds: the records that are alive when it is opened stay readable
 * until it is closed. Superseding one of them pins it, and files that nothing needs any more wait for the end of the view.
 *
 * Invariant: a file is removed when none of its records is alive and no view is open.
 */

import { MillraceError } from '@millrace/api'
import type { ByteWriter } from '@millrace/core'
import { checkRecord, HEADER_BYTES, lengthAt, paddedBytes, UNIT_BYTES } from '../store/record-format.ts'
import { notWritten, type StoreFile, type StoreFolder } from './store-file.ts'

/** Positions are below this, so that a place in an index can hold something else as well. */
export const POSITIONS_MAX = 2 ** 30
export const FILE_BYTES = 64 * 1024 ** 2
/** Records that are no farther apart are read together: a system call costs more than these bytes. */
const GAP_BYTES_MAX = 2_048
const RUN_BYTES_MAX = 256 * 1024
const GUESS_BYTES_MIN = 128

export class LogFile {
  readonly number: number
  readonly file: StoreFile
  sizeBytes = 0
  records = 0
  live = 0
  /** Latest epoch of a record in here. */
  epochMax = -1
  /** Deletions that were written here and may still have to be said by a snapshot; by unit, a bit for each of them. */
  tombstones = 0
  tombstoneBits: Uint8Array | undefined
  /** Bytes that belong to the open view. */
  fixedBytes = 0
  /** By unit, a bit for each record that is alive in the open view and superseded since. */
  pinned: Uint8Array | undefined

  constructor(number: number, file: StoreFile) {
    this.number = number
    this.file = file
  }
}

export interface RecordLogOptions {
  readonly folder: StoreFolder
  /** Size after which another file is begun; default 64 MiB. For tests. */
  readonly fileBytes?: number
}

/** What is told of a record that was read: the whole record is at `at` in `bytes`. */
export type RecordReader = (position: number, bytes: Uint8Array, view: DataView, at: number) => void

export class RecordLog {
  readonly #options: RecordLogOptions
  readonly #fileUnits: number
  readonly #files: (LogFile | undefined)[] = []
  #active: LogFile | undefined
  #isViewOpen = false
  /** Without live records, kept for the view. */
  #doomed: LogFile[] = []
  #buffer = new Uint8Array(RUN_BYTES_MAX * 2)
  #view = new DataView(this.#buffer.buffer)
  /** How much is read where one record is expected: about one and a half of the usual ones. */
  #guessBytes = 512

  constructor(options: RecordLogOptions) {
    this.#options = options
    this.#fileUnits = (options.fileBytes ?? FILE_BYTES) / UNIT_BYTES
  }

  get fileBytes(): number {
    return this.#fileUnits * UNIT_BYTES
  }

  /** Files, oldest number first; numbers are used again. */
  *files(): Generator<LogFile> {
    for (const file of this.#files) if (file !== undefined) yield file
  }

  /** Bytes on disk, those included that wait for the end of a view. */
  get sizeBytes(): number {
    let bytes = 0
    for (const { sizeBytes } of this.files()) bytes += sizeBytes
    return bytes
  }

  /** Of the records in the files, those that are superseded; 0 without records. */
  get deadShare(): number {
    let records = 0
    let live = 0
    for (const file of this.files()) {
      records += file.records
      live += file.live
    }
    return records === 0 ? 0 : 1 - live / records
  }

  isActive(file: LogFile): boolean {
    return file === this.#active
  }

  /**
   * Appends what `writer` holds, which must not be longer than a file, and returns the position of its first byte. Who appends counts the records. Throws
   * `DISK_FAILED`, then nothing is appended.
   */
  append(writer: ByteWriter): { readonly position: number; readonly file: LogFile } {
    const length = writer.position
    let file = this.#active
    if (file === undefined || (file.sizeBytes > 0 && file.sizeBytes + length > this.fileBytes)) file = this.#open()
    try {
      file.file.append(writer.bytes, length, file.sizeBytes)
    } catch (cause) {
      throw notWritten(this.#options.folder.path, length, this.sizeBytes, cause)
    }
    const position = file.number * this.#fileUnits + file.sizeBytes / UNIT_BYTES
    file.sizeBytes += length
    return { position, file }
  }

  positionIn(file: LogFile, atBytes: number): number {
    return file.number * this.#fileUnits + atBytes / UNIT_BYTES
  }

  /** The record at a position is not alive any more. A deletion is not to be said any more then. */
  supersede(position: number): void {
    const file = this.#fileOf(position)
    const unit = position % this.#fileUnits
    if (unit * UNIT_BYTES < file.fixedBytes) {
      file.pinned ??= new Uint8Array(Math.ceil(file.fixedBytes / UNIT_BYTES / 8))
      setBit(file.pinned, unit)
    }
    this.#takeOut(file, unit)
  }

  /** The same of a record that counted as gone when the open view began. */
  discard(position: number): void {
    this.#takeOut(this.#fileOf(position), position % this.#fileUnits)
  }

  /** The record at a position is a deletion: files with some are read for every delta. */
  noteTombstone(position: number): void {
    const file = this.#fileOf(position)
    const unit = position % this.#fileUnits
    file.tombstoneBits = withRoomFor(file.tombstoneBits, unit)
    setBit(file.tombstoneBits, unit)
    file.tombstones++
  }

  /** Whether a record of the open view was superseded since it was opened. */
  isPinned(position: number): boolean {
    return hasBit(this.#fileOf(position).pinned, position % this.#fileUnits)
  }

  /** Fixes what there is. One view at a time. */
  openView(): void {
    this.#isViewOpen = true
    for (const file of this.files()) {
      file.fixedBytes = file.sizeBytes
      file.pinned = undefined
    }
  }

  closeView(): void {
    this.#isViewOpen = false
    for (const file of this.files()) {
      file.fixedBytes = 0
      file.pinned = undefined
    }
    const doomed = this.#doomed
    this.#doomed = []
    for (const file of doomed) this.#close(file)
  }

  /** Reads one record. */
  read(position: number, onRecord: RecordReader): void {
    const file = this.#fileOf(position)
    const start = (position % this.#fileUnits) * UNIT_BYTES
    this.#readRecord(file, position, start, this.#readRun(file, start, start + this.#guessBytes), 0, onRecord)
  }

  /** Reads many records, those that are near to each other at once. `positions` are in order. */
  readMany(positions: Int32Array, count: number, onRecord: RecordReader): void {
    for (let from = 0; from < count; ) {
      const first = positions[from] as number
      const file = this.#fileOf(first)
      const fileStart = first - (first % this.#fileUnits)
      const start = (first - fileStart) * UNIT_BYTES
      let end = start + this.#guessBytes
      let to = from + 1
      for (; to < count; to++) {
        const next = ((positions[to] as number) - fileStart) * UNIT_BYTES
        const isNear =
          next < this.fileBytes && next - end <= GAP_BYTES_MAX && next + this.#guessBytes - start <= RUN_BYTES_MAX
        if (!isNear) break
        end = next + this.#guessBytes
      }
      const available = this.#readRun(file, start, end)
      let isWhole = true
      for (let i = from; i < to; i++) {
        const position = positions[i] as number
        const at = (position - fileStart) * UNIT_BYTES - start
        // A longer record than expected takes the buffer for itself; those behind it are read once more.
        const there: number = isWhole ? available : this.#readRun(file, start + at, start + at + this.#guessBytes)
        isWhole = this.#readRecord(file, position, start + at, there, isWhole ? at : 0, onRecord) && isWhole
      }
      from = to
    }
  }

  close(): void {
    for (const file of this.#files) file?.file.close()
    this.#files.length = 0
    this.#active = undefined
    this.#doomed = []
  }

  /** Reads to the buffer; returns how many bytes there are. */
  #readRun(file: LogFile, start: number, end: number): number {
    const length = Math.min(end, file.sizeBytes) - start
    this.#ensureBuffer(length)
    return file.file.read(this.#buffer, length, start)
  }

  /** False when the record had to be read anew, and the buffer holds nothing else any more. */
  #readRecord(
    file: LogFile,
    position: number,
    start: number,
    available: number,
    at: number,
    onRecord: RecordReader,
  ): boolean {
    const length = available - at >= HEADER_BYTES ? lengthAt(this.#view, at) : HEADER_BYTES
    this.#guessBytes = Math.max(GUESS_BYTES_MIN, Math.round(this.#guessBytes * 0.99 + Math.min(length, 4_096) * 0.015))
    if (at + length <= available) {
      checkRecord(this.#buffer, this.#view, at, available - at)
      onRecord(position, this.#buffer, this.#view, at)
      return true
    }
    const there = this.#readRun(file, start, start + length)
    checkRecord(this.#buffer, this.#view, 0, there)
    onRecord(position, this.#buffer, this.#view, 0)
    return false
  }

  #ensureBuffer(length: number): void {
    if (length <= this.#buffer.length) return
    this.#buffer = new Uint8Array(paddedBytes(length * 2))
    this.#view = new DataView(this.#buffer.buffer)
  }

  #fileOf(position: number): LogFile {
    const file = this.#files[Math.floor(position / this.#fileUnits)]
    if (file === undefined) throw new MillraceError('INTERNAL', `There is no record at position ${position}.`)
    return file
  }

  #open(): LogFile {
    const sealed = this.#active
    let number = this.#files.indexOf(undefined)
    if (number < 0) number = this.#files.length
    if ((number + 1) * this.#fileUnits > POSITIONS_MAX) throw tooLarge(this.#options.folder.path)
    const file = new LogFile(number, this.#options.folder.create())
    this.#files[number] = file
    this.#active = file
    if (sealed !== undefined && sealed.live === 0) this.#remove(sealed)
    return file
  }

  #takeOut(file: LogFile, unit: number): void {
    if (hasBit(file.tombstoneBits, unit)) this.#dropTombstone(file, unit)
    file.live--
    if (file.live === 0 && file !== this.#active) this.#remove(file)
  }

  #dropTombstone(file: LogFile, unit: number): void {
    clearBit(file.tombstoneBits as Uint8Array, unit)
    file.tombstones--
    if (file.tombstones === 0) file.tombstoneBits = undefined
  }

  #remove(file: LogFile): void {
    if (this.#isViewOpen) this.#doomed.push(file)
    else this.#close(file)
  }

  #close(file: LogFile): void {
    this.#files[file.number] = undefined
    file.file.close()
  }
}

function hasBit(bits: Uint8Array | undefined, at: number): boolean {
  // Behind its end there is none.
  return bits !== undefined && ((bits[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0
}

function setBit(bits: Uint8Array, at: number): void {
  bits[at >>> 3] = (bits[at >>> 3] as number) | (1 << (at & 7))
}

function clearBit(bits: Uint8Array, at: number): void {
  bits[at >>> 3] = (bits[at >>> 3] as number) & ~(1 << (at & 7))
}

function withRoomFor(bits: Uint8Array | undefined, at: number): Uint8Array {
  const bytes = (at >>> 3) + 1
  if (bits !== undefined && bytes <= bits.length) return bits
  const larger = new Uint8Array(bytes * 2)
  if (bits !== undefined) larger.set(bits)
  return larger
}

function tooLarge(folder: string): MillraceError {
  return new MillraceError(
    'DISK_FAILED',
    `The local state store of a subtask in ${folder} has reached its limit of ${(POSITIONS_MAX * UNIT_BYTES) / 1024 ** 3} GiB.`,
    { details: { folder }, hint: 'Raise the parallelism: each subtask has a store of its own.' },
  )
}
