/**
 * The inputs of a task whose barriers may overtake data in flight (decision 0054). When one does, the gate takes everything
 * up to that barrier out of the pending channels, whether or not the task can work, encodes it for the snapshot and keeps it
 * for the task, which works it off in the same order as if it were still in the channel. Restored data in flight comes before
 * anything else.
 *
 * Invariants: what is recorded for a checkpoint is exactly what the task has not taken yet and what comes before the barrier;
 * within a channel nothing changes places; while it keeps something of a channel it holds that channel back, so that it keeps
 * no more than the channel and its sender held when the barrier came by.
 */
import { MillraceError } from '@millrace/api'
import {
  type ChannelReader,
  type CheckpointBarrier,
  type CheckpointId,
  type CheckpointMode,
  encodeInFlight,
  type InFlightChannel,
  type InFlightElement,
  type InFlightReplay,
  InFlightSectionWriter,
  type Overtaking,
  type StreamElement,
  standingOf,
} from '@millrace/core'
import { InputGate } from './input-gate.ts'

/** Elements that are taken out of channels before the task gets its turn. */
const RECORD_ELEMENTS_MAX = 64
/** `lastChannel` while restored data in flight is worked off: its watermarks are merged already. */
export const RESTORED_CHANNEL = -1

export interface RecordedInFlight {
  /** `undefined`: there were no records. */
  readonly bytes: Uint8Array | undefined
  readonly records: number
  /** Uids of the steps that sent records. */
  readonly from: readonly string[]
}

interface Recording {
  readonly checkpointId: CheckpointId
  /** What was restored and is not yet worked off, and then what the channels bring. */
  readonly stages: readonly (readonly Section[])[]
  /** By channel; `undefined` where its barrier has come. */
  readonly open: (InFlightSectionWriter | undefined)[]
  readonly done: PromiseWithResolvers<RecordedInFlight>
}

interface Section {
  readonly channel: InFlightChannel
  readonly writer: InFlightSectionWriter
}

interface Kept {
  readonly element: InFlightElement
  readonly bytes: number
}

export class OvertakingGate extends InputGate {
  readonly #operatorUid: string
  readonly #channels: readonly InFlightChannel[]
  readonly #announcedIds: number[]
  /** By channel, oldest first. */
  readonly #kept: Kept[][]
  #keptBytes = 0
  #replay: InFlightReplay | undefined
  #recording: Recording | undefined

  constructor(
    readers: readonly ChannelReader[],
    channels: readonly InFlightChannel[],
    operatorUid: string,
    mode: CheckpointMode,
    overtaking: Overtaking | undefined,
    replay: InFlightReplay | undefined,
  ) {
    super(readers, mode, overtaking)
    this.#channels = channels
    this.#operatorUid = operatorUid
    this.#announcedIds = readers.map(() => 0)
    this.#kept = readers.map(() => [])
    this.#replay = replay
  }

  override poll(): StreamElement | undefined {
    if (this.#replay !== undefined) {
      const restored = this.#replay.next()
      if (restored !== undefined) {
        this.lastChannel = RESTORED_CHANNEL
        return restored
      }
      this.#replay = undefined
    }
    const count = this.readers.length
    for (let tries = 0; tries < count; tries++) {
      const channel = this.nextChannel
      this.nextChannel = channel + 1 === count ? 0 : channel + 1
      if (this.alignment.isBlocked(channel)) continue
      const element = this.#takeKept(channel) ?? this.#pollChannel(channel)
      if (element === undefined) continue
      this.lastChannel = channel
      return element
    }
    return undefined
  }

