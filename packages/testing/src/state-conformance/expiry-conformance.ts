/**
 * What every keyed state backend must do with a time to live: what is no longer returned, what a read changes, what is removed though
 * nobody reads it, what of all that is in snapshots, and what happens when a restored job declares another time to live.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TtlRules } from '@millrace/api'
import {
  type KeyedStateBackend,
  keyGroupOf,
  keyGroupRange,
  type ListTable,
  type MapTable,
  type TableDescriptor,
  type ValueTable,
} from '@millrace/core'
import type { CreateBackend } from './create-backend.ts'
import { runExpiryModel } from './expiry-model-run.ts'
import { OpenChainsSnapshot, SegmentChains } from './segment-chains.ts'

const MAX_PARALLELISM = 8
const OPERATOR = 'op'
const TTL_MS = 100
const BEGIN = 1_000

const ON_READ: TtlRules = {
  update: 'onReadAndWrite',
  visibility: 'neverReturnExpired',
  cleanupInBackground: true,
}
const ONCE_MORE: TtlRules = {
  update: 'onCreateAndWrite',
  visibility: 'returnExpiredIfNotCleanedUp',
  cleanupInBackground: true,
}

interface Tables {
  readonly backend: KeyedStateBackend
  readonly value: ValueTable<number>
  readonly map: MapTable<string, number>
  readonly list: ListTable<number>
}

/** Registers the suite; `randomRuns` and `firstSeed` as in `stateBackendConformance`. */
export function expiryConformance(
  name: string,
  create: CreateBackend,
  { randomRuns, firstSeed }: { readonly randomRuns: number; readonly firstSeed: number },
): void {
  let now = BEGIN
  const openBackend = () =>
    create({ keyGroups: keyGroupRange(0, 1, MAX_PARALLELISM), maxParallelism: MAX_PARALLELISM, now: () => now })
  /** A backend, with what is restored, and its tables. */
  const open = (ttl: number | 'none' = TTL_MS, rules?: TtlRules, chains?: SegmentChains): Tables => {
    const ttlMs = ttl === 'none' ? undefined : ttl
    const backend = openBackend()
    chains?.restoreInto(backend)
    return {
      backend,
      value: backend.valueTable(tableOf('value', ttlMs, rules)),
      map: backend.mapTable(tableOf('map', ttlMs, rules)),
      list: backend.listTable(tableOf('list', ttlMs, rules)),
    }
  }
  const at = (time: number, test: () => void) => {
    now = time
    test()
  }
  const fresh = (test: () => void) => () => {
    now = BEGIN
    test()
  }

  describe(`${name}: expiry`, () => {
    it(
      'does not return what was not written for the time to live',
      fresh(() => {
        const { backend, value, map, list } = open()
        select(backend, 'a')
        value.put(1)
        map.put('x', 1)
        list.append(1)
        now = BEGIN + 50
        map.put('y', 2)
        now = BEGIN + 99
        assert.equal(value.get(), 1)
        assert.deepEqual(list.get(), [1])
        now = BEGIN + 100
        assert.equal(value.get(), undefined)
        assert.deepEqual([...map.entries()], [['y', 2]])
        assert.deepEqual(list.get(), [])
        now = BEGIN + 150
        assert.equal(map.isEmpty, true)
        value.put(5)
        assert.equal(value.get(), 5)
      }),
    )

    it(
      'counts the time of each element of a list, and keeps it through a restore',
      fresh(() => {
        const first = open()
        select(first.backend, 'a')
        first.list.append(1)
        at(BEGIN + 60, () => first.list.append(2))
        const restored = open(TTL_MS, undefined, snapshot(first.backend, SegmentChains.EMPTY, 1))
        for (const { backend, list } of [first, restored]) {
          select(backend, 'a')
          at(BEGIN + 99, () => assert.deepEqual(list.get(), [1, 2]))
          at(BEGIN + 100, () => assert.deepEqual(list.get(), [2]))
          at(BEGIN + 120, () => list.append(3))
          at(BEGIN + 160, () => assert.deepEqual(list.get(), [3]))
          at(BEGIN + 170, () => list.replace([7, 8]))
          at(BEGIN + 269, () => assert.deepEqual(list.get(), [7, 8]))
          at(BEGIN + 270, () => assert.deepEqual(list.get(), []))
        }
      }),
    )

    it(
      'removes the last of many lists, whatever may be done with expired ones',
      fresh(() => {
        for (const rules of [undefined, ON_READ, { ...ONCE_MORE, update: 'onReadAndWrite' } as const]) {
          now = BEGIN
          const { backend, list } = open(TTL_MS, rules)
          for (let key = 0; key < 5_000; key++) {
            select(backend, key)
            list.append(key)
          }
          now = BEGIN + TTL_MS
          for (let key = 4_999; key >= 0; key--) {
            select(backend, key)
            assert.deepEqual(list.get(), rules?.visibility === 'returnExpiredIfNotCleanedUp' ? [key] : [])
            assert.deepEqual(list.get(), [])
          }
          assert.equal(entriesOf(backend), 0)
          assert.deepEqual(
            backend.usage().map(({ expiredEntries }) => expiredEntries),
            [0, 0, 0],
          )
        }
      }),
    )

    it(
      'keeps the time of writing through a restore',
      fresh(() => {
        const { backend, value, map } = open()
        select(backend, 'a')
        value.put(1)
        map.put('x', 1)
        const restored = open(TTL_MS, undefined, snapshot(backend, SegmentChains.EMPTY, 1))
        select(restored.backend, 'a')
        now = BEGIN + 99
        assert.equal(restored.value.get(), 1)
        assert.equal(restored.map.get('x'), 1)
        now = BEGIN + 100
        assert.equal(restored.value.get(), undefined)
        assert.equal(restored.map.has('x'), false)
      }),
    )

    it(
      'begins the time anew with a read where it is to, also in the next delta',
      fresh(() => {
        const { backend, value, map, list } = open(TTL_MS, ON_READ)
        select(backend, 'a')
        value.put(1)
        for (const key of ['got', 'had', 'left']) map.put(key, 1)
        list.append(1)
        const first = snapshot(backend, SegmentChains.EMPTY, 1)
        backend.onCheckpointComplete(1)
        now = BEGIN + 60
        assert.equal(value.get(), 1)
        assert.equal(map.get('got'), 1)
        assert.equal(map.has('had'), true)
        assert.deepEqual(list.get(), [1])
        const restored = open(TTL_MS, ON_READ, snapshot(backend, first, 2))
        for (const tables of [{ backend, value, map, list }, restored]) {
          now = BEGIN + 150
          select(tables.backend, 'a')
          assert.equal(tables.value.get(), 1)
          assert.deepEqual(new Set([...tables.map.entries()].map(([key]) => key)), new Set(['got', 'had']))
          assert.deepEqual(tables.list.get(), [1])
        }
        now = BEGIN + 249
        assert.equal(map.isEmpty, false, 'entries() was a read')
        now = BEGIN + 250
        assert.equal(map.isEmpty, true)
        assert.equal(value.get(), undefined)
        assert.deepEqual(list.get(), [])
      }),
    )

    it(
      'returns what has expired once more where it may, until it is cleaned up',
      fresh(() => {
        const { backend, value, map, list } = open(TTL_MS, ONCE_MORE)
        const fill = (key: string) => {
          select(backend, key)
          value.put(1)
          for (const userKey of ['x', 'y']) map.put(userKey, 1)
          list.append(1)
        }
        fill('read')
        fill('swept')
        now = BEGIN + 100
        select(backend, 'read')
        assert.deepEqual([value.get(), value.get()], [1, undefined])
        assert.equal(map.has('x'), true)
        assert.deepEqual([map.get('x'), map.get('x'), map.has('x')], [1, undefined, false])
        assert.deepEqual([[...map.entries()], [...map.entries()]], [[['y', 1]], []])
        assert.deepEqual([list.get(), list.get()], [[1], []])
        now = BEGIN + 200
        sweep(backend)
        select(backend, 'swept')
        assert.equal(value.get(), undefined)
        assert.equal(map.isEmpty, true)
        assert.deepEqual(list.get(), [])
      }),
    )
  })

  describe(`${name}: clean-up of what has expired`, () => {
    it(
      'removes what nobody reads, in bounded steps, and says when there is something to do',
      fresh(() => {
        const tables = open()
        const { backend } = tables
        assert.equal(backend.sweepDueMs(), undefined)
        fillKeys(tables, 300)
        const dueMs = backend.sweepDueMs() ?? Number.NaN
        assert.ok(dueMs >= BEGIN + TTL_MS && dueMs <= BEGIN + TTL_MS * 1.125, String(dueMs))
        assert.equal(backend.sweepExpired(1_000_000), true, 'nothing has expired yet')
        assert.equal(entriesOf(backend), 900)
        now = BEGIN + TTL_MS * 2
        select(backend, 7)
        tables.map.put('x', 2)
        tables.value.put(2)
        tables.list.append(2)
        let before = entriesOf(backend)
        for (let steps = 0; ; steps++) {
          const isDone = backend.sweepExpired(20)
          const after = entriesOf(backend)
          assert.ok(before - after <= 20, 'a step is bounded')
          before = after
          if (!isDone) continue
          assert.ok(steps >= 40, `${steps} steps`)
          break
        }
        assert.equal(entriesOf(backend), 3)
        assert.deepEqual(
          backend.usage().map(({ expiredEntries }) => expiredEntries),
          [0, 0, 0],
        )
        select(backend, 7)
        assert.deepEqual([tables.value.get(), tables.map.get('x'), tables.list.get()], [2, 2, [2]])
      }),
    )

    it(
      'removes the expired elements of a list to which others are added for ever',
      fresh(() => {
        const { backend, list } = open()
        select(backend, 'a')
        for (let i = 0; i < 500; i++) {
          list.append(i)
          now += 10
          sweep(backend)
        }
        // Of the segment: without a time to live nothing hides what is still there.
        now -= 10
        const kept = restoredWithout(snapshot(backend, SegmentChains.EMPTY, 1)).list('a')
        assert.ok(kept.length >= 10 && kept.length <= 13, `${kept.length} elements`)
        assert.equal(kept.at(-1), 499)
      }),
    )

    it(
      'counts entries that have expired and are still there, without a look at them',
      fresh(() => {
        const tables = open()
        fillKeys(tables, 10)
        const expired = () => tables.backend.usage().map(({ expiredEntries = Number.NaN }) => expiredEntries)
        assert.deepEqual(expired(), [0, 0, 0])
        now = BEGIN + TTL_MS * 1.125
        assert.deepEqual(expired(), [10, 10, 10])
        const [{ expiredBytesEstimate, bytesEstimate } = { bytesEstimate: 0 }] = tables.backend.usage()
        assert.equal(expiredBytesEstimate, bytesEstimate)
        select(tables.backend, 3)
        tables.value.get()
        tables.map.put('x', 1)
        tables.list.remove()
        assert.deepEqual(expired(), [9, 9, 9])
      }),
    )

    it(
      'leaves alone what is not to be cleaned up in the background, and what does not expire',
      fresh(() => {
        for (const tables of [open('none'), open(TTL_MS, { ...ON_READ, cleanupInBackground: false })]) {
          now = BEGIN
          fillKeys(tables, 20)
          now = BEGIN + TTL_MS * 10
          assert.equal(tables.backend.sweepDueMs(), undefined)
          assert.equal(tables.backend.sweepExpired(1_000), true)
          assert.equal(entriesOf(tables.backend), 60)
        }
      }),
    )

    it(
      'leaves a tombstone in the next delta',
      fresh(() => {
        const tables = open()
        fillKeys(tables, 50)
        const first = snapshot(tables.backend, SegmentChains.EMPTY, 1)
        tables.backend.onCheckpointComplete(1)
        now = BEGIN + TTL_MS * 2
        sweep(tables.backend)
        const second = snapshot(tables.backend, first, 2)
        assert.ok(second.segments.some(({ ref }) => ref.kind === 'delta'))
        const restored = restoredWithout(second)
        for (let key = 0; key < 50; key++) assert.deepEqual(restored.all(key), [undefined, [], []])
      }),
    )

    it(
      'goes on beside a snapshot, which holds what was there when it began',
      fresh(() => {
        const tables = open()
        fillKeys(tables, 50)
        now = BEGIN + TTL_MS - 1
        const open1 = new OpenChainsSnapshot(tables.backend, SegmentChains.EMPTY, 1, 3)
        for (let i = 0; i < 10; i++) open1.step()
        now = BEGIN + TTL_MS * 2
        for (let isDone = false; !isDone; ) {
          isDone = tables.backend.sweepExpired(10)
          open1.step()
        }
        assert.equal(entriesOf(tables.backend), 0)
        const first = open1.finish()
        const restored = restoredWithout(first)
        for (let key = 0; key < 50; key++) assert.deepEqual(restored.all(key), [key, [['x', key]], [key]])
        tables.backend.onCheckpointComplete(1)
        const after = restoredWithout(snapshot(tables.backend, first, 2))
        for (let key = 0; key < 50; key++) assert.deepEqual(after.all(key), [undefined, [], []])
      }),
    )

    it(
      'leaves what has expired out of bases, not out of the state',
      fresh(() => {
        const tables = open(TTL_MS, { ...ONCE_MORE, cleanupInBackground: false })
        fillKeys(tables, 50)
        now = BEGIN + 50
        select(tables.backend, 3)
        tables.value.put(33)
        tables.list.append(33)
        now = BEGIN + TTL_MS
        const chains = snapshot(tables.backend, SegmentChains.EMPTY, 1)
        assert.equal(
          chains.segments.reduce((sum, { ref }) => sum + ref.entries, 0),
          2,
        )
        const restored = restoredWithout(chains)
        assert.deepEqual(restored.all(4), [undefined, [], []])
        assert.equal(restored.all(3)[0], 33)
        tables.backend.onCheckpointComplete(1)
        select(tables.backend, 4)
        assert.equal(tables.value.get(), 4, 'that was read, and removed with it')
        // The tombstone of what the base does not have.
        const after = restoredWithout(snapshot(tables.backend, chains, 2))
        assert.deepEqual(after.all(4), [undefined, [], []])
        assert.equal(after.all(3)[0], 33)
      }),
    )

    it(
      'leaves state alone that the job does not declare any more',
      fresh(() => {
        const tables = open()
        fillKeys(tables, 20)
        const backend = openBackend()
        snapshot(tables.backend, SegmentChains.EMPTY, 1).restoreInto(backend)
        now = BEGIN + TTL_MS * 2
        sweep(backend)
        const restored = restoredWithout(snapshot(backend, SegmentChains.EMPTY, 2))
        for (let key = 0; key < 20; key++) assert.deepEqual(restored.all(key), [key, [['x', key]], [key]])
      }),
    )
  })

  describe(`${name}: another time to live after a restore`, () => {
    it(
      'counts entries as written at the restore where there was none, also after the next one',
      fresh(() => {
        const before = open('none')
        fillKeys(before, 20)
        const base = snapshot(before.backend, SegmentChains.EMPTY, 1)
        now = BEGIN + 5_000
        const second = open(TTL_MS, undefined, base)
        const chains = snapshot(second.backend, base, 2)
        for (const { backend, value, map, list } of [second, open(TTL_MS, undefined, chains)]) {
          for (let key = 0; key < 20; key++) {
            select(backend, key)
            now = BEGIN + 5_000 + TTL_MS - 1
            assert.deepEqual([value.get(), [...map.entries()], list.get()], [key, [['x', key]], [key]])
            now = BEGIN + 5_000 + TTL_MS
            assert.deepEqual([value.get(), map.isEmpty, list.get()], [undefined, true, []])
          }
        }
      }),
    )

    it(
      'holds entries for ever where there is none any more',
      fresh(() => {
        const before = open()
        fillKeys(before, 20)
        const after = restoredWithout(snapshot(before.backend, SegmentChains.EMPTY, 1))
        now = BEGIN + 1_000_000
        for (let key = 0; key < 20; key++) assert.deepEqual(after.all(key), [key, [['x', key]], [key]])
      }),
    )

    it(
      'counts a longer or shorter one from when entries were written',
      fresh(() => {
        const before = open()
        fillKeys(before, 20)
        const chains = snapshot(before.backend, SegmentChains.EMPTY, 1)
        for (const ttlMs of [TTL_MS / 2, TTL_MS * 3]) {
          now = BEGIN + 10
          const { backend, value, map, list } = open(ttlMs, undefined, chains)
          for (let key = 0; key < 20; key++) {
            select(backend, key)
            now = BEGIN + ttlMs - 1
            assert.deepEqual([value.get(), [...map.entries()], list.get()], [key, [['x', key]], [key]])
            now = BEGIN + ttlMs
            assert.deepEqual([value.get(), map.isEmpty, list.get()], [undefined, true, []])
          }
        }
      }),
    )

    it(
      'does not store the rules, which are those of the running job',
      fresh(() => {
        const { backend } = open(TTL_MS, ON_READ)
        const { tables } = backend.beginSnapshot(1, () => 'base')
        assert.deepEqual(
          tables.map((table) => Object.keys(table).sort()),
          tables.map(() => ['kind', 'name', 'operatorUid', 'ttlMs', 'version']),
        )
      }),
    )
  })

  describe(`${name}: random runs with a time to live against a model`, () => {
    for (let run = 0; run < randomRuns; run++) {
      const seed = firstSeed + run
      it(`seed ${seed}`, () => runExpiryModel(create, seed))
    }
  })

  /** What is in segments, as a job sees it that gives its state no time to live. */
  function restoredWithout(chains: SegmentChains) {
    const { backend, value, map, list } = open('none', undefined, chains)
    const of = <T>(key: unknown, read: () => T): T => {
      select(backend, key)
      return read()
    }
    return {
      list: (key: unknown) => of(key, () => list.get()),
      all: (key: unknown) => of(key, () => [value.get(), [...map.entries()], list.get()] as const),
    }
  }
}

/** A value, a map with one entry and a list of one element under each key. */
function fillKeys({ backend, value, map, list }: Tables, keys: number): void {
  for (let key = 0; key < keys; key++) {
    select(backend, key)
    value.put(key)
    map.put('x', key)
    list.append(key)
  }
}

function sweep(backend: KeyedStateBackend): void {
  while (!backend.sweepExpired(100));
}

function entriesOf(backend: KeyedStateBackend): number {
  return backend.usage().reduce((sum, { entries }) => sum + entries, 0)
}

function tableOf(
  kind: 'value' | 'map' | 'list',
  ttlMs: number | undefined,
  ttlRules: TtlRules | undefined,
): TableDescriptor {
  return { operatorUid: OPERATOR, name: kind, kind, version: 1, ttlMs, ...(ttlRules === undefined ? {} : { ttlRules }) }
}

function select(backend: KeyedStateBackend, key: unknown): void {
  backend.setCurrentKey(key, keyGroupOf(key, backend.maxParallelism))
}

function snapshot(backend: KeyedStateBackend, earlier: SegmentChains, id: number): SegmentChains {
  return new OpenChainsSnapshot(backend, earlier, id, 3).finish()
}
