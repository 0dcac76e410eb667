/**
 * What all heap tables share: writing, deleting and expiring entries under the rules of the change tracker. How a kind
 * of table arranges its entries is in the file of that kind.
 */
import type { SpareBuffers, TableDescriptor, TableUsage } from '@millrace/core'
import { estimateBytes } from '../bytes-estimate.ts'
import { hashEntryKey } from '../entry-hash.ts'
import type { RestoredEntry } from '../restored-group.ts'
import { TableDrops } from '../table-drops.ts'
import { TableExpiry } from '../table-expiry.ts'
import type { SnapshotTable } from '../table-snapshot.ts'
import type { BackendTable, CurrentKey } from '../table-state-backend.ts'
import type { ChangeTracker } from './change-tracker.ts'
import { atOf, EntryMap, type ParentEntry } from './entry-map.ts'
import type { EntryRows } from './entry-rows.ts'
import type { ForgottenTimes } from './forgotten-times.ts'

/** What a table has of its backend. */
export interface TableHome {
  readonly current: CurrentKey
  readonly tracker: ChangeTracker
  /** Memory of what was dropped, for what comes next. */
  readonly buffers: SpareBuffers
  /** First key group of the backend and how many it has. */
  readonly firstGroup: number
  readonly groupCount: number
  /** Of what was removed as a whole. */
  readonly forgotten: ForgottenTimes
  /** Wall clock, epoch ms, for the time to live. */
  now(): number
}

/** The key, and the user key of a map's entry or the namespace. */
export interface EntryAddress {
  readonly key: unknown
  readonly sub: unknown
}

const SAMPLE_MASK = 0xff

export abstract class HeapTable implements BackendTable, SnapshotTable {
  readonly home: TableHome
  /** All entries, those of all key groups; where `isNested`, they hold inner maps. */
  readonly map: EntryMap
  /** Live entries; those of inner maps, not the maps. */
  entryCount = 0
  readonly drops: TableDrops
  /** Only with a time to live. */
  protected expiry: TableExpiry | undefined
  #descriptor: TableDescriptor
  /** Keys looked up since `expectKeys`. */
  protected lookUps = 0
  #expectedKeys = 0
  #writes = 0
  #bytesPerEntry = 0

  constructor(descriptor: TableDescriptor, home: TableHome) {
    this.#descriptor = descriptor
    this.home = home
    this.drops = new TableDrops(home.firstGroup)
    this.map = new EntryMap(this, undefined, home.tracker.epoch)
    if (descriptor.ttlMs !== undefined) this.expiry = new TableExpiry(descriptor.ttlMs, descriptor, false)
  }

