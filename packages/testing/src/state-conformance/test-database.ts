/** RocksDB databases for tests, with little memory; and whether there can be any here. */
import { loadRocksdbBinding, RocksdbDatabase } from '@millrace/runtime'

/** Why RocksDB cannot be loaded here; `undefined` when it can. Tests that need it are skipped with this reason. */
export const whyNoRocksdb: string | undefined = reason()

/** In a folder that does not exist yet, or is empty. */
export function openTestDatabase(path: string): Promise<RocksdbDatabase> {
  return RocksdbDatabase.open({
    binding: loadRocksdbBinding(),
    path,
    writeBufferBytes: 1024 ** 2,
    blockCacheBytes: 1024 ** 2,
    compaction: 'universal',
    threads: 1,
    blockBytes: 4_096,
  })
}

function reason(): string | undefined {
  try {
    loadRocksdbBinding()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
