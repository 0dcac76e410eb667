/** What all tables of a store on the disk share: their entries are in an `EntryStore`, by map and key. */
import type { TableDescriptor, TableUsage } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { TableDrops } from '../table-drops.ts'
import { TableExpiry } from '../table-expiry.ts'
import type { SnapshotTable } from '../table-snapshot.ts'
import type { BackendTable, CurrentKey } from '../table-state-backend.ts'
import type { Entry } from './entry-cache.ts'
import type { EntryStore } from './entry-store.ts'
import type { MapOwner, RecordMap } from './record-map.ts'

/** The key that tables work on. */
export interface StoreKey extends CurrentKey {
  /** Its hash, mixed. */
  mixed: number
}

/** What a table has of its backend. */
export interface TableHome {
  readonly store: EntryStore
  readonly current: StoreKey
  /** First key group of the backend and how many it has. */
  readonly firstGroup: number
  readonly groupCount: number
}

export abstract class StoreTable implements BackendTable, MapOwner, SnapshotTable {
  readonly number: number
  readonly home: TableHome
  /** Of a value, in refusals. */
  readonly valueName: string
  /** Live entries. */
  entryCount = 0
  readonly drops: TableDrops
  /** What a record of an entry takes, on average of those written last. */
  recordBytes = 0
  /** Keys looked up since `expectKeys`. */
  protected lookUps = 0
  #expectedKeys = 0
  #descriptor: TableDescriptor
  /** Only with a time to live. */
  protected expiry: TableExpiry | undefined
  /** Entries were restored that have no time of writing, though there is a time to live. */
  #hasUnknownTimes = false

  constructor(descriptor: TableDescriptor, number: number, home: TableHome) {
    this.#descriptor = descriptor
    if (descriptor.ttlMs !== undefined) this.expiry = new TableExpiry(descriptor.ttlMs, descriptor, false)
    this.number = number
    this.home = home
    this.drops = new TableDrops(home.firstGroup)
    this.valueName = `state "${descriptor.name}"`
  }

  /** The inner map of a number, also one that was taken out and is still in a snapshot; for −1 the map of all keys. */
  abstract mapAt(inner: number): RecordMap | undefined
  /** The map of an outer key and group, as the table would use it now; for tables without inner maps the map of all keys. */
  abstract mapFor(outerKey: unknown, keyGroup: number): RecordMap
  /** A map has its first place, and has none any more, deleted ones included. */
  abstract onFirst(map: RecordMap): void
  abstract onEmptied(map: RecordMap): void
  abstract restoreEntry(keyGroup: number, entry: RestoredEntry): void
  /** Where the next keys will be looked up, as far as that can be guessed. */
  protected abstract readonly likelyMap: RecordMap | undefined

  /** All maps with entries, as far as they are known. */
  abstract liveMaps(): Iterable<RecordMap>

  /** As declared, or as stored while it is not declared. */
  get descriptor(): TableDescriptor {
    return this.#descriptor
  }

  /**
   * The job has the table, in this form. Entries whose time of writing is not known, because there was no time to live then, count as
   * written now; the next delta says so.
   */
  declare(descriptor: TableDescriptor): void {
    const { ttlMs } = descriptor
    const { expiry } = this
    this.#descriptor = descriptor
    if (ttlMs === undefined) {
      this.expiry = undefined
    } else if (expiry?.ttlMs === ttlMs && !this.#hasUnknownTimes) {
      this.expiry = new TableExpiry(ttlMs, descriptor, true, expiry.times)
    } else {
      this.expiry = new TableExpiry(ttlMs, descriptor, true)
      this.#hasUnknownTimes = false
      if (this.entryCount > 0) this.#noteTimes()
    }
  }

