import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeWhole, hashKey, keyGroupOf, PART_ENTRIES_MAX, type TableDescriptor } from '@millrace/core'
import fc from 'fast-check'
import { atOf, EntryMap, type EntryMapOwner } from '../../../src/state/heap/entry-map.ts'
import { ROWS_MAX } from '../../../src/state/heap/entry-rows.ts'
import { HeapStateBackend } from '../../../src/state/heap/heap-state-backend.ts'

const COUNT = PART_ENTRIES_MAX * 5

const table = (name: string, kind: TableDescriptor['kind']): TableDescriptor => ({
  operatorUid: 'op',
  name,
  kind,
  version: 1,
  ttlMs: undefined,
})

function openBackend(): HeapStateBackend {
  return new HeapStateBackend({
    keyGroups: { first: 0, last: 0 },
    maxParallelism: 1,
    now: () => 0,
    monotonicMs: () => 0,
  })
}

describe('a table that grows', () => {
  for (const { kind, keyOf } of [
    { kind: 'numbers', keyOf: (n: number) => n },
    { kind: 'fractions', keyOf: (n: number) => n / 3 },
    { kind: 'strings', keyOf: (n: number) => `key ${n}` },
    { kind: 'bigints', keyOf: (n: number) => BigInt(n) },
    { kind: 'arrays of numbers', keyOf: (n: number) => [n % 100, n / 3] },
    { kind: 'arrays of numbers, then texts', keyOf: (n: number) => (n < COUNT / 2 ? [n, 1] : `key ${n}`) },
  ]) {
    it(`finds all its entries, keys are ${kind}`, () => {
      const backend = openBackend()
      const values = backend.valueTable<number>(table('value', 'value'))
      for (let n = 0; n < COUNT; n++) {
        backend.setCurrentKey(keyOf(n), 0)
        values.put(n)
      }
      for (let n = 0; n < COUNT; n += 7) {
        backend.setCurrentKey(keyOf(n), keyGroupOf(keyOf(n), 1))
        assert.equal(values.get(), n)
        values.remove()
        assert.equal(values.get(), undefined)
      }
      assert.equal(backend.usage()[0]?.entries, COUNT - Math.ceil(COUNT / 7))
    })
  }

  it('is walked and snapshotted while it grows, once for each entry', () => {
    const backend = openBackend()
    const namespaced = backend.namespacedTable<number>(table('ns', 'namespaced'))
    const put = (n: number) => {
      backend.setCurrentKey(n, 0)
      namespaced.put(1, n)
    }
    const before = PART_ENTRIES_MAX + 100
    for (let n = 0; n < before; n++) put(n)
    const snapshot = backend.beginSnapshot(1, () => 'base')
    const cursor = namespaced.cursor(1)
    const met = new Set<unknown>()
    for (let n = before; n < COUNT; n++) {
      put(n)
      if (n % 512 === 0) snapshot.encode(0)
      if (n % 2 === 0 && cursor.next()) {
        assert.equal(met.has(cursor.key), false)
        met.add(cursor.key)
      }
    }
    while (cursor.next()) {
      assert.equal(met.has(cursor.key), false)
      met.add(cursor.key)
    }
    for (let n = 0; n < before; n++) assert.equal(met.has(n), true)
    assert.equal(encodeWhole(snapshot, 0)[0]?.entries, before)
  })
})

/** A map of its own, with a table that nobody asks. */
const openMap = () => new EntryMap({} as EntryMapOwner, undefined, 1)

