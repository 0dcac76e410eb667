/**
 * Reads buckets: the records of all keys of one hash, one after the other. Nearly all have one.
 *
 * Invariant: nothing of a record is believed before its checksum was compared.
 */
import { isSameKey } from '@millrace/core'
import {
  checkRecord,
  emptyRecord,
  lengthAt,
  paddedBytes,
  RecordDecoder,
  readHead,
  type StoreRecord,
} from '../store/record-format.ts'
import type { MapOwner } from '../store/record-map.ts'

/** One record of a bucket. */
export interface StoredRecord {
  readonly record: StoreRecord
  /** Where key and value begin. */
  readonly bodyAt: number
}

/** Key and value of a record, as entries have them. */
export interface StoredPair {
  readonly key: unknown
  readonly value: unknown
}

export interface BucketRecords {
  readonly count: number
  /** Of the last. */
  readonly writtenAtMs: number | undefined
}

export class BucketReader {
  readonly #record = emptyRecord()
  readonly #decoder = new RecordDecoder()

  /** What `visit` gets holds only until the next record, or until another bucket is read. Throws `DISK_FAILED`. */
  forEachRecord(bucket: Uint8Array, visit: (stored: StoredRecord) => void): void {
    const view = viewOf(bucket)
    const record = this.#record
    for (let at = 0; at < bucket.length; ) {
      checkRecord(bucket, view, at, bucket.length - at)
      const bodyAt = readHead(view, at, record)
      at += paddedBytes(record.lengthBytes)
      visit({ record, bodyAt })
    }
  }

  keyAt(bucket: Uint8Array, bodyAt: number): unknown {
    return this.#decoder.at(bucket, bodyAt).decode()
  }

  pairAt(table: MapOwner, bucket: Uint8Array, bodyAt: number): StoredPair {
    const decoder = this.#decoder.at(bucket, bodyAt)
    const key = decoder.decode()
    return { key, value: table.loadedValue(decoder.decode()) }
  }

  recordsIn(bucket: Uint8Array): BucketRecords {
    let count = 0
    let writtenAtMs: number | undefined
    this.forEachRecord(bucket, ({ record }) => {
      count++
      writtenAtMs = record.writtenAtMs
    })
    return { count, writtenAtMs }
  }

  keysIn(bucket: Uint8Array): readonly unknown[] {
    const keys: unknown[] = []
    this.forEachRecord(bucket, ({ bodyAt }) => keys.push(this.keyAt(bucket, bodyAt)))
    return keys
  }

  /** The records of other keys, as they are. */
  othersIn(bucket: Uint8Array | undefined, key: unknown): readonly Uint8Array[] {
    const others: Uint8Array[] = []
    if (bucket === undefined) return others
    let at = 0
    this.forEachRecord(bucket, ({ record, bodyAt }) => {
      const end = at + paddedBytes(record.lengthBytes)
      if (!isSameKey(this.keyAt(bucket, bodyAt), key)) others.push(bucket.subarray(at, end))
      at = end
    })
    return others
  }
}

/** Whether there is more than one record in a bucket. */
export function isShared(bucket: Uint8Array): boolean {
  return paddedBytes(lengthAt(viewOf(bucket), 0)) < bucket.length
}

function viewOf(bucket: Uint8Array): DataView {
  return new DataView(bucket.buffer, bucket.byteOffset, bucket.byteLength)
}
