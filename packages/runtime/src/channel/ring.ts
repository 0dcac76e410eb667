/**
 * A byte ring between one writer and one reader, usually on two threads: messages of a kind and a payload, in order,
 * each contiguous in memory, so that both ends work on it in place. It knows nothing of what the payloads mean, does
 * not split what is too large, and never blocks a thread: an end that cannot go on says so and is woken.
 *
 * Layout: a header of `RING_HEADER_BYTES`, in which words that different threads write lie on different cache lines,
 * then `capacityBytes` of data. A message is `[payload bytes: int32][kind: int32][payload]`, padded to eight bytes; when
 * it does not fit before the end of the data, a padding message fills the rest and it starts at the beginning. Since no
 * message is larger than half the ring, an empty ring takes any.
 *
 * The cursors count bytes since the start, modulo 2^32. The capacity is a power of two, so neither a position nor a
 * distance (`(write - read) >>> 0`) notices where they wrap. The writer alone moves the write cursor, by an atomic store
 * after the message is in place; the reader alone moves the read cursor, after it has done with the message. Atomics are
 * sequentially consistent, so whoever sees a cursor sees the bytes before it.
 *
 * No wake-up is lost: an end that finds nothing to do first announces that it waits (an atomic store), then looks at the
 * other's cursor again, and gives up only if that still offers nothing. The other end moves its cursor first and looks
 * for an announcement afterwards. In any total order of these four steps either the first sees the new cursor or the
 * second sees the announcement. The writer announces how many free bytes it waits for; the reader calls it when these,
 * and half the ring, are free, which an empty ring satisfies for every message, so that a full ring does not cost a
 * wake-up per message.
 *
 * Beside the messages there is one place for an announcement, which the writer may change at any time, and a mark by which
 * the reader holds the writer back, however much room there is. Waiting for its end follows the same four steps.
 */
import { MillraceError } from '@millrace/api'
import type { WakeUp } from './wake-up.ts'

/** Memory of a ring: shared between threads, or an ordinary buffer when both ends live on one. */
export type RingMemory = ArrayBufferLike

export const RING_HEADER_BYTES = 256
export const RING_CAPACITY_BYTES_MIN = 64
export const RING_CAPACITY_BYTES_MAX = 2 ** 30

const MAGIC = 0x4d524e47
const VERSION = 1
const MESSAGE_HEADER_BYTES = 8
const ALIGNMENT_BYTES = 8
const KIND_PADDING = -1

// Words of the header.
const WORD_MAGIC = 0
const WORD_VERSION = 1
const WORD_CAPACITY = 2
/** 0 while the ring is open and its reader takes more: the one thing that a writer looks at for both. */
const WORD_STATE = 3
/** Pairs of words: checkpoint, trigger, last completed checkpoint, kind; written between two steps of the count. */
const WORD_ANNOUNCEMENT = 4
const ANNOUNCEMENT_WORDS = 8
/** Odd while an announcement is being written; twice the number of announcements else. */
const WORD_ANNOUNCEMENTS = 12
const WORD_WRITE_CURSOR = 16
const WORD_READ_CURSOR = 32
/** 1 when the reader found the ring empty and waits. */
const WORD_READER_WAITS = 48
/** Free bytes that the writer waits for; 0 when it does not wait. */
const WORD_WRITER_WAITS = 52
const WORD_DATA = RING_HEADER_BYTES / 4

const STATE_CLOSED = 1
const STATE_HELD_BACK = 2

export interface RingOptions {
  /** Bytes of data, a power of two from `RING_CAPACITY_BYTES_MIN` to `RING_CAPACITY_BYTES_MAX`. */
  readonly capacityBytes: number
  /** Whether both ends live on one thread. Default: shared memory. */
  readonly memory?: 'shared' | 'local'
  /** Where both cursors start, a multiple of eight; default 0. For rings that are to wrap soon. */
  readonly startCursor?: number
}

