/**
 * The segment store passes the suite of all backends: with a cache for everything, and with one that holds next to
 * nothing and files so small that they are reclaimed all the time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { NodeStoreFolder, SegmentsStateBackend } from '@millrace/runtime'
import type { BackendOptions } from '../../src/state-conformance/create-backend.ts'
import { stateBackendConformance } from '../../src/state-conformance/state-backend-conformance.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-segments-'))
const opened: SegmentsStateBackend[] = []
after(() => {
  for (const backend of opened) backend.close()
  rmSync(folder, { recursive: true })
})

function create(options: BackendOptions, cacheBytes: number, fileBytes: number): SegmentsStateBackend {
  const backend = new SegmentsStateBackend({
    ...options,
    monotonicMs: () => 0,
    encodeStepEntries: 1,
    folder: new NodeStoreFolder(folder, 'state'),
    cacheBytes: () => cacheBytes,
    cachedEntriesMin: 1,
    fileBytes,
  })
  opened.push(backend)
  return backend
}

stateBackendConformance('SegmentsStateBackend', (options) => create(options, 1024 ** 2, 1024 ** 2))
stateBackendConformance('SegmentsStateBackend in little memory', (options) => create(options, 1_500, 2_048), {
  randomRuns: 120,
  firstSeed: 1_000,
})
