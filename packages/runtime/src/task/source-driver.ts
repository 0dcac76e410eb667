/**
 * Reads the splits of one source subtask and feeds the chain, through the loop that gives records their timestamps and
 * runs the first steps (`SourceLoop`). It knows exactly how many records of which batch have gone in, which is what a checkpoint records: the position before the batch in work, and how much of the
 * batch was used. A split has a watermark every `WATERMARK_EVERY_RECORDS` of its records; what becomes of them is for
 * `SourceEventTime`.
 *
 * It owns no thread: `step` does a bounded piece of work; a reader that has to wait gives a promise, and `wake` is
 * called when it has settled. What sources, readers and watermark strategies throw goes through `SourceFailures`.
 */
import type {
  PlainValue,
  ReaderContext,
  RejectedInput,
  Source,
  SourceSpec,
  SourceSplit,
  SplitReader,
} from '@millrace/api'
import {
  estimateRecordBytes,
  type FusedStep,
  isComputed,
  lengthOf,
  NO_TIMESTAMP,
  type OperatorOutput,
  type SourceCall,
  type SourceInput,
  SourceLoop,
  WATERMARK_MAX,
} from '@millrace/core'
import { closeAll } from './close-all.ts'
import { SourceEventTime, type TimedSplit } from './source-event-time.ts'
import { SourceFailures } from './source-failures.ts'

/** Records of a split between two watermarks. Part of the meaning of a run: late records depend on it. */
export const WATERMARK_EVERY_RECORDS = 1_000
const READ_RECORDS_MIN = 256
const READ_RECORDS_MAX = 4_096
/** Of large records fewer are asked for: about this much at once. */
const READ_BYTES_MAX = 4 * 1024 * 1024
/**
 * Readers that a subtask holds open at once, when their splits have an end: each may hold a file, and a process has as
 * few as 1,024 of these for all its tasks. Unbounded splits are all read: the ones in front would never make room.
 */
export const OPEN_READERS_MAX = 64

/** One split in a checkpoint; what the coordinator deals out. */
export interface SplitEntry {
  readonly split: SourceSplit
  /** Place in the source's list: sequential splits are read in this order, also when they are dealt out anew. */
  readonly index: number
  /** Where to open the reader; null: at the start. */
  readonly position: PlainValue
  /** Items to pass over from there: they were used before the checkpoint. */
  readonly skip: number
  /** Null: none yet. */
  readonly watermark: number | null
  readonly generator: PlainValue
  /** Records since the last watermark. */
  readonly sinceWatermark: number
}

export function freshSplitEntry(split: SourceSplit, index: number): SplitEntry {
  return { split, index, position: null, skip: 0, watermark: null, generator: null, sinceWatermark: 0 }
}

/** What the driver feeds. */
export interface SourceTarget {
  /** Takes what the steps leave of the records. */
  readonly output: OperatorOutput
  /** Records or the end follow: called before them, however often. */
  onActive(): void
  pushWatermark(timestamp: number): void
  pushEnd(): void
}

export interface SourceDriverOptions {
  readonly spec: SourceSpec
  readonly name: string
  readonly uid: string
  readonly subtask: number
  readonly entries: readonly SplitEntry[]
  readonly context: ReaderContext
  /** The maps and filters that follow the source. */
  readonly steps: readonly FusedStep[]
  readonly developmentMode: boolean
  readonly target: SourceTarget
  readonly deadLetters: OperatorOutput
  readonly monotonicMs: () => number
  /** `WATERMARK_EVERY_RECORDS` but in the fault simulation. */
  readonly watermarkEveryRecords: number
  readonly wake: () => void
  readonly onRejected: (policy: 'skip' | 'deadLetter') => void
}

interface RunningSplit extends TimedSplit {
  /** Among all splits of the source. */
  readonly listIndex: number
  reader: SplitReader<unknown> | undefined
  opening: boolean
  /** Where the reader stood before the batch in work, or null for its start. */
  position: PlainValue
  /** Items of `batch` that have been used: by this run or before a restore. */
  used: number
  /** Items still to be passed over after a restore, behind the batch in work. */
  skip: number
  /** Of a record of the newest batch, estimated. */
  recordBytes: number
  batch: SourceInput | undefined
  isWaiting: boolean
  sinceWatermark: number
  ended: boolean
}