/** Makes an empty ring; throws `INTERNAL` for a capacity that no ring can have. */
export function createRing(options: RingOptions): RingMemory {
  const { capacityBytes, memory = 'shared', startCursor = 0 } = options
  if (
    !Number.isInteger(Math.log2(capacityBytes)) ||
    capacityBytes < RING_CAPACITY_BYTES_MIN ||
    capacityBytes > RING_CAPACITY_BYTES_MAX ||
    startCursor % ALIGNMENT_BYTES !== 0
  ) {
    throw new MillraceError('INTERNAL', `A ring cannot have ${capacityBytes} bytes from cursor ${startCursor}.`)
  }
  const bytes = RING_HEADER_BYTES + capacityBytes
  const ring = memory === 'shared' ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const words = new Int32Array(ring)
  words[WORD_MAGIC] = MAGIC
  words[WORD_VERSION] = VERSION
  words[WORD_CAPACITY] = capacityBytes
  Atomics.store(words, WORD_READ_CURSOR, startCursor | 0)
  Atomics.store(words, WORD_WRITE_CURSOR, startCursor | 0)
  return ring
}

/** The largest capacity of a ring that takes no more than `memoryBytes` with its header; 0 when none fits. */
export function ringCapacityWithin(memoryBytes: number): number {
  const data = Math.min(memoryBytes - RING_HEADER_BYTES, RING_CAPACITY_BYTES_MAX)
  return data < RING_CAPACITY_BYTES_MIN ? 0 : 2 ** Math.floor(Math.log2(data))
}

/** Four numbers that go past the messages. */
export type Announcement = readonly [number, number, number, number]

const numbersOfScratch = new Float64Array(ANNOUNCEMENT_WORDS / 2)
const scratch = { numbers: numbersOfScratch, words: new Int32Array(numbersOfScratch.buffer) }

/** What both ends have: the views of the memory and the closed flag. */
class RingEnd {
  readonly capacityBytes: number
  /** The data of the ring; offsets of messages refer to it. */
  readonly data: Uint8Array
  protected readonly words: Int32Array
  protected readonly mask: number
  /** The owner of the other end. */
  protected readonly other: WakeUp

  constructor(ring: RingMemory, other: WakeUp) {
    this.words = new Int32Array(ring, 0, Math.floor(ring.byteLength / 4))
    const capacityBytes = this.words[WORD_CAPACITY] ?? 0
    if (
      this.words[WORD_MAGIC] !== MAGIC ||
      this.words[WORD_VERSION] !== VERSION ||
      ring.byteLength !== RING_HEADER_BYTES + capacityBytes
    ) {
      throw new MillraceError('INTERNAL', 'The memory handed over as a ring is none of this version.')
    }
    this.capacityBytes = capacityBytes
    this.mask = capacityBytes - 1
    this.data = new Uint8Array(ring, RING_HEADER_BYTES, capacityBytes)
    this.other = other
  }

  /** Bytes of messages that were written and not yet released, with their headers and padding. */
  get queuedBytes(): number {
    return (Atomics.load(this.words, WORD_WRITE_CURSOR) - Atomics.load(this.words, WORD_READ_CURSOR)) >>> 0
  }

  get isClosed(): boolean {
    return (Atomics.load(this.words, WORD_STATE) & STATE_CLOSED) !== 0
  }

  /** Ends the use of the ring from either side: nothing more can be written; what is in it can still be read. */
  close(): void {
    Atomics.or(this.words, WORD_STATE, STATE_CLOSED)
    this.other.wake()
  }
}

/** The writing end. Reserve, fill `data` from `reservedOffset`, commit; or `tryWrite` to copy. */
export class RingWriter extends RingEnd {
  /** The largest payload that one message may have. */
  readonly messageBytesMax: number
  /** Where in `data` the reserved payload starts, and how much of it may be filled. Valid after `reserve`. */
  reservedOffset = 0
  reservedBytes = 0
  /** What is written now gets through although the reader holds the ring back. */
  passesHold = false
  #write: number
  /** The read cursor as last seen; it only moves in our favour, so an old value is safe. */
  #read: number
  #announced = false

  constructor(ring: RingMemory, reader: WakeUp) {
    super(ring, reader)
    this.messageBytesMax = this.capacityBytes / 2 - MESSAGE_HEADER_BYTES
    this.#write = Atomics.load(this.words, WORD_WRITE_CURSOR)
    this.#read = Atomics.load(this.words, WORD_READ_CURSOR)
  }

  /** Free bytes by the newest read cursor, for estimates. */
  get freeBytes(): number {
    this.#read = Atomics.load(this.words, WORD_READ_CURSOR)
    return this.#free()
  }

