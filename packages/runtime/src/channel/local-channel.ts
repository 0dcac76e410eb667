/**
 * The channel between two tasks of one slot: elements are handed over by reference, so a batch that was accepted belongs
 * to the receiver and the sender must not touch it again. Bounded by an estimate of its bytes and by a count of
 * elements; an empty channel takes a batch of any size, so a batch above the budget still travels, alone.
 *
 * What no other channel could carry is refused here too, so that a job does not depend on its parallelism by accident.
 * Every record is looked through for that, which costs little (decision 0032).
 *
 * Both ends live on one thread; each end wakes the other's task under the same rules as a ring does: only when that one
 * found the channel full, or empty.
 */
import {
  assertEncodable,
  type ChannelReader,
  type ChannelWriter,
  type CheckpointBarrier,
  type RecordBatch,
  RecordCheck,
  type StreamElement,
} from '@millrace/core'
import type { WakeUp } from './wake-up.ts'

/** Enough for watermarks and barriers between batches; what counts otherwise is bytes. */
const ELEMENTS_MAX = 64
const CONTROL_ELEMENT_BYTES = 64
/** Records of a batch that are estimated; the others count as their mean. */
const SAMPLE_RECORDS = 4

export interface LocalChannelOptions {
  readonly budgetBytes: number
  readonly elementsMax?: number
  readonly estimateRecordBytes: (batch: RecordBatch, index: number) => number
  /** Woken when the reading task found the channel empty and something has arrived. */
  readonly readerWakeUp: WakeUp
  /** Woken when the writing task was refused and there is room again. */
  readonly writerWakeUp: WakeUp
}

interface Queued {
  readonly element: StreamElement
  readonly bytes: number
}

export class LocalChannel implements ChannelWriter, ChannelReader {
  readonly #options: LocalChannelOptions
  readonly #elementsMax: number
  readonly #recordCheck = new RecordCheck()
  readonly #queue: (Queued | undefined)[] = []
  /** Index of the first element in `#queue` that is still waiting; what was taken is cut off now and then. */
  #head = 0
  #queuedBytes = 0
  #writtenBytes = 0
  #readerWaits = false
  #writerWaits = false
  #announced: CheckpointBarrier | undefined
  /** Announced and not yet in the queue. */
  #isBarrierDue = false
  #isHeldBack = false

  constructor(options: LocalChannelOptions) {
    this.#options = options
    this.#elementsMax = options.elementsMax ?? ELEMENTS_MAX
  }

  offer(element: StreamElement): boolean {
    const bytes = element.kind === 'batch' ? this.#estimateBatchBytes(element.batch) : CONTROL_ELEMENT_BYTES
    const count = this.#queue.length - this.#head
    if (this.#isHeldBack && !this.#isBarrierDue) {
      this.#writerWaits = true
      return false
    }
    if (count > 0 && (count >= this.#elementsMax || this.#queuedBytes + bytes > this.#options.budgetBytes)) {
      this.#writerWaits = true
      return false
    }
    this.#writerWaits = false
    if (element.kind === 'batch') {
      this.#recordCheck.assertAll(element.batch.records)
      for (const column of element.batch.accumulators ?? []) checkAccumulators(column)
    }
    if (element.kind === 'barrier' && element.checkpointId === this.#announced?.checkpointId) this.#isBarrierDue = false
    this.#queue.push({ element, bytes })
    this.#queuedBytes += bytes
    this.#writtenBytes += bytes
    if (this.#readerWaits) {
      this.#readerWaits = false
      this.#options.readerWakeUp.wake()
    }
    return true
  }

  poll(): StreamElement | undefined {
    const first = this.#queue[this.#head]
    if (first === undefined) {
      this.#readerWaits = true
      return undefined
    }
    this.#queue[this.#head] = undefined
    this.#head++
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0
      this.#head = 0
    } else if (this.#head >= this.#elementsMax) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
    this.#queuedBytes -= first.bytes
    if (this.#writerWaits && this.#queuedBytes <= this.#options.budgetBytes / 2) {
      this.#writerWaits = false
      this.#options.writerWakeUp.wake()
    }
    return first.element
  }

  announce(barrier: CheckpointBarrier): void {
    this.#announced = barrier
    this.#isBarrierDue = true
    this.#options.readerWakeUp.wake()
  }

  get announced(): CheckpointBarrier | undefined {
    return this.#announced
  }

  holdBack(isHeld: boolean): void {
    this.#isHeldBack = isHeld
    if (isHeld || !this.#writerWaits) return
    this.#writerWaits = false
    this.#options.writerWakeUp.wake()
  }

  get isHeldBack(): boolean {
    if (this.#isHeldBack) this.#writerWaits = true
    return this.#isHeldBack
  }

  get hasNext(): boolean {
    if (this.#head < this.#queue.length) return true
    this.#readerWaits = true
    return false
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  get readBytes(): number {
    return this.#writtenBytes - this.#queuedBytes
  }

  #estimateBatchBytes(batch: RecordBatch): number {
    const count = batch.records.length
    const sampled = Math.min(count, SAMPLE_RECORDS)
    if (sampled === 0) return CONTROL_ELEMENT_BYTES
    let bytes = 0
    for (let i = 0; i < sampled; i++) {
      // Spread over the batch, so that one odd record at the start does not speak for all.
      bytes += this.#options.estimateRecordBytes(batch, Math.floor((i * count) / sampled))
    }
    const perRecord = bytes / sampled + (batch.keyHashes === undefined ? 8 : 16)
    return CONTROL_ELEMENT_BYTES + Math.ceil(perRecord * count)
  }
}

/** Throws `VALUE_NOT_ENCODABLE`. */
function checkAccumulators(column: readonly unknown[]): void {
  for (let i = 0; i < column.length; i++) {
    const accumulator = column[i]
    if (typeof accumulator !== 'number') assertEncodable(accumulator, 'accumulator')
  }
}
