/** The segment store does what every store on the disk must, and what is its own: its files, and the space that they take. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { encodeWhole, hashKey, keyGroupOf } from '@millrace/core'
import { SeededRandom } from '@millrace/testing'
import { SegmentsStateBackend } from '../../../src/state/segments/segments-state-backend.ts'
import { NodeStoreFolder, type StoreFile, type StoreFolder } from '../../../src/state/segments/store-file.ts'
import { entryStoreConformance } from '../store/entry-store-conformance.ts'
import {
  clearAll,
  GROUPS,
  maps,
  nested,
  put,
  type StoreWorld,
  select,
  snapshot,
  storeOptions,
  type Value,
  values,
  windows,
} from '../store/store-world.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-entry-store-'))
after(() => rmSync(folder, { recursive: true }))

describe('segment store', () => {
  let world: LogWorld | undefined

  entryStoreConformance(() => {
    world ??= new LogWorld()
    return world
  })

  it('stays near what is alive where the cache holds a part of it', () => {
    const backend = open({ cacheBytes: 64 * 1024, fileBytes: 128 * 1024 })
    const table = values(backend)
    // No factor of theirs is in the orders below.
    const keys = 10_007
    for (let round = 0; round < 8; round++) {
      // In another order each time, so that no file is dead as a whole by itself.
      for (let i = 0; i < keys; i++) put(backend, table, (i * (2 * round + 1) * 7_919) % keys, round)
    }
    const { bytesEstimate } = backend.usage()[0] as { bytesEstimate: number }
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
          put(backend, table, key, id)
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

  it('says what there is no room for, and of how much', () => {
    const full = new WatchedFolder(new NodeStoreFolder(folder, 'full'))
    const backend = open({ cacheBytes: 4_096, fileBytes: 16 * 1024, store: full })
    const table = values(backend)
    for (let key = 0; key < 100; key++) put(backend, table, key)
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
    backend.close()
  })

  it('has no record of a deletion any more once a completed snapshot has said it', () => {
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
    assert.equal(recordsOf(backend), 1)
    backend.close()
  })

  it('counts no deletion any more that went with its namespace', () => {
    const backend = open({ cacheBytes: 4_096, fileBytes: 16 * 1024 })
    const table = windows(backend)
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

  it('counts its records right, whoever takes out what is left of large maps', () => {
    const backend = open({ cacheBytes: 8_192, fileBytes: 16 * 1024 })
    const table = values(backend)
    const inner = maps<number, number>(backend)
    for (let key = 0; key < 300; key++) put(backend, table, key)
    for (let id = 1; id <= 6; id++) {
      // Side by side, so that no file is dead as a whole by itself.
      for (let userKey = 0; userKey < 2_000; userKey++) {
        select(backend, 'large')
        inner.put(userKey, id)
        for (const key of [2 * userKey, 2 * userKey + 1]) put(backend, table, key % 300, id)
      }
      const begun = backend.beginSnapshot(id, () => 'base')
      select(backend, 'large')
      inner.remove()
      const { cleanedBytes } = backend.store
      for (let round = 0; round < 20; round++) for (let key = 0; key < 300; key++) put(backend, table, key, round)
      assert.ok(backend.store.cleanedBytes > cleanedBytes, 'files with what is left are cleaned')
      const pieces = encodeWhole(begun)
      assert.equal(
        pieces.reduce((sum, { entries }) => sum + entries, 0),
        2_300,
        'the map was there when it began',
      )
      backend.onCheckpointComplete(id)
    }
    assert.ok(backend.store.hasLeftovers)
    clearAll(backend)
    backend.store.flush()
    assert.equal(recordsOf(backend), 300)
    backend.close()
  })

  it('gives the number of a map that has come since a snapshot began to another at once', () => {
    const backend = open({ cacheBytes: 1024 ** 2, fileBytes: 64 * 1024 })
    const table = maps<number, number>(backend)
    const numberOf = (key: string): number => nested(table).mapFor(key, keyGroupOf(key, GROUPS)).number
    select(backend, 'old')
    table.put(1, 1)
    const old = numberOf('old')
    const begun = backend.beginSnapshot(1, () => 'base')
    table.remove()
    for (let key = 0; key < 1_000; key++) {
      select(backend, `new ${key}`)
      table.put(1, 1)
      assert.ok(numberOf(`new ${key}`) !== old, 'the snapshot still has records of that')
      assert.ok(numberOf(`new ${key}`) < 3, `map ${key} has number ${numberOf(`new ${key}`)}`)
      table.remove()
    }
    assert.equal(encodeWhole(begun)[0]?.entries, 1)
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

interface StoreSizes {
  readonly cacheBytes: number | (() => number)
  readonly fileBytes: number
  readonly store?: StoreFolder
}

/** Open one after the other, in a folder that is watched. */
class LogWorld implements StoreWorld {
  readonly #folder = new WatchedFolder(new NodeStoreFolder(folder, 'world'))

  open(options: Parameters<StoreWorld['open']>[0]): SegmentsStateBackend {
    return new SegmentsStateBackend({ ...storeOptions(options), folder: this.#folder, fileBytes: 64 * 1024 })
  }

  set damageAt(at: number) {
    this.#folder.damageAt = at
  }

  set isFull(isFull: boolean) {
    this.#folder.code = isFull ? 'ENOSPC' : undefined
  }

  get readBytes(): number {
    return this.#folder.readBytes
  }
}

let opened = 0

function open({ cacheBytes, fileBytes, store }: StoreSizes): SegmentsStateBackend {
  return new SegmentsStateBackend({
    ...storeOptions({ cacheBytes: typeof cacheBytes === 'number' ? () => cacheBytes : cacheBytes, now: () => 0 }),
    folder: store ?? new NodeStoreFolder(folder, `store-${opened++}`),
    fileBytes,
  })
}

/** That count as alive, deletions too. */
function recordsOf({ store }: SegmentsStateBackend): number {
  return [...store.log.files()].reduce((sum, { live }) => sum + live, 0)
}

/** Changes a bit of what is read, refuses to take more as the system does, and counts. */
class WatchedFolder implements StoreFolder {
  readonly path: string
  readonly #folder: StoreFolder
  /** Byte of each read in which a bit changes; −1: none. */
  damageAt = -1
  /** Of the error that writing throws; undefined: there is room. */
  code: string | undefined
  readBytes = 0

  constructor(inner: StoreFolder) {
    this.#folder = inner
    this.path = inner.path
  }

  create(): StoreFile {
    const file = this.#folder.create()
    return {
      append: (bytes, length, atBytes) => {
        const { code } = this
        if (code !== undefined) throw Object.assign(new Error(`${code}: write`), { code })
        file.append(bytes, length, atBytes)
      },
      close: () => file.close(),
      read: (into, length, atBytes) => {
        const count = file.read(into, length, atBytes)
        this.readBytes += count
        if (this.damageAt >= 0 && this.damageAt < count) into[this.damageAt] = (into[this.damageAt] as number) ^ 0x04
        return count
      },
    }
  }
}