export class SourceDriver {
  readonly #options: SourceDriverOptions
  readonly #source: Source<unknown>
  readonly #failures: SourceFailures
  readonly #loop: SourceLoop
  readonly #splits: RunningSplit[]
  readonly #eventTime: SourceEventTime
  readonly #isSequential: boolean
  /** Among interleaved splits: how many have been opened, in their order, and how many of them have been closed. */
  #openedSplits = 0
  #closedSplits = 0
  /** Readers that were opened when the input had ended already, as it does when it is drained. */
  readonly #lateCloses: Promise<void>[] = []
  /** The split whose records are in the loop, and how many of them it has rejected since it began. */
  #current: RunningSplit | undefined
  #rejectedRecords = 0
  #isStarted = false
  #isEnded = false
  /** The input is to count as ended where it stands. */
  #isDraining = false
  #failure: unknown
  #hasFailed = false
  recordsRead = 0
  /** Records that went in, and input that was rejected. */
  itemsUsed = 0

  constructor(options: SourceDriverOptions) {
    this.#options = options
    this.#source = options.spec.source
    this.#failures = new SourceFailures(options)
    this.#isSequential = this.#source.splitOrder === 'sequential'
    const { watermarks } = options.spec
    this.#loop = new SourceLoop({
      uid: options.uid,
      subtask: options.subtask,
      developmentMode: options.developmentMode,
      steps: options.steps,
      output: options.target.output,
      timestamp: watermarks?.timestamp,
      onRejected: (input) => this.#onRejected(input),
      refuseTimestamp: (timestamp) => {
        throw this.#failures.invalidTime('timestamp', timestamp, this.#current as RunningSplit, this.recordsRead)
      },
      describe: (call, cause) => this.#describe(call, cause),
    })
    const entries = [...options.entries].sort((a, b) => a.index - b.index)
    this.#splits = entries.map((entry, index) => {
      const generator = watermarks?.createGenerator()
      if (entry.generator !== null) generator?.restore(entry.generator)
      return {
        index,
        listIndex: entry.index,
        split: entry.split,
        reader: undefined,
        opening: false,
        position: entry.position,
        used: 0,
        skip: entry.skip,
        recordBytes: 1,
        batch: undefined,
        isWaiting: false,
        generator,
        watermark: entry.watermark ?? NO_TIMESTAMP,
        sinceWatermark: entry.sinceWatermark,
        ended: false,
        isIdle: false,
        quietSinceMs: undefined,
        unmarkedSinceMs: undefined,
      }
    })
    this.#eventTime = new SourceEventTime(this.#splits, {
      isBounded: this.#source.boundedness === 'bounded',
      isSequential: this.#isSequential,
      idleTimeoutMs: watermarks?.idleTimeoutMs,
      failures: this.#failures,
      monotonicMs: options.monotonicMs,
      recordsRead: () => this.recordsRead,
      push: (watermark) => options.target.pushWatermark(watermark),
    })
  }

  /** All splits have ended and the end has gone into the chain. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether every split that is read now is idle: the subtask then holds no event time. */
  get isIdle(): boolean {
    return this.#eventTime.isIdle
  }

  /**
   * Moves at most `recordsMax` records into the chain.
   * `moved`: records or the end of a split went in. `waiting`: a reader has to wait; a watermark may have gone in.
   * `ended`: nothing follows.
   */
  step(recordsMax: number): 'moved' | 'waiting' | 'ended' {
    if (this.#hasFailed) throw this.#failure
    if (this.#isEnded) return 'ended'
    if (this.#isDraining) {
      this.#end()
      return 'moved'
    }
    if (!this.#isStarted) this.#start()
    const split = this.#chooseSplit()
    if (split === undefined) {
      if (this.#splits.every(({ ended }) => ended)) {
        this.#end()
        return 'moved'
      }
    }
    // Also beside splits that have records: those must not wait for a quiet one for ever.
    this.#eventTime.advanceWaiting()
    if (split === undefined) return 'waiting'
    if (this.#moveRecords(split, recordsMax)) return 'moved'
    // Its batch may be there when the next step comes, every time: this is when it is sure to wait.
    this.#eventTime.advanceWaiting()
    return 'waiting'
  }

  /** The next step ends all splits where they stand; `snapshot` still says where that is. Readers are closed by `close`. */
  drain(): void {
    this.#isDraining = true
  }

  /**
   * When `step` should be called again though no reader has woken the task; monotonic ms. Says so again until it was
   * called, however often it is asked.
   */
  nextDueMs(): number | undefined {
    return this.#isEnded ? undefined : this.#eventTime.nextDueMs()
  }

  /** The splits that have not ended, as of now. The chain must hold nothing of what was pushed. */
  snapshot(): SplitEntry[] {
    return this.#splits
      .filter(({ ended }) => !ended)
      .map((split) => ({
        split: split.split,
        index: split.listIndex,
        position: split.position,
        skip: split.used + split.skip,
        watermark: Number.isFinite(split.watermark) ? split.watermark : null,
        generator: split.generator?.snapshot() ?? null,
        sinceWatermark: split.sinceWatermark,
      }))
  }

  /** Progress of the splits that this subtask has, in their own unit. */
  progress(): { readonly done: number; readonly total: number } {
    let done = 0
    let total = 0
    for (const { split, reader, ended } of this.#splits) {
      const amount = split.size?.amount ?? 0
      total += amount
      done += ended ? amount : Math.min(amount, reader?.progress?.() ?? 0)
    }
    return { done, total }
  }

  /** Throws what failed first, when every reader is closed that can be. */
  async close(): Promise<void> {
    this.#isEnded = true
    const readers = this.#splits.flatMap(({ reader }) => reader ?? [])
    for (const split of this.#splits) split.reader = undefined
    await closeAll([
      ...readers.map((reader) => () => reader.close()),
      ...this.#lateCloses.map((closed) => () => closed),
    ])
  }

  #start(): void {
    this.#isStarted = true
    this.#eventTime.start()
    this.#openMore()
    this.#eventTime.pushMerged()
  }

  #end(): void {
    this.#isEnded = true
    this.#options.target.onActive()
    this.#options.target.pushWatermark(WATERMARK_MAX)
    this.#options.target.pushEnd()
  }

  /** The split with the lowest watermark that has records, so that event time of the splits stays together. */
  #chooseSplit(): RunningSplit | undefined {
    let chosen: RunningSplit | undefined
    for (const split of this.#splits) {
      if (split.ended) continue
      if (this.#isSequential) {
        if (split.reader === undefined) this.#startNext(split)
        return split.reader === undefined || split.isWaiting ? undefined : split
      }
      if (split.reader === undefined || split.isWaiting) continue
      if (chosen === undefined || split.watermark < chosen.watermark) chosen = split
    }
    return chosen
  }

  /** Opens interleaved splits as far as there is room; those that must wait hold event time back. */
  #openMore(): void {
    const isLimited = this.#source.boundedness === 'bounded'
    const splits = this.#isSequential ? Math.min(1, this.#splits.length) : this.#splits.length
    while (this.#openedSplits < splits && !this.#isEnded) {
      if (isLimited && this.#openedSplits - this.#closedSplits >= OPEN_READERS_MAX) return
      this.#open(this.#splits[this.#openedSplits++] as RunningSplit)
    }
  }

  #startNext(split: RunningSplit): void {
    if (split.opening) return
    this.#eventTime.onTurn(split)
    this.#open(split)
  }

  #open(split: RunningSplit): void {
    split.opening = true
    // A restored generator may have seen records that no watermark has followed yet.
    if (split.sinceWatermark > 0) this.#eventTime.startMarkClock(split)
    const position = split.position === null ? undefined : split.position
    this.#failures
      .guard(split, () => this.#source.open(split.split, position, this.#options.context))
      .then(
        (reader) => {
          split.opening = false
          if (this.#isEnded) this.#closeLate(reader)
          else split.reader = reader
          this.#options.wake()
        },
        (error: unknown) => this.#fail(this.#failures.ofReader(split, error)),
      )
  }

  /** Nothing is lost when that fails, so that only `close` tells it. */
  #closeLate(reader: SplitReader<unknown>): void {
    const closed = Promise.resolve().then(() => reader.close())
    closed.catch(() => {})
    this.#lateCloses.push(closed)
  }

  /** Reads when the split has no batch, then moves one piece of it. False when the reader has to wait. */
  #moveRecords(split: RunningSplit, recordsMax: number): boolean {
    const batch = split.batch ?? this.#readBatch(split)
    if (batch === undefined) return false
    const from = split.used
    const { watermarkEveryRecords } = this.#options
    const untilWatermark = watermarkEveryRecords - split.sinceWatermark
    const length = lengthOf(batch)
    const wanted = Math.min(length, from + Math.min(recordsMax, untilWatermark))
    let to = from
    if (wanted > from) {
      to = this.#runLoop(split, batch, from, wanted)
      split.used = to
      this.itemsUsed += to - from
      split.sinceWatermark += to - from
      if (split.sinceWatermark >= watermarkEveryRecords) {
        split.sinceWatermark = 0
        this.#eventTime.advance(split)
      }
    }
    if (to === length) this.#onBatchUsed(split, batch)
    return true
  }

  #readBatch(split: RunningSplit): SourceInput | undefined {
    const reader = split.reader as SplitReader<unknown>
    // A batch that ends where the next watermark is due need not be cut.
    const untilWatermark = this.#options.watermarkEveryRecords - split.sinceWatermark
    const wanted = Math.max(READ_RECORDS_MIN, Math.min(READ_RECORDS_MAX, untilWatermark))
    const recordsMax = Math.max(1, Math.min(wanted, Math.floor(READ_BYTES_MAX / split.recordBytes)))
    const result = this.#failures.guard(split, () => reader.nextComputed?.(recordsMax) ?? reader.next(recordsMax))
    if (!(result instanceof Promise)) return this.#onBatch(split, result)
    split.isWaiting = true
    split.quietSinceMs ??= this.#options.monotonicMs()
    result
      .then((batch) => {
        split.isWaiting = false
        this.#onBatch(split, batch)
        this.#options.wake()
      })
      .catch((error: unknown) => this.#fail(this.#failures.ofReader(split, error)))
    return undefined
  }

  /** Takes a batch in, less what was used before a restore: batches may be cut otherwise than they were then. */
  #onBatch(split: RunningSplit, batch: SourceInput): SourceInput {
    if (!isBatch(batch)) {
      throw this.#failures.ofReader(split, new TypeError('its reader gave no batch of records'))
    }
    split.batch = batch
    if (!isComputed(batch) && batch.records.length > 0) split.recordBytes = estimateRecordBytes(batch.records[0])
    split.used = Math.min(split.skip, lengthOf(batch))
    split.skip -= split.used
    return batch
  }

  #onBatchUsed(split: RunningSplit, batch: SourceInput): void {
    split.batch = undefined
    split.position = this.#failures.guard(split, () => (split.reader as SplitReader<unknown>).position())
    split.used = 0
    if (!batch.end) return
    if (split.skip > 0) throw this.#failures.shrunk(split)
    split.ended = true
    this.#eventTime.onEnd(split)
    const { reader } = split
    split.reader = undefined
    if (reader === undefined) return
    this.#failures
      .guard(split, () => reader.close())
      .then(
        () => {
          this.#closedSplits++
          this.#openMore()
        },
        (error: unknown) => this.#fail(this.#failures.ofReader(split, error)),
      )
  }

  /** Runs records of a batch through the loop, at most up to `to`; returns the index after the last one taken. */
  #runLoop(split: RunningSplit, batch: SourceInput, from: number, to: number): number {
    this.#eventTime.onRecords(split)
    this.#options.target.onActive()
    this.#current = split
    this.#rejectedRecords = 0
    const next = this.#loop.run(batch, from, to, split.generator)
    this.recordsRead += next - from - this.#rejectedRecords
    return next
  }

  #onRejected(input: RejectedInput): void {
    this.#rejectedRecords++
    this.#options.onRejected(input.policy)
    if (input.policy === 'deadLetter') this.#options.deadLetters.emit(input.letter, NO_TIMESTAMP)
  }

  #describe(call: SourceCall, cause: unknown): unknown {
    const split = this.#current as RunningSplit
    return call === 'compute' ? this.#failures.ofReader(split, cause) : this.#failures.ofStrategy(call, cause)
  }

  #fail(error: unknown): void {
    if (this.#isEnded || this.#hasFailed) return
    this.#hasFailed = true
    this.#failure = error
    this.#options.wake()
  }
}

/** A source may be written in JavaScript. */
function isBatch(batch: unknown): boolean {
  if (typeof batch !== 'object' || batch === null) return false
  return 'compute' in batch ? typeof batch.compute === 'function' : 'records' in batch && Array.isArray(batch.records)
}
