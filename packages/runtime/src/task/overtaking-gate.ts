/**
 * The inputs of a task whose barriers may overtake data in flight (decision 0054). When one does, the gate takes everything
 * up to that barrier out of the pending channels, whether or not the task can work, encodes it for the snapshot and keeps it
 * for the task, which works it off in the same order as if it were still in the channel. The task may put back what it has taken and
 * not begun. Restored data in flight comes before anything else.
 *
 * Invariants: what is recorded for a checkpoint is exactly what the task has not taken yet and what comes before the barrier;
 * within a channel nothing changes places; while it keeps something of a channel it holds that channel back, so that it records
 * no more than the channel and its sender held when the barrier came by; it reads ahead only while it keeps less than its
 * budget, and beyond that as fast as the task works off (decision 0066). Where something cannot be stored the checkpoint is declined,
 * and barriers are aligned until one is complete (decision 0069).
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
  type RecordBatch,
  type StreamElement,
  standingOf,
} from '@millrace/core'
import { InputGate } from './input-gate.ts'
import { KeptElements } from './kept-elements.ts'

/** Elements that are taken out of channels before the task gets its turn. */
const RECORD_ELEMENTS_MAX = 64
/**
 * Encoded data in flight of one subtask and checkpoint, which are in memory until they are stored: far more than channels
 * hold, unless calls of user code emitted much at once.
 */
const IN_FLIGHT_BYTES_MAX = 256 * 1024 * 1024
/** What follows when data in flight cannot be stored. */
const ALIGNED_NEXT = 'barriers are aligned there until a checkpoint is complete'
/** `lastChannel` while restored data in flight is worked off: its watermarks are merged already. */
export const RESTORED_CHANNEL = -1

export interface RecordedInFlight {
  /** `undefined`: there were no records. */
  readonly bytes: Uint8Array | undefined
  readonly records: number
  /** Uids of the steps that sent records. */
  readonly from: readonly string[]
}

export interface OvertakingGateOptions {
  /** By reader. */
  readonly channels: readonly InFlightChannel[]
  /** The first operator of the task. */
  readonly operatorUid: string
  readonly mode: CheckpointMode
  readonly overtaking: Overtaking | undefined
  /** Restored data in flight. */
  readonly replay: InFlightReplay | undefined
  /** Elements are taken out of channels ahead of the task only while those that are kept are less than this, as channels count bytes. */
  readonly readAheadBytesMax: number
  /** Of one checkpoint; default 256 MiB. */
  readonly inFlightBytesMax?: number
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

export class OvertakingGate extends InputGate {
  readonly #options: OvertakingGateOptions
  readonly #announcedIds: number[]
  /** By channel. */
  readonly #kept: readonly KeptElements[]
  #keptBytes = 0
  #replay: InFlightReplay | undefined
  #recording: Recording | undefined
  /** Encoded so far for the recording. */
  #recordedBytes = 0

  constructor(readers: readonly ChannelReader[], options: OvertakingGateOptions) {
    super(readers, options.mode, options.overtaking)
    this.#options = options
    this.#announcedIds = readers.map(() => 0)
    this.#kept = readers.map(() => new KeptElements())
    this.#replay = options.replay
  }

