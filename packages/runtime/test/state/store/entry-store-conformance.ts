/**
 * What every store on the disk must do that the suite of all backends cannot see: its cache, keys of one hash, walks while things change,
 * what it says after checkpoints that failed, maps that are removed bit by bit (`map-removal-conformance.ts`), damage, and a full disk.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { hashKey } from '@millrace/core'
import { SeededRandom, SegmentChains } from '@millrace/testing'
import { UNIT_BYTES } from '../../../src/state/store/record-format.ts'
import { mapRemovalConformance } from './map-removal-conformance.ts'
import {
  chains,
  DESCRIPTOR,
  entriesOf,
  keysOfOneHash,
  maps,
  openIn,
  put,
  restoredIn,
  type StoreWorld,
  select,
  snapshot,
  sorted,
  type Value,
  values,
  windows,
} from './store-world.ts'

/** Within a `describe` of the store; `worldOf` is called within the tests. */
export function entryStoreConformance(worldOf: () => StoreWorld): void {
  it('holds state many times its cache, which keeps its budget', () => {
    const cacheBytes = 256 * 1024
    const backend = openIn(worldOf(), cacheBytes)
    const table = values(backend)
    // No factor of theirs is in the orders below.
    const keys = 20_011
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < keys; i++) {
        const key = (i * (2 * round + 1) * 7_919) % keys
        select(backend, key)
        const value = table.get()
        assert.deepEqual(value, round === 0 ? undefined : { key, round: round - 1, text: 'x'.repeat(40) })
        table.put({ key, round, text: 'x'.repeat(40) })
        const { bytes } = backend.store.cache
        assert.ok(bytes <= cacheBytes + 2_048, `${bytes} bytes in the cache`)
      }
    }
    const { entries, bytesEstimate } = backend.usage()[0] as { entries: number; bytesEstimate: number }
    assert.equal(entries, keys)
    assert.ok(bytesEstimate > 5 * cacheBytes)
    backend.close()
  })

  it('keeps nothing in memory of what comes and goes between two writings', () => {
    const backend = openIn(worldOf(), 8 * 1024 ** 2)
    const table = values(backend)
    const open = windows(backend)
    put(backend, table, -1)
    for (let key = 0; key < 20_000; key++) {
      put(backend, table, key)
      open.put(key, key)
      table.remove()
      open.dropNamespace(key)
    }
    const { changed, cache } = backend.store
    assert.ok(
      changed.size < 1_100,
      `${changed.size} changed entries are held, of which ${cache.dirtyEntries} are there`,
    )
    assert.deepEqual([cache.dirtyEntries, entriesOf(backend)], [1, { v: 1, w: 0 }])
    backend.close()
  })

  it('forgets deletions once a completed snapshot has said them', () => {
    const backend = openIn(worldOf(), 4_096)
    const table = values(backend)
    for (let key = 0; key < 500; key++) put(backend, table, key)
    assert.equal(snapshot(backend, 1, 'base'), 500)
    backend.onCheckpointComplete(1)
    for (let key = 0; key < 500; key++) {
      select(backend, key)
      table.remove()
    }
    assert.equal(snapshot(backend, 2, 'delta'), 500)
    backend.onCheckpointComplete(2)
    assert.equal(snapshot(backend, 3, 'delta'), 0)
    backend.close()
  })

  it('names a key once however often it is changed while checkpoints fail', () => {
    const backend = openIn(worldOf(), 4_096)
    const table = values(backend)
    // More, so that each key group has a base.
    for (let key = 0; key < 200; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let id = 2; id < 12; id++) {
      for (let key = 0; key < 50; key++) put(backend, table, key)
      snapshot(backend, id, 'delta')
      backend.onCheckpointAborted(id)
    }
    assert.equal(snapshot(backend, 12, 'delta'), 50)
    backend.close()
  })

  it('says nothing of maps that no snapshot knows, however often they are filled and removed', () => {
    const backend = openIn(worldOf(), 4_096)
    const table = maps<string, number>(backend)
    const fill = (key: unknown): void => {
      select(backend, key)
      for (const userKey of ['a', 'b', 'c']) table.put(userKey, 1)
    }
    const remove = (key: unknown): void => {
      select(backend, key)
      table.remove()
    }
    for (let key = 0; key < 200; key++) fill(key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let round = 0; round < 30; round++) {
      for (let job = 0; job < 10; job++) fill(`job ${job}`)
      // Half of the time what is removed has been written.
      if (round % 2 === 0) backend.store.flush()
      for (let job = 0; job < 10; job++) remove(`job ${job}`)
    }
    assert.equal(snapshot(backend, 2, 'delta'), 0)
    backend.onCheckpointComplete(2)
    fill('of a checkpoint that failed')
    assert.equal(snapshot(backend, 3, 'delta'), 3)
    backend.onCheckpointAborted(3)
    remove('of a checkpoint that failed')
    assert.equal(snapshot(backend, 4, 'delta'), 0)
    backend.onCheckpointComplete(4)
    fill('of a checkpoint that fails')
    assert.equal(snapshot(backend, 5, 'delta'), 3)
    remove('of a checkpoint that fails')
    backend.onCheckpointAborted(5)
    fill('of a checkpoint under way')
    snapshot(backend, 6, 'delta')
    remove('of a checkpoint under way')
    backend.onCheckpointComplete(6)
    remove(7)
    assert.equal(snapshot(backend, 7, 'delta'), 2)
    assert.equal(backend.usage()[0]?.entries, 199 * 3)
    backend.close()
  })

  for (const entries of [10, 3_000]) {
    it(`drops a namespace of ${entries} entries, and what comes back is there after a restore`, () => {
      const backend = openIn(worldOf(), 32 * 1024)
      const table = windows(backend)
      for (let key = 0; key < entries; key++) {
        select(backend, key)
        for (const end of [100, 200]) table.put(end, key)
      }
      const base = chains(backend, SegmentChains.EMPTY, 1)
      backend.onCheckpointComplete(1)
      table.dropNamespace(100)
      select(backend, 3)
      assert.equal(table.get(100), undefined)
      table.put(100, 33)
      const delta = chains(backend, base, 2)
      assert.deepEqual([table.namespaces(), table.size(100), table.size(200)], [[100, 200], 1, entries])
      const restored = restoredIn(worldOf(), delta, 32 * 1024)
      const after = windows(restored)
      assert.deepEqual([after.namespaces(), after.size(100), after.size(200)], [[100, 200], 1, entries])
      select(restored, 3)
      assert.equal(after.get(100), 33)
      backend.close()
      restored.close()
    })
  }

  it('knows the first of many namespaces whatever comes and goes', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const random = new SeededRandom(seed)
      const backend = openIn(worldOf(), random.pick([2_000, 1024 ** 2]))
      const table = windows(backend)
      const model = new Map<number, Set<number>>()
      for (let step = 0; step < 3_000; step++) {
        const namespace = random.below(400)
        const key = random.below(3)
        select(backend, key)
        const held = model.get(namespace) ?? new Set<number>()
        if (random.chance(0.4)) {
          table.put(namespace, step)
          model.set(namespace, held.add(key))
        } else if (random.chance(0.8)) {
          table.remove(namespace)
          held.delete(key)
          if (held.size === 0) model.delete(namespace)
        } else {
          table.dropNamespace(namespace)
          model.delete(namespace)
        }
        const first = model.size === 0 ? undefined : Math.min(...model.keys())
        assert.equal(table.firstNamespace(), first, `seed ${seed}, step ${step}`)
        if (step % 100 === 0)
          assert.deepEqual(
            table.namespaces(),
            [...model.keys()].sort((a, b) => a - b),
          )
      }
      backend.close()
    }
  })

  it('tells keys of one hash apart, whatever is in the cache, in snapshots and after restores', () => {
    const both = keysOfOneHash()
    for (let seed = 1; seed <= 60; seed++) runKeysOfOneHash(worldOf(), both, seed)
  })

  it('finds a key again though another of its hash was looked for while it was in the cache only', () => {
    const [first, second] = keysOfOneHash()
    const backend = openIn(worldOf(), 1_000)
    const table = values(backend)
    for (let key = 0; key < 20; key++) put(backend, table, key)
    backend.store.flush()
    select(backend, first)
    table.put({ key: 1, round: 1, text: '' })
    select(backend, second)
    assert.equal(table.get(), undefined)
    // It may leave now, and others take its place.
    backend.store.flush()
    for (let key = 0; key < 20; key++) {
      select(backend, key)
      assert.equal(table.get()?.key, key)
    }
    select(backend, first)
    assert.equal(table.get()?.key, 1)
    backend.close()
  })

  it('walks over each of two keys of one hash once, whichever of them is in the cache', () => {
    const both = keysOfOneHash()
    for (let cacheBytes = 0; cacheBytes < 4_000; cacheBytes += 100) {
      for (let read = 0; read < 8; read++) {
        const backend = openIn(worldOf(), cacheBytes)
        const table = maps<string, number>(backend)
        select(backend, 1)
        for (let i = 0; i < 8; i++) table.put(`other ${i}`, i)
        for (const key of both) table.put(key, 0)
        backend.store.flush()
        for (let i = 0; i < read; i++) table.get(`other ${i}`)
        table.get(both[(read % 2) as 0 | 1])
        const met = [...table.entries()].map(([key]) => key).filter((key) => !key.startsWith('other'))
        assert.deepEqual(met.sort(), [...both].sort(), `cache of ${cacheBytes} bytes, ${read} read`)
        backend.close()
      }
    }
  })

  it('walks over what is in the store and what is in the cache only, each once, while both change', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed)
      const backend = openIn(worldOf(), random.pick([2_000, 40_000, 1_000_000]))
      const table = maps<number, number>(backend)
      select(backend, 'outer')
      const there = new Set<number>()
      for (let step = 0; step < 1_500; step++) {
        const key = random.below(2_000)
        table.put(key, key)
        there.add(key)
        if (step === 750 && random.chance(0.7)) backend.store.flush()
      }
      const met = new Set<number>()
      for (const [key, value] of table.entries()) {
        assert.equal(value, key, `seed ${seed}`)
        assert.ok(!met.has(key), `seed ${seed}: ${key} was met twice`)
        met.add(key)
        const dice = random.below(200)
        const other = random.below(2_000)
        if (dice < 1) backend.store.flush()
        else if (dice < 20) table.put(other, other)
        else if (dice < 40) table.get(other)
        else if (dice < 60 && !met.has(other)) {
          table.delete(other)
          there.delete(other)
        }
      }
      for (const key of there) assert.ok(met.has(key), `seed ${seed}: ${key} was not met`)
      backend.close()
    }
  })

  it('looks for what has expired in bounded steps, also where most has been deleted', () => {
    const world = worldOf()
    let nowMs = 0
    const backend = world.open({ cacheBytes: () => 16 * 1024, now: () => nowMs })
    const table = backend.valueTable<Value>({ ...DESCRIPTOR, ttlMs: 1_000 })
    for (let key = 0; key < 20_000; key++) put(backend, table, key)
    snapshot(backend, 1, 'base')
    backend.onCheckpointComplete(1)
    for (let key = 3; key < 20_000; key++) {
      select(backend, key)
      table.remove()
    }
    backend.store.flush()
    nowMs = 5_000
    for (let isDone = false; !isDone; ) {
      const { misses } = backend.store
      isDone = backend.sweepExpired(16)
      assert.ok(backend.store.misses - misses <= 300, `${backend.store.misses - misses} entries were read in a step`)
    }
    assert.deepEqual(entriesOf(backend), { v: 0 })
    assert.equal(snapshot(backend, 2, 'delta'), 20_000)
    backend.close()
  })

  it('reads objects of each record by the shapes of that record', () => {
    const backend = openIn(worldOf(), 0)
    const table = backend.valueTable<readonly object[]>(DESCRIPTOR)
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

  it('refuses a record that is not what was written, wherever a bit has changed', () => {
    const world = worldOf()
    const backend = openIn(world, 0)
    const table = values(backend)
    for (let key = 0; key < 50; key++) put(backend, table, key)
    backend.store.flush()
    const { bytesEstimate, entries } = backend.usage()[0] as { bytesEstimate: number; entries: number }
    const length = Math.floor(bytesEstimate / entries)
    assert.ok(length > 40, `${length} bytes`)
    // Behind the last byte of a record is what makes it a multiple of so many.
    for (let at = 0; at <= length - UNIT_BYTES; at++) {
      world.damageAt = at
      select(backend, 1)
      assert.throws(() => table.get(), { code: 'DISK_FAILED' }, `byte ${at}`)
    }
    world.damageAt = -1
    select(backend, 1)
    assert.equal(table.get()?.key, 1)
    backend.close()
  })

  it('has lost nothing when there was no room for a while', () => {
    const world = worldOf()
    const backend = openIn(world, 4_096)
    const table = values(backend)
    for (let key = 0; key < 100; key++) put(backend, table, key)
    backend.store.flush()
    world.isFull = true
    const written = new Set(Array.from({ length: 100 }, (_, key) => key))
    let next = written.size
    const writeOn = (): void => {
      for (;;) {
        const key = next++
        put(backend, table, key)
        written.add(key)
      }
    }
    assert.throws(writeOn, { code: 'DISK_FAILED' })
    assert.throws(writeOn, { code: 'DISK_FAILED' })
    assert.throws(() => backend.store.flush(), { code: 'DISK_FAILED' })
    assert.throws(() => snapshot(backend, 1, 'base'), { code: 'DISK_FAILED' })
    world.isFull = false
    // Nobody goes on with a store that has failed; that it could shows that nothing is half done.
    backend.store.flush()
    assert.ok(written.size > 100, `${written.size} keys`)
    for (const key of written) {
      select(backend, key)
      assert.equal(table.get()?.key, key)
    }
    // The ones that failed may be there too.
    const there = snapshot(backend, 2, 'base')
    assert.ok(there >= written.size && there <= next, `${there} of ${written.size} to ${next} keys`)
    backend.close()
  })

  mapRemovalConformance(worldOf)
}

function runKeysOfOneHash(world: StoreWorld, [first, second]: readonly [string, string], seed: number): void {
  const random = new SeededRandom(seed)
  const cacheBytes = random.pick([0, 300, 700, 2_000, 100_000])
  let backend = openIn(world, cacheBytes)
  let [value, map] = [values(backend), maps<string, number>(backend)]
  const model = new Map<string, number>()
  const inner = new Map<string, number>()
  let known = SegmentChains.EMPTY
  const others = ['x', 'y', 'z', 'u', 'v', 'w']
  for (let step = 0; step < 300; step++) {
    const where = `seed ${seed}, step ${step}`
    const key = random.pick([first, second, first, second, ...others])
    const dice = random.below(100)
    if (dice < 35) {
      select(backend, key)
      value.put({ key: step, round: 0, text: '' })
      model.set(key, step)
      select(backend, 'outer')
      map.put(key, step)
      inner.set(key, step)
    } else if (dice < 60) {
      select(backend, key)
      value.remove()
      model.delete(key)
      select(backend, 'outer')
      map.delete(key)
      inner.delete(key)
    } else if (dice < 70) {
      backend.expectKeys([first, second, ...others].map(hashKey), 0, 8)
    } else if (dice < 75) {
      backend.store.flush()
    } else if (dice < 80) {
      known = chains(backend, known, step + 1)
      if (random.chance(0.7)) backend.onCheckpointComplete(step + 1)
      else {
        // Nothing may build on it.
        backend.onCheckpointAborted(step + 1)
        known = SegmentChains.EMPTY
      }
    } else if (dice < 83) {
      known = chains(backend, SegmentChains.EMPTY, step + 1)
      backend.close()
      backend = restoredIn(world, known, cacheBytes)
      value = values(backend)
      map = maps(backend)
    } else {
      select(backend, key)
      assert.equal(value.get()?.key, model.get(key), where)
      select(backend, 'outer')
      assert.equal(map.get(key), inner.get(key), where)
    }
    if (step % 20 === 0) {
      select(backend, 'outer')
      assert.deepEqual(sorted(map.entries()), sorted(inner), where)
      assert.deepEqual(entriesOf(backend), { v: model.size, m: inner.size }, where)
    }
  }
  backend.close()
}
