/**
 * The contract of a keyed state backend: the state of one task, split by key group. Every backend passes the
 * conformance suite in `@millrace/testing` and reads and writes the same canonical segments
 * (`checkpoint/segment-format.ts`), so a snapshot taken on one restores on any other, at any parallelism.
 *
 * Tables work on the current key, which the operator sets before it calls user code. Values returned by `get` are
 * read-only: a change counts only through `put`.
 */
import type { SegmentRef } from '../checkpoint/manifest.ts'
import type { NewerEntries } from './newer-entries.ts'
import type { TableDescriptor } from './table-descriptor.ts'

export interface KeyGroupRange {
  readonly first: number
  /** Inclusive; `last < first` means an empty range. */
  readonly last: number
}

export interface ValueTable<V> {
  get(): V | undefined
  put(value: V): void
  remove(): void
  /** Missing in a backend that has no values in cells. */
  readonly cells?: ValueCells
}

/**
 * Values that are arrays of equally many numbers, changed where they stand instead of by `get` and `put`. Which values stand
 * so is the backend's affair.
 */
export interface ValueCells {
  /**
   * The place in `numbers` where the value of the current key begins; what is written to the `width` numbers from there on
   * counts as `put` does, the time of writing included. −1 when there is no value, or when it does not stand in so many cells: then
   * `get` and `put` go. Holds until the next call of the backend.
   */
  open(width: number): number
  /** Where `open` has just found a value. */
  readonly numbers: Float64Array
}

export interface ListTable<V> {
  get(): readonly V[]
  append(value: V): void
  replace(values: readonly V[]): void
  remove(): void
}

export interface MapTable<K, V> {
  get(userKey: K): V | undefined
  has(userKey: K): boolean
  put(userKey: K, value: V): void
  delete(userKey: K): void
  /** In insertion order where the backend keeps one; do not rely on it. */
  entries(): IterableIterator<[K, V]>
  readonly isEmpty: boolean
  remove(): void
}

/**
 * State by namespace first, then key: windows by slice (namespace = end of the slice in epoch ms) and timers by time
 * (namespace = time). Namespaces are finite numbers.
 */
export interface NamespacedTable<V> {
  get(namespace: number): V | undefined
  put(namespace: number, value: V): void
  remove(namespace: number): void
  /** The smallest namespace with entries, or `undefined`. */
  firstNamespace(): number | undefined
  /** All namespaces with entries, ascending. */
  namespaces(): readonly number[]
  size(namespace: number): number
  /**
   * Walks the entries of a namespace, in no particular order. The cursor stays valid whatever changes: entries that are
   * removed before it reaches them are left out, entries that are added meanwhile may be met or not. It is the
   * resumable part of a firing.
   */
  cursor(namespace: number): NamespaceCursor<V>
  dropNamespace(namespace: number): void
}

export interface NamespaceCursor<V> {
  /** Moves to the next entry; false at the end. */
  next(): boolean
  readonly key: unknown
  readonly keyGroup: number
  readonly value: V
  /**
   * Removes the entry that `next` has just moved to, whose key is the current one, as the table's `remove` does. Missing where that
   * costs no more.
   */
  remove?(): void
}

/**
 * What an operator holds beside its tables and can make anew from them at any time. It shares the memory of a backend that has a
 * budget for state.
 */
export interface MemoryHolder {
  /** What it holds, or may come to hold before it asks again how much it may. */
  readonly claimedBytes: number
  /** It may hold no more from now on. */
  limitTo(bytes: number): void
}

export interface KeyedStateBackend {
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
  /**
   * Chooses the key that tables work on. `keyGroup` must be `keyGroupOf(key, maxParallelism)`; only for the engine's own
   * tables it may be any group of the range, so that they can hold an entry per key group (under the key `null`).
   * `keyHash` is `hashKey(key)`, from who has it already; then the key must be one. Without it throws `KEY_INVALID` for
   * what is no key.
   */
  setCurrentKey(key: unknown, keyGroup: number, keyHash?: number): void
  /**
   * Says by their hashes which keys are likely to be chosen next: those of `keyHashes` from `from` to below `to`. A hint,
   * so that a backend can fetch their state together; it changes nothing that anyone sees.
   */
  expectKeys(keyHashes: readonly number[], from: number, to: number): void
  /**
   * In canonical form, whatever form it was chosen in (`canonicalKey`): properties in canonical order, −0 as 0. Records of one key
   * may bring it in several, and user code must not see which came last.
   */
  readonly currentKey: unknown
  readonly currentKeyGroup: number

  /** Declares a table; the same descriptor again gives the same table. After a restore it holds the restored entries. */
  valueTable<V>(descriptor: TableDescriptor): ValueTable<V>
  listTable<V>(descriptor: TableDescriptor): ListTable<V>
  mapTable<K, V>(descriptor: TableDescriptor): MapTable<K, V>
  namespacedTable<V>(descriptor: TableDescriptor): NamespacedTable<V>

  /**
   * Reads the segments of one key group: all of them, base first, then deltas in order. Or, with `newer`, some of them, the newest first,
   * in calls that follow each other until the oldest was read: then memory for all of them is not needed at once. `newer` is empty before
   * the first of these calls; the backend leaves out what it names and adds to it. Called before any table is used.
   */
  restore(keyGroup: number, operatorUid: string, segments: readonly RestoredSegment[], newer?: NewerEntries): void

