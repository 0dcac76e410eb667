/**
 * What every store on the disk must do with maps that are removed as a whole: nobody sees them from the first moment but snapshots that
 * have begun, and of a large one the work is done bit by bit.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { MapTable } from '@millrace/core'
import { OpenChainsSnapshot, SeededRandom, SegmentChains } from '@millrace/testing'
import type { StoreStateBackend } from '../../../src/state/store/store-state-backend.ts'
import { chains, clearAll, entriesOf, maps, openIn, restoredIn, type StoreWorld, select } from './store-world.ts'

const LARGE = 5_000
const TTL_MS = 1_000

export function mapRemovalConformance(worldOf: () => StoreWorld): void {
  for (const cacheBytes of [4_096, 16 * 1024 ** 2]) {
    for (const ttlMs of [undefined, TTL_MS]) {
      const where = `${cacheBytes} bytes of cache${ttlMs === undefined ? '' : ', with a time to live'}`
      it(`takes a large map out bit by bit, and nobody sees it from the first moment: ${where}`, () => {
        const world = worldOf()
        let nowMs = 0
        const backend = world.open({ cacheBytes: () => cacheBytes, now: () => nowMs })
        const table = maps<number, number>(backend, ttlMs)
        const large = new Map<number, number>()
        select(backend, 'large')
        for (let userKey = 0; userKey < LARGE; userKey++) {
          table.put(userKey, 1)
          large.set(userKey, 1)
        }
        select(backend, 'small')
        table.put(1, 1)
        const first = chains(backend, SegmentChains.EMPTY, 1)
        backend.onCheckpointComplete(1)
        // Some has changed and some was deleted, of which the store may not know yet when the map goes.
        select(backend, 'large')
        for (let userKey = 0; userKey < 50; userKey++) {
          table.put(userKey, 2)
          table.delete(userKey + 100)
          large.set(userKey, 2)
          large.delete(userKey + 100)
        }
        const began = new OpenChainsSnapshot(backend, first, 2, 3)
        began.step()
        for (let userKey = 200; userKey < 220; userKey++) {
          table.put(userKey, 3)
          table.delete(userKey + 100)
        }
        const { readBytes } = world
        table.remove()
        assert.ok(world.readBytes - readBytes < 200_000, `${world.readBytes - readBytes} bytes were read to remove it`)
        assert.deepEqual([backend.store.hasLeftovers, backend.sweepDueMs()], [true, nowMs])
        assert.deepEqual(
          [table.isEmpty, table.get(7), table.has(9), [...table.entries()]],
          [true, undefined, false, []],
        )
        const again = new Map([
          [3, 4],
          [LARGE + 1, 4],
        ])
        for (const [userKey, value] of again) table.put(userKey, value)
        assert.deepEqual(new Map(table.entries()), again)
        backend.sweepExpired(300)
        assert.ok(backend.store.hasLeftovers)
        const second = began.finish()
        backend.onCheckpointComplete(2)
        expectLarge(world, second, large, ttlMs)
        const third = chains(backend, second, 3)
        backend.onCheckpointComplete(3)
        expectLarge(world, third, again, ttlMs)
        const whole = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 4, 3)
        whole.step()
        backend.sweepExpired(300)
        expectLarge(world, whole.finish(), again, ttlMs)
        backend.onCheckpointAborted(4)
        assert.ok(backend.store.hasLeftovers, 'no snapshot does what is left')
        clearAll(backend)
        assert.deepEqual(entriesOf(backend), { m: again.size + 1 })
        expectLarge(world, chains(backend, third, 5), again, ttlMs)
        backend.onCheckpointComplete(5)
        if (ttlMs !== undefined) {
          assert.equal(backend.usage()[0]?.expiredEntries, 0)
          nowMs = TTL_MS * 3
          assert.equal(backend.usage()[0]?.expiredEntries, again.size + 1)
          while (!backend.sweepExpired(1_000));
          const { entries, expiredEntries } = backend.usage()[0] ?? {}
          assert.deepEqual([entries, expiredEntries, backend.sweepDueMs()], [0, 0, undefined])
        }
        backend.close()
      })
    }
  }

  it('removes a large window in the same way', () => {
    const world = worldOf()
    const backend = openIn(world, 4_096)
    const table = backend.namespacedTable<number>({
      operatorUid: 'op',
      name: 'w',
      kind: 'namespaced',
      version: 1,
      ttlMs: undefined,
    })
    for (let round = 0; round < 4; round++) {
      for (let key = 0; key < LARGE; key++) {
        select(backend, key)
        table.put(100, round)
      }
      const { readBytes } = world
      table.dropNamespace(100)
      assert.ok(world.readBytes - readBytes < 200_000, `${world.readBytes - readBytes} bytes were read to remove it`)
      assert.deepEqual([table.namespaces(), table.size(100), table.cursor(100).next()], [[], 0, false])
      select(backend, 7)
      assert.equal(table.get(100), undefined)
      assert.deepEqual(entriesOf(backend), { w: 0 })
    }
    clearAll(backend)
    assert.equal(backend.store.cache.entries, 0)
    backend.close()
  })

  it('gives up what is left to do when it is closed', () => {
    const backend = openIn(worldOf(), 4_096)
    const table = maps<number, number>(backend)
    select(backend, 'large')
    for (let userKey = 0; userKey < LARGE; userKey++) table.put(userKey, 1)
    backend.store.flush()
    table.remove()
    assert.ok(backend.store.hasLeftovers)
    backend.close()
    assert.equal(backend.store.hasLeftovers, false)
    backend.close()
  })

  it('removes large maps while all else goes on', () => {
    for (let seed = 1; seed <= 8; seed++) new RemovalRun(worldOf(), new SeededRandom(seed), `seed ${seed}`).run()
  })
}

/** What a restore finds in the large map, and in the small one. */
function expectLarge(
  world: StoreWorld,
  from: SegmentChains,
  expected: ReadonlyMap<number, number>,
  ttlMs: number | undefined,
): void {
  const backend = restoredIn(world, from, 1024 ** 2)
  const table = maps<number, number>(backend, ttlMs)
  select(backend, 'large')
  assert.deepEqual(new Map(table.entries()), expected)
  select(backend, 'small')
  assert.deepEqual([...table.entries()], [[1, 1]])
  backend.close()
}

