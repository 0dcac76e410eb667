/** What the suite of all backends cannot see of the segment store: its files, its memory, and bytes that were damaged. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { encodeWhole, hashKey, keyGroupOf, type ValueTable } from '@millrace/core'
import { SeededRandom } from '@millrace/testing'
import { SegmentsStateBackend } from '../../../src/state/segments/segments-state-backend.ts'
import { NodeStoreFolder, type StoreFile, type StoreFolder } from '../../../src/state/segments/store-file.ts'
import { UNIT_BYTES } from '../../../src/state/store/record-format.ts'

const GROUPS = 8
const folder = mkdtempSync(join(tmpdir(), 'millrace-entry-store-'))
after(() => rmSync(folder, { recursive: true }))

describe('segment store', () => {
  it('holds state many times its cache: the cache keeps its budget, the disk stays near what is alive', () => {
    const cacheBytes = 256 * 1024
    const backend = open({ cacheBytes, fileBytes: 256 * 1024 })
    const table = values(backend)
    // No factor of theirs is in the orders below.
    const keys = 20_011
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < keys; i++) {
        // In another order each time, so that no file is dead as a whole by itself.
        const key = (i * (2 * round + 1) * 7_919) % keys
        select(backend, key)
        const value = table.get()
        assert.deepEqual(value, round === 0 ? undefined : { key, round: round - 1, text: 'x'.repeat(40) })
        table.put({ key, round, text: 'x'.repeat(40) })
        assert.ok(backend.store.cache.bytes <= cacheBytes + 2_048, `${backend.store.cache.bytes} bytes in the cache`)
      }
    }
    const { entries, bytesEstimate } = backend.usage()[0] as { entries: number; bytesEstimate: number }
    assert.equal(entries, keys)
    assert.ok(bytesEstimate > 5 * cacheBytes)
    const { sizeBytes } = backend.store.log
    assert.ok(sizeBytes < bytesEstimate * 2.6, `${sizeBytes} bytes on disk for ${bytesEstimate}`)
    backend.close()
  })

  for (const [share, checkpoints] of [
    [0.02, 600],
    [0.2, 60],
    [0.6, 30],
  ] as const) {
    it(`stays near what is alive where all is in the cache and checkpoints write ${share * 100} % of the keys`, () => {
      const fileBytes = 32 * 1024
      const backend = open({ cacheBytes: 64 * 1024 ** 2, fileBytes })
      const table = values(backend)
      const keys = 3_000
      const rounds = new Array<number>(keys).fill(0)
      for (let key = 0; key < keys; key++) put(backend, table, key)
      const seed = checkpoints
      const random = new SeededRandom(seed)
      for (let id = 1; id <= checkpoints; id++) {
        const { cleanedBytes } = backend.store
        snapshot(backend, id, id === 1 ? 'base' : 'delta')
        backend.onCheckpointComplete(id)
        assert.equal(backend.store.cleanedBytes, cleanedBytes, 'no checkpoint waits for space to be taken back')
        const { bytesEstimate } = backend.usage()[0] as { bytesEstimate: number }
        const { sizeBytes } = backend.store.log
        // Twice what is alive, what one checkpoint has written, and a file that is not full yet beside one that is cleaned.
        const bytesMax = bytesEstimate * (2 + share) + 2 * fileBytes
        assert.ok(sizeBytes <= bytesMax, `seed ${seed}, checkpoint ${id}: ${sizeBytes} bytes for ${bytesEstimate}`)
        for (let i = 0; i < keys * share; i++) {
          const key = random.below(keys)
          rounds[key] = id
          select(backend, key)
          table.put({ key, round: id, text: 'some text' })
        }
      }
      assert.ok(backend.store.cleanedBytes > 0)
      rounds.forEach((round, key) => {
        select(backend, key)
        assert.equal(table.get()?.round, round)
      })
      backend.close()
    })
  }

  it('tells what look-ups found in the cache and what had to be read, and what its files hold', () => {
    const cacheBytes = 8_192
    const backend = open({ cacheBytes, fileBytes: 16 * 1024 })
    const table = values(backend)
    for (let key = 0; key < 200; key++) put(backend, table, key)
    const lookUps = () => {
      const { cacheHits, cacheMisses } = backend.localStore()
      return [cacheHits, cacheMisses]
    }
    assert.deepEqual(lookUps(), [0, 0], 'a key without state is neither')
    const early = Array.from({ length: 8 }, (_, key) => key)
    const readAll = (): void => {
      for (const key of early) {
        select(backend, key)
        assert.equal(table.get()?.key, key)
      }
    }
    backend.expectKeys(early.map(hashKey), 0, early.length)
    readAll()
    assert.deepEqual(lookUps(), [0, 8], 'what is read ahead of its look-up was not in the cache')
    readAll()
    assert.deepEqual(lookUps(), [8, 8])
    select(backend, 50)
    table.get()
    select(backend, 50)
    table.get()
    assert.deepEqual(lookUps(), [9, 9], 'read by a look-up of its own')
    assert.deepEqual([backend.localStore().deadShare, backend.localStore().cleanedBytes], [0, 0])
    for (let round = 0; round < 20; round++) for (let key = 0; key < 200; key++) put(backend, table, key)
    const { cacheBytes: held, diskBytes, deadShare, cleanedBytes } = backend.localStore()
    // Room is made before an entry comes, so it may be one too much.
    assert.ok(held > 0 && held <= cacheBytes + 512, `${held} bytes in the cache`)
    assert.ok(diskBytes > 8 * 1024 && diskBytes === backend.store.log.sizeBytes, `${diskBytes} bytes on disk`)
    assert.ok(deadShare > 0 && deadShare < 0.8, `${deadShare} dead`)
    assert.ok(cleanedBytes > 0, `${cleanedBytes} cleaned`)
    backend.close()
  })

  it('says what there is no room for, of how much, and loses nothing when there is room again', () => {
    const full = new FullFolder(new NodeStoreFolder(folder, 'full'))
    const backend = open({ cacheBytes: 4_096, fileBytes: 16 * 1024, store: full })
    const table = values(backend)
    for (let key = 0; key < 100; key++) put(backend, table, key)
    backend.store.flush()
    for (const code of ['ENOSPC', 'EDQUOT']) {
      full.code = code
      assert.throws(
        () => {
          for (let key = 100; key < 200; key++) put(backend, table, key)
        },
        (error) => {
          assert.ok(error instanceof MillraceError)
          assert.equal(error.code, 'DISK_FAILED')
          assert.ok(error.message.startsWith(`There is no room in ${folder} for another `), error.message)
          assert.match(
            error.message,
            /another \d+ KiB of the local state store of a subtask, which holds \d+ KiB there/,
          )
          assert.match(error.hint ?? '', /io\.tmp\.dirs.*twice the bytes of the state/)
          const { neededBytes, heldBytes } = error.details as {
            readonly neededBytes: number
            readonly heldBytes: number
          }
          assert.ok(neededBytes > 0)
          assert.equal(heldBytes, backend.store.log.sizeBytes)
          return true
        },
      )
    }
    full.code = 'EIO'
    assert.throws(() => backend.store.flush(), { code: 'DISK_FAILED', message: /could not be written: EIO/ })
    full.code = undefined
    // Nobody goes on with a store that has failed; that it could shows that nothing is half done.
    backend.store.flush()
    for (let key = 0; key < 100; key++) {
      select(backend, key)
      assert.equal(table.get()?.key, key)
    }
    backend.close()
  })

  it('forgets deletions once a completed snapshot has said them', () => {
    const backend = open({ cacheBytes: 4_096, fileBytes: 16 * 1024 })
    const table = values(backend)
    for (let key = 0; key < 1_000; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let key = 0; key < 1_000; key++) {
      select(backend, key)
      table.remove()
    }
    assert.ok(snapshot(backend, 2, 'delta') > 0)
    backend.onCheckpointComplete(2)
    assert.equal(snapshot(backend, 3, 'delta'), 0)
    backend.onCheckpointComplete(3)
    put(backend, table, 1)
    for (let id = 4; id < 6; id++) {
      snapshot(backend, id, 'delta')
      backend.onCheckpointComplete(id)
    }
    const records = [...backend.store.log.files()].reduce((sum, { live }) => sum + live, 0)
    assert.equal(records, 1)
    backend.close()
  })

  it('counts no deletion any more that went with its namespace', () => {
    const backend = open({ cacheBytes: 4_096, fileBytes: 16 * 1024 })
    const table = backend.namespacedTable<number>({ ...descriptor, kind: 'namespaced' })
    for (let key = 0; key < 500; key++) {
      select(backend, key)
      for (const namespace of [100, 200]) table.put(namespace, key)
    }
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let key = 0; key < 250; key++) {
      select(backend, key)
      table.remove(100)
    }
    backend.store.flush()
    const deletions = (): number => [...backend.store.log.files()].reduce((sum, { tombstones }) => sum + tombstones, 0)
    assert.equal(deletions(), 250)
    assert.ok(backend.store.cache.entries < 100, 'most of them are in the log only')
    table.dropNamespace(100)
    // Else each later delta would read their files.
    assert.equal(deletions(), 0)
    backend.close()
  })

  it('reads only new files for a delta', () => {
    const backend = open({ cacheBytes: 16 * 1024, fileBytes: 64 * 1024 })
    const table = values(backend)
    for (let key = 0; key < 10_000; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    put(backend, table, 5)
    const touched = [...backend.store.log.files()].filter(({ epochMax }) => epochMax > 1)
    assert.equal(touched.length, 0, 'the change is in the cache')
    assert.equal(snapshot(backend, 2, 'delta'), 1)
    assert.equal([...backend.store.log.files()].filter(({ epochMax }) => epochMax > 1).length, 1)
    backend.close()
  })

  it('names its folder when it cannot make files there, and hints at io.tmp.dirs', () => {
    const store = new NodeStoreFolder(join(folder, 'missing'), 'state')
    const backend = open({ cacheBytes: 1_024, fileBytes: 16 * 1024, store })
    const table = values(backend)
    assert.throws(
      () => {
        for (let key = 0; key < 100; key++) put(backend, table, key)
      },
      { code: 'DISK_FAILED', message: /missing/, hint: /io\.tmp\.dirs/ },
    )
  })

  it('refuses a record that is not what was written, wherever a bit has changed', () => {
    const damaging = new DamagingFolder(new NodeStoreFolder(folder, 'damaged'))
    const backend = open({ cacheBytes: 0, fileBytes: 64 * 1024, store: damaging })
    const table = values(backend)
    for (let key = 0; key < 50; key++) put(backend, table, key)
    backend.store.flush()
    const { bytesEstimate, entries } = backend.usage()[0] as { bytesEstimate: number; entries: number }
    for (let at = 0; at <= Math.floor(bytesEstimate / entries) - UNIT_BYTES; at++) {
      damaging.damageAt = at
      select(backend, 1)
      assert.throws(() => table.get(), { code: 'DISK_FAILED' }, `byte ${at}`)
    }
    damaging.damageAt = -1
    select(backend, 1)
    assert.equal(table.get()?.key, 1)
    backend.close()
  })

  it('reads objects of each record by the shapes of that record', () => {
    const backend = open({ cacheBytes: 0, fileBytes: 64 * 1024 })
    const table = backend.valueTable<readonly object[]>({ ...descriptor, kind: 'value' })
    // The second object of each refers to the shape of the first.
    const valueAt = (key: number): readonly object[] => [{ [`p${key}`]: 1 }, { [`p${key}`]: 2 }]
    for (let key = 0; key < 20; key++) {
      select(backend, key)
      table.put(valueAt(key))
    }
    backend.store.flush()
    for (const key of [3, 7, 3, 19, 0]) {
      select(backend, key)
      assert.deepEqual(table.get(), valueAt(key))
    }
    backend.close()
  })

  it('walks over each of two keys of one hash once, whichever of them is in the cache', () => {
    const [first, second] = keysOfOneHash()
    for (let cacheBytes = 0; cacheBytes < 4_000; cacheBytes += 100) {
      for (let read = 0; read < 8; read++) {
        const backend = open({ cacheBytes, fileBytes: 64 * 1024 })
        const table = backend.mapTable<string, number>({ ...descriptor, kind: 'map' })
        select(backend, 1)
        for (let i = 0; i < 8; i++) table.put(`other ${i}`, i)
        for (const key of [first, second]) table.put(key, 0)
        backend.store.flush()
        for (let i = 0; i < read; i++) table.get(`other ${i}`)
        table.get(read % 2 === 0 ? first : second)
        const met = [...table.entries()].map(([key]) => key).filter((key) => !key.startsWith('other'))
        assert.deepEqual(met.sort(), [first, second].sort(), `cache of ${cacheBytes} bytes, ${read} read`)
        backend.close()
      }
    }
  })

  it('gives what it reads, also when changes are appended to make room for it', () => {
    let cacheBytes = 32 * 1024
    const backend = open({ cacheBytes: () => cacheBytes, fileBytes: 4 * 1024 })
    const table = values(backend)
    let keys = 0
    while (keys < 500) put(backend, table, keys++)
    cacheBytes = 1024 ** 2
    backend.store.flush()
    while (keys < 600) put(backend, table, keys++)
    const { cache } = backend.store
    assert.equal(cache.dirtyEntries, 100)
    // The next question finds that there is no room for anything. It is a look-up that asks.
    cacheBytes = 0
    let key = -1
    let value: Value | undefined
    while (cache.dirtyEntries === 100) {
      select(backend, ++key)
      value = table.get()
      assert.equal(value?.key, key)
    }
    assert.equal(cache.dirtyEntries, 0)
    assert.ok(key < 200 && value !== undefined, `key ${key}`)
    table.put({ ...value, round: 1 })
    // It would be written as what was appended last.
    const pieces = encodeWhole(backend.beginSnapshot(1, () => 'base'))
    const expected = new Array<number>(GROUPS).fill(0)
    for (let each = 0; each < keys; each++) (expected[keyGroupOf(each, GROUPS)] as number)++
    assert.deepEqual(
      pieces.map(({ entries }) => entries),
      expected,
    )
    backend.close()
  })

  it('leaves a file alone once its last record, a deletion that has been said, is gone', () => {
    const backend = open({ cacheBytes: 8 * 1024 ** 2, fileBytes: 1024 ** 2 })
    const table = values(backend)
    put(backend, table, 1)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    select(backend, 1)
    table.remove()
    const base = (): 'base' | 'delta' => 'base'
    encodeWhole(backend.beginSnapshot(2, base))
    backend.onCheckpointComplete(2)
    // Behind the deletion is what is longer than the piece of a file that is read at once. All of it is superseded at once, in another file.
    for (const round of [1, 2]) {
      for (const key of [2, 3, 4]) {
        select(backend, key)
        table.put({ key, round, text: 'x'.repeat(300_000) })
      }
      backend.store.flush()
    }
    const [first, second] = [...backend.store.log.files()]
    assert.deepEqual([first?.live, first?.tombstones, second?.live], [1, 1, 3])
    put(backend, table, 5)
    assert.deepEqual([...backend.store.log.files()], [second], 'the file of the deletion was cleaned')
    select(backend, 2)
    assert.equal(table.get()?.round, 2)
    backend.close()
  })

  it('leaves nothing behind in its folder', { skip: process.platform === 'win32' }, () => {
    const own = mkdtempSync(join(folder, 'own-'))
    const backend = open({ cacheBytes: 1_024, fileBytes: 16 * 1024, store: new NodeStoreFolder(own, 'state') })
    const table = values(backend)
    for (let key = 0; key < 1_000; key++) put(backend, table, key)
    assert.ok(backend.store.log.sizeBytes > 16 * 1024)
    assert.deepEqual(readdirSync(own), [], 'also while it is open, so that a killed process leaves nothing either')
    backend.close()
  })
})

interface Value {
  readonly key: number
  readonly round: number
  readonly text: string
}

interface StoreSizes {
  readonly cacheBytes: number | (() => number)
  readonly fileBytes: number
  readonly store?: StoreFolder
}

const descriptor = { operatorUid: 'op', name: 'v', version: 1, ttlMs: undefined }
let opened = 0

function open({ cacheBytes, fileBytes, store }: StoreSizes): SegmentsStateBackend {
  return new SegmentsStateBackend({
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    now: () => 0,
    monotonicMs: () => 0,
    folder: store ?? new NodeStoreFolder(folder, `store-${opened++}`),
    cacheBytes: typeof cacheBytes === 'number' ? () => cacheBytes : cacheBytes,
    cachedEntriesMin: 1,
    fileBytes,
  })
}

function values(backend: SegmentsStateBackend): ValueTable<Value> {
  return backend.valueTable({ ...descriptor, kind: 'value' })
}

function select(backend: SegmentsStateBackend, key: number): void {
  backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
}

/** There are some in so many of any kind. */
function keysOfOneHash(): readonly [string, string] {
  const seen = new Map<number, string>()
  for (let i = 0; ; i++) {
    const key = `key ${i}`
    const earlier = seen.get(hashKey(key))
    if (earlier !== undefined) return [earlier, key]
    seen.set(hashKey(key), key)
  }
}

