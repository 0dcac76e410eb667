/**
 * The contract of a source: splits are listed once by the coordinator, dealt out to subtasks, and read there batch by
 * batch. A split's position is part of every checkpoint.
 *
 * Exactness: a reader's batches may be cut anywhere (also differently after a restore), because a checkpoint records
 * the position *before* the batch in work and how many of its records were already used; a restored reader starts at
 * that position and the engine skips that many records.
 *
 * What a source or reader throws counts as an error of its code, which ends the job the second time, unless it comes of
 * Node or the disk. For something outside that may be there again later, throw a `MillraceError` with `INPUT_UNREADABLE`.
 */
import type { FileSystem } from './file-system.ts'
import type { PlainValue } from './plain-value.ts'

/** Whether the input ends. */
export type Boundedness = 'bounded' | 'unbounded'

/** Where records enter the job; `P` is a position within a split. Made when the job is built, everywhere. */
export interface Source<T, P extends PlainValue = PlainValue> {
  /** What the plan shows and what a host may implement itself: `csv-files`, `collection`, … */
  readonly kind: string
  /** The options as plain data, for the plan. Secrets stay out. */
  readonly options: Readonly<Record<string, PlainValue>>
  readonly boundedness: Boundedness
  /** Whether a reader can start again at a recorded position. Without it exactly-once with restarts is refused. */
  readonly replayable: boolean
  /**
   * `sequential`: the splits of a subtask follow each other in time and are read one after the other in listed order.
   * `interleaved` (default): they are read side by side, the one with the lowest watermark first. Of a bounded source at most
   * 64 per subtask are open at once; the others wait for one to end, and hold event time until then.
   */
  readonly splitOrder?: 'sequential' | 'interleaved'
  /** Names of side outputs that the source itself fills: `deadLetter` when it rejects input. */
  readonly sideOutputs?: readonly string[]
  /** Lists the splits; called once per fresh start, in the coordinator. Ids are unique and stable. */
  enumerate(context: EnumerateContext): Promise<readonly SourceSplit[]>
  /** Opens a split at its start (`position` undefined) or at a recorded position; called in a slot. */
  open(split: SourceSplit, position: P | undefined, context: ReaderContext): Promise<SplitReader<T, P>>
}

/** A part of the input that is read in order by one subtask: a file, a partition. */
export interface SourceSplit {
  readonly id: string
  /** What the reader needs to open it: a path, a partition number. */
  readonly payload: PlainValue
  /** No record of this split has an earlier timestamp (epoch ms). A split that has not started holds the watermark here; else at −∞. */
  readonly timestampMin?: number
  /** Size in records or bytes, for the progress bar; unknown when left out. */
  readonly size?: { readonly unit: 'records' | 'bytes'; readonly amount: number }
}

/** What `enumerate` may ask. */
export interface EnumerateContext {
  readonly files: FileSystem
  /** The source's parallelism. */
  readonly parallelism: number
}

/** What a reader may ask and do. */
export interface ReaderContext {
  readonly files: FileSystem
  /** Wall clock, epoch ms. */
  now(): number
  /** Resolves after a delay; rejects when the task is cancelled. */
  delay(ms: number): Promise<void>
  /** Counts in the metrics of the task; a name the first time it is used. */
  count(metric: string, increment: number): void
}

/** Reads one split. */
export interface SplitReader<T, P extends PlainValue = PlainValue> {
  /**
   * The next batch of at most about `recordsMax` records. Returns a promise only when it has to wait; a batch may be
   * empty. After a batch with `end` it is not called again.
   */
  next(recordsMax: number): SourceBatch<T> | Promise<SourceBatch<T>>
  /**
   * The same as a function that gives the records; where a reader has this, the engine calls it instead of `next`. It then
   * computes each record in the loop that uses it, and none is put into an array.
   */
  nextComputed?(recordsMax: number): ComputedBatch<T> | Promise<ComputedBatch<T>>
  /** Where a new reader would continue after all batches returned so far. */
  position(): P
  /** How much of `SourceSplit.size` has been read. */
  progress?(): number
  close(): Promise<void>
}

/** Some records of a split. */
export interface SourceBatch<T> {
  /** Records in order; the array belongs to the engine from now on. */
  readonly records: (T | RejectedInput)[]
  /** Set when `records` holds at least one `RejectedInput`, so that clean batches need no test per record. */
  readonly hasRejected?: boolean
  /** Timestamps that the outside system gave (epoch ms), one per record; the watermark strategy may use or replace them. */
  readonly timestamps?: number[]
  /** The split has no more records, now or later. */
  readonly end: boolean
}

/** Some records of a split that are computed from their indices: `first`, `first + stride`, …; `count` of them. */
export interface ComputedBatch<T> {
  /** Must depend on nothing but the index: after a restart it is asked again. */
  readonly compute: (index: number) => T
  /** What errors call it. */
  readonly name: string
  readonly first: number
  readonly stride: number
  readonly count: number
  /** The split has no more records, now or later. */
  readonly end: boolean
}

/** A piece of input that could not be turned into a record and that the user chose to keep going on. */
export class RejectedInput {
  /** `deadLetter` sends it to the side output of that name; `skip` only counts it. */
  readonly policy: 'skip' | 'deadLetter'
  readonly letter: DeadLetter

  constructor(policy: 'skip' | 'deadLetter', letter: DeadLetter) {
    this.policy = policy
    this.letter = letter
  }
}

/** What the `deadLetter` side output of a source carries. */
export type DeadLetter = {
  /** The raw line, the lines of a record that has several, or bytes, as text (invalid UTF-8 replaced). */
  readonly raw: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly reason: string
}