  /** Hears what senders have announced since. */
  hearAnnouncements(): void {
    for (let channel = 0; channel < this.readers.length; channel++) {
      const announced = (this.readers[channel] as ChannelReader).announced
      if (announced === undefined || announced.checkpointId === this.#announcedIds[channel]) continue
      this.#announcedIds[channel] = announced.checkpointId
      this.alignment.onAnnounced(channel, announced)
    }
  }

  /**
   * The task's snapshot is fixed now: what it has not taken yet and what comes up to `barrier` on the pending channels is in
   * flight. Resolves when all of these barriers have come; rejects when the checkpoint is given up.
   */
  beginRecording(barrier: CheckpointBarrier, pending: readonly number[]): Promise<RecordedInFlight> {
    this.#giveUpRecording()
    const restored = (this.#replay?.rest() ?? []).map((stage) =>
      stage.map((section) => sectionOf(section, section.elements)),
    )
    const own = this.#channels.map((channel, index) =>
      sectionOf(channel, [
        ...standingOf(this.merge.inputOf(index)),
        ...(this.#kept[index] ?? []).map(({ element }) => element),
      ]),
    )
    const recording: Recording = {
      checkpointId: barrier.checkpointId,
      stages: [...restored, own],
      open: own.map(({ writer }, index) => (pending.includes(index) ? writer : undefined)),
      done: Promise.withResolvers<RecordedInFlight>(),
    }
    // Whoever began it hears of a rejection; it may be given up before anybody waits.
    recording.done.promise.catch(() => {})
    this.#recording = recording
    for (const channel of pending) (this.readers[channel] as ChannelReader).holdBack(true)
    this.#finishRecording()
    return recording.done.promise
  }

  /** Takes out of the pending channels what is there, a bounded piece; true when there was something. */
  record(): boolean {
    const recording = this.#recording
    if (recording === undefined) return false
    let left = RECORD_ELEMENTS_MAX
    for (let channel = 0; channel < this.readers.length; channel++) {
      const section = recording.open[channel]
      if (section === undefined) continue
      while (left > 0 && recording.open[channel] !== undefined) {
        if (!this.#recordNext(recording, channel, section)) break
        left--
      }
    }
    this.#finishRecording()
    return left < RECORD_ELEMENTS_MAX
  }

  /** The checkpoint was given up: what was taken out stays to be worked off. */
  abortRecording(checkpointId: CheckpointId): void {
    if (this.#recording?.checkpointId === checkpointId) this.#giveUpRecording()
  }

  override get queuedBytes(): number {
    return super.queuedBytes + this.#keptBytes
  }

  /** Kept elements are not worked off yet. */
  override get readBytes(): number {
    return super.readBytes - this.#keptBytes
  }

  #pollChannel(channel: number): StreamElement | undefined {
    // What comes up to the barrier goes through `record`.
    if (this.#recording?.open[channel] !== undefined) return undefined
    return (this.readers[channel] as ChannelReader).poll()
  }

  #takeKept(channel: number): InFlightElement | undefined {
    const kept = (this.#kept[channel] as Kept[]).shift()
    if (kept === undefined) return undefined
    this.#keptBytes -= kept.bytes
    this.#letGo(channel)
    return kept.element
  }

  /** False when nothing is there. */
  #recordNext(recording: Recording, channel: number, section: InFlightSectionWriter): boolean {
    const reader = this.readers[channel] as ChannelReader
    const readBefore = reader.readBytes
    const element = reader.poll()
    if (element === undefined) return false
    if (element.kind !== 'barrier') {
      section.add(element)
      const bytes = reader.readBytes - readBefore
      this.#keptBytes += bytes
      this.#kept[channel]?.push({ element, bytes })
    } else if (element.checkpointId >= recording.checkpointId) {
      recording.open[channel] = undefined
      this.#letGo(channel)
    }
    // A barrier of a checkpoint before was given up.
    return true
  }

  #letGo(channel: number): void {
    const isOpen = this.#recording?.open[channel] !== undefined
    if (!isOpen && this.#kept[channel]?.length === 0) (this.readers[channel] as ChannelReader).holdBack(false)
  }

  #finishRecording(): void {
    const recording = this.#recording
    if (recording === undefined || recording.open.some((section) => section !== undefined)) return
    this.#recording = undefined
    const { checkpointId, stages, done } = recording
    const full = stages.flat().filter(({ writer }) => writer.records > 0)
    const records = full.reduce((sum, { writer }) => sum + writer.records, 0)
    const bytes =
      records === 0
        ? undefined
        : encodeInFlight(
            { checkpointId, operatorUid: this.#operatorUid },
            stages.map((sections) => sections.map(({ writer }) => writer)),
          )
    done.resolve({ bytes, records, from: [...new Set(full.map(({ channel }) => channel.from))] })
  }

  #giveUpRecording(): void {
    const recording = this.#recording
    if (recording === undefined) return
    this.#recording = undefined
    for (let channel = 0; channel < this.readers.length; channel++) this.#letGo(channel)
    recording.done.reject(
      new MillraceError(
        'CHECKPOINT_DECLINED',
        `Checkpoint ${recording.checkpointId} was given up before its barriers came`,
      ),
    )
  }
}

function sectionOf(channel: InFlightChannel, elements: readonly InFlightElement[]): Section {
  const writer = new InFlightSectionWriter(channel)
  for (const element of elements) writer.add(element)
  return { channel, writer }
}
