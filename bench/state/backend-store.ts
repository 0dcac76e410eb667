/** The backends that keep state on the disk, through the contract of state backends as an operator uses it. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashKey, keyGroupOfHash, type ValueTable } from '@millrace/core'
import {
  loadRocksdbBinding,
  NodeStoreFolder,
  RocksdbDatabase,
  RocksdbStateBackend,
  SegmentsStateBackend,
} from '@millrace/runtime'
import type { BenchedStore, StoreLoad } from './store-load.ts'

const GROUPS = 128
/** As many as the operators announce at once. */
const ANNOUNCED = 128
const COMMON = {
  keyGroups: { first: 0, last: GROUPS - 1 },
  maxParallelism: GROUPS,
  now: () => 0,
  monotonicMs: () => 0,
}

type BenchedBackend = SegmentsStateBackend | RocksdbStateBackend

export class BackendStore implements BenchedStore {
  readonly name: string
  readonly #backend: BenchedBackend
  readonly #database: RocksdbDatabase | undefined
  readonly #table: ValueTable<number[]>
  readonly #folder: string
  readonly #numbers: number

  private constructor(
    name: string,
    load: StoreLoad,
    folder: string,
    backend: BenchedBackend,
    database: RocksdbDatabase | undefined,
  ) {
    this.name = name
    this.#folder = folder
    this.#numbers = Math.ceil(load.valueBytes / 8)
    this.#backend = backend
    this.#database = database
    this.#table = this.#backend.valueTable({
      operatorUid: 'op',
      name: 'v',
      kind: 'value',
      version: 1,
      ttlMs: undefined,
    })
  }

  static segments(load: StoreLoad): BackendStore {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    const backend = new SegmentsStateBackend({
      ...COMMON,
      folder: new NodeStoreFolder(folder, 'state'),
      cacheBytes: () => load.cacheBytes,
    })
    return new BackendStore('segments', load, folder, backend, undefined)
  }

  /** Memory is divided as a slot divides it: a half for entries, a quarter each for write buffers and blocks. */
  static async rocksdb(load: StoreLoad): Promise<BackendStore> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    const database = await RocksdbDatabase.open({
      binding: loadRocksdbBinding(),
      path: folder,
      writeBufferBytes: load.cacheBytes / 4,
      blockCacheBytes: load.cacheBytes / 4,
      compaction: 'universal',
      threads: 2,
      blockBytes: 4_096,
    })
    const backend = new RocksdbStateBackend({ ...COMMON, database, cacheBytes: () => load.cacheBytes / 2 })
    return new BackendStore('rocksdb', load, folder, backend, database)
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
    if (this.#backend instanceof SegmentsStateBackend) return this.#backend.store.log.sizeBytes
    return readdirSync(this.#folder).reduce((sum, name) => sum + statSync(join(this.#folder, name)).size, 0)
  }

  countOf(key: number): number {
    this.#select(key, hashKey(key))
    return (this.#table.get() as number[])[0] as number
  }

  async close(): Promise<void> {
    this.#backend.close()
    await this.#database?.close()
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
