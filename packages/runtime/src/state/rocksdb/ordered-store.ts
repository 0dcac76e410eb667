/**
 * A store of bytes by key, in the order of the keys, on the local disk: what the backend needs of RocksDB, and no more. Nothing
 * in it is meant to outlive the process; what is durable is in checkpoints.
 */

/** Changes that are written together. */
export interface OrderedBatch {
  /** Keys and values are copied at once. */
  put(key: Uint8Array, value: Uint8Array): void
  remove(key: Uint8Array): void
  /** Writes what was gathered, all or nothing, and is empty then. Throws `DISK_FAILED`. */
  write(): void
  /** Forgets what was gathered. */
  clear(): void
}

/** A look at a range as it was when the scan was opened, whatever is written later. */
export interface OrderedScan {
  /** Goes to the first key of the range that is not before `key`. */
  seek(key: Uint8Array): void
  /** Keys and values in turn, at most `count` of each, fewer where they are long; none at the end. Throws `DISK_FAILED`. */
  next(count: number): readonly Uint8Array[]
  /** Nothing is behind what `next` gave last. */
  readonly isFinished: boolean
  close(): void
}

export interface OrderedStore {
  /** For messages. */
  readonly path: string
  /** One that was not given before: the keys of a backend begin with its number, so that several can share a store. */
  takeNumber(): number
  /** The values of keys, `undefined` where there is none. Throws `DISK_FAILED`. */
  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[]
  batch(): OrderedBatch
  /** Removes all keys from `from` to below `end`. Throws `DISK_FAILED`. */
  removeRange(from: Uint8Array, end: Uint8Array): void
  scan(from: Uint8Array, end: Uint8Array): OrderedScan
  /** Of the store as a whole, by the names that it has for them. */
  metrics(): Readonly<Record<string, number>>
}
