/**
 * Data in flight: what was on its way to one subtask when a barrier overtook it. It is kept by channel, since only within
 * one there is an order, and each channel's part says first how far the channel was in event time.
 *
 * What is restored and not yet worked off when the next barrier overtakes comes before what is in the channels by then.
 * Hence the stages: all of one is worked off before the next.
 */
import { NO_TIMESTAMP, type RecordBatch } from '../batch/record-batch.ts'
import type { CheckpointBarrier, StreamElement } from '../channel/stream-element.ts'
import { keyGroupOfHash, keyGroupRange } from '../key/key-group.ts'

/** Barriers are never in flight: each belongs to the checkpoint that it overtook for, or to one that was given up. */
export type InFlightElement = Exclude<StreamElement, CheckpointBarrier>

export interface InFlightChannel {
  /** Uid of the step that sent it. */
  readonly from: string
  readonly fromSubtask: number
  /** Its records go by key group; others may be worked off anywhere. */
  readonly isKeyed: boolean
}

export interface InFlightSection extends InFlightChannel {
  readonly elements: readonly InFlightElement[]
}

export type InFlightStage = readonly InFlightSection[]

/** What an input says so that whoever begins with it is where it was. */
export function standingOf(input: {
  readonly watermark: number
  readonly isIdle: boolean
  readonly isEnded: boolean
}): readonly InFlightElement[] {
  const elements: InFlightElement[] = []
  if (input.watermark !== NO_TIMESTAMP) elements.push({ kind: 'watermark', timestamp: input.watermark })
  if (input.isIdle) elements.push({ kind: 'status', idle: true })
  if (input.isEnded) elements.push({ kind: 'end' })
  return elements
}

export interface InFlightReceiver {
  readonly subtask: number
  readonly parallelism: number
  readonly maxParallelism: number
}

/** Whether a subtask has to look into the data in flight of subtask `old` among `oldParallelism`. */
export function takesInFlightOf(old: number, oldParallelism: number, receiver: InFlightReceiver): boolean {
  if (old % receiver.parallelism === receiver.subtask) return true
  const before = keyGroupRange(old, oldParallelism, receiver.maxParallelism)
  const now = keyGroupRange(receiver.subtask, receiver.parallelism, receiver.maxParallelism)
  return before.first <= now.last && now.first <= before.last
}

/**
 * The part of subtask `old`'s data in flight that a subtask works off: keyed records of its key groups, and all others of
 * every so manieth subtask. Watermarks are with every part.
 */
export function selectInFlight(
  stages: readonly InFlightStage[],
  old: number,
  receiver: InFlightReceiver,
): readonly InFlightStage[] {
  const { first, last } = keyGroupRange(receiver.subtask, receiver.parallelism, receiver.maxParallelism)
  const isOwn = old % receiver.parallelism === receiver.subtask
  return stages.map((stage) =>
    stage.flatMap((section): readonly InFlightSection[] => {
      if (!section.isKeyed) return isOwn ? [section] : []
      const elements = section.elements.flatMap((element): readonly InFlightElement[] => {
        if (element.kind !== 'batch') return [element]
        const batch = recordsOfGroups(element.batch, first, last, receiver.maxParallelism)
        return batch.records.length === 0 ? [] : [{ kind: 'batch', batch }]
      })
      return [{ ...section, elements }]
    }),
  )
}

/** Stage by stage: what several subtasks had in flight, for one. */
export function joinInFlight(parts: readonly (readonly InFlightStage[])[]): readonly InFlightStage[] {
  const count = parts.reduce((most, stages) => Math.max(most, stages.length), 0)
  return Array.from({ length: count }, (_, stage) => parts.flatMap((stages) => stages[stage] ?? []))
}

export function countRecords(stages: readonly InFlightStage[]): number {
  let records = 0
  for (const stage of stages) {
    for (const { elements } of stage) {
      for (const element of elements) if (element.kind === 'batch') records += element.batch.records.length
    }
  }
  return records
}

/** The furthest that working it off may bring event time; what has ended holds nothing back and brings nothing. */
export function latestWatermark(stages: readonly InFlightStage[]): number {
  let latest = NO_TIMESTAMP
  for (const stage of stages) {
    for (const { elements } of stage) {
      if (elements.some(({ kind }) => kind === 'end')) continue
      for (const element of elements) {
        if (element.kind === 'watermark' && element.timestamp > latest) latest = element.timestamp
      }
    }
  }
  return latest
}

function recordsOfGroups(batch: RecordBatch, first: number, last: number, maxParallelism: number): RecordBatch {
  const { records, timestamps, keyHashes = [], accumulators } = batch
  const kept: number[] = []
  for (let i = 0; i < records.length; i++) {
    const group = keyGroupOfHash(keyHashes[i] as number, maxParallelism)
    if (group >= first && group <= last) kept.push(i)
  }
  if (kept.length === records.length) return batch
  const pick = <T>(column: readonly T[]): T[] => kept.map((i) => column[i] as T)
  return {
    records: pick(records),
    timestamps: pick(timestamps),
    keyHashes: pick(keyHashes),
    ...(accumulators === undefined ? {} : { accumulators: accumulators.map(pick) }),
  }
}
