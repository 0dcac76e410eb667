/**
 * Reclaims the space of superseded records: what is alive in a file that is mostly dead is written once more, then the
 * file goes. It works in step with what is appended, so that the log stays within about twice what is alive, at a speed
 * that does not change. As long as it is smaller, files are left alone: the later one is cleaned, the less of it is alive.
 *
 * What records cost is owed when they are appended, and paid by the changes that come next, each for one record: so who appends (a
 * snapshot, perhaps) waits for nothing, and many records at once are paid for by as many changes.
 */
import { ByteWriter } from '@millrace/core'
import { RecordEncoder, type StoreRecord, UNIT_BYTES } from '../store/record-format.ts'
import { LogScan } from './log-scan.ts'
import type { LogFile, RecordLog } from './record-log.ts'

/** Files with a larger share of live records are left alone. */
const LIVE_SHARE_MAX = 0.5
/** Of all records: with more of them alive, nothing is cleaned. */
const LIVE_SHARE_WANTED = 0.55
const STEP_BYTES = 64 * 1024
/** So many times the bytes that were appended are read. */
const CLEANING_RATIO = 4

/** What the cleaner needs of the store whose log it cleans. */
export interface CleanedStore {
  readonly log: RecordLog
  /** The place that the index has for the record at a position, or −1 when the record is superseded. */
  placeOf(record: StoreRecord, position: number): number
  /** Takes out a record that the index has and nobody needs; false for any other. */
  dismiss(record: StoreRecord, position: number, place: number): boolean
  /** The record of an entry was copied to another position. */
  relocate(record: StoreRecord, from: number, place: number, to: number, file: LogFile): void
}

interface Moved {
  readonly record: StoreRecord
  readonly from: number
  readonly place: number
  readonly offset: number
}

/** The file with the least that is alive, when too much of the log is dead. Files without anything alive just wait for the end of a view. */
export function decideVictim<File extends Pick<LogFile, 'records' | 'live'>>(
  files: Iterable<File>,
  isActive: (file: File) => boolean,
): File | undefined {
  let victim: File | undefined
  let share = LIVE_SHARE_MAX
  let records = 0
  let live = 0
  for (const file of files) {
    if (file.live === 0) continue
    records += file.records
    live += file.live
    if (isActive(file) || file.live >= file.records * share) continue
    share = file.live / file.records
    victim = file
  }
  return live < records * LIVE_SHARE_WANTED ? victim : undefined
}

export class LogCleaner {
  readonly #store: CleanedStore
  readonly #scan = new LogScan()
  readonly #writer = new ByteWriter(STEP_BYTES * 2)
  readonly #encoder = new RecordEncoder(this.#writer)
  #victim: LogFile | undefined
  #nextAt = 0
  /** For records that were appended, and how many of them. */
  #owedBytes = 0
  #owedRecords = 0
  /** Of what was owed, to be read with the next step; below 0 when the last one read more than it had to. */
  #dueBytes = 0
  /** Of files that were gone through to take back their space. */
  cleanedBytes = 0

  constructor(store: CleanedStore) {
    this.#store = store
  }

  /** So many records were appended, which are so many bytes. */
  onAppended(records: number, bytes: number): void {
    this.#owedRecords += records
    this.#owedBytes += bytes * CLEANING_RATIO
  }

  /** An entry has changed, of which the log will get a record: cleans for one of those that it has got. */
  onChange(): void {
    if (this.#owedRecords === 0) return
    const part = this.#owedBytes / this.#owedRecords
    this.#owedBytes -= part
    this.#owedRecords--
    this.#dueBytes += part
    if (this.#dueBytes < STEP_BYTES && this.#owedRecords > 0) return
    while (this.#dueBytes > 0) {
      const victim = this.#chosen()
      if (victim === undefined) {
        this.#forgive()
        return
      }
      this.#dueBytes -= this.#step(victim)
    }
  }

  /** There is nothing to clean. */
  #forgive(): void {
    this.#owedRecords = 0
    this.#owedBytes = 0
    this.#dueBytes = 0
  }

  #chosen(): LogFile | undefined {
    const current = this.#victim
    if (current !== undefined && current.live > 0 && this.#nextAt < current.sizeBytes) return current
    const { log } = this.#store
    this.#victim = decideVictim(log.files(), (file) => log.isActive(file))
    this.#nextAt = 0
    return this.#victim
  }

  #step(victim: LogFile): number {
    const { log } = this.#store
    const scan = this.#scan
    const from = this.#nextAt
    const stepBytes = Math.min(STEP_BYTES, log.fileBytes / 4)
    const moved: Moved[] = []
    this.#writer.reset()
    scan.begin(victim, from, victim.sizeBytes)
    while (victim.live > 0 && scan.nextAtBytes - from < stepBytes && scan.next()) {
      const { record } = scan
      const position = log.positionIn(victim, scan.recordAtBytes)
      const place = this.#store.placeOf(record, position)
      if (place < 0 || this.#store.dismiss(record, position, place)) continue
      moved.push({ record: { ...record }, from: position, place, offset: this.#writer.position })
      this.#encoder.copy(scan.recordBytes)
    }
    this.#nextAt = scan.nextAtBytes
    if (moved.length > 0) {
      const { position, file } = log.append(this.#writer)
      for (const { record, from: earlier, place, offset } of moved) {
        this.#store.relocate(record, earlier, place, position + offset / UNIT_BYTES, file)
      }
    }
    this.cleanedBytes += this.#nextAt - from
    return this.#nextAt - from
  }
}