describe('EntryMap', () => {
  it('holds what a plain map holds, whatever comes and goes', () => {
    const anyPair = fc.tuple(fc.nat(6), fc.nat(6))
    const anyKey = fc.oneof(fc.nat(40), fc.nat(40).map(String), anyPair)
    const stepWith = (key: fc.Arbitrary<unknown>) =>
      fc.tuple(fc.constantFrom('put', 'put', 'bury', 'erase'), key, fc.integer())
    const anySteps = fc
      .constantFrom<fc.Arbitrary<unknown>>(anyKey, anyPair)
      .chain((key) => fc.array(stepWith(key), { maxLength: 300 }))
    fc.assert(
      fc.property(anySteps, (steps) => {
        const map = openMap()
        const model = new Map<string, { key: unknown; value: number | undefined }>()
        for (const [step, key, value] of steps) {
          const name = JSON.stringify(key)
          const row = map.find(hashKey(key), key)
          assert.equal(row >= 0, model.has(name))
          const held = model.get(name)
          if (step === 'put') {
            if (held === undefined) map.insert(hashKey(key), key, 3, value, 1)
            else if (held.value === undefined) map.revive(row, value)
            else map.setValue(row, value)
            model.set(name, { key, value })
          } else if (step === 'bury' && held?.value !== undefined) {
            map.bury(row)
            model.set(name, { key, value: undefined })
          } else if (step === 'erase' && held !== undefined) {
            map.erase(row)
            model.delete(name)
          }
        }
        const found = new Map<string, { key: unknown; value: unknown }>()
        const walk = map.walk()
        for (let row = walk.next(); row >= 0; row = walk.next()) {
          const part = map.partOf(row)
          assert.equal(part.keyGroup(atOf(row)), 3)
          const key = map.key(row)
          assert.equal(map.find(hashKey(key), key), row)
          found.set(JSON.stringify(key), { key, value: part.isLive(atOf(row)) ? map.value(row) : undefined })
        }
        assert.deepEqual(found, model)
        const dead = [...model.values()].filter(({ value }) => value === undefined).length
        assert.deepEqual([map.live, map.deleted], [model.size - dead, dead])
      }),
      { numRuns: 500 },
    )
  })

  it('uses rows again, and lets go of parts without entries', () => {
    const map = openMap()
    const fill = (from: number) => {
      for (let n = from; n < from + ROWS_MAX * 4; n++) map.insert(hashKey(n), n, 0, n, 1)
    }
    fill(0)
    for (let n = 0; n < ROWS_MAX * 4; n += 2) map.erase(map.find(hashKey(n), n))
    assert.equal(map.parts.length, 4)
    for (let n = 1; n < ROWS_MAX * 3; n += 2) map.erase(map.find(hashKey(n), n))
    assert.deepEqual(
      map.parts.map((part) => part?.used),
      [undefined, undefined, undefined, ROWS_MAX / 2],
    )
    for (let n = ROWS_MAX * 3 + 1; n < ROWS_MAX * 4; n += 2) map.erase(map.find(hashKey(n), n))
    fill(1_000_000)
    assert.equal(map.parts.length, 4)
    for (let n = 1_000_000; n < 1_000_000 + ROWS_MAX * 4; n++) {
      assert.equal(map.value(map.find(hashKey(n), n)), n)
    }
  })

  it('finds keys that share a whole hash, more of them than an index takes', () => {
    const map = openMap()
    const put = (hash: number, n: number) => map.insert(hash, n, 0, n, 1)
    // With these it has an index; the hashes of what comes later are those that it is given.
    for (let n = -20; n < 0; n++) put(hashKey(n), n)
    // Splitting parts none of them.
    for (let n = 0; n < PART_ENTRIES_MAX + 10; n++) put(7, n)
    for (const n of [0, 1, 100, PART_ENTRIES_MAX + 9]) assert.equal(map.value(map.find(7, n)), n)
    assert.equal(map.find(7, PART_ENTRIES_MAX + 10), -1)
    for (let n = -20; n < 0; n++) assert.equal(map.value(map.find(hashKey(n), n)), n)
  })
})

describe('namespaces one after the other', () => {
  it('hold what belongs to them, whatever the ones before had', () => {
    const backend = openBackend()
    const windows = backend.namespacedTable<number>(table('ns', 'namespaced'))
    // Each has as many entries as the two before let expect, or more, or less, to beyond the rows of a part.
    const sizes = [3, 10_000, 10_000, 9_000, 5, 5, 20_000, 20_000, 25_000, 0, 40]
    sizes.forEach((size, namespace) => {
      for (let n = 0; n < size; n++) {
        backend.setCurrentKey(n, 0)
        windows.put(namespace, n * namespace)
      }
      assert.equal(windows.size(namespace), size)
      const met = new Set<unknown>()
      for (const cursor = windows.cursor(namespace); cursor.next(); met.add(cursor.key)) {
        assert.equal(cursor.value, (cursor.key as number) * namespace)
      }
      assert.equal(met.size, size)
      windows.dropNamespace(namespace)
    })
    assert.equal(backend.usage()[0]?.entries, 0)
  })
})

describe('timers that move', () => {
  it('leave nothing behind', () => {
    const backend = openBackend()
    const timers = backend.namespacedTable<boolean>(table('timers', 'namespaced'))
    backend.setCurrentKey('a', 0)
    for (let time = 0; time < 50_000; time++) {
      timers.put(time + 1_000_000, true)
      timers.remove(time + 999_999)
    }
    assert.equal(timers.firstNamespace(), 1_049_999)
    assert.deepEqual(timers.namespaces(), [1_049_999])
    assert.equal(backend.usage()[0]?.entries, 1)
  })
})