  /**
   * Registers a call that `beginSnapshot` makes first, for each snapshot: there an operator writes into its tables what
   * it keeps outside of them.
   */
  beforeSnapshot(write: () => void): void

  /**
   * Fixes what belongs to snapshot `id`: exactly the changes made so far. What is returned is encoded later, in
   * bounded steps; until it is done the backend keeps the fixed view. One view at a time: what is left of the snapshot before is encoded
   * at once, whatever it then holds, so whoever minds that waits until it is encoded.
   * For each (operator, key group) `decide` says whether a base or a delta is to be written.
   */
  beginSnapshot(id: number, decide: (operatorUid: string, keyGroup: number) => 'base' | 'delta'): KeyedSnapshot
  /** Snapshot `id` is complete: later deltas build on it. Not for savepoints, on which nothing builds: they are aborted. */
  onCheckpointComplete(id: number): void
  /** Snapshot `id` was given up: its changes belong to the next delta again. */
  onCheckpointAborted(id: number): void

  /**
   * Looks at entries that may have expired, and removes those that have, as if they had been removed by name: what a completed
   * snapshot may know of leaves a tombstone. Goes on where the last call stopped, and stops when about `units` are used up: one for an
   * entry that is looked at, `REMOVAL_UNITS` for one that is removed. Before that it goes on with what a backend has left to do of maps and
   * namespaces that were removed as a whole. True when there is no more to do.
   */
  sweepExpired(units: number): boolean
  /** When a walk is worth it, or to go on with the one that has begun; epoch ms, `undefined` for never. */
  sweepDueMs(): number | undefined

  /** Entries and estimated bytes per table, for metrics and the memory budget; costs the same however many there are. */
  usage(): readonly TableUsage[]
  /** Figures of a store beneath the backend, by its own names, for metrics; it may be shared with other backends of the slot. */
  storeMetrics?(): Readonly<Record<string, number>>
  /** Registers what an operator holds beside its tables, for `usage`. */
  addUsage(read: () => TableUsage): void
  /**
   * Lets an operator hold something of its state in the memory that the backend has for state, as long as the backend is open. What is
   * returned says how many bytes that may be at the moment. Missing in a backend whose state is in memory itself.
   */
  shareMemory?(holder: MemoryHolder): () => number
  /** What its store on the local disk holds and has done, for metrics; missing in a backend without one. */
  localStore?(): LocalStoreUsage
  close(): void
}

export interface RestoredSegment {
  readonly ref: SegmentRef
  readonly bytes: Uint8Array
}

export interface TableUsage {
  readonly operatorUid: string
  readonly name: string
  /** Those that have expired and are still there included, and those of a large map that has just been removed, perhaps. */
  readonly entries: number
  readonly bytesEstimate: number
  /** It is in memory, though the backend keeps its state on the local disk. */
  readonly isInMemory?: boolean
  /**
   * How many of the entries are known to have expired, to a part of the time to live (`WrittenTimes`); left out without a
   * time to live.
   */
  readonly expiredEntries?: number
  /** Of those. */
  readonly expiredBytesEstimate?: number
  /** When `expiredEntries` next grows by itself, epoch ms; left out where it does not. */
  readonly nextExpiryMs?: number
}

/** Of all tables of a backend together. */
export interface LocalStoreUsage {
  /** Look-ups that found their entry in the cache, and entries that had to be read from the disk; both since the start. */
  readonly cacheHits: number
  readonly cacheMisses: number
  /** Estimate of what the entries in the cache take. */
  readonly cacheBytes: number
  readonly diskBytes: number
  /** Of what is on the disk, as far as the backend knows: 0 to 1. */
  readonly deadShare: number
  /** Gone through to take back space, since the start. */
  readonly cleanedBytes: number
}

/**
 * A snapshot while it is encoded. Finished pieces are handed out as it goes on, so that what is held of it stays bounded
 * whatever the size of the state: a segment that grows too large is finished as a piece and continued in another.
 */
export interface KeyedSnapshot {
  /**
   * Encodes for about `budgetMs`; true when everything is encoded. Does nothing while `isFull`, and a snapshot that was aborted
   * must not be asked any more.
   */
  encode(budgetMs: number): boolean
  /**
   * The pieces that are finished, in their order: those of one (operator, key group) continue each other. None as long as they
   * are not worth a write; all that are left when everything is encoded. They count as held until `release`.
   */
  takePieces(): readonly SnapshotPiece[]
  /** So many bytes of pieces that were taken are no longer in memory. */
  release(bytes: number): void
  /** Encoded bytes that are in memory: in segments that are not finished, and in pieces until they are released. */
  readonly heldBytes: number
  /** Encoding waits until pieces are released. */
  readonly isFull: boolean
  /**
   * So much was encoded because it was about to change, that nothing more may change before pieces are released. Never so in a backend whose
   * snapshots keep no copies.
   */
  readonly isOverdrawn: boolean
  /** The tables, for the manifest. */
  readonly tables: readonly TableDescriptor[]
}

export interface SnapshotPiece {
  readonly operatorUid: string
  readonly keyGroup: number
  readonly kind: 'base' | 'delta'
  /** It goes on where the piece before it of this operator and key group ended. */
  readonly isContinuation: boolean
  /** A whole segment with magic, version and checksum. */
  readonly bytes: Uint8Array
  /** See `segmentChecksum`. */
  readonly crc32c: number
  readonly entries: number
}
