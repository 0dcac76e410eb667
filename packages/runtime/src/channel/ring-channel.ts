/**
 * A logical channel over a ring: stream elements as messages. Batches are encoded straight into the ring's memory and
 * decoded straight from it. Used between slots, and within one slot over ordinary memory where every hand-over is to be
 * encoded. Knows nothing of tasks; waiting and waking are the ring's.
 *
 * What does not fit in one message (half the ring at most):
 * - A batch is written in pieces of some records each, as room comes up; the reader sees several smaller batches. Until
 *   the last piece is in, `offer` returns false and goes on where it was when the same batch is offered again.
 * - A single record goes as a run of part messages, which the reader puts together. Its encoded bytes are held by the
 *   writer until all are written, at most `recordBytesMax`.
 * Beside these, each end holds the strings that came again (`dictionaryBytesMax`). Nothing else, so memory is bounded by the
 * ring plus, at either end, these and one record that is larger than the ring takes.
 */
import { MillraceError } from '@millrace/api'
import {
  BATCH_MESSAGE_RECORDS_MAX,
  BatchDecoderMemory,
  BatchEncoderMemory,
  ByteReader,
  ByteWriter,
  type ChannelReader,
  type ChannelWriter,
  type CheckpointBarrier,
  decodeBatch,
  encodeBatch,
  type RecordBatch,
  type SnapshotKind,
  type StreamElement,
} from '@millrace/core'
import { BufferTextCopier } from './buffer-text-copier.ts'
import { type RingMemory, RingReader, RingWriter } from './ring.ts'
import type { WakeUp } from './wake-up.ts'

/** Default limit of one encoded record; a batch of one, so including its column headers. */
export const RECORD_BYTES_MAX = 64 * 1_024 * 1_024

// Kinds of messages in the ring.
const BATCH = 1
const WATERMARK = 2
const STATUS = 3
const END = 4
/** Opens a large record: its length in bytes (float64), then its first bytes. */
const RECORD_START = 5
const RECORD_PART = 6
/** Of a checkpoint; the kinds behind it are barriers of the other `SNAPSHOT_KINDS`. */
const BARRIER = 16

const RECORD_START_BYTES = 8
const BARRIER_BYTES = 24
const SNAPSHOT_KINDS: readonly SnapshotKind[] = ['checkpoint', 'full-checkpoint', 'savepoint']

/** Default of `dictionaryBytesMax`. */
export const DICTIONARY_BYTES_MAX = 4 * 1_024 * 1_024

/** Taken for a record before any was seen. */
const RECORD_BYTES_GUESS = 64

/** The encoder asks for a little more room than it uses. */
const ENCODING_SLACK_BYTES = 1_024

export interface RingChannelWriterOptions {
  /** Woken when the reading task found the channel empty and something has arrived. */
  readonly readerWakeUp: WakeUp
  /** Limit of one encoded record, in bytes; above it `offer` throws `RECORD_TOO_LARGE`. Default `RECORD_BYTES_MAX`. */
  readonly recordBytesMax?: number
  /** What strings that come again may take at either end, estimated bytes. Default `DICTIONARY_BYTES_MAX`. */
  readonly dictionaryBytesMax?: number
}

export interface RingChannelReaderOptions {
  /** Woken when the writing task was refused and there is room again. */
  readonly writerWakeUp: WakeUp
  /** As for the writer. */
  readonly recordBytesMax?: number
}

export class RingChannelWriter implements ChannelWriter {
  readonly #ring: RingWriter
  readonly #ringView: DataView
  readonly #recordBytesMax: number
  /** Preferred size of a piece of a batch that needs several: the reader works on one while the next is written. */
  readonly #pieceBytes: number
  readonly #memory: BatchEncoderMemory
  /** What a record of this channel takes, encoded: a running mean, raised at once by what did not fit. */
  #recordBytes = RECORD_BYTES_GUESS
  /** The batch of which some records, not all, are written, and its first record that is not. */
  #batch: RecordBatch | undefined
  #from = 0
  /** The large record that is on its way, and its bytes that are already written. */
  #record: Uint8Array | undefined
  #recordWrittenBytes = 0
  #writtenBytes = 0
  /** Announced and not yet in the ring. */
  #announcedId: number | undefined

