/**
 * Which entries a delta must hold. Time is cut into epochs, one per snapshot begun; every entry carries the epoch of
 * its last change, and a delta holds what has changed since the epoch of the last completed snapshot. An aborted
 * snapshot therefore needs nothing: its changes are still newer than the last completed one.
 *
 * Invariant: while a snapshot is open, an entry that belongs to it and is not yet encoded is encoded before it is
 * changed or handed out.
 */
import { atOf, type EntryMap } from './entry-map.ts'

/** The snapshot that is being encoded. */
export interface OpenSnapshot {
  /** Its deltas hold what is newer than this. */
  readonly completedEpoch: number
  /** Encodes the entry now, if it belongs to the snapshot and has not been encoded. */
  capture(map: EntryMap, row: number): void
  /** A map has left its table; what the snapshot still needs of it is to be encoded from there. */
  keep(map: EntryMap): void
}

export class ChangeTracker {
  /** The current epoch. Restored entries are of epoch 0. */
  epoch = 1
  /** Changes up to and including this epoch are in a completed snapshot. */
  completedEpoch = 0
  /** What was created later is in no snapshot that is complete or may become so. */
  knownEpoch = 0
  open: OpenSnapshot | undefined

  /** No delta asks for changes up to this epoch any more; one that is being encoded may ask for older ones than the next. */
  get settledEpoch(): number {
    return this.open?.completedEpoch ?? this.completedEpoch
  }

  /** Before the value of an entry is handed out: accumulators are changed in place. */
  beforeRead(map: EntryMap, row: number): void {
    if (this.open !== undefined) this.open.capture(map, row)
  }

  beforeChange(map: EntryMap, row: number): void {
    const part = map.partOf(row)
    const at = atOf(row)
    if (part.changed(at) === this.epoch) return
    if (this.open !== undefined) this.open.capture(map, row)
    part.setChanged(at, this.epoch, this.settledEpoch)
    this.onChangeWithin(map)
  }

  /** Something in an inner map has changed or come. */
  onChangeWithin({ parent }: EntryMap): void {
    if (parent === undefined) return
    parent.map.partOf(parent.row).setChanged(atOf(parent.row), this.epoch, this.settledEpoch)
  }
}
