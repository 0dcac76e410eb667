/**
 * The writing side of a keyed exchange whose records are combined on the way (core, `combine/combiner.ts`): what comes
 * goes through the combiner first, and batches of partial results leave between batches of records. It keeps the
 * combiner's side of the order: partial results are out before a barrier, the end, and a watermark
 * that fires their windows, and are not held longer than `BufferTimeout` says.
 *
 * The receiver's event time is the minimum over its senders, so it is never ahead of this side's watermark – except while
 * this side is idle and does not count. So a sender that was idle beside others combines no more in this attempt.
 */
import {
  type AccumulatorColumn,
  BATCH_RECORDS_MAX,
  type ChannelWriter,
  Combiner,
  type CombinerOptions,
  type CombinerOutput,
  type Combining,
  estimateBatchRecordBytes,
  keyGroupOfHash,
  type RecordBatch,
  type StreamElement,
} from '@millrace/core'
import { EdgeWriter, type HashRoute } from './edge-writer.ts'

/** A batch of partial results is handed over when it holds about this much. */
const PARTIALS_BYTES_MAX = 224 * 1024
/** Every this many of them one is looked at. */
const SAMPLE_EVERY_PARTIALS = 32

export interface CombiningOptions extends Omit<CombinerOptions, 'output' | 'key'> {
  readonly spec: CombinerOptions['spec'] & { readonly key: CombinerOptions['key'] }
  /** No other subtask and no other edge brings records to the receivers. */
  readonly isOnlySender: boolean
}

interface OpenPartials {
  readonly batch: PartialBatch
  bytes: number
}

type PartialBatch = RecordBatch & Required<Pick<RecordBatch, 'accumulators'>>

export class CombiningEdgeWriter extends EdgeWriter {
  readonly #combiner: Combiner
  readonly #uid: string
  readonly #isOnlySender: boolean
  readonly #channelOfGroup: Uint16Array
  /** By channel; only within a flush. */
  readonly #partials: (OpenPartials | undefined)[]
  /** Records that came one by one and wait to go into the combiner together. */
  #records: unknown[] = []
  #timestamps: number[] = []

  constructor(writers: readonly ChannelWriter[], route: HashRoute, owner: string, options: CombiningOptions) {
    super(writers, route, owner)
    const { spec, isOnlySender, receiver } = options
    this.#uid = receiver.uid
    this.#isOnlySender = isOnlySender
    this.#channelOfGroup = route.channelOfGroup
    this.#partials = writers.map(() => undefined)
    const output: CombinerOutput = {
      single: (record, timestamp) => super.emit(record, timestamp),
      beginPartials: () => this.flushOpenBatches(),
      partial: (key, keyHash, sliceEnd, columns, number) => this.#addPartial(key, keyHash, sliceEnd, columns, number),
      endPartials: () => this.#sendPartials(),
    }
    this.#combiner = new Combiner({ ...options, key: spec.key, output })
  }

  /** Event time that the receivers' state has been through; called before the first record. */
  restoreEventTimes(times: Readonly<Record<string, number>>): void {
    const time = times[this.#uid]
    if (time !== undefined) this.#combiner.restoreEventTime(time)
  }

  override emit(record: unknown, timestamp: number): void {
    this.#records.push(record)
    this.#timestamps.push(timestamp)
    if (this.#records.length >= BATCH_RECORDS_MAX) this.#combineWaiting()
  }

  pushBatch({ records, timestamps }: RecordBatch): void {
    this.#combineWaiting()
    this.#combiner.take(records, timestamps)
  }

  combining(): Combining {
    this.#combineWaiting()
    return this.#combiner
  }

  override broadcast(element: StreamElement): void {
    this.#combineWaiting()
    if (element.kind === 'watermark') this.#combiner.advanceWatermark(element.timestamp)
    else this.#combiner.flush()
    if (element.kind === 'status' && element.idle && !this.#isOnlySender) this.#combiner.stop()
    super.broadcast(element)
  }

  override flush(): void {
    this.#combineWaiting()
    super.flush()
  }

  override get hasOpenBatch(): boolean {
    return this.#records.length > 0 || super.hasOpenBatch
  }

  override get holdsPartials(): boolean {
    return !this.#combiner.isEmpty
  }

  override flushPartials(): void {
    this.#combineWaiting()
    this.#combiner.flush()
  }

  override get recordsCombined(): number {
    return this.#combiner.recordsCombined
  }

  override get partialsOut(): number {
    return this.#combiner.partialsOut
  }

  #combineWaiting(): void {
    const records = this.#records
    if (records.length === 0) return
    const timestamps = this.#timestamps
    this.#records = []
    this.#timestamps = []
    this.#combiner.take(records, timestamps)
  }

  #addPartial(
    key: unknown,
    keyHash: number,
    sliceEnd: number,
    columns: readonly AccumulatorColumn[],
    number: number,
  ): void {
    const channelOfGroup = this.#channelOfGroup
    const channel = channelOfGroup[keyGroupOfHash(keyHash, channelOfGroup.length)] as number
    let open = this.#partials[channel]
    if (open === undefined) {
      open = { batch: createPartialBatch(columns.length), bytes: 0 }
      this.#partials[channel] = open
    }
    const { records, timestamps, keyHashes, accumulators } = open.batch
    const index = records.push(key) - 1
    timestamps.push(sliceEnd)
    keyHashes?.push(keyHash)
    for (let i = 0; i < columns.length; i++) {
      ;(accumulators[i] as unknown[]).push((columns[i] as AccumulatorColumn)[number])
    }
    if (index % SAMPLE_EVERY_PARTIALS === 0) {
      open.bytes += SAMPLE_EVERY_PARTIALS * estimateBatchRecordBytes(open.batch, index)
    }
    if (index + 1 === BATCH_RECORDS_MAX || open.bytes > PARTIALS_BYTES_MAX) this.#sendChannel(channel, open)
  }

  #sendPartials(): void {
    for (const [channel, open] of this.#partials.entries()) if (open !== undefined) this.#sendChannel(channel, open)
  }

  #sendChannel(channel: number, { batch, bytes }: OpenPartials): void {
    this.#partials[channel] = undefined
    this.sendBatch(channel, batch, bytes)
  }
}

function createPartialBatch(columns: number): PartialBatch {
  return { records: [], timestamps: [], keyHashes: [], accumulators: Array.from({ length: columns }, () => []) }
}
