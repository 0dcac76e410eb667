/**
 * Entries in rows: what a map holds of up to `ROWS_MAX` of its entries. An entry has its row for life, so that walks,
 * snapshots and whoever remembers it need nothing but the number.
 *
 * A row is a few bytes side by side, so that one cache line holds what a look-up and a write need of it: its marks, then
 * its key if the keys are numbers or arrays of equally many (`number-keys.ts`), then its value if the values are such
 * (`number-values.ts`). No object for each, nothing for the garbage collector to follow, and a number that changes makes
 * no garbage. An array that is read is a new one each time; what stands here changes by `setValue`, or by who has asked
 * for `cells`. Other keys and values are in arrays.
 *
 * Which of them are numbers shows with the fifth row. A map of one or two entries, of which there may be a million,
 * has plain arrays: typed ones are larger than what they would hold. A key or value that is no number after all moves
 * those that are there into an array.
 */
import { canonicalKey, isSameKey, NumbersAt, type SpareBuffers } from '@millrace/core'
import { estimateBytes } from '../bytes-estimate.ts'
import { ChangedRows, NOTHING_SETTLED } from './changed-rows.ts'
import { isKeyAt, keyReaderOf, writeKeyNumbers } from './number-keys.ts'
import { commonWidth, type ReadNumbers, readerOf, writeNumbers } from './number-values.ts'

/** Rows of one of these; growing to them copies what is there now and then, never more than this. */
export const ROWS_MAX = 4_096
const CAPACITY_MIN = 4
/** Of smaller maps, of which there may be a million, a delta looks at each row. */
const CHANGES_FROM_ROWS = 64

/** The marks: words at the beginning of a row. */
const MARK_WORDS = 4
const CHANGED = 0
const ENCODED = 1
const CREATED = 2
/** `FREE`, or the key group with one of the others below it. While free, `CHANGED` links to the next free row. */
const STATUS = 3

const FREE = 0
const LIVE = 1
const DELETED = 2
const STATUS_BITS = 2
const STATUS_MASK = (1 << STATUS_BITS) - 1

/** Numbers that the marks take the room of. */
const KEY_AT = MARK_WORDS / 2
/** Keys or values are in the array. */
const NO_WIDTH = -1
const NOTHING: unknown[] = []
const NO_WORDS = new Int32Array(0)
const NO_NUMBERS = new Float64Array(0)
/** One of each for all: it is looked at before the next one is asked for. */
const keyInRow = new NumbersAt(NO_NUMBERS, 0, 0)
const valueInRow = new NumbersAt(NO_NUMBERS, 0, 0)

/** What a map knows of the room that its entries will need. */
export interface ExpectedRoom {
  /** There is room for so many at once when there are more than a few; a guess that costs room where it is wrong. */
  readonly entries: number
  /** Where memory comes from, and where it goes when the map has left its table. */
  readonly buffers: SpareBuffers
}

export class EntryRows {
  /** Rows that are or were in use: those below. */
  size = 0
  /** Live and deleted entries. */
  used = 0
  /** Deleted entries in here, those of inner maps included. */
  deleted = 0
  /** Epoch of the last change of any of them. */
  changedEpoch: number
  /** Whether the map has it in its list of those with room. */
  isListed = false
  #words: Int32Array<ArrayBuffer> = new Int32Array(CAPACITY_MIN * MARK_WORDS)
  /** The same bytes, once there are keys or values in them. */
  #numbers = NO_NUMBERS
  /** Words of a row, and how many numbers take as much room. */
  #rowWords = MARK_WORDS
  #rowNumbers = MARK_WORDS / 2
  /** Width of the keys in the rows. */
  #keyWidth = NO_WIDTH
  #readKey: ReadNumbers = keyReaderOf(0)
  #keys: unknown[] = []
  /** Width of the values in the rows; where in its row a value begins. */
  #width = NO_WIDTH
  #valueAt = KEY_AT
  #read: ReadNumbers = readerOf(0)
  #values: unknown[] = []
  /** Wall clock, epoch ms; only in tables with a time to live. */
  #writtenAtMs: number[] | undefined
  #changes: ChangedRows | undefined
  #capacity = CAPACITY_MIN
  readonly #room: ExpectedRoom | undefined
  readonly #rowsBefore: number
  #firstFree = -1

