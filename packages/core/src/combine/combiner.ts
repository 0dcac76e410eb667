/**
 * Combines records before a keyed exchange: what goes to a window's aggregate that can be merged is folded here, per
 * slice and key, and leaves as partial results (decision 0034).
 *
 * A record is combined only while none of its windows has fired: neither at the watermark that has left this side, nor
 * before the checkpoint that the job was restored from. Every other one leaves singly, at once, so that the receiver decides record by record
 * what is late and what updates a window that has fired. Invariants: the partial results of a slice leave before the
 * watermark that fires its first window, and before any record of that slice that travels singly; none is held at a
 * barrier, at the end, or for long. The last three are the caller's, who calls `flush`.
 *
 * What is held is bounded in keys, slices and bytes (estimated). Where keys hardly repeat, combining costs and brings
 * nothing: then records travel singly for a while, the longer the more often it was tried in vain.
 */
import {
  type AggregateFunction,
  type AggregatePart,
  checkAdded,
  type KeySelector,
  type WindowSpec,
} from '@millrace/api'
import { noAccumulator } from '../aggregate/fold-value.ts'
import { NO_TIMESTAMP } from '../batch/record-batch.ts'
import { assertEncodable } from '../codec/encodable.ts'
import { estimateRecordBytes } from '../codec/record-size.ts'
import { describeKeyFailure } from '../key/key-failure.ts'
import { compileKeySelector } from '../key/key-selector.ts'
import { describeUserFailure } from '../operator/user-failure.ts'
import type { Accumulator } from '../window/window-contents.ts'
import { WindowLayout } from '../window/window-layout.ts'
import { columnPartsOf } from './column-parts.ts'
import { CombineKeys } from './combine-keys.ts'
import { type CombineForm, type CombineLoop, type Combining, generateCombineLoop } from './combine-loop.ts'
import { type AccumulatorColumn, CombineSlice } from './combine-slice.ts'

/** Keys that are numbered at once, which bounds the results of a slice too. */
const KEYS_MAX = 65_536
/**
 * So many keys keep their numbers whatever becomes of them; more only as long as a fair share of them is in use. Where keys
 * come and go, table and columns would be as large as all that have been, and in no near cache.
 */
const KEYS_KEPT_MIN = 8_192
const KEYS_PER_USED_MAX = 4
/** Slices that are open at once; with more, the oldest leaves. */
const SLICES_MAX = 16
/**
 * What the records that are held may have taken, estimated, where accumulators are not numbers: these may keep all of
 * their records, and can grow at any place.
 */
const HELD_BYTES_MAX = 32 * 1024 * 1024

/** Whether combining pays is asked after this many records at least. */
const JUDGED_RECORDS_MIN = 4_096
/** Records for each partial result below which it does not: a partial result takes its receiver about as much as a record. */
const RECORDS_PER_PARTIAL_MIN = 1.5
/** How long records travel singly then: this many times the records that were tried, twice as long each time. */
const PAUSE_FACTOR = 16
const PAUSE_RECORDS_MAX = 2 ** 24

export interface CombinerOptions {
  readonly spec: Pick<WindowSpec, 'aggregate' | 'assigner'>
  readonly key: KeySelector
  /** The step that the results are for, and the sending subtask, for errors of user code. */
  readonly receiver: { readonly name: string; readonly uid: string }
  readonly subtask: number
  readonly developmentMode: boolean
  /** Default: that of production. The fault simulation makes it small. */
  readonly keysMax?: number | undefined
  readonly output: CombinerOutput
}

export interface CombinerOutput {
  /** A record that was not combined. */
  single(record: unknown, timestamp: number): void
  /** Partial results follow: what left singly before must be ahead of them. */
  beginPartials(): void
  /** The accumulators of one key in the slice that ends at `sliceEnd`: row `number` of `columns`. */
  partial(key: unknown, keyHash: number, sliceEnd: number, columns: readonly AccumulatorColumn[], number: number): void
  endPartials(): void
}

type Aggregate = AggregateFunction<unknown, Accumulator, unknown>

