/** The segment store, through the contract of state backends as an operator uses it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashKey, keyGroupOfHash, type ValueTable } from '@millrace/core'
import { NodeStoreFolder, SegmentsStateBackend } from '@millrace/runtime'
import type { BenchedStore, StoreLoad } from './store-load.ts'

const GROUPS = 128
/** As many as the operators announce at once. */
const ANNOUNCED = 128

export class SegmentsStore implements BenchedStore {
  readonly name = 'segments'
  readonly #backend: SegmentsStateBackend
  readonly #table: ValueTable<number[]>
  readonly #folder: string
  readonly #numbers: number

  private constructor(load: StoreLoad) {
    this.#folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    this.#numbers = Math.ceil(load.valueBytes / 8)
    this.#backend = new SegmentsStateBackend({
      keyGroups: { first: 0, last: GROUPS - 1 },
      maxParallelism: GROUPS,
      now: () => 0,
      monotonicMs: () => 0,
      folder: new NodeStoreFolder(this.#folder, 'state'),
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
      this.#table.put(accumulatorOf(key, this.#numbers))
    }
  }

  change(keys: readonly number[]): void {
    const hashes = keys.map(hashKey)
    for (let i = 0; i < keys.length; i++) {
      if (i % ANNOUNCED === 0) this.#backend.expectKeys(hashes, i, Math.min(i + ANNOUNCED, keys.length))
      this.#select(keys[i] as number, hashes[i] as number)
      const value = this.#table.get() as number[]
      value[0] = (value[0] as number) + 1
      this.#table.put(value)
    }
  }

  diskBytes(): number {
    return this.#backend.store.log.sizeBytes
  }

  countOf(key: number): number {
    this.#select(key, hashKey(key))
    return (this.#table.get() as number[])[0] as number
  }

  async close(): Promise<void> {
    this.#backend.close()
    rmSync(this.#folder, { recursive: true })
  }

  #select(key: number, hash: number): void {
    this.#backend.setCurrentKey(key, keyGroupOfHash(hash, GROUPS), hash)
  }
}

/** A count and further numbers, as an accumulator has them; fractions take eight bytes and one. */
function accumulatorOf(key: number, numbers: number): number[] {
  return Array.from({ length: numbers }, (_, index) => (index === 0 ? 0 : key + 1 / (index + 1)))
}
