/**
 * What the segment store keeps in memory for each key, whatever its cache holds: the places in the index, and of map state and windows what
 * every map has of its own. Entries are written behind a cache that holds next to none, then what is left after a garbage collection is counted.
 */
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { hashKey, keyGroupOfHash, type TableDescriptor } from '@millrace/core'
import { NodeStoreFolder, SegmentsStateBackend } from '@millrace/runtime'

const GROUPS = 128
/** Windows that are open at once. */
const WINDOWS = 60

export interface StoreMemory {
  /** Bytes for each key: one value, a map with one entry, one value in one of the windows. */
  readonly valueBytes: number
  readonly mapBytes: number
  readonly windowBytes: number
}

type Kind = TableDescriptor['kind']

/** `folder`: for the files of the store. */
export function measureStoreMemory(keys: number, folder: string): StoreMemory {
  const valueBytes = bytesOfEach(keys, folder, 'value', (backend, descriptor) => {
    const table = backend.valueTable<number>(descriptor)
    return (key) => table.put(key)
  })
  const mapBytes = bytesOfEach(keys, folder, 'map', (backend, descriptor) => {
    const table = backend.mapTable<number, number>(descriptor)
    return (key) => table.put(key % 100, key)
  })
  const windowBytes = bytesOfEach(keys, folder, 'namespaced', (backend, descriptor) => {
    const table = backend.namespacedTable<number>(descriptor)
    return (key) => table.put(key % WINDOWS, key)
  })
  return { valueBytes, mapBytes, windowBytes }
}

function bytesOfEach(
  keys: number,
  folder: string,
  kind: Kind,
  open: (backend: SegmentsStateBackend, descriptor: TableDescriptor) => (key: number) => void,
): number {
  const backend = new SegmentsStateBackend({
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    now: () => 0,
    monotonicMs: () => 0,
    folder: new NodeStoreFolder(folder, `memory-${kind}`),
    cacheBytes: () => 64 * 1024,
  })
  const put = open(backend, { operatorUid: 'op', name: kind, kind, version: 1, ttlMs: undefined })
  const before = usedBytes()
  for (let key = 0; key < keys; key++) {
    const hash = hashKey(key)
    backend.setCurrentKey(key, keyGroupOfHash(hash, GROUPS), hash)
    put(key)
  }
  backend.store.flush()
  const bytes = (usedBytes() - before) / keys
  backend.close()
  return bytes
}

function usedBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

let garbageCollection: (() => void) | undefined

/** V8 gives the function only to contexts that are made after its flag was set. */
function collect(): void {
  if (garbageCollection === undefined) {
    setFlagsFromString('--expose-gc')
    garbageCollection = runInNewContext('gc') as () => void
  }
  garbageCollection()
}
