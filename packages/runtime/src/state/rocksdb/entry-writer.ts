/**
 * Writes changed entries to an ordered store: what they have become to their buckets, and that they have changed to the list of
 * changes, which names each under its latest epoch only.
 *
 * Invariant: what is written together is all there or nothing of it; of two entries in one bucket neither takes the other away.
 */
import { ByteWriter } from '@millrace/core'
import type { Entry } from '../store/entry-cache.ts'
import { emptyRecord, RecordEncoder } from '../store/record-format.ts'
import { describeFailure } from '../table-snapshot.ts'
import type { BucketReader } from './buckets.ts'
import type { KeyLayout } from './key-layout.ts'
import type { OrderedBatch, OrderedStore } from './ordered-store.ts'

export interface OrderedEntry extends Entry {
  /** Epoch of its record in the store, or −1: it has none. When that was written, as the record says. */
  storedEpoch: number
  storedAtMs: number | undefined
  /** Whether the store may have other keys of its hash. */
  bucket: 'own' | 'unknown' | 'shared'
}

/** Where the store is in time; see `EntryStore`. */
export interface StoreEpochs {
  readonly epoch: number
  readonly completedEpoch: number
  readonly knownEpoch: number
}

const NOTHING = new Uint8Array(0)

export class EntryWriter {
  readonly #database: OrderedStore
  readonly #layout: KeyLayout
  readonly #buckets: BucketReader
  readonly #batch: OrderedBatch
  readonly #writer = new ByteWriter(4_096)
  readonly #encoder = new RecordEncoder(this.#writer)
  readonly #record = emptyRecord()
  /** Changes up to this epoch are not in the store any more. */
  #saidEpoch = 0

  constructor(database: OrderedStore, layout: KeyLayout, buckets: BucketReader) {
    this.#database = database
    this.#layout = layout
    this.#buckets = buckets
    this.#batch = database.batch()
  }

  /** Throws `DISK_FAILED`, `VALUE_NOT_ENCODABLE`; then entries that share a bucket may have been written, which can be done again. */
  write(entries: readonly OrderedEntry[], epochs: StoreEpochs): void {
    this.#removeSaidChanges(epochs)
    this.#askForBuckets(entries)
    const batch = this.#batch
    const keyOf = ({ map, keyGroup, hash }: OrderedEntry) => this.#layout.entryKey(map, keyGroup, hash)
    try {
      for (const entry of entries) if (entry.bucket !== 'shared') this.#gather(entry, keyOf(entry), [], epochs)
      batch.write()
      // One by one: of two in one bucket the second needs what the first has made of it.
      for (const entry of entries) {
        if (entry.bucket !== 'shared') continue
        const key = keyOf(entry)
        const others = this.#buckets.othersIn(this.#database.getMany([key])[0], entry.key)
        this.#gather(entry, key, others, epochs)
        batch.write()
      }
    } finally {
      batch.clear()
    }
  }

  /** With the next writing, so that a disk that fails is met where one is expected. */
  #removeSaidChanges({ completedEpoch }: StoreEpochs): void {
    if (this.#saidEpoch === completedEpoch) return
    const { from, end } = this.#layout.changes(this.#saidEpoch + 1, completedEpoch + 1)
    this.#database.removeRange(from, end)
    this.#saidEpoch = completedEpoch
  }

  /** Of entries that were made without a look at the store: whether there are other keys of their hash. */
  #askForBuckets(entries: readonly OrderedEntry[]): void {
    const unknown = entries.filter(({ bucket, isLive }) => bucket === 'unknown' && isLive)
    if (unknown.length === 0) return
    const keys = unknown.map(({ map, keyGroup, hash }) => this.#layout.entryKey(map, keyGroup, hash))
    const buckets = this.#database.getMany(keys)
    unknown.forEach((entry, index) => {
      entry.bucket = buckets[index] === undefined ? 'own' : 'shared'
    })
  }

  /** Adds to the batch what an entry has become, beside the other records of its bucket. */
  #gather(entry: OrderedEntry, key: Uint8Array, others: readonly Uint8Array[], epochs: StoreEpochs): void {
    const writer = this.#writer
    writer.reset()
    for (const other of others) writer.raw(other)
    if (entry.isLive) this.#encode(entry, epochs.epoch)
    if (writer.position > 0) this.#batch.put(key, writer.written())
    else this.#batch.remove(key)
    // What is restored has not changed since a completed snapshot.
    if (epochs.epoch > epochs.completedEpoch) this.#gatherChange(entry, key, epochs)
  }

  #gatherChange(entry: OrderedEntry, key: Uint8Array, { epoch, completedEpoch, knownEpoch }: StoreEpochs): void {
    const { storedEpoch } = entry
    if (entry.isLive) {
      if (storedEpoch === epoch) return
      this.#batch.put(this.#layout.changeKey(key, epoch), NOTHING)
    } else if (entry.freshEpoch <= knownEpoch) {
      this.#batch.put(this.#layout.deletionKey(key, epoch, entry.key), NOTHING)
    }
    // One name is enough, the latest; but an earlier one may be that of another key too.
    if (storedEpoch > completedEpoch && entry.bucket !== 'shared') {
      this.#batch.remove(this.#layout.changeKey(key, storedEpoch))
    }
  }

  #encode(entry: Entry, epoch: number): void {
    const record = this.#record
    const { table } = entry.map
    record.table = table.number
    record.epoch = epoch
    record.hash = entry.hash
    record.keyGroup = entry.keyGroup
    record.isFresh = entry.freshEpoch === epoch
    record.writtenAtMs = entry.writtenAtMs
    const from = this.#writer.position
    try {
      this.#encoder.write(record, entry.key, table.recordValue(entry.value), table.valueName)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, entry.key)
    }
    table.recordBytes += (this.#writer.position - from - table.recordBytes) * (table.recordBytes === 0 ? 1 : 0.01)
  }
}