  constructor(ring: RingMemory, options: RingChannelWriterOptions) {
    this.#ring = new RingWriter(ring, options.readerWakeUp)
    this.#ringView = viewOf(this.#ring.data)
    this.#recordBytesMax = options.recordBytesMax ?? RECORD_BYTES_MAX
    this.#pieceBytes = Math.min(this.#ring.messageBytesMax, this.#ring.capacityBytes / 4)
    this.#memory = new BatchEncoderMemory({
      dictionaryBytesMax: options.dictionaryBytesMax ?? DICTIONARY_BYTES_MAX,
      textCopier: new BufferTextCopier(),
    })
  }

  offer(element: StreamElement): boolean {
    if (this.#batch !== undefined && (element.kind !== 'batch' || element.batch !== this.#batch)) {
      throw new MillraceError('INTERNAL', `A ${element.kind} was offered to a channel that is amid another batch.`)
    }
    switch (element.kind) {
      case 'batch':
        return this.#offerBatch(element.batch)
      case 'watermark':
        if (!this.#ring.reserve(8)) return false
        this.#ringView.setFloat64(this.#ring.reservedOffset, element.timestamp, true)
        return this.#commit(WATERMARK, 8)
      case 'status':
        if (!this.#ring.reserve(1)) return false
        this.#ringView.setUint8(this.#ring.reservedOffset, element.idle ? 1 : 0)
        return this.#commit(STATUS, 1)
      case 'barrier': {
        if (!this.#ring.reserve(BARRIER_BYTES)) return false
        const at = this.#ring.reservedOffset
        this.#ringView.setFloat64(at, element.checkpointId, true)
        this.#ringView.setFloat64(at + 8, element.triggeredAtMs, true)
        this.#ringView.setFloat64(at + 16, element.lastCompletedId, true)
        if (element.checkpointId === this.#announcedId) {
          this.#announcedId = undefined
          this.#ring.passesHold = false
        }
        return this.#commit(BARRIER + SNAPSHOT_KINDS.indexOf(element.snapshotKind), BARRIER_BYTES)
      }
      case 'end':
        if (!this.#ring.reserve(0)) return false
        return this.#commit(END, 0)
    }
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  get queuedBytes(): number {
    return this.#ring.queuedBytes
  }

  announce({ checkpointId, triggeredAtMs, lastCompletedId, snapshotKind }: CheckpointBarrier): void {
    this.#announcedId = checkpointId
    this.#ring.passesHold = true
    this.#ring.announce([checkpointId, triggeredAtMs, lastCompletedId, SNAPSHOT_KINDS.indexOf(snapshotKind)])
  }

  get isHeldBack(): boolean {
    return this.#ring.isHeldBack
  }

  close(): void {
    this.#ring.close()
  }

  #offerBatch(batch: RecordBatch): boolean {
    if (this.#record !== undefined && !this.#writeRecord(this.#record)) return false
    while (this.#from < batch.records.length) {
      if (!this.#writePiece(batch)) return false
    }
    this.#batch = undefined
    this.#from = 0
    return true
  }

  /** Writes the next records of a batch, as many as one message takes, or one large record. False: no room for now. */
  #writePiece(batch: RecordBatch): boolean {
    const left = Math.min(batch.records.length - this.#from, BATCH_MESSAGE_RECORDS_MAX)
    const isRestInOne = left * this.#recordBytes <= this.#ring.messageBytesMax
    let count = isRestInOne ? left : Math.min(left, Math.max(1, Math.floor(this.#pieceBytes / this.#recordBytes)))
    for (;;) {
      const expectedBytes = Math.min(Math.ceil(count * this.#recordBytes), this.#ring.messageBytesMax)
      if (!this.#ring.reserve(expectedBytes)) return false
      const at = this.#ring.reservedOffset
      const room = this.#ring.data.subarray(at, at + this.#ring.reservedBytes)
      const writer = new ByteWriter(room, this.#encodingBytesMax(count))
      if (!this.#encodeWithin(batch, count, writer)) {
        count >>= 1
        continue
      }
      const bytes = writer.position
      if (writer.bytes !== room) {
        // It outgrew its room, so the bytes are in memory of the encoder's own.
        this.#recordBytes = Math.max(this.#recordBytes, bytes / count)
        if (bytes > this.#ring.messageBytesMax) {
          if (count === 1) return this.#startRecord(batch, writer.written())
          count = Math.max(1, Math.floor((count * this.#pieceBytes) / bytes))
          continue
        }
        if (!this.#ring.reserve(bytes)) return false
        this.#ring.data.set(writer.written(), this.#ring.reservedOffset)
      }
      this.#commit(BATCH, bytes)
      this.#memory.onSent()
      this.#recordBytes += (bytes / count - this.#recordBytes) / 4
      this.#batch = batch
      this.#from += count
      return true
    }
  }

  /** Encodes the next records; false when several together go over the writer's limit. */
  #encodeWithin(batch: RecordBatch, count: number, writer: ByteWriter): boolean {
    try {
      encodeBatch(batch, this.#from, this.#from + count, writer, this.#memory)
      return true
    } catch (error) {
      if (count > 1 && error instanceof MillraceError && error.code === 'RECORD_TOO_LARGE') return false
      throw error
    }
  }

  /** Several records that take much more than a message are encoded in vain, so the attempt ends early. */
  #encodingBytesMax(count: number): number {
    return count === 1 ? this.#recordBytesMax + ENCODING_SLACK_BYTES : this.#ring.messageBytesMax * 4
  }

  #startRecord(batch: RecordBatch, bytes: Uint8Array): boolean {
    if (bytes.length > this.#recordBytesMax) {
      throw new MillraceError(
        'RECORD_TOO_LARGE',
        `A record takes ${bytes.length} bytes encoded, more than the limit of ${this.#recordBytesMax}.`,
        { details: { recordBytes: bytes.length, recordBytesMax: this.#recordBytesMax } },
      )
    }
    // What one large record taught does not hold for the next ones.
    this.#recordBytes = RECORD_BYTES_GUESS
    // Nothing else is sent before all of it is.
    this.#memory.onSent()
    this.#record = bytes
    this.#recordWrittenBytes = 0
    this.#batch = batch
    this.#from += 1
    return this.#writeRecord(bytes)
  }

  #writeRecord(record: Uint8Array): boolean {
    while (this.#recordWrittenBytes < record.length) {
      const isStart = this.#recordWrittenBytes === 0
      const headerBytes = isStart ? RECORD_START_BYTES : 0
      const bytes = Math.min(this.#pieceBytes - headerBytes, record.length - this.#recordWrittenBytes)
      if (!this.#ring.reserve(headerBytes + bytes)) return false
      const at = this.#ring.reservedOffset
      if (isStart) this.#ringView.setFloat64(at, record.length, true)
      const part = record.subarray(this.#recordWrittenBytes, this.#recordWrittenBytes + bytes)
      this.#ring.data.set(part, at + headerBytes)
      this.#commit(isStart ? RECORD_START : RECORD_PART, headerBytes + bytes)
      this.#recordWrittenBytes += bytes
    }
    this.#record = undefined
    return true
  }

  #commit(kind: number, bytes: number): true {
    this.#ring.commit(kind, bytes)
    this.#writtenBytes += bytes
    return true
  }
}

export class RingChannelReader implements ChannelReader {
  readonly #ring: RingReader
  readonly #ringView: DataView
  readonly #recordBytesMax: number
  /** The large record that is being put together, and how much of it is there. */
  #record: Uint8Array | undefined
  #recordReadBytes = 0
  #readBytes = 0
  #announced: CheckpointBarrier | undefined
  readonly #memory = new BatchDecoderMemory(new BufferTextCopier())

  constructor(ring: RingMemory, options: RingChannelReaderOptions) {
    this.#ring = new RingReader(ring, options.writerWakeUp)
    this.#ringView = viewOf(this.#ring.data)
    this.#recordBytesMax = options.recordBytesMax ?? RECORD_BYTES_MAX
  }

  poll(): StreamElement | undefined {
    while (this.#ring.poll()) {
      this.#readBytes += this.#ring.length
      const element = this.#decode()
      this.#ring.release()
      if (element !== undefined) return element
    }
    return undefined
  }

  get announced(): CheckpointBarrier | undefined {
    const numbers = this.#ring.announcement()
    if (numbers !== undefined) {
      const [checkpointId, triggeredAtMs, lastCompletedId, kind] = numbers
      const snapshotKind = SNAPSHOT_KINDS[kind] as SnapshotKind
      this.#announced = { kind: 'barrier', checkpointId, triggeredAtMs, lastCompletedId, snapshotKind }
    }
    return this.#announced
  }

  holdBack(isHeld: boolean): void {
    this.#ring.holdBack(isHeld)
  }

  get hasNext(): boolean {
    return this.#ring.hasNext
  }

  get queuedBytes(): number {
    return this.#ring.queuedBytes + this.#recordReadBytes
  }

  get readBytes(): number {
    return this.#readBytes
  }

  close(): void {
    this.#ring.close()
  }

  /** The element in the ring's current message, or `undefined` for a part of a record that is not yet whole. */
  #decode(): StreamElement | undefined {
    const { kind, offset, length, data } = this.#ring
    switch (kind) {
      case BATCH:
        return this.#decodeWhole(new ByteReader(data, 'channel message', offset, offset + length))
      case WATERMARK:
        return { kind: 'watermark', timestamp: this.#ringView.getFloat64(offset, true) }
      case STATUS:
        return { kind: 'status', idle: this.#ringView.getUint8(offset) !== 0 }
      case END:
        return { kind: 'end' }
      case RECORD_START: {
        const bytes = this.#ringView.getFloat64(offset, true)
        if (bytes > this.#recordBytesMax) {
          throw new MillraceError('RECORD_TOO_LARGE', `A record of ${bytes} bytes arrives, more than the limit.`, {
            details: { recordBytes: bytes, recordBytesMax: this.#recordBytesMax },
          })
        }
        this.#record = new Uint8Array(bytes)
        return this.#addPart(this.#record, data.subarray(offset + RECORD_START_BYTES, offset + length))
      }
      case RECORD_PART:
        if (this.#record === undefined) break
        return this.#addPart(this.#record, data.subarray(offset, offset + length))
    }
    const snapshotKind = SNAPSHOT_KINDS[kind - BARRIER]
    if (snapshotKind !== undefined) {
      return {
        kind: 'barrier',
        checkpointId: this.#ringView.getFloat64(offset, true),
        triggeredAtMs: this.#ringView.getFloat64(offset + 8, true),
        lastCompletedId: this.#ringView.getFloat64(offset + 16, true),
        snapshotKind,
      }
    }
    throw new MillraceError('INTERNAL', `A channel holds a message of kind ${kind} that it does not expect.`)
  }

  #decodeWhole(reader: ByteReader): StreamElement {
    const batch = decodeBatch(reader, this.#memory)
    reader.expectEnd()
    return { kind: 'batch', batch }
  }

  #addPart(record: Uint8Array, part: Uint8Array): StreamElement | undefined {
    record.set(part, this.#recordReadBytes)
    this.#recordReadBytes += part.length
    if (this.#recordReadBytes < record.length) return undefined
    this.#record = undefined
    this.#recordReadBytes = 0
    return this.#decodeWhole(new ByteReader(record, 'channel message'))
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