  abstract readonly isNested: boolean
  /** Where the next keys will be looked up, as far as that can be guessed. */
  protected abstract readonly likelyMap: EntryMap | undefined
  readonly hashOfRow: ((part: EntryRows, at: number) => number) | undefined = undefined
  abstract restoreEntry(keyGroup: number, entry: RestoredEntry): void
  /** The last entry of an inner map is gone, deleted ones too. */
  abstract onEmptied(map: EntryMap): void
  /** The value as it is stored. */
  storedValue(value: unknown): unknown {
    return value
  }

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
    } else if (expiry?.ttlMs === ttlMs) {
      this.expiry = new TableExpiry(ttlMs, descriptor, true, expiry.times)
    } else {
      this.expiry = new TableExpiry(ttlMs, descriptor, true)
      this.#noteTimes(this.map, this.expiry)
    }
  }

  get usage(): TableUsage {
    const { operatorUid, name } = this.#descriptor
    const usage = { operatorUid, name, entries: this.entryCount, bytesEstimate: this.#bytesOf(this.entryCount) }
    if (this.expiry === undefined) return usage
    return { ...usage, ...this.expiry.usage(this.home.now(), this.entryCount, (entries) => this.#bytesOf(entries)) }
  }

  /** When a walk that removes what has expired is worth it; `undefined` for never. */
  get walkDueMs(): number | undefined {
    return this.expiry?.walkDueMs
  }

  onExpiryWalk(): void {
    this.expiry?.onWalk(this.home.now())
  }

  /** Removes a live entry if it has expired, or what of it has; true when something was removed. */
  removeExpired(map: EntryMap, row: number): boolean {
    if (!this.hasExpired(map.partOf(row).writtenAtMs(atOf(row)))) return false
    this.erase(map, row)
    return true
  }

  /** Whether nothing of an entry, as it was at `nowMs`, needs to be in a base. */
  isLeftOut(_value: unknown, writtenAtMs: number, nowMs: number): boolean {
    const { expiry } = this
    return expiry?.isDeclared === true && expiry.isOver(writtenAtMs, nowMs)
  }

  /** Under what an entry is stored; its keys may be `NumbersAt`, until the map is asked for another. */
  addressOf(map: EntryMap, row: number): EntryAddress {
    const key = map.partOf(row).keyInPlace(atOf(row))
    return this.#descriptor.kind === 'map' ? { key: map.parent?.key, sub: key } : { key, sub: map.parent?.key }
  }

  /** When the elements of a value were written, where they have times of their own. */
  elementTimesMs(_value: unknown): readonly number[] | undefined {
    return undefined
  }

  /** `EntryMap.touch`, unless the table is not asked for most keys. */
  expectKeys(hashes: readonly number[], from: number, to: number): number {
    const isAsked = this.lookUps * 2 >= this.#expectedKeys
    this.lookUps = 0
    this.#expectedKeys = to - from
    return isAsked && this.likelyMap !== undefined ? this.likelyMap.touch(hashes, from, to) : 0
  }

  /** Takes a deletion that is part of a completed snapshot out of memory. */
  purge(map: EntryMap, row: number): void {
    map.erase(row)
    if (map.parent !== undefined && map.live === 0 && map.deleted === 0 && !map.detached) this.onEmptied(map)
  }

  /** Whether there is a value in a row (−1 for none) that has not expired; removes one that has. */
  protected isVisible(map: EntryMap, row: number): boolean {
    if (row < 0 || !map.partOf(row).isLive(atOf(row))) return false
    return this.expiry === undefined || !this.removeExpired(map, row)
  }

  /** Whether a read of a row (−1 for none) would give a value; what has expired and may not be given is removed. */
  protected isReadable(map: EntryMap, row: number): boolean {
    if (this.expiry?.returnsExpired === true) return row >= 0 && map.partOf(row).isLive(atOf(row))
    return this.isVisible(map, row)
  }

  /** The value in a row (−1 for none) as a read gives it, with all that a read does about expiry. */
  protected read(map: EntryMap, row: number): unknown {
    if (row < 0) return undefined
    const part = map.partOf(row)
    const at = atOf(row)
    if (!part.isLive(at)) return undefined
    if (this.expiry !== undefined) {
      if (this.hasExpired(part.writtenAtMs(at))) {
        const value = this.expiry.returnsExpired ? part.value(at) : undefined
        this.erase(map, row)
        return value
      }
      if (this.expiry.renewsOnRead) this.renew(map, row)
    }
    this.home.tracker.beforeRead(map, row)
    return part.value(at)
  }

  /** Begins the time of an entry anew, which is a change. */
  protected renew(map: EntryMap, row: number): void {
    if (map.partOf(row).writtenAtMs(atOf(row)) === this.home.now()) return
    this.home.tracker.beforeChange(map, row)
    this.setWrittenAt(map, row, this.home.now(), true)
  }

  protected hasExpired(writtenAtMs: number): boolean {
    return this.expiry?.isOver(writtenAtMs, this.home.now()) === true
  }

  /** A restored value counts as written now. */
  protected onTimeUnknown(_value: unknown, _nowMs: number): void {}

  /** Only with a time to live. `wasWritten`: the entry has a time that is counted. */
  protected setWrittenAt(map: EntryMap, row: number, timeMs: number, wasWritten: boolean): void {
    const part = map.partOf(row)
    const times = this.expiry?.times
    if (wasWritten) times?.remove(part.writtenAtMs(atOf(row)))
    part.setWrittenAtMs(atOf(row), timeMs)
    times?.add(timeMs)
  }

  /** Writes an entry, which is in `row` unless that is −1, and returns its row. */
  protected write(map: EntryMap, row: number, hash: number, key: unknown, keyGroup: number, value: unknown): number {
    const tracker = this.home.tracker
    let written = row
    let wasLive = false
    if (row < 0) {
      written = map.insert(hash, key, keyGroup, value, tracker.epoch)
      tracker.onChangeWithin(map)
      this.entryCount++
    } else {
      tracker.beforeChange(map, row)
      const part = map.partOf(row)
      wasLive = part.isLive(atOf(row))
      if (wasLive) {
        part.setValue(atOf(row), value)
      } else {
        map.revive(row, value)
        this.entryCount++
      }
    }
    if (this.expiry !== undefined) this.setWrittenAt(map, written, this.home.now(), wasLive)
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(map, written, value)
    return written
  }

  /** What `write` does of a live entry, before its value is changed where it stands. */
  protected changeInPlace(map: EntryMap, row: number): void {
    this.home.tracker.beforeChange(map, row)
    if (this.expiry !== undefined) this.setWrittenAt(map, row, this.home.now(), true)
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(map, row, map.value(row))
  }

  /** Deletes a live entry: without trace when no snapshot can know it, else as a tombstone. */
  protected erase(map: EntryMap, row: number): void {
    const tracker = this.home.tracker
    this.entryCount--
    this.expiry?.times.remove(map.partOf(row).writtenAtMs(atOf(row)))
    if (map.partOf(row).created(atOf(row)) > tracker.knownEpoch) {
      map.erase(row)
    } else {
      tracker.beforeChange(map, row)
      map.bury(row)
    }
    this.home.current.serial++
    if (map.parent !== undefined && map.live === 0 && map.deleted === 0) this.onEmptied(map)
  }

  /** Drops an inner map with all that is in it. */
  protected detach(map: EntryMap, keyGroups: readonly number[]): void {
    const tracker = this.home.tracker
    this.entryCount -= map.live
    if (this.expiry !== undefined) this.home.forgotten.add(map, this.expiry.times)
    const { key } = this.takeOut(map)
    this.home.current.serial++
    this.drops.add(key, keyGroups, map.createdEpoch, tracker)
    tracker.open?.keep(map)
  }

  /** Takes an inner map out of the outer one. */
  protected takeOut(map: EntryMap): ParentEntry {
    const parent = map.parent as ParentEntry
    parent.map.partOf(parent.row).deleted -= map.deleted
    parent.map.erase(parent.row)
    map.detached = true
    return parent
  }

  protected restoreInto(
    map: EntryMap,
    key: unknown,
    keyGroup: number,
    writtenAtMs: number | undefined,
    value: unknown,
    hash = hashEntryKey(key, keyGroup),
  ): number {
    const row = map.insert(hash, key, keyGroup, value, 0)
    if (writtenAtMs !== undefined) map.partOf(row).setWrittenAtMs(atOf(row), writtenAtMs)
    if (this.expiry !== undefined) this.#noteTime(map, row, this.expiry)
    this.entryCount++
    if ((this.#writes++ & SAMPLE_MASK) === 0) this.#sample(map, row, value)
    return row
  }

  #noteTimes(map: EntryMap, expiry: TableExpiry): void {
    const walk = map.walk()
    for (let row = walk.next(); row >= 0; row = walk.next()) {
      const inner = map.value(row)
      if (inner instanceof EntryMap) this.#noteTimes(inner, expiry)
      else if (map.partOf(row).isLive(atOf(row))) this.#noteTime(map, row, expiry)
    }
  }

  /** Counts the time of a restored entry. One that has none is written, as far as anyone knows, now. */
  #noteTime(map: EntryMap, row: number, { times }: TableExpiry): void {
    const part = map.partOf(row)
    if (!Number.isFinite(part.writtenAtMs(atOf(row)))) {
      this.home.tracker.beforeChange(map, row)
      part.setWrittenAtMs(atOf(row), this.home.now())
      this.onTimeUnknown(part.value(atOf(row)), this.home.now())
    }
    times.add(part.writtenAtMs(atOf(row)))
  }

  #bytesOf(entries: number): number {
    return Math.round(entries * this.#bytesPerEntry)
  }

  #sample(map: EntryMap, row: number, value: unknown): void {
    const bytes = map.partOf(row).keyBytesEstimate(atOf(row)) + estimateBytes(value) + ENTRY_BYTES
    this.#bytesPerEntry = this.#bytesPerEntry === 0 ? bytes : this.#bytesPerEntry * 0.9 + bytes * 0.1
  }
}

/** A row and its place in an index, key and value columns with the room that is left in them. */
const ENTRY_BYTES = 64
