/**
 * Combines records before a keyed exchange: what goes to a window's aggregate that can be merged is folded here, per
 * slice and key, and leaves as partial results (decision 0034).
 *
 * A record is combined only while none of its windows has fired: neither at the watermark that has left this side, nor
 * before the checkpoint that the job was restored from. Every other one leaves singly, at once, so that the receiver decides record by record
 * what is late and what updates a window that has fired. Invariants: the partial results of a slice leave before the
 * watermark that fires its first window, and before any record of that slice that travels singly; none is held at a
 * barrier, at the end, or longer than the buffer timeout. The last three are the caller's, who calls `flush`.
 *
 * What is held is bounded in keys, slices and bytes (estimated). Where keys hardly repeat, combining costs and brings
 * nothing: then records travel singly for a while, the longer the more often it was tried in vain.
 */
import { type AggregateFunction, checkAdded, type KeySelector, type WindowSpec } from '@millrace/api'
import { noAccumulator } from '../aggregate/fold-value.ts'
import { NO_TIMESTAMP } from '../batch/record-batch.ts'
import { assertEncodable } from '../codec/encodable.ts'
import { estimateRecordBytes } from '../codec/record-size.ts'
import { describeKeyFailure } from '../key/key-failure.ts'
import { compileKeySelector } from '../key/key-selector.ts'
import { describeUserFailure } from '../operator/user-failure.ts'
import type { Accumulator } from '../window/window-contents.ts'
import { WindowLayout } from '../window/window-layout.ts'
import { CombineKeys } from './combine-keys.ts'
import { type CombineLoop, type CombineProgress, generateCombineLoop } from './combine-loop.ts'
import { type AccumulatorColumn, CombineSlice } from './combine-slice.ts'

/** Keys that are numbered at once, which bounds the results of a slice too. */
const KEYS_MAX = 65_536
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

