/**
 * RocksDB by its binding alone: bytes in, bytes out, keys of a batch sorted and read by one multi-get, written by one batch.
 * No cache of decoded values, no key groups, no snapshots; so it is faster here than it would be under a state backend.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchedStore, StoreLoad } from './store-load.ts'

const BINDING = '@nxtedition/rocksdb'

/** What is used of the binding. */
interface RocksLevel {
  open(options: object): Promise<void>
  close(): Promise<void>
  batch(): RocksBatch
  _getManySync(keys: readonly Uint8Array[], options: object): (Uint8Array | undefined)[]
}

interface RocksBatch {
  _put(key: Uint8Array, value: Uint8Array, options: object): void
  _writeSync(options: object): void
  _closeSync(): void
}

export class BindingStore implements BenchedStore {
  readonly name = 'rocksdb-binding'
  readonly #db: RocksLevel
  readonly #folder: string
  readonly #valueBytes: number

  private constructor(db: RocksLevel, folder: string, valueBytes: number) {
    this.#db = db
    this.#folder = folder
    this.#valueBytes = valueBytes
  }

  static async open(load: StoreLoad): Promise<BindingStore> {
    const require = createRequire(import.meta.url)
    const { RocksLevel } = require(BINDING) as { RocksLevel: new (folder: string) => RocksLevel }
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    const db = new RocksLevel(folder)
    await db.open({
      createIfMissing: true,
      compression: false,
      compaction: 'level',
      optimize: 'point-lookup',
      cacheSize: load.cacheBytes / 2,
      memtableMemoryBudget: load.cacheBytes / 2,
    })
    return new BindingStore(db, folder, load.valueBytes)
  }

  fill(from: number, to: number): void {
    const batch = this.#db.batch()
    for (let key = from; key < to; key++) batch._put(bytesOf(key), Buffer.alloc(this.#valueBytes), {})
    batch._writeSync({})
    batch._closeSync()
  }

  change(keys: readonly number[]): void {
    const sorted = [...keys].sort((a, b) => a - b)
    const different = sorted.filter((key, index) => key !== sorted[index - 1])
    const encoded = different.map(bytesOf)
    const values = this.#db._getManySync(encoded, {})
    const batch = this.#db.batch()
    let at = -1
    for (let i = 0; i < sorted.length; i++) {
      if (sorted[i] !== sorted[i - 1]) at++
      const value = values[at] as Buffer
      value.writeUInt32LE(value.readUInt32LE(0) + 1, 0)
    }
    for (let i = 0; i < different.length; i++) batch._put(encoded[i] as Uint8Array, values[i] as Uint8Array, {})
    batch._writeSync({})
    batch._closeSync()
  }

  diskBytes(): number {
    let bytes = 0
    for (const name of readdirSync(this.#folder)) bytes += statSync(join(this.#folder, name)).size
    return bytes
  }

  countOf(key: number): number {
    return (this.#db._getManySync([bytesOf(key)], {})[0] as Buffer).readUInt32LE(0)
  }

  async close(): Promise<void> {
    await this.#db.close()
    rmSync(this.#folder, { recursive: true })
  }
}

function bytesOf(key: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeUInt32BE(Math.floor(key / 2 ** 32), 0)
  bytes.writeUInt32BE(key >>> 0, 4)
  return bytes
}
