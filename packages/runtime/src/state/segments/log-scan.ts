/** Goes through the records of a file of the log in the order in which they were written, a chunk in memory at a time. */
import {
  checkRecord,
  emptyRecord,
  HEADER_BYTES,
  lengthAt,
  paddedBytes,
  readHead,
  type StoreRecord,
} from '../store/record-format.ts'
import type { LogFile } from './record-log.ts'

const CHUNK_BYTES = 256 * 1024

export class LogScan {
  readonly record: StoreRecord = emptyRecord()
  /** The chunk; the current record is at `at`, its key and value at `bodyAt`. */
  bytes = new Uint8Array(CHUNK_BYTES)
  at = 0
  bodyAt = 0
  #view = new DataView(this.bytes.buffer)
  #file: LogFile | undefined
  /** Where in the file the chunk begins, how much of it there is, and where the next record begins. */
  #start = 0
  #available = 0
  #next = 0
  #end = 0

  /** Begins at the record at `from`; what is at `end` or behind it is not met. Goes on with what was read of the file before, if it reaches there. */
  begin(file: LogFile, from: number, end: number): void {
    const isThere = file === this.#file && from >= this.#start && from <= this.#start + this.#available
    if (!isThere) {
      this.#start = from
      this.#available = 0
    }
    this.#file = file
    this.#next = from
    this.#end = end
  }

  /** Where in the file the current record begins. */
  get recordAtBytes(): number {
    return this.#start + this.at
  }

  /** Where the record behind the current one begins. */
  get nextAtBytes(): number {
    return this.#next
  }

  /** The bytes of the current record. */
  get recordBytes(): Uint8Array {
    return this.bytes.subarray(this.at, this.at + this.record.lengthBytes)
  }

  /** Moves to the next record; false at the end. Throws `DISK_FAILED`. */
  next(): boolean {
    if (this.#file === undefined || this.#next >= this.#end) return false
    if (!this.#has(HEADER_BYTES)) this.#read(this.#next, HEADER_BYTES)
    const length = lengthAt(this.#view, this.#next - this.#start)
    if (!this.#has(length) && this.#next + length <= this.#end) this.#read(this.#next, length)
    this.at = this.#next - this.#start
    checkRecord(this.bytes, this.#view, this.at, this.#available - this.at)
    this.bodyAt = readHead(this.#view, this.at, this.record)
    this.#next += paddedBytes(length)
    return true
  }

  #has(length: number): boolean {
    return this.#next + length <= this.#start + this.#available
  }

  #read(from: number, length: number): void {
    if (length > this.bytes.length) {
      this.bytes = new Uint8Array(paddedBytes(length))
      this.#view = new DataView(this.bytes.buffer)
    }
    this.#start = from
    const wanted = Math.min(this.bytes.length, this.#end - from)
    this.#available = (this.#file as LogFile).file.read(this.bytes, wanted, from)
  }
}