export class Combiner {
  readonly #options: CombinerOptions
  readonly #keyOf: (record: unknown) => unknown
  readonly #layout: WindowLayout
  readonly #aggregate: Aggregate
  readonly #parts: readonly { readonly name: string; readonly aggregate: Aggregate }[]
  readonly #keys: CombineKeys
  readonly #progress: CombineProgress = { step: 'key', index: 0, left: 'slice', number: 0, added: [] }
  readonly #slices: CombineSlice[] = []
  readonly #free: CombineSlice[] = []
  /** Which columns are typed; `undefined` before the first accumulator. */
  #areNumbers: boolean[] | undefined
  #loop: CombineLoop | undefined
  #current: CombineSlice | undefined
  /** Windows up to this time may have fired. */
  #eventTime = NO_TIMESTAMP
  #partials = 0
  #heldBytes = 0
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
    this.#keyOf = compileKeySelector(key)
    this.#layout = new WindowLayout(spec.assigner)
    this.#aggregate = spec.aggregate
    this.#parts = spec.aggregate.parts ?? [{ name: spec.aggregate.name, aggregate: spec.aggregate }]
    this.#keys = new CombineKeys(keysMax ?? KEYS_MAX)
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
  }

  /** Takes all records of a batch in, or hands them on. */
  take(records: readonly unknown[], timestamps: readonly number[]): void {
    const { output } = this.#options
    const to = records.length
    // What no channel could carry is refused, also where nothing of it travels: not only once combining stops to pay.
    if (to > 0) assertEncodable(records[0], 'record')
    let index = 0
    while (index < to) {
      const timestamp = timestamps[index] as number
      if (this.#pausedFor > 0) {
        this.#pausedFor--
        output.single(records[index], timestamp)
        index++
        continue
      }
      const slice = this.#sliceOf(timestamp)
      if (slice === undefined) {
        output.single(records[index], timestamp)
        index++
      } else {
        index = this.#combine(records, timestamps, index, slice)
      }
    }
    if (this.#areNumbers?.includes(false) !== true || this.isEmpty) return
    this.#heldBytes += to * estimateRecordBytes(records[to - 1])
    if (this.#heldBytes > HELD_BYTES_MAX) this.flush()
  }

  /** The watermark leaves next: the slices whose windows it fires must leave first. */
  advanceWatermark(watermark: number): void {
    this.#flushWhere((slice) => slice.firstWindowEnd - 1 <= watermark)
    this.#eventTime = Math.max(this.#eventTime, watermark)
    this.#current = undefined
  }

  /** Hands out everything that is held. */
  flush(): void {
    this.#flushWhere(() => true)
  }

  /** The open slice of a timestamp; `undefined` for a record that has to travel singly. */
  #sliceOf(timestamp: number): CombineSlice | undefined {
    const current = this.#current
    if (current !== undefined && timestamp >= current.start && timestamp < current.end) return current
    const layout = this.#layout
    if (!(timestamp >= layout.sliceStart && timestamp < layout.sliceEnd)) {
      if (!Number.isFinite(timestamp) || !layout.locate(timestamp)) return undefined
    }
    if (layout.firstWindowEnd - 1 <= this.#eventTime) return undefined
    this.#current = this.#slices.find(({ end }) => end === layout.sliceEnd) ?? this.#openSlice()
    return this.#current
  }

  #openSlice(): CombineSlice {
    const { sliceStart, sliceEnd, firstWindowEnd } = this.#layout
    if (this.#slices.length === SLICES_MAX) {
      const oldest = Math.min(...this.#slices.map(({ end }) => end))
      this.#flushWhere(({ end }) => end === oldest)
    }
    const slice = this.#free.pop() ?? new CombineSlice(this.#areNumbers ?? this.#parts.map(() => true))
    slice.begin(sliceStart, sliceEnd, firstWindowEnd)
    this.#slices.push(slice)
    return slice
  }

  /** Takes records in until one is not for this slice; returns the index of the first that was not. */
  #combine(records: readonly unknown[], timestamps: readonly number[], from: number, slice: CombineSlice): number {
    const progress = this.#progress
    let index = from
    try {
      this.#loop ??= this.#generate()
      index = this.#loop(records, timestamps, from, records.length, slice, this.#keys, progress)
      if (index < records.length) {
        progress.step = 'aggregate'
        if (progress.left === 'changed') {
          this.#store(progress.number)
          index++
        } else if (progress.left === 'new') this.#begin(slice, progress.number)
      }
    } catch (cause) {
      throw this.#describe(cause, records[progress.index])
    }
    this.recordsCombined += index - from
    this.#judgedRecords += index - from
    if (index < records.length && progress.left === 'full') {
      this.flush()
      this.#keys.clear()
    }
    return index
  }

  /** The first record of a key in a slice. */
  #begin(slice: CombineSlice, number: number): void {
    const { parts } = this.#options.spec.aggregate
    const created = this.#aggregate.create()
    const accumulators = (parts === undefined ? [created] : created) as readonly Accumulator[]
    this.#areNumbers ??= accumulators.map(() => true)
    accumulators.forEach((accumulator, column) => {
      if (typeof accumulator !== 'number') this.#makeGeneral(column)
    })
    slice.add(number, accumulators)
    this.#partials++
    this.#judgedPartials++
  }

  /** What the loop left aside: accumulators that are not what their columns hold, or that are none. */
  #store(number: number): void {
    const slice = this.#current as CombineSlice
    const { added } = this.#progress
    const isWhole = this.#aggregate.parts === undefined
    for (const [column, { name }] of this.#parts.entries()) {
      const value = added[column]
      if (!isWhole) checkAdded(name, slice.columns[column]?.[number], value)
      else if (value === undefined) throw noAccumulator(name)
    }
    added.forEach((value, column) => {
      if (typeof value !== 'number') this.#makeGeneral(column)
      const columns = slice.columns[column] as unknown[]
      columns[number] = value
    })
    added.length = 0
  }

  #makeGeneral(column: number): void {
    const areNumbers = this.#areNumbers as boolean[]
    if (!areNumbers[column]) return
    areNumbers[column] = false
    for (const slice of this.#slices) slice.makeGeneral(column)
    for (const slice of this.#free) slice.makeGeneral(column)
    this.#loop = undefined
  }

  #generate(): CombineLoop {
    return generateCombineLoop({
      field: fieldOf(this.#options.key),
      keyOf: this.#keyOf,
      parts: this.#parts.map(({ aggregate }) => aggregate),
      areNumbers: this.#areNumbers ?? this.#parts.map(() => true),
      uid: this.#options.receiver.uid,
    })
  }

  #flushWhere(isDue: (slice: CombineSlice) => boolean): void {
    const due = this.#slices.filter(isDue)
    if (due.length === 0) return
    const { output } = this.#options
    const { keys, keyHashes } = this.#keys
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
    this.#current = undefined
    if (this.isEmpty) this.#heldBytes = 0
    this.#judge()
  }

  #judge(): void {
    if (this.#judgedRecords < JUDGED_RECORDS_MIN || this.#pausedFor > 0) return
    if (this.#judgedRecords < RECORDS_PER_PARTIAL_MIN * this.#judgedPartials) {
      this.#pausedFor = Math.min(PAUSE_RECORDS_MAX, this.#judgedRecords * PAUSE_FACTOR * 2 ** this.#pauses++)
    } else {
      this.#pauses = 0
    }
    this.#judgedRecords = 0
    this.#judgedPartials = 0
  }

  #describe(cause: unknown, record: unknown): unknown {
    const { key, receiver, subtask, developmentMode } = this.#options
    if (this.#progress.step === 'aggregate') {
      return describeUserFailure({ ...receiver, subtask, developmentMode }, cause)
    }
    return describeKeyFailure(this.#keyFailure(cause, record), key, receiver, record)
  }

  /** The loop reads a field as it is; the selector says what is wrong with a record that has none. */
  #keyFailure(cause: unknown, record: unknown): unknown {
    if (fieldOf(this.#options.key) === undefined) return cause
    try {
      this.#keyOf(record)
      return cause
    } catch (refusal) {
      return refusal
    }
  }
}

function fieldOf(key: KeySelector): string | undefined {
  return key.kind === 'field' ? key.field : undefined
}
