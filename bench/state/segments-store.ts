/** The segment store, through the contract of state backends as an operator uses it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashKey, keyGroupOfHash, type ValueTable } from '@millrace/core'
import { SegmentsStateBackend } from '@millrace/runtime'
import type { BenchedStore, StoreLoad } from './store-load.ts'

const GROUPS = 128
/** As many as the operators announce at once. */
const ANNOUNCED = 128

export class SegmentsStore implements BenchedStore {
  readonly name = 'segments'
  readonly #backend: SegmentsStateBackend
  readonly #table: ValueTable<Uint8Array>
  readonly #folder: string
  readonly #valueBytes: number

  private constructor(load: StoreLoad) {
    this.#folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    this.#valueBytes = load.valueBytes
    let files = 0
    this.#backend = new SegmentsStateBackend({
      keyGroups: { first: 0, last: GROUPS - 1 },
      maxParallelism: GROUPS,
      now: () => 0,
      monotonicMs: () => 0,
      folder: this.#folder,
      newFileName: () => `state-${files++}`,
      cacheBytes: () => load.cacheBytes,
    })
    this.#table = this.#backend.valueTable({
      operatorUid: 'op',
      name: 'v',
      kind: 'value',
      version: 1,
      ttlMs: undefined,
    })
  }

  static open(load: StoreLoad): SegmentsStore {
    return new SegmentsStore(load)
  }

  fill(from: number, to: number): void {
    for (let key = from; key < to; key++) {
      this.#select(key, hashKey(key))
      this.#table.put(new Uint8Array(this.#valueBytes))
    }
  }

  change(keys: readonly number[]): void {
    const hashes = keys.map(hashKey)
    for (let i = 0; i < keys.length; i++) {
      if (i % ANNOUNCED === 0) this.#backend.expectKeys(hashes, i, Math.min(i + ANNOUNCED, keys.length))
      this.#select(keys[i] as number, hashes[i] as number)
      const value = this.#table.get() as Uint8Array
      increment(value)
      this.#table.put(value)
    }
  }

  diskBytes(): number {
    return this.#backend.store.log.sizeBytes
  }

  countOf(key: number): number {
    this.#select(key, hashKey(key))
    const value = this.#table.get() as Uint8Array
    return new DataView(value.buffer, value.byteOffset).getUint32(0, true)
  }

  async close(): Promise<void> {
    this.#backend.close()
    rmSync(this.#folder, { recursive: true })
  }

  #select(key: number, hash: number): void {
    this.#backend.setCurrentKey(key, keyGroupOfHash(hash, GROUPS), hash)
  }
}

function increment(value: Uint8Array): void {
  for (let i = 0; i < 4; i++) {
    value[i] = ((value[i] as number) + 1) & 0xff
    if (value[i] !== 0) return
  }
}
