/**
 * Reads the key groups of one task into its backend. A few megabytes of segments are read at a time, in as few reads as
 * that takes, and the next ones while these are decoded; slots do so side by side, each for the groups that it has.
 *
 * Invariant: no more than two such portions are in memory, whatever the state's size; a group reaches the backend as a
 * whole.
 */
import type { KeyedStateBackend, KeyGroupSnapshot, SegmentRef } from '@millrace/core'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import type { Clock } from '../clock/clock.ts'

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

interface Group {
  readonly operatorUid: string
  readonly keyGroup: number
  readonly segments: readonly SegmentRef[]
}

/** Throws what reading (`CHECKPOINT_DAMAGED`) or the backend (`BYTES_DAMAGED`, `STATE_MISREAD`) throws. */
export async function restoreKeyedState(
  groups: Readonly<Record<string, readonly KeyGroupSnapshot[]>>,
  storage: CheckpointStorage,
  backend: KeyedStateBackend,
  clock: Clock,
): Promise<RestoreMeasures> {
  const portions = portionsOf(groups)
  let { bytes, keyGroups, readMs, decodeMs } = NOTHING_RESTORED
  let reading = readPortion(storage, portions[0])
  for (const [index, portion] of portions.entries()) {
    const waitsFrom = clock.monotonicMs()
    const read = await reading
    reading = readPortion(storage, portions[index + 1])
    const decodesFrom = clock.monotonicMs()
    readMs += decodesFrom - waitsFrom
    let at = 0
    for (const { operatorUid, keyGroup, segments } of portion) {
      const restored = segments.map((ref) => ({ ref, bytes: read[at++] as Uint8Array }))
      backend.restore(keyGroup, operatorUid, restored)
      for (const { lengthBytes } of segments) bytes += lengthBytes
      keyGroups++
    }
    decodeMs += clock.monotonicMs() - decodesFrom
  }
  return { bytes, keyGroups, readMs, decodeMs }
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

function readPortion(storage: CheckpointStorage, portion: readonly Group[] = []): Promise<readonly Uint8Array[]> {
  const reading = storage.readSegments(portion.flatMap(({ segments }) => segments))
  // Awaited when its turn comes, unless decoding fails before.
  reading.catch(() => {})
  return reading
}

/** Groups in their order, in which they lie in files, cut where a portion is full. */
function portionsOf(groups: Readonly<Record<string, readonly KeyGroupSnapshot[]>>): readonly (readonly Group[])[] {
  const portions: Group[][] = []
  let open: Group[] = []
  let openBytes = 0
  for (const [operatorUid, snapshots] of Object.entries(groups)) {
    for (const { keyGroup, segments } of snapshots) {
      const bytes = segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
      if (open.length > 0 && openBytes + bytes > PORTION_BYTES) {
        portions.push(open)
        open = []
        openBytes = 0
      }
      open.push({ operatorUid, keyGroup, segments })
      openBytes += bytes
    }
  }
  if (open.length > 0) portions.push(open)
  return portions
}
