/**
 * The RocksDB backend passes the suite of all backends: with a cache for everything, and with one that holds next to nothing, so that
 * everything is written and read all the time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type RocksdbDatabase, RocksdbStateBackend } from '@millrace/runtime'
import type { BackendOptions } from '../../src/state-conformance/create-backend.ts'
import { stateBackendConformance } from '../../src/state-conformance/state-backend-conformance.ts'
import { openTestDatabase, whyNoRocksdb } from '../../src/state-conformance/test-database.ts'

if (whyNoRocksdb === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-rocksdb-'))
  const database = await openTestDatabase(join(folder, 'database'))
  after(async () => {
    await database.close()
    rmSync(folder, { recursive: true })
  })
  stateBackendConformance('RocksdbStateBackend', (options) => create(database, options, 1024 ** 2))
  stateBackendConformance('RocksdbStateBackend in little memory', (options) => create(database, options, 1_500), {
    randomRuns: 120,
    firstSeed: 1_000,
  })
} else {
  test('RocksdbStateBackend', { skip: `NOT TESTED: ${whyNoRocksdb}` }, () => {})
}

function create(database: RocksdbDatabase, options: BackendOptions, cacheBytes: number): RocksdbStateBackend {
  return new RocksdbStateBackend({
    ...options,
    monotonicMs: () => 0,
    encodeStepEntries: 1,
    database,
    cacheBytes: () => cacheBytes,
    cachedEntriesMin: 1,
  })
}
