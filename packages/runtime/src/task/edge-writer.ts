/**
 * The writing side of one exchange as seen by one subtask: routes each record to a channel, collects batches, and
 * keeps elements in order while a channel has no room. `isFull` stops the task's loops; what one user call emits beyond
 * that waits here and counts against `OVERFLOW_BYTES_MAX`.
 */
import { MillraceError } from '@millrace/api'
import {
  BATCH_RECORDS_MAX,
  type ChannelWriter,
  type CheckpointBarrier,
  createBatch,
  estimateRecordBytes,
  keyGroupOfHash,
  type OperatorOutput,
  type RecordBatch,
  type StreamElement,
} from '@millrace/core'

/**
 * A batch is handed over when it holds about this much, however few records that are. Sizes are estimated, and an eighth
 * below the smallest usual budget of a channel, which takes a batch that is larger than its budget when it is empty.
 */
export const BATCH_BYTES_MAX = 224 * 1024
/** Timestamp and key hash of a record. */
export const RECORD_OVERHEAD_BYTES = 16
/** Every this many records of an open batch one is looked at: later ones may be larger than the first. */
const SAMPLE_EVERY_RECORDS = 32
/** What may wait behind a full channel: the output of one user call. */
export const OVERFLOW_BYTES_MAX = 64 * 1024 * 1024
/**
 * What may wait there beyond when a barrier overtakes and a record is half worked off: the rest of its output, so that the
 * snapshot need not wait for room. A longer burst is not interrupted.
 */
export const OVERDRAFT_BYTES_MAX = 4 * 1024 * 1024
const CONTROL_ELEMENT_BYTES = 64

/** Chooses the channel of a record; a keyed route also gives the key's hash. */
export type Route = { readonly kind: 'forward' } | { readonly kind: 'rebalance'; readonly first: number } | HashRoute

export interface HashRoute {
  readonly kind: 'hash'
  readonly keyHashOf: (record: unknown) => number
  /** The same of all records of a batch. */
  readonly keyHashesOf: (records: readonly unknown[]) => number[]
  readonly channelOfGroup: Uint16Array
}

interface OutgoingChannel {
  readonly writer: ChannelWriter
  open: RecordBatch | undefined
  /** Records of the open batch at which its size is looked at next. */
  lookAtRecords: number
  /** Records of the open batch that count in `openBytes`, and what they take, estimated. */
  countedRecords: number
  openBytes: number
  /** Elements that found no room, oldest first. */
  readonly waiting: StreamElement[]
}

export class EdgeWriter implements OperatorOutput {
  readonly #channels: readonly OutgoingChannel[]
  readonly #route: Route
  readonly #owner: string
  #nextChannel: number
  #overflowBytes = 0
  /** `undefined` without an overdraft; what is left of it, else. */
  #overdraftLeftBytes: number | undefined
  /** Records and partial results handed over so far. */
  recordsOut = 0
  isFull = false