type Model = ReadonlyMap<string, ReadonlyMap<number, number>>

const KEYS = ['a', 'b', 'c']

class RemovalRun {
  readonly #world: StoreWorld
  readonly #random: SeededRandom
  readonly #name: string
  readonly #ttlMs: number | undefined
  readonly #cacheBytes: number
  #backend: StoreStateBackend
  #table: MapTable<number, number>
  #model = new Map<string, Map<number, number>>()
  #completed: { readonly model: Model; readonly chains: SegmentChains } = {
    model: new Map(),
    chains: SegmentChains.EMPTY,
  }
  #running: { readonly model: Model; readonly snapshot: OpenChainsSnapshot } | undefined
  #nextId = 1

  constructor(world: StoreWorld, random: SeededRandom, name: string) {
    this.#world = world
    this.#random = random
    this.#name = name
    this.#ttlMs = random.pick([undefined, 1_000_000])
    this.#cacheBytes = random.pick([2_000, 60_000, 4 * 1024 ** 2])
    this.#backend = openIn(world, this.#cacheBytes)
    this.#table = maps(this.#backend, this.#ttlMs)
  }

  run(): void {
    for (let step = 0; step < 80; step++) {
      const dice = this.#random.below(100)
      if (dice < 30) this.#fill(step)
      else if (dice < 42) this.#remove()
      else if (dice < 52) this.#delete()
      else if (dice < 66) this.#backend.sweepExpired(1 + this.#random.below(2_000))
      else if (dice < 74) this.#begin()
      else if (dice < 84) for (let i = this.#random.below(400); i > 0; i--) this.#running?.snapshot.step()
      else if (dice < 91) this.#end()
      else if (dice < 93) this.#restart()
      else this.#compare()
    }
    this.#compare()
    clearAll(this.#backend)
    const entries = [...this.#model.values()].reduce((sum, { size }) => sum + size, 0)
    assert.deepEqual(entriesOf(this.#backend), { m: entries }, this.#name)
    this.#restart()
    this.#backend.close()
  }

  #fill(value: number): void {
    const key = this.#random.pick(KEYS)
    const from = this.#random.below(2_000)
    const end = from + this.#random.below(1_500)
    const map = this.#model.get(key) ?? new Map<number, number>()
    this.#model.set(key, map)
    select(this.#backend, key)
    for (let userKey = from; userKey < end; userKey++) {
      this.#table.put(userKey, value)
      map.set(userKey, value)
    }
  }

  #remove(): void {
    const key = this.#random.pick(KEYS)
    select(this.#backend, key)
    this.#table.remove()
    this.#model.delete(key)
  }

  #delete(): void {
    const key = this.#random.pick(KEYS)
    select(this.#backend, key)
    for (let i = 0; i < 100; i++) {
      const userKey = this.#random.below(3_500)
      this.#table.delete(userKey)
      this.#model.get(key)?.delete(userKey)
    }
  }

  #begin(): void {
    if (this.#running !== undefined) return
    const snapshot = new OpenChainsSnapshot(this.#backend, this.#completed.chains, this.#nextId++, 2)
    this.#running = { model: structuredClone(this.#model), snapshot }
  }

  #end(): void {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    const { id } = running.snapshot
    if (this.#random.chance(0.3)) {
      this.#backend.onCheckpointAborted(id)
      return
    }
    this.#completed = { model: running.model, chains: running.snapshot.finish() }
    this.#backend.onCheckpointComplete(id)
  }

  #restart(): void {
    this.#running = undefined
    this.#backend.close()
    this.#backend = restoredIn(this.#world, this.#completed.chains, this.#cacheBytes)
    this.#table = maps(this.#backend, this.#ttlMs)
    this.#model = new Map([...this.#completed.model].map(([key, map]) => [key, new Map(map)]))
    this.#compare()
  }

  #compare(): void {
    for (const key of KEYS) {
      select(this.#backend, key)
      const expected = this.#model.get(key) ?? new Map()
      assert.deepEqual(new Map(this.#table.entries()), expected, `${this.#name}, key ${key}`)
      assert.equal(this.#table.isEmpty, expected.size === 0, `${this.#name}, key ${key}`)
    }
  }
}
