/**
 * Reads the records of one text file. It owns the position, the check for UTF-8 and what happens to input that is no
 * record; a `TextFormat` says what a record is, a `TextWindow` holds the bytes at hand.
 *
 * Invariant: whatever the chunks, the same bytes give the same records, the same rejections and the same positions.
 * A record that is refused is passed over as a whole: lines within its quotes are no records. Where its end is in doubt,
 * because its quotes do not fit or are not closed within the longest record, it is passed over up to the end of its
 * first line, never up to where a chunk happened to end.
 */
import { MillraceError, type ReadableFile, RejectedInput, type SourceBatch, type SplitReader } from '@millrace/api'
import { type ByteStream, openByteStream } from '../input/byte-stream.ts'
import { RecordFailure } from './record-failure.ts'
import { contentEnd, lineEnd, type TextFormat } from './text-format.ts'
import type { OnError, TextPosition } from './text-source-options.ts'
import { findInvalidUtf8, TextWindow } from './text-window.ts'

export interface TextReaderOptions<T> {
  readonly file: ReadableFile
  readonly format: TextFormat<T>
  readonly position: TextPosition | undefined
  readonly onError: OnError
  readonly lineBytesMax: number
  /** Bytes read at once; the records do not depend on it. Default 256 KiB. */
  readonly chunkBytes?: number
  readonly count: (metric: string, increment: number) => void
}

type Fetched = { readonly chunk: Uint8Array | undefined } | { readonly failure: unknown }

/** A line that is too long: refused already, but the reader has not seen its end. */
interface OversizedLine {
  readonly position: TextPosition
  readonly rejected: RejectedInput | undefined
}

const START: TextPosition = { offset: 0, line: 1 }
const NEWLINE = 10
const LINE_BREAK_BYTES_MAX = 2
const LINE_HINT = 'Correct the input, or choose onError: "skip" or "deadLetter".'
/** Without its header no line can be read, so `onError` has no say. */
const HEADER_HINT =
  'Name the columns as the header does, or give each its index; a file without a header line takes header: false. Whatever onError says, this fails.'
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const

export class TextReader<T> implements SplitReader<T, TextPosition> {
  readonly #options: TextReaderOptions<T>
  readonly #format: TextFormat<T>
  readonly #stream: ByteStream
  readonly #window: TextWindow
  /** Number of the line that begins at `#window.at`. */
  #line: number
  #fetching: Promise<void> | undefined
  #fetched: Fetched | undefined
  /** Why the content cannot be read to its end; counts once all whole lines before it are used up. */
  #streamFailure: unknown
  #oversized: OversizedLine | undefined
  /** The file holds nothing, and that has not been refused yet. */
  #isEmpty = false
  /** What ends the job, once the records before it have been handed over. */
  #failure: unknown
  #isEnded = false

  private constructor(options: TextReaderOptions<T>, stream: ByteStream, offset: number, line: number) {
    this.#options = options
    this.#format = options.format
    this.#stream = stream
    this.#window = new TextWindow(offset)
    this.#line = line
  }

  /**
   * Opens a file at its start or at a position. Throws `INPUT_CHANGED` when the position does not fit the file,
   * `INPUT_MALFORMED` when the header does not fit the columns.
   */
  static async open<T>(options: TextReaderOptions<T>): Promise<TextReader<T>> {
    const position = options.position ?? START
    // On line 1 nothing has been read, except perhaps a byte order mark.
    if (position.line === 1) return TextReader.#openAtStart(options)
    if (options.format.header?.isNeeded === true) {
      const first = await TextReader.#openAtStart(options)
      await first.#closeStream()
    }
    // Line 2 at byte 0 comes after the refusal of a file that held nothing.
    if (position.offset === 0) return TextReader.#openEmpty(options, position)
    // One byte earlier, to see that a line ended there.
    const stream = await openByteStream(options.file, position.offset - 1, options.chunkBytes)
    if (stream === undefined) throw changed(options.file.path, position, 'it is shorter now')
    const reader = new TextReader(options, stream, position.offset - 1, position.line)
    await reader.#passLineEnd(position)
    return reader
  }