function put(backend: SegmentsStateBackend, table: ValueTable<Value>, key: number): void {
  select(backend, key)
  table.put({ key, round: 0, text: 'some text' })
}

/** Takes a whole snapshot; returns how many entries it has. */
function snapshot(backend: SegmentsStateBackend, id: number, kind: 'base' | 'delta'): number {
  return encodeWhole(backend.beginSnapshot(id, () => kind)).reduce((sum, { entries }) => sum + entries, 0)
}

/** Changes a bit of what is read. */
class DamagingFolder implements StoreFolder {
  readonly path: string
  readonly #folder: StoreFolder
  /** Byte of each read in which a bit changes; −1: none. */
  damageAt = -1

  constructor(inner: StoreFolder) {
    this.#folder = inner
    this.path = inner.path
  }

  create(): StoreFile {
    const file = this.#folder.create()
    return {
      append: (bytes, length, atBytes) => file.append(bytes, length, atBytes),
      close: () => file.close(),
      read: (into, length, atBytes) => {
        const count = file.read(into, length, atBytes)
        if (this.damageAt >= 0 && this.damageAt < count) into[this.damageAt] = (into[this.damageAt] as number) ^ 0x04
        return count
      },
    }
  }
}

/** Refuses to take more, as the system does. */
class FullFolder implements StoreFolder {
  readonly path: string
  readonly #folder: StoreFolder
  /** Of the error; undefined: there is room. */
  code: string | undefined

  constructor(inner: StoreFolder) {
    this.#folder = inner
    this.path = inner.path
  }

  create(): StoreFile {
    const file = this.#folder.create()
    return {
      append: (bytes, length, atBytes) => {
        if (this.code !== undefined) throw Object.assign(new Error(`${this.code}: write`), { code: this.code })
        file.append(bytes, length, atBytes)
      },
      read: (into, length, atBytes) => file.read(into, length, atBytes),
      close: () => file.close(),
    }
  }
}