export class Combiner implements Combining {
  readonly keys: CombineKeys
  readonly keyOf: (record: unknown) => unknown
  readonly parts: readonly Aggregate[]
  form: CombineForm
  slice: CombineSlice
  readonly #options: CombinerOptions
  readonly #layout: WindowLayout
  readonly #aggregate: Aggregate
  readonly #columnParts: readonly AggregatePart[] | undefined
  readonly #slices: CombineSlice[] = []
  readonly #free: CombineSlice[] = []
  /** Holds no timestamp: what is current when none is. */
  readonly #none: CombineSlice
  #loop: CombineLoop | undefined
  /** Windows up to this time may have fired. */
  #eventTime = NO_TIMESTAMP
  #partials = 0
  #heldBytes = 0
  /** What a record takes, estimated, where accumulators may keep it. */
  #recordBytes = 0
  /** Records that travel singly before combining is tried again. */
  #pausedFor = 0
  #pauses = 0
  #judgedRecords = 0
  #judgedPartials = 0
  /** Records that were combined, and the partial results that they have left as. */
  recordsCombined = 0
  partialsOut = 0

  constructor(options: CombinerOptions) {
    const { spec, key, keysMax } = options
    this.#options = options
    this.keyOf = compileKeySelector(key)
    this.#layout = new WindowLayout(spec.assigner)
    this.#aggregate = spec.aggregate
    this.#columnParts = columnPartsOf(spec.aggregate)
    this.parts = this.#columnParts?.map(({ aggregate }) => aggregate) ?? [spec.aggregate]
    this.keys = new CombineKeys(keysMax ?? KEYS_MAX)
    this.form = { field: fieldOf(key), areNumbers: this.parts.map(() => true) }
    this.#none = new CombineSlice(this.form.areNumbers)
    this.slice = this.#none
  }

  get isEmpty(): boolean {
    return this.#partials === 0
  }

  /** Event time had come this far before the job was restored: windows up to there have fired. */
  restoreEventTime(eventTime: number): void {
    this.#eventTime = Math.max(this.#eventTime, eventTime)
  }

  /** Records travel singly from now on; what is held must have been flushed. */
  stop(): void {
    this.#pausedFor = Number.POSITIVE_INFINITY
    this.slice = this.#none
  }

  /** Takes all records of a batch in, or hands them on. */
  take(records: readonly unknown[], timestamps: readonly number[]): void {
    if (records.length === 0) return
    // What no channel could carry is refused, also where nothing of it travels: not only once combining stops to pay.
    assertEncodable(records[0], 'record')
    this.#recordBytes = this.#mayKeepRecords ? estimateRecordBytes(records[records.length - 1]) : 0
    this.#loop ??= generateCombineLoop(this.form, this.#options.receiver.uid)
    this.#loop(records, timestamps, this)
  }

  /** The watermark leaves next: the slices whose windows it fires must leave first. */
  advanceWatermark(watermark: number): void {
    const used = this.#partials
    this.#flushWhere((slice) => slice.firstWindowEnd - 1 <= watermark)
    // What a slice leaves with, and what the open ones hold by then, are the keys that are in use.
    if (this.#partials < used && this.keys.count > Math.max(KEYS_KEPT_MIN, used * KEYS_PER_USED_MAX)) {
      this.flush()
      this.keys.clear()
    }
    this.#eventTime = Math.max(this.#eventTime, watermark)
    this.slice = this.#none
  }

  /** Hands out everything that is held. */
  flush(): void {
    this.#flushWhere(() => true)
  }

  turnTo(timestamp: number, combined: number): boolean {
    this.#count(combined)
    if (this.#pausedFor > 0) {
      this.#pausedFor--
      return false
    }
    const slice = this.#sliceOf(timestamp)
    if (slice === undefined) return false
    this.slice = slice
    return true
  }

  makeRoom(timestamp: number, combined: number): boolean {
    this.#count(combined)
    this.flush()
    this.keys.clear()
    return this.turnTo(timestamp, 0)
  }

  begin(number: number): void {
    const parts = this.#columnParts
    const created = this.#aggregate.create()
    const accumulators = (parts === undefined ? [created] : created) as readonly Accumulator[]
    accumulators.forEach((accumulator, column) => {
      if (typeof accumulator !== 'number') this.#makeGeneral(column)
    })
    this.slice.add(number, accumulators)
    this.#partials++
    this.#judgedPartials++
  }

  store(number: number, accumulators: readonly unknown[]): void {
    const { slice } = this
    const { name } = this.#options.spec.aggregate
    accumulators.forEach((value, column) => {
      const part = this.#columnParts?.[column]
      if (part !== undefined) checkAdded(part.name, slice.columns[column]?.[number], value)
      else if (value === undefined) throw noAccumulator(name)
    })
    accumulators.forEach((value, column) => {
      if (typeof value !== 'number') this.#makeGeneral(column)
      const columns = slice.columns[column] as unknown[]
      columns[number] = value
    })
  }