  /**
   * Finds room for a payload of at least `bytes`; `reservedBytes` says how much more there is. False when there is none
   * now: then the writer's owner is woken once there is. A second call replaces the first; nothing is visible to the
   * reader before `commit`. False for ever once the ring is closed. Throws `INTERNAL` above `messageBytesMax`.
   */
  reserve(bytes: number): boolean {
    if (bytes > this.messageBytesMax) {
      throw new MillraceError('INTERNAL', `A message of ${bytes} bytes is above the ring's ${this.messageBytesMax}.`)
    }
    const toEnd = this.capacityBytes - (this.#write & this.mask)
    const messageBytes = alignedMessageBytes(bytes)
    const isAtStart = messageBytes > toEnd
    const required = isAtStart ? toEnd + messageBytes : messageBytes
    if (this.#free() < required && !this.#awaitFree(required)) return false
    if (this.#announced) {
      this.#announced = false
      Atomics.store(this.words, WORD_WRITER_WAITS, 0)
    }
    if (Atomics.load(this.words, WORD_STATE) !== 0 && !this.#mayWrite(required)) return false
    const free = this.#free()
    this.reservedOffset = (isAtStart ? 0 : this.#write & this.mask) + MESSAGE_HEADER_BYTES
    const region = isAtStart ? free - toEnd : Math.min(free, toEnd)
    this.reservedBytes = Math.min(region - MESSAGE_HEADER_BYTES, this.messageBytesMax)
    return true
  }

  /** Publishes the first `bytes` of the reserved payload as one message. `kind` is not negative. */
  commit(kind: number, bytes: number): void {
    if (bytes > this.reservedBytes || bytes < 0) {
      throw new MillraceError('INTERNAL', `Committed ${bytes} bytes of ${this.reservedBytes} reserved.`)
    }
    const start = this.reservedOffset - MESSAGE_HEADER_BYTES
    const position = this.#write & this.mask
    let advance = alignedMessageBytes(bytes)
    if (start !== position) {
      const paddingBytes = this.capacityBytes - position
      this.#writeHeader(position, paddingBytes - MESSAGE_HEADER_BYTES, KIND_PADDING)
      advance += paddingBytes
    }
    this.#writeHeader(start, bytes, kind)
    this.reservedBytes = 0
    this.#write = (this.#write + advance) | 0
    Atomics.store(this.words, WORD_WRITE_CURSOR, this.#write)
    if (Atomics.load(this.words, WORD_READER_WAITS) !== 0 && Atomics.exchange(this.words, WORD_READER_WAITS, 0) !== 0) {
      this.other.wake()
    }
  }

  /** Copies one message in, or returns false as `reserve` does. */
  tryWrite(kind: number, payload: Uint8Array): boolean {
    if (!this.reserve(payload.length)) return false
    this.data.set(payload, this.reservedOffset)
    this.commit(kind, payload.length)
    return true
  }

  #free(): number {
    return this.capacityBytes - ((this.#write - this.#read) >>> 0)
  }

  /** Whether the reader holds the ring back; then the writer's owner is woken when it no longer does. */
  get isHeldBack(): boolean {
    return (Atomics.load(this.words, WORD_STATE) & STATE_HELD_BACK) !== 0 && !this.#awaitRelease(ALIGNMENT_BYTES)
  }

  /** Publishes a barrier's numbers beside the messages, and wakes the reader. */
  announce(numbers: Announcement): void {
    Atomics.add(this.words, WORD_ANNOUNCEMENTS, 1)
    scratch.numbers.set(numbers)
    for (let i = 0; i < ANNOUNCEMENT_WORDS; i++) {
      Atomics.store(this.words, WORD_ANNOUNCEMENT + i, scratch.words[i] as number)
    }
    Atomics.add(this.words, WORD_ANNOUNCEMENTS, 1)
    this.other.wake()
  }

  #mayWrite(required: number): boolean {
    if (this.isClosed) return false
    return this.passesHold || this.#awaitRelease(required)
  }

  /** As `#awaitFree`: announces that it waits, then looks again. */
  #awaitRelease(required: number): boolean {
    this.#announced = true
    Atomics.store(this.words, WORD_WRITER_WAITS, required)
    return (Atomics.load(this.words, WORD_STATE) & STATE_HELD_BACK) === 0
  }

  #awaitFree(required: number): boolean {
    this.#read = Atomics.load(this.words, WORD_READ_CURSOR)
    if (this.#free() >= required) return true
    this.#announced = true
    Atomics.store(this.words, WORD_WRITER_WAITS, required)
    this.#read = Atomics.load(this.words, WORD_READ_CURSOR)
    return this.#free() >= required
  }

  #writeHeader(position: number, bytes: number, kind: number): void {
    const word = WORD_DATA + (position >>> 2)
    this.words[word] = bytes
    this.words[word + 1] = kind
  }
}

/** The reading end: `poll`, use the message in place, `release`. */
export class RingReader extends RingEnd {
  /** The message that `poll` found; valid until `release`. */
  kind = 0
  offset = 0
  length = 0
  #read: number
  /** The write cursor as last seen. */
  #write: number
  #announcements = 0
  /** Bytes of the message that `poll` found, with header and padding; 0 when there is none. */
  #polledBytes = 0

  constructor(ring: RingMemory, writer: WakeUp) {
    super(ring, writer)
    this.#read = Atomics.load(this.words, WORD_READ_CURSOR)
    this.#write = Atomics.load(this.words, WORD_WRITE_CURSOR)
  }

  /** Whether a message is there. When not, the reader's owner is woken at the next one. */
  get hasNext(): boolean {
    if (this.#read !== this.#write) return true
    this.#write = Atomics.load(this.words, WORD_WRITE_CURSOR)
    if (this.#read !== this.#write) return true
    if (Atomics.load(this.words, WORD_READER_WAITS) === 0) Atomics.store(this.words, WORD_READER_WAITS, 1)
    this.#write = Atomics.load(this.words, WORD_WRITE_CURSOR)
    if (this.#read === this.#write) return false
    Atomics.store(this.words, WORD_READER_WAITS, 0)
    return true
  }

  /** Makes the next message the current one; false, and waiting as `hasNext` does, when there is none. */
  poll(): boolean {
    if (!this.hasNext) return false
    const position = this.#read & this.mask
    this.#polledBytes = this.#readHeader(position)
    if (this.kind === KIND_PADDING) this.#polledBytes += this.#readHeader(0)
    return true
  }

  /** What was announced last, when that is not what this call gave last. */
  announcement(): Announcement | undefined {
    const count = Atomics.load(this.words, WORD_ANNOUNCEMENTS)
    // An odd count: one is being written, and its writer will wake this end.
    if (count === this.#announcements || (count & 1) !== 0) return undefined
    for (let i = 0; i < ANNOUNCEMENT_WORDS; i++) {
      scratch.words[i] = Atomics.load(this.words, WORD_ANNOUNCEMENT + i)
    }
    if (Atomics.load(this.words, WORD_ANNOUNCEMENTS) !== count) return undefined
    this.#announcements = count
    const [a = 0, b = 0, c = 0, d = 0] = scratch.numbers
    return [a, b, c, d]
  }

  /** While held back the ring has no room for its writer, who is woken afterwards. */
  holdBack(isHeld: boolean): void {
    if (isHeld) {
      Atomics.or(this.words, WORD_STATE, STATE_HELD_BACK)
      return
    }
    const before = Atomics.and(this.words, WORD_STATE, ~STATE_HELD_BACK)
    if ((before & STATE_HELD_BACK) !== 0) this.#callWriter()
  }

  /** The payload of the current message, in place. */
  view(): Uint8Array {
    return this.data.subarray(this.offset, this.offset + this.length)
  }

  /** Gives the current message's room back to the writer. */
  release(): void {
    this.#read = (this.#read + this.#polledBytes) | 0
    this.#polledBytes = 0
    Atomics.store(this.words, WORD_READ_CURSOR, this.#read)
    const awaited = Atomics.load(this.words, WORD_WRITER_WAITS)
    if (awaited === 0) return
    this.#write = Atomics.load(this.words, WORD_WRITE_CURSOR)
    const free = this.capacityBytes - ((this.#write - this.#read) >>> 0)
    if (free < Math.max(awaited, this.capacityBytes / 2)) return
    this.#callWriter()
  }

  #callWriter(): void {
    if (Atomics.exchange(this.words, WORD_WRITER_WAITS, 0) !== 0) this.other.wake()
  }

  #readHeader(position: number): number {
    const word = WORD_DATA + (position >>> 2)
    this.length = this.words[word] ?? -1
    this.kind = this.words[word + 1] ?? 0
    this.offset = position + MESSAGE_HEADER_BYTES
    if (this.length < 0 || this.offset + this.length > this.capacityBytes) {
      throw new MillraceError('INTERNAL', `A ring holds a message of ${this.length} bytes at ${position}.`)
    }
    return alignedMessageBytes(this.length)
  }
}

function alignedMessageBytes(payloadBytes: number): number {
  return (MESSAGE_HEADER_BYTES + payloadBytes + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES
}
