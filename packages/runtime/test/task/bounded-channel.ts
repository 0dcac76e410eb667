/** A channel that takes a number of elements and refuses the next ones until some are read. */
import type { ChannelReader, ChannelWriter, CheckpointBarrier, StreamElement } from '@millrace/core'

export class BoundedChannel implements ChannelWriter, ChannelReader {
  room: number
  readonly #waiting: StreamElement[] = []
  refused: StreamElement | undefined
  /** An element counts as one byte. */
  writtenBytes = 0

  constructor(room = Number.POSITIVE_INFINITY) {
    this.room = room
  }

  offer(element: StreamElement): boolean {
    // The contract of a writer: a refused element is offered again, and nothing else before.
    if (this.refused !== undefined && element !== this.refused) throw new Error('another element was offered')
    this.refused = this.#waiting.length >= this.room ? element : undefined
    if (this.refused === undefined) {
      this.#waiting.push(element)
      this.writtenBytes++
    }
    return this.refused === undefined
  }

  announced: CheckpointBarrier | undefined
  isHeldBack = false

  announce(barrier: CheckpointBarrier): void {
    this.announced = barrier
  }

  holdBack(isHeld: boolean): void {
    this.isHeldBack = isHeld
  }

  poll(): StreamElement | undefined {
    return this.#waiting.shift()
  }

  get hasNext(): boolean {
    return this.#waiting.length > 0
  }

  get queuedBytes(): number {
    return this.#waiting.length
  }

  get readBytes(): number {
    return this.writtenBytes - this.queuedBytes
  }

  /** All that waits: records one by one, control elements by name. */
  take(): unknown[] {
    const taken: unknown[] = []
    for (let element = this.poll(); element !== undefined; element = this.poll()) taken.push(...brief(element))
    return taken
  }
}

function brief(element: StreamElement): unknown[] {
  switch (element.kind) {
    case 'batch':
      return element.batch.records
    case 'watermark':
      return [`watermark ${element.timestamp}`]
    case 'barrier':
      return [`barrier ${element.checkpointId}`]
    case 'status':
      return [element.idle ? 'idle' : 'active']
    case 'end':
      return ['end']
  }
}