  static async #openAtStart<T>(options: TextReaderOptions<T>): Promise<TextReader<T>> {
    const stream = (await openByteStream(options.file, 0, options.chunkBytes)) as ByteStream
    const reader = new TextReader(options, stream, 0, 1)
    await reader.#passByteOrderMark()
    await reader.#waitForBytes(1)
    reader.#isEmpty = reader.#window.isLast && reader.#window.at === reader.#window.end
    await reader.#takeHeader()
    return reader
  }

  static async #openEmpty<T>(options: TextReaderOptions<T>, position: TextPosition): Promise<TextReader<T>> {
    const stream = (await openByteStream(options.file, 0, options.chunkBytes)) as ByteStream
    const reader = new TextReader(options, stream, 0, position.line)
    await reader.#waitForBytes(1)
    if (reader.#window.end > 0) throw changed(options.file.path, position, 'it was empty then')
    return reader
  }

  next(recordsMax: number): SourceBatch<T> | Promise<SourceBatch<T>> {
    return this.#readBatch(recordsMax) ?? this.#waitForBatch(recordsMax)
  }

  position(): TextPosition {
    return this.#oversized?.position ?? { offset: this.#window.offset, line: this.#line }
  }

  progress(): number {
    return this.#stream.consumedBytes
  }

  async close(): Promise<void> {
    await this.#closeStream()
    await this.#options.file.close()
  }

  async #closeStream(): Promise<void> {
    // A read that is under way still uses the file.
    await this.#fetching
    this.#stream.close()
  }

  async #waitForBatch(recordsMax: number): Promise<SourceBatch<T>> {
    for (;;) {
      await this.#fetch()
      const batch = this.#readBatch(recordsMax)
      if (batch !== undefined) return batch
    }
  }

  /** What the bytes at hand give, or `undefined` when that is nothing and more have to be waited for. */
  #readBatch(recordsMax: number): SourceBatch<T> | undefined {
    const records: (T | RejectedInput)[] = []
    let passedOver = 0
    let hasRejected = false
    const onRejected = (rejected: RejectedInput | undefined) => {
      if (rejected === undefined) {
        passedOver++
        return
      }
      records.push(rejected)
      hasRejected = true
    }
    while (this.#failure === undefined && records.length + passedOver < recordsMax) {
      try {
        if (this.#isEmpty) this.#refuseEmpty()
        if (this.#oversized === undefined) this.#readRecords(records, recordsMax - passedOver)
        else if (this.#passOversized(onRejected)) continue
      } catch (error) {
        this.#onRecordFailure(error, onRejected)
        continue
      }
      if (records.length + passedOver >= recordsMax) break
      if (this.#window.isLast) {
        this.#isEnded = true
        break
      }
      if (this.#streamFailure !== undefined) this.#onStreamFailure(onRejected)
      else if (!this.#takeFetched()) break
      if (this.#isEnded) break
    }
    if (this.#failure !== undefined && records.length === 0) throw this.#failure
    if (records.length === 0 && passedOver === 0 && !this.#isEnded && this.#failure === undefined) return undefined
    const end = this.#isEnded
    return hasRejected ? { records, hasRejected, end } : { records, end }
  }

  /** Reads until there are `recordsMax`, or no whole record is left. Throws `RecordFailure` at the first bad one. */
  #readRecords(records: (T | RejectedInput)[], recordsMax: number): void {
    const window = this.#window
    const format = this.#format
    const { bytes, limit, isLast, content, end } = window
    const lengthMax = this.#options.lineBytesMax
    while (records.length < recordsMax && window.at < limit) {
      const next = format.scan(bytes, window.at, limit, isLast)
      if (next < 0) break
      if (next - window.at > lengthMax) this.#checkLength(next)
      if (content === 'mixed') this.#checkUtf8(next)
      records.push(format.build(bytes, content === 'ascii'))
      window.at = next
      this.#line += format.recordLines
    }
    if (records.length < recordsMax && end - window.at > lengthMax + LINE_BREAK_BYTES_MAX) this.#checkLength(end)
  }

  /** A file is empty more often because its writing failed than because nothing happened: that must not look like success. */
  #refuseEmpty(): never {
    this.#isEmpty = false
    throw new RecordFailure('INPUT_MALFORMED', this.#window.at, 'the file is empty')
  }

  #checkLength(next: number): void {
    const { at, bytes } = this.#window
    const end = bytes[next - 1] === NEWLINE ? contentEnd(bytes, at, next - 1) : next
    if (end - at > this.#options.lineBytesMax) throw this.#oversizedFailure()
  }

  #oversizedFailure(): RecordFailure {
    const lengthMax = this.#options.lineBytesMax
    const reason = `the line is longer than ${lengthMax} bytes (lineBytesMax)`
    return new RecordFailure('INPUT_MALFORMED', this.#window.at + lengthMax, reason)
  }

  #checkUtf8(next: number): void {
    const invalidAt = findInvalidUtf8(this.#window.bytes, this.#window.at, next)
    if (invalidAt >= 0) throw new RecordFailure('INPUT_NOT_UTF8', invalidAt, 'a byte that is not valid UTF-8')
  }

  #onRecordFailure(error: unknown, onRejected: (rejected: RejectedInput | undefined) => void): void {
    if (!(error instanceof RecordFailure)) throw error
    const failure = this.#decideFailure(error)
    if (this.#options.onError === 'fail') {
      this.#failure = this.#positionedError(failure)
      return
    }
    const window = this.#window
    const { end, lines } = this.#refusedRecord()
    const rejected = this.#reject(failure, end)
    if (end === window.end && !window.isLast) {
      this.#oversized = { position: this.position(), rejected }
      return
    }
    window.at = Math.min(end + 1, window.end)
    this.#line += lines
    onRejected(rejected)
  }

  /** What of the input a refused record takes: itself when its end is beyond doubt, else its first line. */
  #refusedRecord(): { readonly end: number; readonly lines: number } {
    const { at, bytes, end } = this.#window
    const next = this.#recordEnd()
    if (next !== undefined) {
      const breakAt = bytes[next - 1] === NEWLINE ? next - 1 : next
      const isOversized = contentEnd(bytes, at, breakAt) - at > this.#options.lineBytesMax
      if (!isOversized) return { end: breakAt, lines: this.#format.recordLines }
    }
    return { end: lineEnd(bytes, at, end), lines: 1 }
  }

  /** Index after the record at hand, or `undefined` when its end is in doubt. */
  #recordEnd(): number | undefined {
    const { at, bytes, limit, isLast } = this.#window
    try {
      const next = this.#format.scan(bytes, at, limit, isLast)
      return next < 0 ? undefined : next
    } catch (error) {
      return error instanceof RecordFailure ? error.recordEnd : undefined
    }
  }

  /** Of a line that is malformed and too long, smaller chunks would show only the length: it counts first. */
  #decideFailure(failure: RecordFailure): RecordFailure {
    const { at, bytes, end } = this.#window
    const lineTo = contentEnd(bytes, at, lineEnd(bytes, Math.min(failure.at, end), end))
    return lineTo - at > this.#options.lineBytesMax ? this.#oversizedFailure() : failure
  }

  /** Goes on to the end of a refused line; false when it has not come yet. */
  #passOversized(onRejected: (rejected: RejectedInput | undefined) => void): boolean {
    const window = this.#window
    const end = lineEnd(window.bytes, window.at, window.end)
    window.at = Math.min(end + 1, window.end)
    if (end === window.end && !window.isLast && this.#streamFailure === undefined) return false
    // Where the content breaks off in an oversized line, that is the end of the line.
    const { rejected } = this.#oversized as OversizedLine
    this.#oversized = undefined
    this.#line++
    onRejected(rejected)
    return true
  }

  /** No whole record is left and the rest of the content cannot be read. */
  #onStreamFailure(onRejected: (rejected: RejectedInput | undefined) => void): void {
    const cause = this.#streamFailure
    const isInputsFault =
      cause instanceof MillraceError && (cause.code === 'INPUT_TRUNCATED' || cause.code === 'INPUT_MALFORMED')
    const window = this.#window
    if (!isInputsFault || this.#options.onError === 'fail') {
      this.#failure = isInputsFault ? this.#positionedStreamError(cause) : cause
      return
    }
    onRejected(this.#reject(new RecordFailure('INPUT_MALFORMED', window.end, cause.message), window.end))
    window.at = window.end
    this.#isEnded = true
  }

  #positionedStreamError(cause: MillraceError): MillraceError {
    const { line, column } = this.#window.locate(this.#window.end, this.#line)
    return new MillraceError(cause.code, `${cause.message} (line ${line}, column ${column})`, {
      details: { ...cause.details, line, column },
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause: cause.cause,
    })
  }

  #positionedError(failure: RecordFailure, hint = LINE_HINT): MillraceError {
    const { path } = this.#options.file
    const { line, column } = this.#window.locate(failure.at, this.#line)
    return new MillraceError(failure.code, `"${path}", line ${line}, column ${column}: ${failure.message}`, {
      details: { file: path, line, column, ...(failure.field === undefined ? {} : { field: failure.field }) },
      hint,
      ...(failure.cause === undefined ? {} : { cause: failure.cause }),
    })
  }

  /** Counts a refused line, or makes it a dead letter with the line up to `end`. */
  #reject(failure: RecordFailure, end: number): RejectedInput | undefined {
    if (this.#options.onError === 'skip') {
      this.#options.count('numRecordsSkipped', 1)
      return undefined
    }
    const { bytes, at } = this.#window
    const { line, column } = this.#window.locate(failure.at, this.#line)
    const isFirstLine = line === this.#line
    return new RejectedInput('deadLetter', {
      raw: bytes.toString('utf8', at, Math.min(contentEnd(bytes, at, end), at + this.#options.lineBytesMax)),
      file: this.#options.file.path,
      line: this.#line,
      // What went wrong in a later line of the record has no column in the line that the letter names.
      column: isFirstLine ? column : 1,
      reason: isFirstLine ? failure.message : `${failure.message} (line ${line}, column ${column})`,
    })
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#stream.next().then(
      (chunk) => {
        this.#fetched = { chunk }
      },
      (failure: unknown) => {
        this.#fetched = { failure }
      },
    )
    return this.#fetching
  }

  /** Takes what has been read and starts to read on; false when it has not come yet. */
  #takeFetched(): boolean {
    const fetched = this.#fetched
    if (fetched !== undefined) {
      this.#fetched = undefined
      this.#fetching = undefined
      if ('failure' in fetched) this.#streamFailure = fetched.failure
      else if (fetched.chunk === undefined) this.#window.endInput()
      else this.#window.append(fetched.chunk)
    }
    if (!this.#window.isLast && this.#streamFailure === undefined) void this.#fetch()
    return fetched !== undefined
  }

  /** For opening only: waits until there are so many bytes, or there will be no more. */
  async #waitForBytes(length: number): Promise<void> {
    const window = this.#window
    while (window.end - window.at < length && !window.isLast && this.#streamFailure === undefined) {
      await this.#fetch()
      this.#takeFetched()
    }
  }

  async #passByteOrderMark(): Promise<void> {
    await this.#waitForBytes(BYTE_ORDER_MARK.length)
    const { bytes, end } = this.#window
    if (end >= BYTE_ORDER_MARK.length && BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte)) {
      this.#window.at = BYTE_ORDER_MARK.length
    }
  }

  async #takeHeader(): Promise<void> {
    const { header } = this.#format
    const window = this.#window
    if (header === undefined) return
    for (;;) {
      const length = window.end - window.at
      if (window.isLast && length === 0) return
      try {
        const next = header.take(window.bytes, window.at, window.limit, window.isLast)
        if (next >= 0) {
          this.#checkLength(next)
          this.#line = Math.max(2, window.locate(next, this.#line).line)
          window.at = next
          return
        }
        if (length > this.#options.lineBytesMax) this.#checkLength(window.end)
      } catch (error) {
        throw error instanceof RecordFailure ? this.#positionedError(error, HEADER_HINT) : error
      }
      if (this.#streamFailure !== undefined) throw this.#streamFailure
      await this.#waitForBytes(length + 1)
    }
  }

  /** Checks that the byte before the position ended a line. */
  async #passLineEnd(position: TextPosition): Promise<void> {
    const window = this.#window
    await this.#waitForBytes(1)
    if (window.end === 0) throw this.#streamFailure ?? changed(this.#options.file.path, position, 'it is shorter now')
    window.at = 1
    if (window.bytes[0] === NEWLINE) return
    // The last line may end without a line break; then nothing follows.
    await this.#waitForBytes(1)
    if (window.end > window.at) throw changed(this.#options.file.path, position, 'no line begins there now')
  }
}

function changed(path: string, position: TextPosition, reason: string): MillraceError {
  return new MillraceError(
    'INPUT_CHANGED',
    `The input "${path}" is not as it was when byte ${position.offset} (line ${position.line}) was recorded: ${reason}`,
    {
      details: { file: path, line: position.line, offset: position.offset },
      hint: 'Restore with the input as it was, or start fresh.',
    },
  )
}
