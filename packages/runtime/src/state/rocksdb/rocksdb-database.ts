/**
 * One RocksDB database in a folder of its own, shared by all backends of a slot: so there is one block cache, one set of write buffers,
 * and a budget for both. Its own log is off. Every call checks that it is open: the module would end the process.
 */
import { mkdirSync } from 'node:fs'
import { MillraceError } from '@millrace/api'
import type { OrderedBatch, OrderedScan, OrderedStore } from './ordered-store.ts'
import type { BatchHandle, DatabaseHandle, IteratorHandle, RocksdbBinding } from './rocksdb-binding.ts'

export interface RocksdbDatabaseOptions {
  readonly binding: RocksdbBinding
  /** Made if it is missing; nothing else may be in it. */
  readonly path: string
  readonly writeBufferBytes: number
  readonly blockCacheBytes: number
  /** `level` compresses what is older and takes less disk, `universal` less work. */
  readonly compaction: 'level' | 'universal'
  /** For flushes and compactions. */
  readonly threads: number
  readonly blockBytes: number
}

/** Properties of RocksDB that are numbers and cost next to nothing to read; Flink has metrics of the same names. */
const PROPERTIES = [
  'rocksdb.estimate-num-keys',
  'rocksdb.estimate-live-data-size',
  'rocksdb.live-sst-files-size',
  'rocksdb.total-sst-files-size',
  'rocksdb.block-cache-capacity',
  'rocksdb.block-cache-usage',
  'rocksdb.cur-size-all-mem-tables',
  'rocksdb.num-immutable-mem-table',
  'rocksdb.mem-table-flush-pending',
  'rocksdb.num-running-flushes',
  'rocksdb.compaction-pending',
  'rocksdb.estimate-pending-compaction-bytes',
  'rocksdb.num-running-compactions',
  'rocksdb.actual-delayed-write-rate',
  'rocksdb.is-write-stopped',
  'rocksdb.background-errors',
] as const

/** The module takes 32 bits. */
const BLOCK_CACHE_BYTES_MAX = 2 ** 32 - 1
/** Of one call of `next`: longer values come fewer at a time. */
const SCAN_BYTES_MAX = 1024 ** 2
const KEEPS_CACHE = { fillCache: true } as const

export class RocksdbDatabase implements OrderedStore {
  readonly path: string
  readonly #binding: RocksdbBinding
  readonly #handle: DatabaseHandle
  readonly #scans = new Set<RocksdbScan>()
  #isOpen = true
  #numbers = 0

  private constructor(binding: RocksdbBinding, path: string, opened: DatabaseHandle) {
    this.#binding = binding
    this.path = path
    this.#handle = opened
  }