  override poll(): StreamElement | undefined {
    this.isRepeated = false
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

  /** Restored batches are worked off as a whole. */
  get mayPutBack(): boolean {
    return this.lastChannel !== RESTORED_CHANNEL
  }

  /** The rest of the batch that `poll` gave last, for which a barrier does not wait: it comes again, before all else of its channel. */
  putBack(batch: RecordBatch): void {
    const channel = this.lastChannel
    // What a batch takes is not known any more; that much the budget may be passed by.
    ;(this.#kept[channel] as KeptElements).putBack({ element: { kind: 'batch', batch }, bytes: 0, isRepeated: true })
    ;(this.readers[channel] as ChannelReader).holdBack(true)
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
   * flight. Resolves when all of these barriers have come; rejects when the checkpoint is given up, or when something in
   * flight cannot be stored.
   */
  beginRecording(barrier: CheckpointBarrier, pending: readonly number[]): Promise<RecordedInFlight> {
    const { checkpointId } = barrier
    this.#giveUpRecording()
    const done = Promise.withResolvers<RecordedInFlight>()
    // Whoever began it hears of a rejection; it may be given up before anybody waits.
    done.promise.catch(() => {})
    this.#recordedBytes = 0
    try {
      const restored = (this.#replay?.rest() ?? []).map((stage) =>
        stage.map((section) => this.#sectionOf(checkpointId, section, section.elements)),
      )
      const own = this.#options.channels.map((channel, index) => {
        const kept = (this.#kept[index] as KeptElements).elements()
        return this.#sectionOf(checkpointId, channel, [...standingOf(this.merge.inputOf(index)), ...kept])
      })
      const open = own.map(({ writer }, index) => (pending.includes(index) ? writer : undefined))
      this.#recording = { checkpointId, stages: [...restored, own], open, done }
    } catch (error) {
      this.alignment.onUnstorable(checkpointId)
      done.reject(error)
      return done.promise
    }
    for (const channel of pending) (this.readers[channel] as ChannelReader).holdBack(true)
    this.#finishRecording()
    return done.promise
  }

  /** Takes out of the pending channels what is there and may be kept, a bounded piece; true when there was something. */
  record(): boolean {
    const recording = this.#recording
    if (recording === undefined) return false
    let left = RECORD_ELEMENTS_MAX
    for (let channel = 0; channel < this.readers.length; channel++) {
      while (left > 0 && this.#mayReadAhead && this.#recording === recording) {
        const section = recording.open[channel]
        if (section === undefined || !this.#recordNext(recording, channel, section)) break
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

  get #mayReadAhead(): boolean {
    return this.#keptBytes < this.#options.readAheadBytesMax
  }

  #takeKept(channel: number): InFlightElement | undefined {
    const kept = (this.#kept[channel] as KeptElements).take()
    if (kept === undefined) return undefined
    this.#keptBytes -= kept.bytes
    this.isRepeated = kept.isRepeated === true
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
      const bytes = reader.readBytes - readBefore
      this.#keptBytes += bytes
      ;(this.#kept[channel] as KeptElements).add({ element, bytes })
      try {
        this.#add(recording.checkpointId, this.#options.channels[channel] as InFlightChannel, section, element)
      } catch (error) {
        // What was taken out stays to be worked off: only the checkpoint is given up.
        this.alignment.onUnstorable(recording.checkpointId)
        this.#giveUpRecording(error)
      }
    } else if (element.checkpointId >= recording.checkpointId) {
      recording.open[channel] = undefined
      this.#letGo(channel)
    }
    // A barrier of a checkpoint before was given up.
    return true
  }

  #letGo(channel: number): void {
    const isOpen = this.#recording?.open[channel] !== undefined
    if (!isOpen && this.#kept[channel]?.isEmpty === true) (this.readers[channel] as ChannelReader).holdBack(false)
  }

  #finishRecording(): void {
    const recording = this.#recording
    if (recording === undefined || recording.open.some((section) => section !== undefined)) return
    this.#recording = undefined
    const { checkpointId, stages, done } = recording
    const { operatorUid } = this.#options
    const full = stages.flat().filter(({ writer }) => writer.records > 0)
    const records = full.reduce((sum, { writer }) => sum + writer.records, 0)
    const bytes =
      records === 0
        ? undefined
        : encodeInFlight(
            { checkpointId, operatorUid },
            stages.map((sections) => sections.map(({ writer }) => writer)),
          )
    done.resolve({ bytes, records, from: [...new Set(full.map(({ channel }) => channel.from))] })
  }

  /** `reason`: other than that a newer checkpoint came, or the coordinator gave it up. */
  #giveUpRecording(reason?: unknown): void {
    const recording = this.#recording
    if (recording === undefined) return
    this.#recording = undefined
    for (let channel = 0; channel < this.readers.length; channel++) this.#letGo(channel)
    recording.done.reject(reason ?? declined(recording.checkpointId))
  }

  #sectionOf(checkpointId: CheckpointId, channel: InFlightChannel, elements: readonly InFlightElement[]): Section {
    const writer = new InFlightSectionWriter(channel)
    for (const element of elements) this.#add(checkpointId, channel, writer, element)
    return { channel, writer }
  }

  /** Throws what says of which channel something cannot be stored. */
  #add(
    checkpointId: CheckpointId,
    channel: InFlightChannel,
    writer: InFlightSectionWriter,
    element: InFlightElement,
  ): void {
    const { operatorUid, inFlightBytesMax = IN_FLIGHT_BYTES_MAX } = this.#options
    const lengthBefore = writer.lengthBytes
    try {
      writer.add(element)
    } catch (cause) {
      throw notEncodable(checkpointId, channel, operatorUid, cause)
    }
    this.#recordedBytes += writer.lengthBytes - lengthBefore
    if (this.#recordedBytes > inFlightBytesMax) throw tooMuch(checkpointId, channel, operatorUid, inFlightBytesMax)
  }
}

function declined(checkpointId: CheckpointId): MillraceError {
  return new MillraceError('CHECKPOINT_DECLINED', `Checkpoint ${checkpointId} was given up before its barriers came`)
}

function notEncodable(
  checkpointId: CheckpointId,
  { from, fromSubtask }: InFlightChannel,
  operatorUid: string,
  cause: unknown,
): MillraceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MillraceError(
    'CHECKPOINT_DECLINED',
    `A record in flight from "${from}" (subtask ${fromSubtask}) to "${operatorUid}" cannot be stored, and ${ALIGNED_NEXT}: ${reason}`,
    {
      details: { checkpointId, operator: operatorUid, from, fromSubtask },
      hint: 'Do not change records after they were sent, or take checkpoints with aligned barriers.',
      cause,
    },
  )
}

function tooMuch(
  checkpointId: CheckpointId,
  { from, fromSubtask }: InFlightChannel,
  operatorUid: string,
  bytesMax: number,
): MillraceError {
  return new MillraceError(
    'CHECKPOINT_DECLINED',
    `More than ${bytesMax} bytes are in flight to "${operatorUid}", the last of them from "${from}" (subtask ${fromSubtask}): ${ALIGNED_NEXT}`,
    {
      details: { checkpointId, operator: operatorUid, from, fromSubtask, bytesMax },
      hint: 'Emit less in one call, lower taskmanager.memory.max-segment-size, or take checkpoints with aligned barriers.',
    },
  )
}
