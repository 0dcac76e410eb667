/**
 * The inputs of one task: reads channels in turn, leaves those alone that an open alignment blocks, and merges their
 * watermarks. It decides nothing about snapshots; the task acts on what comes out.
 */
import {
  type AlignmentAction,
  BarrierAlignment,
  type ChannelReader,
  type CheckpointMode,
  type Overtaking,
  type StreamElement,
  WatermarkMerge,
} from '@millrace/core'

export class InputGate {
  protected readonly readers: readonly ChannelReader[]
  readonly alignment: BarrierAlignment
  readonly merge: WatermarkMerge
  readonly #ended: boolean[]
  /** Where `poll` begins to look. */
  protected nextChannel = 0
  /** The channel of the element that `poll` gave last. */
  lastChannel = 0
  /** It had been given before. */
  isRepeated = false
  /** When the first barrier of the open alignment came. */
  #readBytesBefore = 0

  constructor(readers: readonly ChannelReader[], mode: CheckpointMode, overtaking?: Overtaking) {
    this.readers = readers
    this.alignment = new BarrierAlignment(readers.length, mode, overtaking)
    this.merge = new WatermarkMerge(readers.length)
    this.#ended = readers.map(() => false)
  }

  /** The next element of a channel that may be read, channels in turn; `undefined` when there is none now. */
  poll(): StreamElement | undefined {
    const count = this.readers.length
    for (let tries = 0; tries < count; tries++) {
      const channel = this.nextChannel
      this.nextChannel = channel + 1 === count ? 0 : channel + 1
      if (this.alignment.isBlocked(channel)) continue
      const element = (this.readers[channel] as ChannelReader).poll()
      if (element === undefined) continue
      this.lastChannel = channel
      return element
    }
    return undefined
  }

  onBarrier(element: StreamElement & { kind: 'barrier' }, nowMs: number): readonly AlignmentAction[] {
    if (this.alignment.open === undefined) this.#readBytesBefore = this.readBytes
    return this.alignment.onBarrier(this.lastChannel, element, nowMs)
  }

  /** Bytes read since the first barrier of the alignment that is open, or was last. */
  get alignmentReadBytes(): number {
    return this.readBytes - this.#readBytesBefore
  }

  /** The channel read last has ended; true when that was the last one. */
  onEnd(): boolean {
    this.#ended[this.lastChannel] = true
    this.merge.onEnd(this.lastChannel)
    return this.#ended.every(Boolean)
  }

  get queuedBytes(): number {
    let bytes = 0
    for (const reader of this.readers) bytes += reader.queuedBytes
    return bytes
  }

  get readBytes(): number {
    let bytes = 0
    for (const reader of this.readers) bytes += reader.readBytes
    return bytes
  }
}