  get usage(): TableUsage {
    const { operatorUid, name } = this.#descriptor
    const usage = { operatorUid, name, entries: this.entryCount, bytesEstimate: this.#bytesOf(this.entryCount) }
    if (this.expiry === undefined) return usage
    const expired = this.expiry.usage(this.home.store.now(), this.entryCount, (entries) => this.#bytesOf(entries))
    return { ...usage, ...expired }
  }

  /** When a walk that removes what has expired is worth it; `undefined` for never. */
  get walkDueMs(): number | undefined {
    return this.expiry?.walkDueMs
  }

  onExpiryWalk(): void {
    this.expiry?.onWalk(this.home.store.now())
  }

  noteWritten(writtenAtMs: number | undefined): void {
    if (this.expiry === undefined) return
    if (writtenAtMs === undefined) this.#hasUnknownTimes = true
    else this.expiry.times.add(writtenAtMs)
  }

  noteGone(writtenAtMs: number | undefined): void {
    if (writtenAtMs !== undefined) this.expiry?.times.remove(writtenAtMs)
  }

  /** Removes a live entry if it has expired, or what of it has; true when something was removed. */
  removeExpired(entry: Entry): boolean {
    if (!this.hasExpired(entry.writtenAtMs)) return false
    this.home.store.erase(entry)
    return true
  }

  /** Whether nothing of an entry, as it was at `nowMs`, needs to be in a base. */
  isLeftOut(_value: unknown, writtenAtMs: number, nowMs: number): boolean {
    const { expiry } = this
    return expiry?.isDeclared === true && expiry.isOver(writtenAtMs, nowMs)
  }

  /** When the elements of a value were written, where they have times of their own. */
  elementTimesMs(_value: unknown): readonly number[] | undefined {
    return undefined
  }

  /** The value as it is stored in segments, from that of an entry. */
  storedValue(value: unknown): unknown {
    return value
  }

  recordValue(value: unknown): unknown {
    return this.storedValue(value)
  }

  loadedValue(value: unknown): unknown {
    return value
  }

  /** What the table keeps for snapshots that are over, and for the store. */
  onViewClosed(): void {}
  onCleared(_map: RecordMap): void {}

  /** Fetches the entries of keys together, unless the table is not asked for most keys. */
  expectKeys(hashes: readonly number[], from: number, to: number): void {
    const isAsked = this.lookUps * 2 >= this.#expectedKeys
    this.lookUps = 0
    this.#expectedKeys = to - from
    if (isAsked && this.likelyMap !== undefined) this.home.store.prefetch(this.likelyMap, hashes, from, to)
  }

  /** Whether there is a value that has not expired; removes one that has. */
  protected isVisible(entry: Entry | undefined): entry is Entry {
    if (entry === undefined || !entry.isLive) return false
    return this.expiry === undefined || !this.removeExpired(entry)
  }

  /** Whether a read would give a value; what has expired and may not be given is removed. */
  protected isReadable(entry: Entry | undefined): entry is Entry {
    if (this.expiry?.returnsExpired === true) return entry?.isLive === true
    return this.isVisible(entry)
  }

  /** The value as a read gives it, with all that a read does about expiry. */
  protected read(entry: Entry | undefined): unknown {
    if (entry === undefined || !entry.isLive) return undefined
    const { value } = entry
    if (this.expiry === undefined) return value
    if (this.hasExpired(entry.writtenAtMs)) {
      this.home.store.erase(entry)
      return this.expiry.returnsExpired ? value : undefined
    }
    if (this.expiry.renewsOnRead) this.renew(entry)
    return value
  }

  /** Begins the time of a live entry anew, which is a change. */
  protected renew(entry: Entry): void {
    if (entry.writtenAtMs === this.home.store.now()) return
    this.setWrittenAt(entry, this.home.store.now())
    this.home.store.touch(entry)
  }

  hasExpired(writtenAtMs: number | undefined): boolean {
    return writtenAtMs !== undefined && this.expiry?.isOver(writtenAtMs, this.home.store.now()) === true
  }

  /** Of a live entry. */
  protected setWrittenAt(entry: Entry, timeMs: number): void {
    this.noteGone(entry.writtenAtMs)
    entry.writtenAtMs = timeMs
    this.noteWritten(timeMs)
  }

  /** A restored value counts as written now. */
  protected onTimeUnknown(_value: unknown, _nowMs: number): void {}

  /** The time of a write that happens now. */
  protected writingTime(): number | undefined {
    return this.descriptor.ttlMs === undefined ? undefined : this.home.store.now()
  }

  #noteTimes(): void {
    const { store } = this.home
    const walk = store.walkTable(this, () => true)
    while (!walk.isDone) {
      const entry = walk.next()
      if (entry === undefined) continue
      if (entry.writtenAtMs === undefined) {
        entry.writtenAtMs = store.now()
        this.onTimeUnknown(entry.value, store.now())
        store.touch(entry)
      }
      this.noteWritten(entry.writtenAtMs)
    }
  }

  #bytesOf(entries: number): number {
    return Math.round(entries * this.recordBytes)
  }
}