  constructor(writers: readonly ChannelWriter[], route: Route, owner: string) {
    this.#channels = writers.map((writer) => ({
      writer,
      open: undefined,
      lookAtRecords: 1,
      countedRecords: 0,
      openBytes: 0,
      waiting: [],
    }))
    this.#route = route
    this.#owner = owner
    this.#nextChannel = route.kind === 'rebalance' ? route.first % writers.length : 0
  }

  emit(record: unknown, timestamp: number): void {
    const route = this.#route
    if (route.kind === 'hash') {
      const hash = route.keyHashOf(record)
      const { channelOfGroup } = route
      const channel = this.#channels[
        channelOfGroup[keyGroupOfHash(hash, channelOfGroup.length)] as number
      ] as OutgoingChannel
      const open = channel.open ?? this.#openBatch(channel)
      open.records.push(record)
      open.timestamps.push(timestamp)
      ;(open.keyHashes as number[]).push(hash)
      if (open.records.length === channel.lookAtRecords) this.#lookAtBatch(channel, open, record)
      return
    }
    const channel = this.#channels[this.#nextChannel] as OutgoingChannel
    if (route.kind === 'rebalance' && ++this.#nextChannel === this.#channels.length) this.#nextChannel = 0
    const open = channel.open ?? this.#openBatch(channel)
    open.records.push(record)
    open.timestamps.push(timestamp)
    if (open.records.length === channel.lookAtRecords) this.#lookAtBatch(channel, open, record)
  }

  /** Sends a control element to all channels, after every record emitted before it. */
  broadcast(element: StreamElement): void {
    this.flushOpenBatches()
    for (const channel of this.#channels) this.#send(channel, element, CONTROL_ELEMENT_BYTES)
  }

  /** Tells all receivers, past all that is queued, that this barrier is broadcast next. */
  announce(barrier: CheckpointBarrier): void {
    for (const { writer } of this.#channels) writer.announce(barrier)
  }

  /** Lets a barrier that overtakes get its drained chain although there is no room. False when that helps no more. */
  overdraw(): boolean {
    if (!this.isFull) return false
    this.#overdraftLeftBytes ??= OVERDRAFT_BYTES_MAX
    if (this.#overdraftLeftBytes <= 0) return false
    this.isFull = false
    return true
  }

  /** The barrier is on its way: what has no room is full again, and so is what its reader holds back. */
  endOverdraft(): void {
    this.#overdraftLeftBytes = undefined
    this.isFull = true
    this.flushWaiting()
  }

  /** Hands over the records that wait for more. */
  flush(): void {
    this.flushOpenBatches()
  }

  /** Partial results are held back, which more records may go into. */
  get holdsPartials(): boolean {
    return false
  }

  /** Hands them over. */
  flushPartials(): void {}

  /** Hands over what is in open batches: a control element follows, or a batch that must not overtake them. */
  flushOpenBatches(): void {
    for (const channel of this.#channels) if (channel.open !== undefined) this.#handOver(channel, channel.open)
  }

  /** Records that were combined, and the partial results that left in their place. */
  get recordsCombined(): number {
    return 0
  }

  get partialsOut(): number {
    return 0
  }

  get hasOpenBatch(): boolean {
    for (const channel of this.#channels) if (channel.open !== undefined) return true
    return false
  }

  /** Hands a batch over to one channel, ahead of its open batch. */
  sendBatch(channel: number, batch: RecordBatch, bytes: number): void {
    if (this.isFull) this.#overflow(bytes)
    this.recordsOut += batch.records.length
    this.#send(this.#channels[channel] as OutgoingChannel, { kind: 'batch', batch }, bytes)
  }

  /** Hands a batch over to all channels' only one, behind its open batch; what finds no room is not laid to user code. */
  protected sendToOnly(batch: RecordBatch, bytes: number): void {
    this.flushOpenBatches()
    if (this.isFull) this.#overflowBytes += bytes
    this.recordsOut += batch.records.length
    this.#send(this.#channels[0] as OutgoingChannel, { kind: 'batch', batch }, bytes)
  }

  get writtenBytes(): number {
    let bytes = 0
    for (const { writer } of this.#channels) bytes += writer.writtenBytes
    return bytes
  }

  /** In the channels, and what found no room in them. */
  get queuedBytes(): number {
    let bytes = this.#overflowBytes
    for (const { writer } of this.#channels) bytes += writer.queuedBytes
    return bytes
  }

  /** Tries again what found no room; true when nothing waits any more. */
  flushWaiting(): boolean {
    if (!this.isFull && this.#overdraftLeftBytes === undefined) return true
    let hasRoom = true
    for (const channel of this.#channels) if (!flushChannel(channel) || channel.writer.isHeldBack) hasRoom = false
    this.isFull = !hasRoom && !this.#isOverdraftLeft
    if (hasRoom) this.#overflowBytes = 0
    return hasRoom
  }

  #openBatch(channel: OutgoingChannel): RecordBatch {
    const open = createBatch(this.#route.kind === 'hash')
    channel.open = open
    channel.lookAtRecords = 1
    channel.countedRecords = 0
    channel.openBytes = 0
    return open
  }

  /** Records since the last look count like the newest one. Hands the batch over when it is large enough. */
  #lookAtBatch(channel: OutgoingChannel, open: RecordBatch, newest: unknown): void {
    const count = open.records.length
    const recordBytes = RECORD_OVERHEAD_BYTES + estimateRecordBytes(newest)
    channel.openBytes += (count - channel.countedRecords) * recordBytes
    channel.countedRecords = count
    const left = Math.floor((BATCH_BYTES_MAX - channel.openBytes) / recordBytes)
    if (left > 0 && count < BATCH_RECORDS_MAX) {
      channel.lookAtRecords = Math.min(BATCH_RECORDS_MAX, count + Math.min(left, SAMPLE_EVERY_RECORDS))
      return
    }
    if (this.isFull) this.#overflow(channel.openBytes)
    this.#handOver(channel, open)
  }

  #handOver(channel: OutgoingChannel, open: RecordBatch): void {
    channel.open = undefined
    this.recordsOut += open.records.length
    this.#send(channel, { kind: 'batch', batch: open }, channel.openBytes)
  }

  #send(channel: OutgoingChannel, element: StreamElement, bytes: number): void {
    if (channel.waiting.length > 0 || !channel.writer.offer(element)) {
      channel.waiting.push(element)
      if (this.#overdraftLeftBytes !== undefined) this.#overdraftLeftBytes -= bytes
      if (!this.#isOverdraftLeft) this.isFull = true
    }
  }

  get #isOverdraftLeft(): boolean {
    return this.#overdraftLeftBytes !== undefined && this.#overdraftLeftBytes > 0
  }

  #overflow(bytes: number): void {
    this.#overflowBytes += bytes
    if (this.#overflowBytes > OVERFLOW_BYTES_MAX) throw this.#overrun()
  }

  #overrun(): MillraceError {
    return new MillraceError(
      'USER_FUNCTION_OVERRUN',
      `One call of user code in ${this.#owner} emitted more than ${OVERFLOW_BYTES_MAX / 1_048_576} MiB while its output had no room`,
      {
        details: { task: this.#owner },
        hint: 'Emit in smaller portions: return a generator from flatMap, or spread the output over timers.',
      },
    )
  }
}

/** Sends what waits for a channel, in order; true when all of it has left this side. */
function flushChannel({ writer, waiting }: OutgoingChannel): boolean {
  let sent = 0
  while (sent < waiting.length && writer.offer(waiting[sent] as StreamElement)) sent++
  if (sent > 0) waiting.splice(0, sent)
  return waiting.length === 0
}
