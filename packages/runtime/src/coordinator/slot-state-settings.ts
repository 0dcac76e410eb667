/** What slots are told about their state backends, out of a job's configuration. */
import { accessSync, constants, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { MillraceError } from '@millrace/api'
import type { TypedConfig } from '@millrace/core'
import type { RocksdbSettings, SlotStateSettings } from '../slot/slot-backends.ts'
import { SNAPSHOT_BYTES_MAX } from '../state/snapshot-pieces.ts'

/** Of the heap of a slot, as Flink's managed memory of a task manager. */
const MANAGED_SHARE = 0.4
/** The rest of the heap is for the indexes, the records under way and everything else. */
const CACHE_SHARE_MAX = 0.7
/** Of a small heap, for the encoded entries of a snapshot. */
const SNAPSHOT_SHARE_MAX = 1 / 8
/** Of managed memory, with RocksDB: for entries as the job has them. The other half is RocksDB's, outside of the heap. */
const ROCKSDB_CACHE_SHARE = 0.5
/** Less, and RocksDB does nothing but write small files and read them again. */
const ROCKSDB_PART_BYTES_MIN = 1024 ** 2

/** Throws `CONFIG_INVALID_VALUE` for folders that cannot be used, and for a cache that leaves too little of the heap. */
export function slotStateSettingsOf(config: TypedConfig, heapBudgetBytes: number): SlotStateSettings {
  const type = config.get('state.backend.type')
  const managedBytes = config.get('taskmanager.memory.managed.size') ?? Math.floor(heapBudgetBytes * MANAGED_SHARE)
  const isRocksdb = type === 'rocksdb'
  const ownFolders = isRocksdb ? config.get('state.backend.rocksdb.localdir') : undefined
  const key = ownFolders === undefined ? 'io.tmp.dirs' : 'state.backend.rocksdb.localdir'
  const folders = foldersOf(ownFolders ?? config.get('io.tmp.dirs'))
  const cacheBytes = isRocksdb ? Math.floor(managedBytes * ROCKSDB_CACHE_SHARE) : managedBytes
  if (type !== 'hashmap') {
    for (const folder of folders) checkFolder(folder, key)
    checkCache(managedBytes, cacheBytes, heapBudgetBytes)
  }
  const snapshotBytesMax = Math.min(SNAPSHOT_BYTES_MAX, Math.floor(heapBudgetBytes * SNAPSHOT_SHARE_MAX))
  const settings = { type, cacheBytes, snapshotBytesMax, folders }
  return isRocksdb ? { ...settings, rocksdb: rocksdbSettingsOf(config, managedBytes - cacheBytes) } : settings
}

function rocksdbSettingsOf(config: TypedConfig, nativeBytes: number): RocksdbSettings {
  const writeBufferBytes = nativeBytes * config.get('state.backend.rocksdb.memory.write-buffer-ratio')
  const atLeast = (bytes: number) => Math.max(ROCKSDB_PART_BYTES_MIN, Math.floor(bytes))
  return {
    writeBufferBytes: atLeast(writeBufferBytes),
    blockCacheBytes: atLeast(nativeBytes - writeBufferBytes),
    compaction: config.get('state.backend.rocksdb.compaction.style') === 'LEVEL' ? 'level' : 'universal',
    threads: config.get('state.backend.rocksdb.thread.num'),
    blockBytes: config.get('state.backend.rocksdb.block.blocksize'),
  }
}

function foldersOf(given: string | undefined): readonly string[] {
  const folders = (given ?? '')
    .split(',')
    .map((folder) => folder.trim())
    .filter((folder) => folder !== '')
  return folders.length === 0 ? [tmpdir()] : folders
}

function checkFolder(folder: string, key: string): void {
  try {
    if (!statSync(folder).isDirectory()) throw new Error('it is no folder')
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new MillraceError(
      'CONFIG_INVALID_VALUE',
      `The local state store cannot make files in ${folder}: ${cause instanceof Error ? cause.message : cause}`,
      {
        details: { key, folder },
        hint: `Name folders in ${key} that exist and may be written to.`,
        cause,
      },
    )
  }
}

function checkCache(managedBytes: number, cacheBytes: number, heapBudgetBytes: number): void {
  if (cacheBytes <= heapBudgetBytes * CACHE_SHARE_MAX) return
  const which = cacheBytes === managedBytes ? ',' : `; ${mebibytes(cacheBytes)} of it are on the heap,`
  throw new MillraceError(
    'CONFIG_INVALID_VALUE',
    `taskmanager.memory.managed.size is ${mebibytes(managedBytes)}${which} more than ${CACHE_SHARE_MAX * 100} % of the heap of a slot, ${mebibytes(heapBudgetBytes)}`,
    {
      details: { key: 'taskmanager.memory.managed.size' },
      hint: 'Make it smaller, or taskmanager.memory.task.heap.size larger.',
    },
  )
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`
}