  /** Throws `DISK_FAILED`. */
  static async open(options: RocksdbDatabaseOptions): Promise<RocksdbDatabase> {
    const { binding, path, writeBufferBytes, blockCacheBytes, compaction, threads, blockBytes } = options
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      const opened = binding.db_init(path)
      const settings = {
        createIfMissing: true,
        compaction,
        // With 'level' the module compresses from the third level on nevertheless.
        compression: false,
        optimize: 'point-lookup',
        memtableMemoryBudget: Math.floor(writeBufferBytes),
        cacheSize: Math.min(Math.floor(blockCacheBytes), BLOCK_CACHE_BYTES_MAX),
        // Else indexes and filters would be in memory beside the cache, without a bound.
        cacheIndexAndFilterBlocks: true,
        blockSize: blockBytes,
        parallelism: threads,
        walCompression: false,
      }
      await new Promise<void>((resolve, reject) => {
        binding.db_open(opened, settings, (error) => (error === null ? resolve() : reject(error)))
      })
      return new RocksdbDatabase(binding, path, opened)
    } catch (cause) {
      throw failed(path, 'opened', cause)
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  takeNumber(): number {
    return this.#numbers++
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    const get = (some: readonly Uint8Array[]): (Uint8Array | undefined | null)[] =>
      this.#attempt('read', () => this.#binding.db_get_many_sync(this.#handle, some, KEEPS_CACHE))
    const found = get(keys)
    // What did not fit into an answer of 2 GiB is `null`.
    return found.map((value, index) => (value === null ? get([keys[index] as Uint8Array])[0] : value) ?? undefined)
  }

  batch(): OrderedBatch {
    const binding = this.#binding
    const batch: BatchHandle = binding.batch_init()
    return {
      put: (key, value) => binding.batch_put(batch, key, value, undefined),
      remove: (key) => binding.batch_del(batch, key, undefined),
      write: () => {
        this.#attempt('written', () => binding.batch_write(this.#handle, batch, undefined))
        binding.batch_clear(batch)
      },
      clear: () => binding.batch_clear(batch),
    }
  }

  removeRange(from: Uint8Array, end: Uint8Array): void {
    this.#attempt('written', () => this.#binding.db_clear(this.#handle, { gte: from, lt: end }))
  }

  scan(from: Uint8Array, end: Uint8Array): OrderedScan {
    const iterator = this.#attempt('read', () =>
      this.#binding.iterator_init(this.#handle, {
        gte: from,
        lt: end,
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
        highWaterMarkBytes: SCAN_BYTES_MAX,
        asyncIO: false,
      }),
    )
    const scan = new RocksdbScan(this.#binding, this.path, iterator, (closed) => this.#scans.delete(closed))
    this.#scans.add(scan)
    return scan
  }

  metrics(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      PROPERTIES.map((name) => [
        name,
        Number(this.#attempt('read', () => this.#binding.db_get_property(this.#handle, name))),
      ]),
    )
  }

  /** Its folder stays. */
  async close(): Promise<void> {
    if (!this.#isOpen) return
    for (const scan of this.#scans) scan.close()
    this.#isOpen = false
    await new Promise<void>((resolve, reject) => {
      this.#binding.db_close(this.#handle, (error) => {
        if (error === null) resolve()
        else reject(failed(this.path, 'closed', error))
      })
    })
  }

  #attempt<T>(what: string, act: () => T): T {
    if (!this.#isOpen) throw new MillraceError('INTERNAL', `The RocksDB database in ${this.path} is closed.`)
    try {
      return act()
    } catch (cause) {
      throw failed(this.path, what, cause)
    }
  }
}

class RocksdbScan implements OrderedScan {
  readonly #binding: RocksdbBinding
  readonly #path: string
  readonly #onClosed: (scan: RocksdbScan) => void
  #iterator: IteratorHandle | undefined
  /** To go on behind the end would end the process. */
  #isFinished = false

  constructor(binding: RocksdbBinding, path: string, iterator: IteratorHandle, onClosed: (scan: RocksdbScan) => void) {
    this.#binding = binding
    this.#path = path
    this.#iterator = iterator
    this.#onClosed = onClosed
  }

  get isFinished(): boolean {
    return this.#isFinished
  }

  seek(key: Uint8Array): void {
    const iterator = this.#opened()
    this.#isFinished = false
    this.#attempt(() => this.#binding.iterator_seek(iterator, key))
  }

  next(count: number): readonly Uint8Array[] {
    const iterator = this.#opened()
    if (this.#isFinished) return []
    const { rows, finished } = this.#attempt(() => this.#binding.iterator_nextv_sync(iterator, count))
    this.#isFinished = finished
    return rows
  }

  close(): void {
    const iterator = this.#iterator
    if (iterator === undefined) return
    this.#iterator = undefined
    this.#binding.iterator_close(iterator)
    this.#onClosed(this)
  }

  #opened(): IteratorHandle {
    if (this.#iterator !== undefined) return this.#iterator
    throw new MillraceError('INTERNAL', `A scan of the RocksDB database in ${this.#path} is closed.`)
  }

  #attempt<T>(act: () => T): T {
    try {
      return act()
    } catch (cause) {
      throw failed(this.#path, 'read', cause)
    }
  }
}

function failed(path: string, what: string, cause: unknown): MillraceError {
  const { code } = cause as { code?: unknown }
  const message = cause instanceof Error ? cause.message : String(cause)
  if (code === 'LEVEL_CORRUPTION') {
    return new MillraceError(
      'DISK_FAILED',
      `The RocksDB database in ${path} holds other bytes than were written: ${message}`,
      {
        details: { folder: path },
        hint: 'The disk under io.tmp.dirs gives back other bytes than it was given. The job goes on from its last checkpoint.',
        cause,
      },
    )
  }
  const isFull = code === 'ENOSPC' || /no space left/i.test(message)
  return new MillraceError('DISK_FAILED', `The RocksDB database in ${path} could not be ${what}: ${message}`, {
    details: { folder: path },
    hint: isFull
      ? 'Make room there, or choose a folder on a larger disk with io.tmp.dirs.'
      : 'Choose another folder with io.tmp.dirs.',
    cause,
  })
}
