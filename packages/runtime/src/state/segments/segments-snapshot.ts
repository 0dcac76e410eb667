/**
 * One snapshot of the segment store: the records that were alive when it began, in the order of the log. The view of the log
 * is what fixes them: changes are appended behind it.
 *
 * For a delta files without changes after the last completed snapshot are not read. Entries may stand in any order, because each
 * has one record in the view.
 */
import { type StorePlan, StoreSnapshot } from '../store/store-snapshot.ts'
import type { LogEntryStore } from './log-entry-store.ts'
import { LogScan } from './log-scan.ts'
import type { LogFile } from './record-log.ts'

interface ViewedFile {
  readonly file: LogFile
  readonly endBytes: number
}

export class SegmentsSnapshot extends StoreSnapshot {
  readonly #store: LogEntryStore
  readonly #files: readonly ViewedFile[]

  constructor(plan: StorePlan, store: LogEntryStore) {
    super(plan)
    this.#store = store
    const { completedEpoch } = this.bounds
    const hasBase = this.parts.some(({ isBase }) => isBase.includes(1))
    this.#files = [...store.log.files()]
      .filter((file) => file.fixedBytes > 0 && (hasBase || file.epochMax > completedEpoch || file.tombstones > 0))
      .map((file) => ({ file, endBytes: file.fixedBytes }))
  }

  protected override *encodeEntries(): Generator<void> {
    const scan = new LogScan()
    for (const { file, endBytes } of this.#files) {
      scan.begin(file, 0, endBytes)
      while (scan.next()) {
        if (this.isStepOver()) yield
        this.#visit(scan, this.#store.log.positionIn(file, scan.recordAtBytes))
      }
    }
  }

  #visit(scan: LogScan, position: number): void {
    const { record } = scan
    const { completedEpoch, firstGroup } = this.bounds
    const place = this.placeOf(record.table)
    if (place === undefined) return
    const group = record.keyGroup - firstGroup
    const isBase = place.part.isBase[group] === 1
    const isNew = record.epoch > completedEpoch
    if (!isNew && !isBase && !record.isTombstone) return
    const store = this.#store
    const isPinned = store.log.isPinned(position)
    const inIndex = isPinned ? -1 : store.placeOf(record, position)
    // What is left of a map that was removed before has its places still.
    if (!isPinned && (inIndex < 0 || store.mapOf(record)?.isGoneIn(this.bounds.epoch) === true)) return
    if (record.isTombstone && !isNew) {
      if (inIndex >= 0) store.purge(record, position, inIndex)
      return
    }
    if (record.isTombstone && isBase) return
    const { key, value } = store.decode(place.table, record, scan.bytes, scan.bodyAt)
    const outerKey = store.mapOf(record)?.outerKey
    if (record.isTombstone) this.deleteEntry(place, group, outerKey, key)
    else this.putEntry(place, group, { outerKey, key, value, writtenAtMs: record.writtenAtMs })
  }
}