  single(record: unknown, timestamp: number): void {
    this.#options.output.single(record, timestamp)
  }

  finish(combined: number): void {
    this.#count(combined)
    if (this.isEmpty || !this.#mayKeepRecords) this.#heldBytes = 0
    else if (this.#heldBytes > HELD_BYTES_MAX) this.flush()
  }

  keyFailure(cause: unknown, record: unknown): unknown {
    const { key, receiver } = this.#options
    return describeKeyFailure(this.#refusal(cause, record), key, receiver, record)
  }

  aggregateFailure(cause: unknown): unknown {
    const { receiver, subtask, developmentMode } = this.#options
    return describeUserFailure({ ...receiver, subtask, developmentMode }, cause)
  }

  get #mayKeepRecords(): boolean {
    return this.form.areNumbers.includes(false)
  }

  #count(combined: number): void {
    this.recordsCombined += combined
    this.#judgedRecords += combined
    this.#heldBytes += combined * this.#recordBytes
  }

  /** The open slice of a timestamp; `undefined` for a record that has to travel singly. */
  #sliceOf(timestamp: number): CombineSlice | undefined {
    const layout = this.#layout
    if (!(timestamp >= layout.sliceStart && timestamp < layout.sliceEnd)) {
      if (!Number.isFinite(timestamp) || !layout.locate(timestamp)) return undefined
    }
    if (layout.firstWindowEnd - 1 <= this.#eventTime) return undefined
    return this.#slices.find(({ end }) => end === layout.sliceEnd) ?? this.#openSlice()
  }

  #openSlice(): CombineSlice | undefined {
    const { sliceStart, sliceEnd, firstWindowEnd } = this.#layout
    if (this.#slices.length === SLICES_MAX) {
      const oldest = Math.min(...this.#slices.map(({ end }) => end))
      this.#flushWhere(({ end }) => end === oldest)
      if (this.#pausedFor > 0) return undefined
    }
    const slice = this.#free.pop() ?? new CombineSlice(this.form.areNumbers)
    slice.begin(sliceStart, sliceEnd, firstWindowEnd)
    this.#slices.push(slice)
    return slice
  }

  #makeGeneral(column: number): void {
    const { field, areNumbers } = this.form
    if (areNumbers[column] === false) return
    this.form = { field, areNumbers: areNumbers.with(column, false) }
    for (const slice of [...this.#slices, ...this.#free, this.#none]) slice.makeGeneral(column)
    this.#loop = undefined
  }

  #flushWhere(isDue: (slice: CombineSlice) => boolean): void {
    const due = this.#slices.filter(isDue)
    if (due.length === 0) return
    const { output } = this.#options
    const { keys, keyHashes } = this.keys
    output.beginPartials()
    for (const slice of due) {
      const { numbers, count, end, columns } = slice
      for (let i = 0; i < count; i++) {
        const number = numbers[i] as number
        output.partial(keys[number], keyHashes[number] as number, end, columns, number)
      }
      this.#partials -= count
      this.partialsOut += count
      slice.clear()
      this.#slices.splice(this.#slices.indexOf(slice), 1)
      this.#free.push(slice)
    }
    output.endPartials()
    this.slice = this.#none
    if (this.isEmpty) this.#heldBytes = 0
    this.#judge()
  }

  #judge(): void {
    if (this.#judgedRecords < JUDGED_RECORDS_MIN || this.#pausedFor > 0) return
    if (this.#judgedRecords < RECORDS_PER_PARTIAL_MIN * this.#judgedPartials) {
      this.#pausedFor = Math.min(PAUSE_RECORDS_MAX, this.#judgedRecords * PAUSE_FACTOR * 2 ** this.#pauses++)
      // What travels singly from now on must not overtake what is held of its slice.
      this.#flushWhere(() => true)
    } else {
      this.#pauses = 0
    }
    this.#judgedRecords = 0
    this.#judgedPartials = 0
  }

  /** The loop reads a field as it is; the selector says what is wrong with a record that has none. */
  #refusal(cause: unknown, record: unknown): unknown {
    if (this.form.field === undefined) return cause
    try {
      this.keyOf(record)
      return cause
    } catch (refusal) {
      return refusal
    }
  }
}

function fieldOf(key: KeySelector): string | undefined {
  return key.kind === 'field' ? key.field : undefined
}
