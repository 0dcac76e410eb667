/**
 * Entries side by side in columns: what a map holds of up to `ROWS_MAX` of its entries. An entry has its row for life,
 * so that walks, snapshots and whoever remembers it need nothing but the number. Keys are in a typed column while all of
 * them are numbers, and values where `ValueColumn` can.
 *
 * Typed columns begin with the fifth row: for a map of one or two entries, of which there may be a million, they are
 * larger than what they hold.
 */
import { ValueColumn } from './value-column.ts'

/** Rows of one of these; growing to them copies what is there now and then, never more than this. */
export const ROWS_MAX = 4_096
const CAPACITY_MIN = 4

/** Words per row in `#marks`. */
const WORDS = 4
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
  #marks = new Int32Array(CAPACITY_MIN * WORDS)
  #keys: unknown[] = []
  #numberKeys: Float64Array | undefined
  readonly #values = new ValueColumn()
  /** Wall clock, epoch ms; only in tables with a time to live. */
  #writtenAtMs: number[] | undefined
  #capacity = CAPACITY_MIN
  #firstFree = -1

  constructor(epoch: number) {
    this.changedEpoch = epoch
  }

  get hasRoom(): boolean {
    return this.#firstFree >= 0 || this.size < ROWS_MAX
  }

  /** Puts an entry into a free row and returns it. */
  insert(key: unknown, keyGroup: number, value: unknown, epoch: number): number {
    const at = this.#takeRow()
    const marks = this.#marks
    const mark = at * WORDS
    marks[mark + CHANGED] = epoch
    marks[mark + ENCODED] = -1
    marks[mark + CREATED] = epoch
    marks[mark + STATUS] = (keyGroup << STATUS_BITS) | LIVE
    this.#setKey(at, key)
    this.#values.set(at, value)
    this.used++
    this.changedEpoch = epoch
    return at
  }

  /** Makes a row free. */
  free(at: number): void {
    const mark = at * WORDS
    this.#marks[mark + STATUS] = FREE
    this.#marks[mark + CHANGED] = this.#firstFree
    this.#firstFree = at
    this.used--
    if (this.#numberKeys === undefined) this.#keys[at] = undefined
    this.#values.drop(at)
  }

  /** Marks an entry as deleted; its key stays. */
  bury(at: number): void {
    this.#setStatus(at, DELETED)
    this.#values.drop(at)
  }

  revive(at: number, value: unknown): void {
    this.#setStatus(at, LIVE)
    this.#values.set(at, value)
  }

  isFree(at: number): boolean {
    return this.#marks[at * WORDS + STATUS] === FREE
  }

  isLive(at: number): boolean {
    return ((this.#marks[at * WORDS + STATUS] as number) & STATUS_MASK) === LIVE
  }

  keyGroup(at: number): number {
    return (this.#marks[at * WORDS + STATUS] as number) >> STATUS_BITS
  }

  changed(at: number): number {
    return this.#marks[at * WORDS + CHANGED] as number
  }

  setChanged(at: number, epoch: number): void {
    this.#marks[at * WORDS + CHANGED] = epoch
    this.changedEpoch = epoch
  }

  created(at: number): number {
    return this.#marks[at * WORDS + CREATED] as number
  }

  /** Epoch of the last snapshot that has encoded the entry. */
  encoded(at: number): number {
    return this.#marks[at * WORDS + ENCODED] as number
  }

  setEncoded(at: number, epoch: number): void {
    this.#marks[at * WORDS + ENCODED] = epoch
  }

  key(at: number): unknown {
    const numbers = this.#numberKeys
    return numbers === undefined ? this.#keys[at] : numbers[at]
  }

  /** The column of keys while all of them are numbers. */
  get numberKeys(): Float64Array | undefined {
    return this.#numberKeys
  }

  value(at: number): unknown {
    return this.#values.get(at)
  }

  setValue(at: number, value: unknown): void {
    this.#values.set(at, value)
  }

  /** Wall clock, epoch ms, of the last write, 0 when it was never set. `Infinity`: before the table had a time to live. */
  writtenAtMs(at: number): number {
    return this.#writtenAtMs?.[at] ?? 0
  }

  setWrittenAtMs(at: number, timeMs: number): void {
    this.#writtenAtMs ??= new Array<number>(this.#capacity).fill(0)
    this.#writtenAtMs[at] = timeMs
  }

  #setKey(at: number, key: unknown): void {
    const numbers = this.#numberKeys
    if (numbers === undefined) {
      this.#keys[at] = key
    } else if (typeof key === 'number') {
      numbers[at] = key
    } else {
      this.#keys = Array.from(numbers)
      this.#numberKeys = undefined
      this.#keys[at] = key
    }
  }

  #setStatus(at: number, status: number): void {
    const mark = at * WORDS + STATUS
    this.#marks[mark] = ((this.#marks[mark] as number) & ~STATUS_MASK) | status
  }

  #takeRow(): number {
    const free = this.#firstFree
    if (free >= 0) {
      this.#firstFree = this.#marks[free * WORDS + CHANGED] as number
      if (this.#writtenAtMs !== undefined) this.#writtenAtMs[free] = 0
      return free
    }
    if (this.size === this.#capacity) this.#grow()
    return this.size++
  }

  #grow(): void {
    const from = this.#capacity
    const capacity = Math.min(from * 2, ROWS_MAX)
    this.#capacity = capacity
    const marks = new Int32Array(capacity * WORDS)
    marks.set(this.#marks)
    this.#marks = marks
    // A column that once held something else stays as it is.
    if (from === CAPACITY_MIN) {
      this.#numberKeys = numbersOf(this.#keys)
      if (this.#numberKeys !== undefined) this.#keys = NOTHING
      this.#values.compact(capacity)
    } else {
      this.#values.widen(capacity)
    }
    this.#numberKeys = widened(this.#numberKeys, capacity)
    if (this.#writtenAtMs !== undefined) while (this.#writtenAtMs.length < capacity) this.#writtenAtMs.push(0)
  }
}

const NOTHING: unknown[] = []

function widened(column: Float64Array | undefined, capacity: number): Float64Array | undefined {
  if (column === undefined) return undefined
  const wider = new Float64Array(capacity)
  wider.set(column)
  return wider
}

/** The keys as a column, when all of them are numbers. */
function numbersOf(keys: readonly unknown[]): Float64Array | undefined {
  return keys.every((key) => typeof key === 'number') ? Float64Array.from(keys as number[]) : undefined
}