  /** `rowsBefore`: how many of the entries that are expected are in other parts. */
  constructor(epoch: number, room?: ExpectedRoom, rowsBefore = 0) {
    this.changedEpoch = epoch
    this.#room = room
    this.#rowsBefore = rowsBefore
  }

  get hasRoom(): boolean {
    return this.#firstFree >= 0 || this.size < ROWS_MAX
  }

  /** Puts an entry into a free row and returns it. The key is kept in canonical form, apart from the one that is given. */
  insert(key: unknown, keyGroup: number, value: unknown, epoch: number): number {
    const at = this.#takeRow()
    const words = this.#words
    const mark = at * this.#rowWords
    words[mark + CHANGED] = epoch
    words[mark + ENCODED] = -1
    words[mark + CREATED] = epoch
    words[mark + STATUS] = (keyGroup << STATUS_BITS) | LIVE
    this.#setKey(at, key)
    this.setValue(at, value)
    this.used++
    this.#noteChange(at, epoch, NOTHING_SETTLED)
    return at
  }

  /** Makes a row free. */
  free(at: number): void {
    const mark = at * this.#rowWords
    this.#words[mark + STATUS] = FREE
    this.#words[mark + CHANGED] = this.#firstFree
    this.#firstFree = at
    this.used--
    if (this.#keyWidth === NO_WIDTH) this.#keys[at] = undefined
    this.#dropValue(at)
  }

  /** Marks an entry as deleted; its key stays. */
  bury(at: number): void {
    this.#setStatus(at, DELETED)
    this.#dropValue(at)
  }

  revive(at: number, value: unknown): void {
    this.#setStatus(at, LIVE)
    this.setValue(at, value)
  }

  isFree(at: number): boolean {
    return this.#words[at * this.#rowWords + STATUS] === FREE
  }

  isLive(at: number): boolean {
    return ((this.#words[at * this.#rowWords + STATUS] as number) & STATUS_MASK) === LIVE
  }

  keyGroup(at: number): number {
    return (this.#words[at * this.#rowWords + STATUS] as number) >> STATUS_BITS
  }

  changed(at: number): number {
    return this.#words[at * this.#rowWords + CHANGED] as number
  }

  /** `settledEpoch`: of changes up to it no delta asks any more. */
  setChanged(at: number, epoch: number, settledEpoch: number): void {
    this.#words[at * this.#rowWords + CHANGED] = epoch
    // A deletion that is kept is found by its bit, however old it is.
    this.#noteChange(at, epoch, this.deleted > 0 ? NOTHING_SETTLED : settledEpoch)
  }

  /**
   * Rows that may have changed after `epoch`, and those in which deletions are kept, ascending. `undefined` where there are so few that
   * nothing is known of them: it may be any.
   */
  changedAfter(epoch: number): readonly number[] | undefined {
    return this.#changes?.rowsAfter(epoch, this.deleted > 0)
  }

  /** A row of `changedAfter` turned out to be one that has nothing to say. */
  forgetChange(at: number): void {
    this.#changes?.forget(at)
  }

  created(at: number): number {
    return this.#words[at * this.#rowWords + CREATED] as number
  }

  /** Reads the ends of a row, which may be in different cache lines. */
  touch(at: number): number {
    const begin = at * this.#rowWords
    return (this.#words[begin] as number) ^ (this.#words[begin + this.#rowWords - 1] as number)
  }

  /** Epoch of the last snapshot that has encoded the entry. */
  encoded(at: number): number {
    return this.#words[at * this.#rowWords + ENCODED] as number
  }

  setEncoded(at: number, epoch: number): void {
    this.#words[at * this.#rowWords + ENCODED] = epoch
  }

  key(at: number): unknown {
    if (this.#keyWidth === NO_WIDTH) return this.#keys[at]
    return this.#readKey(this.#numbers, at * this.#rowNumbers + KEY_AT)
  }

  /** The key for a moment, until it is asked for once more: an array that stands in the row is not made. */
  keyInPlace(at: number): unknown {
    const width = this.#keyWidth
    if (width <= 0) return this.key(at)
    return keyInRow.set(this.#numbers, at * this.#rowNumbers + KEY_AT, width)
  }

  /** Whether the key of a row is this one, in whatever form it comes. */
  hasKey(at: number, key: unknown): boolean {
    const width = this.#keyWidth
    if (width === NO_WIDTH) return isSameKey(this.#keys[at], key)
    return isKeyAt(this.#numbers, at * this.#rowNumbers + KEY_AT, width, key)
  }

  /** Bytes of the key beyond what every entry takes. */
  keyBytesEstimate(at: number): number {
    const width = this.#keyWidth
    return width === NO_WIDTH ? estimateBytes(this.#keys[at]) : width * Float64Array.BYTES_PER_ELEMENT
  }

  value(at: number): unknown {
    if (this.#width === NO_WIDTH) return this.#values[at]
    return this.#read(this.#numbers, at * this.#rowNumbers + this.#valueAt)
  }

  /** The value for a moment, until one is asked for once more: an array that stands in the row is not made. */
  valueInPlace(at: number): unknown {
    const width = this.#width
    if (width <= 0) return this.value(at)
    return valueInRow.set(this.#numbers, at * this.#rowNumbers + this.#valueAt, width)
  }

  /** How many numbers the values are arrays of, if they stand in the rows; 0 for numbers by themselves. */
  get cellsWidth(): number {
    return this.#width
  }

  /** What the rows are made of, until one is inserted. */
  get cells(): Float64Array {
    return this.#numbers
  }

  /** Where in `cells` the value of a row begins. */
  cellsAt(at: number): number {
    return at * this.#rowNumbers + this.#valueAt
  }

  setValue(at: number, value: unknown): void {
    if (this.#width !== NO_WIDTH) {
      if (writeNumbers(this.#numbers, at * this.#rowNumbers + this.#valueAt, this.#width, value)) return
      this.#moveValues()
    }
    this.#values[at] = value
  }

  /** Wall clock, epoch ms, of the last write; `Infinity` when it was never set: there was no time to live then. */
  writtenAtMs(at: number): number {
    return this.#writtenAtMs?.[at] ?? Number.POSITIVE_INFINITY
  }

  setWrittenAtMs(at: number, timeMs: number): void {
    this.#writtenAtMs ??= new Array<number>(this.#capacity).fill(Number.POSITIVE_INFINITY)
    this.#writtenAtMs[at] = timeMs
  }

  /** Gives its memory back; it is not used any more. */
  release(): void {
    this.#room?.buffers.give(this.#words.buffer)
    this.size = 0
    this.#words = NO_WORDS
    this.#numbers = NO_NUMBERS
  }

  #noteChange(at: number, epoch: number, settledEpoch: number): void {
    // What is restored, at epoch 0, may come after a first change.
    if (epoch > this.changedEpoch) this.changedEpoch = epoch
    this.#changes?.note(at, epoch, settledEpoch)
  }

  #setKey(at: number, key: unknown): void {
    if (this.#keyWidth !== NO_WIDTH) {
      if (writeKeyNumbers(this.#numbers, at * this.#rowNumbers + KEY_AT, this.#keyWidth, key)) return
      this.#moveKeys()
    }
    this.#keys[at] = canonicalKey(key)
  }

  /** There is a key that is not like the others: from now on they are in the array. */
  #moveKeys(): void {
    this.#keys = Array.from({ length: this.#capacity }, (_, row) => this.key(row))
    this.#keyWidth = NO_WIDTH
  }

  /** There is a value that is not like the others: from now on they are in the array. */
  #moveValues(): void {
    this.#values = Array.from({ length: this.#capacity }, (_, row) => this.value(row))
    this.#width = NO_WIDTH
  }

  /** What was there is not read again. */
  #dropValue(at: number): void {
    if (this.#width === NO_WIDTH) this.#values[at] = undefined
  }

  #setStatus(at: number, status: number): void {
    const mark = at * this.#rowWords + STATUS
    this.#words[mark] = ((this.#words[mark] as number) & ~STATUS_MASK) | status
  }

  #takeRow(): number {
    const free = this.#firstFree
    if (free >= 0) {
      this.#firstFree = this.#words[free * this.#rowWords + CHANGED] as number
      if (this.#writtenAtMs !== undefined) this.#writtenAtMs[free] = Number.POSITIVE_INFINITY
      return free
    }
    if (this.size === this.#capacity) this.#grow()
    return this.size++
  }

  #grow(): void {
    const isFirst = this.#capacity === CAPACITY_MIN
    let capacity = this.#capacity * 2
    const expected = (this.#room?.entries ?? 0) - this.#rowsBefore
    while (capacity < expected) capacity *= 2
    capacity = Math.min(capacity, ROWS_MAX)
    this.#capacity = capacity
    const words = this.#words
    if (isFirst) this.#layOut()
    const bytes = capacity * this.#rowWords * Int32Array.BYTES_PER_ELEMENT
    // A row is written whole when it is taken, so it does not matter what stands in there.
    const buffer = this.#room === undefined ? new ArrayBuffer(bytes) : this.#room.buffers.take(bytes)
    this.#words = new Int32Array(buffer)
    this.#numbers = new Float64Array(buffer)
    if (isFirst) {
      this.#moveIntoRows(words)
    } else {
      this.#words.set(words)
      this.#room?.buffers.give(words.buffer)
    }
    if (this.#changes !== undefined) this.#changes.grow(capacity)
    else if (capacity >= CHANGES_FROM_ROWS) this.#changes = new ChangedRows(capacity, this.size, this.changedEpoch)
    if (this.#writtenAtMs !== undefined)
      while (this.#writtenAtMs.length < capacity) this.#writtenAtMs.push(Number.POSITIVE_INFINITY)
  }

  /** Decides what a row holds, by those that are there. */
  #layOut(): void {
    this.#keyWidth = commonWidth(this.#keys)
    this.#width = commonWidth(this.#values)
    this.#valueAt = KEY_AT + roomOf(this.#keyWidth)
    this.#rowNumbers = this.#valueAt + roomOf(this.#width)
    this.#rowWords = this.#rowNumbers * 2
  }

  #moveIntoRows(marks: Int32Array): void {
    const keys = this.#keys
    const values = this.#values
    if (this.#keyWidth !== NO_WIDTH) {
      this.#keys = NOTHING
      this.#readKey = keyReaderOf(this.#keyWidth)
    }
    if (this.#width !== NO_WIDTH) {
      this.#values = NOTHING
      this.#read = readerOf(this.#width)
    }
    for (let at = 0; at < this.size; at++) {
      this.#words.set(marks.subarray(at * MARK_WORDS, (at + 1) * MARK_WORDS), at * this.#rowWords)
      if (this.#keyWidth !== NO_WIDTH) this.#setKey(at, keys[at])
      if (this.#width !== NO_WIDTH && values[at] !== undefined) this.setValue(at, values[at])
    }
  }
}

/** Numbers that a key or value of a width takes in a row. */
function roomOf(width: number): number {
  return width === NO_WIDTH ? 0 : Math.max(1, width)
}
