/**
 * What the segment store keeps in memory for each key, whatever its cache holds: the places in the index, and of map state and windows what
 * every map has of its own. Entries are written behind a cache that holds next to none, then what is left after a garbage collection is counted.
 */
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
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

/** What compiled code and buffers take is there before it is measured. */
const WARM_UP_KEYS = 50_000

/** `folder`: for the files of the store. */
export async function measureStoreMemory(keys: number, folder: string): Promise<StoreMemory> {
  await measure(WARM_UP_KEYS, folder)
  return measure(keys, folder)
}

async function measure(keys: number, folder: string): Promise<StoreMemory> {
  const valueBytes = await bytesOfEach(keys, folder, 'value', (backend, descriptor) => {
    const table = backend.valueTable<number>(descriptor)
    return (key) => table.put(key)
  })
  const mapBytes = await bytesOfEach(keys, folder, 'map', (backend, descriptor) => {
    const table = backend.mapTable<number, number>(descriptor)
    return (key) => table.put(key % 100, key)
  })
  const windowBytes = await bytesOfEach(keys, folder, 'namespaced', (backend, descriptor) => {
    const table = backend.namespacedTable<number>(descriptor)
    return (key) => table.put(key % WINDOWS, key)
  })
  return { valueBytes, mapBytes, windowBytes }
}

async function bytesOfEach(
  keys: number,
  folder: string,
  kind: Kind,
  open: (backend: SegmentsStateBackend, descriptor: TableDescriptor) => (key: number) => void,
): Promise<number> {
  const backend = new SegmentsStateBackend({
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    now: () => 0,
    monotonicMs: () => 0,
    folder: new NodeStoreFolder(folder, `memory-${kind}`),
    cacheBytes: () => 64 * 1024,
  })
  const put = open(backend, { operatorUid: 'op', name: kind, kind, version: 1, ttlMs: undefined })
  const before = await usedBytes()
  for (let key = 0; key < keys; key++) {
    const hash = hashKey(key)
    backend.setCurrentKey(key, keyGroupOfHash(hash, GROUPS), hash)
    put(key)
  }
  backend.store.flush()
  const bytes = ((await usedBytes()) - before) / keys
  backend.close()
  return bytes
}

async function usedBytes(): Promise<number> {
  // Memory outside of V8's heap is freed beside this thread, and after it was found to be garbage.
  for (let time = 0; time < 3; time++) {
    collect()
    await setImmediate()
  }
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
