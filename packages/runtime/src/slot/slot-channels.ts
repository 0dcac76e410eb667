/** The channel ends of one slot: rings to and from other slots, hand-over by reference within. */

import { MillraceError } from '@millrace/api'
import { type ChannelReader, type ChannelWriter, estimateBatchRecordBytes, type PlanEdge } from '@millrace/core'
import { LocalChannel } from '../channel/local-channel.ts'
import { DICTIONARY_BYTES_MAX, RingChannelReader, RingChannelWriter } from '../channel/ring-channel.ts'
import type { WakeUp } from '../channel/wake-up.ts'
import type { ChannelDeployment } from './protocol.ts'

/** What the dictionaries of all rings from and to a slot may take on its heap, shared out evenly. */
const DICTIONARY_BYTES_PER_SLOT = 32 * 1_024 * 1_024

export interface SlotChannelsOptions {
  readonly slot: number
  readonly channels: readonly ChannelDeployment[]
  /** What one channel within the slot may hold, bytes. */
  readonly localBytesMax: number
  /** Largest encoded record, bytes. */
  readonly recordBytesMax: number
  readonly ownWakeUp: WakeUp
  wakeUpOf(slot: number): WakeUp
}

export class SlotChannels {
  readonly #writers = new Map<string, ChannelWriter>()
  readonly #readers = new Map<string, ChannelReader>()

  constructor(options: SlotChannelsOptions) {
    const ringEnds = options.channels.filter((channel) => channel.ring !== undefined).length
    const dictionaryBytesMax = Math.min(DICTIONARY_BYTES_MAX, Math.floor(DICTIONARY_BYTES_PER_SLOT / ringEnds))
    for (const channel of options.channels) this.#open(channel, options, dictionaryBytesMax)
  }

  writerOf(edge: PlanEdge, fromSubtask: number, toSubtask: number): ChannelWriter {
    return known(this.#writers.get(nameOf(edge.id, fromSubtask, toSubtask)), edge.id)
  }

  readerOf(edge: PlanEdge, fromSubtask: number, toSubtask: number): ChannelReader {
    return known(this.#readers.get(nameOf(edge.id, fromSubtask, toSubtask)), edge.id)
  }

  #open(channel: ChannelDeployment, options: SlotChannelsOptions, dictionaryBytesMax: number): void {
    const { slot, ownWakeUp, recordBytesMax } = options
    const name = nameOf(channel.edgeId, channel.fromSubtask, channel.toSubtask)
    if (channel.ring === undefined) {
      const local = new LocalChannel({
        budgetBytes: options.localBytesMax,
        estimateRecordBytes: estimateBatchRecordBytes,
        readerWakeUp: ownWakeUp,
        writerWakeUp: ownWakeUp,
      })
      this.#writers.set(name, local)
      this.#readers.set(name, local)
      return
    }
    const { ring } = channel
    const wakeUpOf = (other: number): WakeUp => (other === slot ? ownWakeUp : options.wakeUpOf(other))
    if (channel.fromSlot === slot) {
      const readerWakeUp = wakeUpOf(channel.toSlot)
      this.#writers.set(name, new RingChannelWriter(ring, { readerWakeUp, recordBytesMax, dictionaryBytesMax }))
    }
    if (channel.toSlot === slot) {
      this.#readers.set(name, new RingChannelReader(ring, { writerWakeUp: wakeUpOf(channel.fromSlot), recordBytesMax }))
    }
  }
}

function nameOf(edgeId: string, fromSubtask: number, toSubtask: number): string {
  return `${edgeId}:${fromSubtask}>${toSubtask}`
}

function known<T>(end: T | undefined, edgeId: string): T {
  if (end === undefined) throw new MillraceError('INTERNAL', `The edge ${edgeId} has no channel in this slot`)
  return end
}
