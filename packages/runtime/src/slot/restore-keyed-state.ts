/**
 * Reads the key groups of one task into its backend. A few megabytes of segments are read at a time, in as few reads as
 * that takes, and the next ones while these are decoded; slots do so side by side, each for the groups that it has.
 *
 * Invariant: no more than two such portions are in memory, whatever the state's size. A group is read from its newest segment to its base,
 * so that of what deltas say nothing is kept but keys (`NewerEntries`), those of one group at a time. State of another form is converted
 * on the way, a segment at a time.
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
import { GroupConversion, type OperatorConversions } from '../state/converted-group.ts'

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

/** One segment of a key group. */
interface Part {
  readonly operatorUid: string
  readonly snapshot: KeyGroupSnapshot
  readonly segment: SegmentRef
  /** Of those of its group, as they are read. */
  readonly isFirst: boolean
  readonly isLast: boolean
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
  const portions = portionsOf(groups)
  const asStored = new Map<string, KeyGroupSnapshot[]>(Object.keys(groups).map((uid) => [uid, []]))
  let { bytes, keyGroups, readMs, decodeMs } = NOTHING_RESTORED
  let reading = readPortion(storage, portions[0])
  let newer = new NewerEntries()
  let conversion: GroupConversion | undefined
  for (const [index, portion] of portions.entries()) {
    const waitsFrom = clock.monotonicMs()
    const read = await reading
    reading = readPortion(storage, portions[index + 1])
    const decodesFrom = clock.monotonicMs()
    readMs += decodesFrom - waitsFrom
    let at = 0
    for (const { operatorUid, snapshot, segment, isFirst, isLast } of portion) {
      const { keyGroup } = snapshot
      if (isFirst) {
        newer = new NewerEntries()
        conversion = beginConversion(keyGroup, operatorUid, conversions.get(operatorUid))
        keyGroups++
      }
      const stored = { ref: segment, bytes: read[at++] as Uint8Array }
      // Converted segments are bases, of which each has keys that no other one has.
      const restored = conversion?.convert(stored) ?? stored
      backend.restore(keyGroup, operatorUid, [restored], newer)
      bytes += segment.lengthBytes
      if (isLast && conversion?.hasChanged !== true) asStored.get(operatorUid)?.push(snapshot)
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
  const reading = storage.readSegments(portion.map(({ segment }) => segment))
  // Awaited when its turn comes, unless decoding fails before.
  reading.catch(() => {})
  return reading
}

/** Parts in the order of their groups, in which they lie in files, cut where a portion is full. */
function portionsOf(groups: Readonly<Record<string, readonly KeyGroupSnapshot[]>>): readonly (readonly Part[])[] {
  const portions: Part[][] = []
  let open: Part[] = []
  let openBytes = 0
  for (const [operatorUid, snapshots] of Object.entries(groups)) {
    for (const part of snapshots.flatMap((snapshot) => partsOf(operatorUid, snapshot))) {
      const { lengthBytes } = part.segment
      if (open.length > 0 && openBytes + lengthBytes > PORTION_BYTES) {
        portions.push(open)
        open = []
        openBytes = 0
      }
      open.push(part)
      openBytes += lengthBytes
    }
  }
  if (open.length > 0) portions.push(open)
  return portions
}

function partsOf(operatorUid: string, snapshot: KeyGroupSnapshot): readonly Part[] {
  const segments = snapshot.segments.toReversed()
  const last = segments.length - 1
  return segments.map((segment, index) => ({
    operatorUid,
    snapshot,
    segment,
    isFirst: index === 0,
    isLast: index === last,
  }))
}

function beginConversion(
  keyGroup: number,
  operatorUid: string,
  conversions: OperatorConversions | undefined,
): GroupConversion | undefined {
  if (conversions === undefined || conversions.size === 0) return undefined
  return new GroupConversion(keyGroup, operatorUid, conversions)
}
