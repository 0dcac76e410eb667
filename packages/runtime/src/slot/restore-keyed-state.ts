/**
 * Reads the key groups of one task into its backend. A few megabytes of segments are read at a time, in as few reads as
 * that takes, and the next ones while these are decoded; slots do so side by side, each for the groups that it has.
 *
 * Invariant: no more than two such portions are in memory, whatever the state's size. A group is read from its newest segment to its base,
 * so that of what deltas say nothing is kept but keys (`NewerEntries`), those of one group at a time. A group with state that is
 * converted reaches the backend as a whole, which is then a portion if it is larger than one.
 */
import {
  type KeyedStateBackend,
  type KeyGroupSnapshot,
  NewerEntries,
  type OperatorKeyGroups,
  type SegmentRef,
} from '@millrace/core'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import type { Clock } from '../clock/clock.ts'
import { convertGroup, type OperatorConversions } from '../state/converted-group.ts'

/** What a restore took. Times of several slots run side by side, so theirs are not to be added. */
export interface RestoreMeasures {
  readonly bytes: number
  readonly keyGroups: number
  /** Waited for the storage, with nothing to decode. */
  readonly readMs: number
  readonly decodeMs: number
}

export const NOTHING_RESTORED: RestoreMeasures = { bytes: 0, keyGroups: 0, readMs: 0, decodeMs: 0 }

const PORTION_BYTES = 8_388_608

/** What is read together: all segments of a key group, or one of them. */
interface Part {
  readonly operatorUid: string
  readonly snapshot: KeyGroupSnapshot
  readonly segments: readonly SegmentRef[]
  readonly isFirst: boolean
  readonly isWhole: boolean
}

export interface RestoreOptions {
  readonly storage: CheckpointStorage
  readonly backend: KeyedStateBackend
  readonly clock: Clock
  /** Of an operator, which of its states are stored in another form than the job declares. */
  conversionsOf(operatorUid: string): OperatorConversions
}

export interface RestoredState {
  readonly measures: RestoreMeasures
  /** The groups that the backend got as they are stored: deltas may build on their segments. */
  readonly asStored: readonly OperatorKeyGroups[]
}

/**
 * Throws what reading (`CHECKPOINT_DAMAGED`), converting (`STATE_MIGRATION_FAILED`, `STATE_INCOMPATIBLE`) or the backend
 * (`BYTES_DAMAGED`, `STATE_MISREAD`) throws.
 */
export async function restoreKeyedState(
  groups: Readonly<Record<string, readonly KeyGroupSnapshot[]>>,
  { storage, backend, clock, conversionsOf }: RestoreOptions,
): Promise<RestoredState> {
  const conversions = new Map(Object.keys(groups).map((uid) => [uid, conversionsOf(uid)]))
  const portions = portionsOf(groups, (uid) => (conversions.get(uid)?.size ?? 0) > 0)
  const asStored = new Map<string, KeyGroupSnapshot[]>(Object.keys(groups).map((uid) => [uid, []]))
  let { bytes, keyGroups, readMs, decodeMs } = NOTHING_RESTORED
  let reading = readPortion(storage, portions[0])
  let newer = new NewerEntries()
  for (const [index, portion] of portions.entries()) {
    const waitsFrom = clock.monotonicMs()
    const read = await reading
    reading = readPortion(storage, portions[index + 1])
    const decodesFrom = clock.monotonicMs()
    readMs += decodesFrom - waitsFrom
    let at = 0
    for (const { operatorUid, snapshot, segments, isFirst, isWhole } of portion) {
      const restored = segments.map((ref) => ({ ref, bytes: read[at++] as Uint8Array }))
      const converted = convertGroup(snapshot, operatorUid, restored, conversions.get(operatorUid) ?? new Map())
      if (isFirst) newer = new NewerEntries()
      const stored = converted === undefined ? restored : [converted]
      backend.restore(snapshot.keyGroup, operatorUid, stored, isWhole ? undefined : newer)
      for (const { lengthBytes } of segments) bytes += lengthBytes
      if (!isFirst) continue
      if (converted === undefined) asStored.get(operatorUid)?.push(snapshot)
      keyGroups++
    }
    decodeMs += clock.monotonicMs() - decodesFrom
  }
  return {
    measures: { bytes, keyGroups, readMs, decodeMs },
    asStored: [...asStored].map(([operatorUid, snapshots]) => ({ operatorUid, keyGroups: snapshots })),
  }
}

/** The whole of several restores that followed each other. */
export function sumOfRestores(measures: readonly RestoreMeasures[]): RestoreMeasures {
  return measures.reduce(
    (sum, each) => ({
      bytes: sum.bytes + each.bytes,
      keyGroups: sum.keyGroups + each.keyGroups,
      readMs: sum.readMs + each.readMs,
      decodeMs: sum.decodeMs + each.decodeMs,
    }),
    NOTHING_RESTORED,
  )
}

function readPortion(storage: CheckpointStorage, portion: readonly Part[] = []): Promise<readonly Uint8Array[]> {
  const reading = storage.readSegments(portion.flatMap(({ segments }) => segments))
  // Awaited when its turn comes, unless decoding fails before.
  reading.catch(() => {})
  return reading
}

/** Parts in the order of their groups, in which they lie in files, cut where a portion is full. */
function portionsOf(
  groups: Readonly<Record<string, readonly KeyGroupSnapshot[]>>,
  isConverted: (operatorUid: string) => boolean,
): readonly (readonly Part[])[] {
  const portions: Part[][] = []
  let open: Part[] = []
  let openBytes = 0
  for (const [operatorUid, snapshots] of Object.entries(groups)) {
    for (const part of snapshots.flatMap((snapshot) => partsOf(operatorUid, snapshot, isConverted(operatorUid)))) {
      const bytes = part.segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
      if (open.length > 0 && openBytes + bytes > PORTION_BYTES) {
        portions.push(open)
        open = []
        openBytes = 0
      }
      open.push(part)
      openBytes += bytes
    }
  }
  if (open.length > 0) portions.push(open)
  return portions
}

function partsOf(operatorUid: string, snapshot: KeyGroupSnapshot, isConverted: boolean): readonly Part[] {
  const { segments } = snapshot
  if (isConverted) return [{ operatorUid, snapshot, segments, isFirst: true, isWhole: true }]
  return segments
    .toReversed()
    .map((segment, index) => ({ operatorUid, snapshot, segments: [segment], isFirst: index === 0, isWhole: false }))
}
