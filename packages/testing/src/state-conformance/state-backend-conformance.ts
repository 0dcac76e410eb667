/**
 * What every keyed state backend must do, as a suite for Node's test runner: tables, isolation of keys, values in cells, snapshots with
 * a fixed view, deltas with tombstones, aborts, pieces on the way (`snapshot-pieces-conformance.ts`), restore at another parallelism, expiry
 * (`expiry-conformance.ts`), and long random runs against a model (`state-model-run.ts`).
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type KeyedStateBackend, keyGroupOf, keyGroupRange, type TableDescriptor, TIMER_TABLES } from '@millrace/core'
import type { CreateBackend } from './create-backend.ts'
import { expiryConformance } from './expiry-conformance.ts'
import { OpenChainsSnapshot, SegmentChains } from './segment-chains.ts'
import { snapshotPiecesConformance } from './snapshot-pieces-conformance.ts'
import { runStateModel } from './state-model-run.ts'
import { valueCellsConformance } from './value-cells-conformance.ts'

const MAX_PARALLELISM = 8
const OPERATOR = 'op'
/** Backends may keep timers in another way than windows. */
const NAMESPACED = ['ns', `${TIMER_TABLES}event`]

/**
 * Registers the suite under `name`. The backend should encode in steps as small as it can, so that changes fall between them.
 * `randomRuns`: how many random runs, default 60; `firstSeed`: the seed of the first, default 1.
 */
export function stateBackendConformance(
  name: string,
  create: CreateBackend,
  options: { readonly randomRuns?: number; readonly firstSeed?: number } = {},
): void {
  const { randomRuns = 60, firstSeed = 1 } = options
  const open = (now: () => number = () => 0) =>
    create({ keyGroups: keyGroupRange(0, 1, MAX_PARALLELISM), maxParallelism: MAX_PARALLELISM, now })

  describe(`${name}: tables`, () => {
    it('keeps a value per key', () => {
      const backend = open()
      const table = backend.valueTable<number>(tableOf('value', 'value'))
      select(backend, 'a')
      assert.equal(table.get(), undefined)
      table.put(1)
      select(backend, 'b')
      assert.equal(table.get(), undefined)
      table.put(2)
      select(backend, 'a')
      assert.equal(table.get(), 1)
      table.remove()
      assert.equal(table.get(), undefined)
      table.remove()
      select(backend, 'b')
      assert.equal(table.get(), 2)
    })

    it('tells keys apart by their canonical encoding', () => {
      const backend = open()
      const table = backend.valueTable<string>(tableOf('value', 'value'))
      for (const [key, value] of [
        [1, 'number'],
        [1n, 'bigint'],
        ['1', 'string'],
        [null, 'null'],
        [true, 'true'],
        [[1, 'a'], 'array'],
        [{ x: 1, y: 2 }, 'object'],
      ] as const) {
        select(backend, key)
        assert.equal(table.get(), undefined)
        table.put(value)
      }
      select(backend, { y: 2, x: 1 })
      assert.equal(table.get(), 'object')
      select(backend, 0)
      table.put('zero')
      select(backend, -0)
      assert.equal(table.get(), 'zero')
      assert.throws(() => backend.setCurrentKey(undefined, 0), { code: 'KEY_INVALID' })
      assert.throws(() => backend.setCurrentKey(Number.NaN, 0), { code: 'KEY_INVALID' })
    })

    it('shows the current key in canonical form, whatever form it was chosen in', () => {
      const backend = open()
      const table = backend.namespacedTable<number>(tableOf('namespaced', 'namespaced'))
      const shown = (key: unknown): string => {
        select(backend, key)
        const { currentKey } = backend
        return Object.is(currentKey, -0) ? '-0' : JSON.stringify(currentKey)
      }
      const canonical = shown({ x: 1, y: [{ a: 1, b: 2 }] })
      table.put(1, 1)
      assert.equal(shown({ y: [{ b: 2, a: 1 }], x: 1 }), canonical)
      table.put(2, 2)
      for (const namespace of [1, 2]) {
        const cursor = table.cursor(namespace)
        assert.equal(cursor.next(), true)
        assert.equal(JSON.stringify(cursor.key), canonical)
      }
      assert.deepEqual([shown(0), shown(-0), shown([-0]), shown('a')], ['0', '0', '[0]', '"a"'])
    })

    it('keeps a list per key; one that was read does not change', () => {
      const backend = open()
      const table = backend.listTable<number>(tableOf('list', 'list'))
      select(backend, 'a')
      assert.deepEqual(table.get(), [])
      table.append(1)
      const seen = table.get()
      table.append(2)
      assert.deepEqual(seen, [1])
      assert.deepEqual(table.get(), [1, 2])
      const given = [7, 8]
      table.replace(given)
      given.push(9)
      assert.deepEqual(table.get(), [7, 8])
      table.replace([])
      assert.deepEqual(table.get(), [])
      table.append(3)
      table.remove()
      assert.deepEqual(table.get(), [])
    })

    it('keeps entries per key', () => {
      const backend = open()
      const table = backend.mapTable<string, number>(tableOf('map', 'map'))
      select(backend, 'a')
      assert.equal(table.isEmpty, true)
      table.put('x', 1)
      table.put('y', 2)
      table.put('x', 3)
      assert.deepEqual(
        new Map(table.entries()),
        new Map([
          ['x', 3],
          ['y', 2],
        ]),
      )
      assert.equal(table.has('x'), true)
      table.delete('x')
      assert.equal(table.has('x'), false)
      assert.equal(table.get('y'), 2)
      select(backend, 'b')
      assert.equal(table.isEmpty, true)
      select(backend, 'a')
      table.remove()
      assert.equal(table.isEmpty, true)
      table.put('z', 1)
      assert.deepEqual([...table.entries()], [['z', 1]])
    })

    for (const namespaced of NAMESPACED) {
      it(`orders namespaces of ${kindOf(namespaced)} and walks their keys`, () => {
        const backend = open()
        const table = backend.namespacedTable<number>(tableOf(namespaced, 'namespaced'))
        for (const [key, namespace, value] of [
          ['a', 20, 1],
          ['b', 20, 2],
          ['a', -5, 3],
          ['a', 10, 4],
        ] as const) {
          select(backend, key)
          table.put(namespace, value)
        }
        assert.deepEqual(table.namespaces(), [-5, 10, 20])
        assert.equal(table.firstNamespace(), -5)
        assert.equal(table.size(20), 2)
        assert.deepEqual(walk(table.cursor(20)), [
          ['a', 1],
          ['b', 2],
        ])
        select(backend, 'a')
        table.remove(-5)
        assert.equal(table.firstNamespace(), 10)
        table.dropNamespace(10)
        assert.equal(table.get(10), undefined)
        assert.deepEqual(table.namespaces(), [20])
        table.put(10, 5)
        assert.deepEqual(walk(table.cursor(10)), [['a', 5]])
        assert.deepEqual(walk(table.cursor(11)), [])
      })

      it(`walks on in ${kindOf(namespaced)} while entries are removed`, () => {
        const backend = open()
        const table = backend.namespacedTable<number>(tableOf(namespaced, 'namespaced'))
        const keys = Array.from({ length: 50 }, (_, index) => `key${index}`)
        for (const key of keys) {
          select(backend, key)
          table.put(1, 1)
        }
        const cursor = table.cursor(1)
        const met: unknown[] = []
        while (cursor.next()) {
          met.push(cursor.key)
          backend.setCurrentKey(cursor.key, cursor.keyGroup)
          // Either way, where there are two.
          if (cursor.remove === undefined || met.length % 2 === 0) table.remove(1)
          else cursor.remove()
          assert.equal(table.get(1), undefined)
          if (met.length === 10) {
            for (const key of keys.slice(20)) {
              select(backend, key)
              table.remove(1)
            }
          }
        }
        const expected = new Set([...met.slice(0, 10), ...keys.slice(0, 20)])
        assert.deepEqual(new Set(met), expected)
        assert.equal(met.length, expected.size)
        assert.equal(table.firstNamespace(), undefined)
      })
    }

    it('gives the same table for the same descriptor, and refuses another form of stored state', () => {
      const backend = open()
      select(backend, 'a')
      backend.valueTable<number>(tableOf('value', 'value')).put(1)
      assert.equal(backend.valueTable<number>(tableOf('value', 'value')).get(), 1)
      const restored = open()
      snapshot(backend, SegmentChains.EMPTY, 1).restoreInto(restored)
      assert.throws(() => restored.listTable(tableOf('value', 'list')), { code: 'STATE_MISREAD' })
      assert.throws(() => restored.valueTable({ ...tableOf('value', 'value'), version: 2 }), { code: 'STATE_MISREAD' })
    })
  })

  valueCellsConformance(name, create)

  expiryConformance(name, create, { randomRuns, firstSeed })

  snapshotPiecesConformance(name, create)

  describe(`${name}: snapshots`, () => {
    it('fixes the view when it begins, also of values that are changed in place', () => {
      const backend = open()
      const value = backend.valueTable<{ n: number }>(tableOf('value', 'value'))
      const list = backend.listTable<number>(tableOf('list', 'list'))
      const keys = Array.from({ length: 40 }, (_, index) => index)
      for (const key of keys) {
        select(backend, key)
        value.put({ n: 0 })
        list.append(0)
      }
      const open1 = new OpenChainsSnapshot(backend, SegmentChains.EMPTY, 1, 3)
      for (const key of keys) {
        select(backend, key)
        const held = value.get() as { n: number }
        held.n++
        value.put(held)
        list.append(1)
        if (key % 3 === 0) value.remove()
        if (key % 5 === 0) open1.step()
      }
      select(backend, 99)
      value.put({ n: 99 })
      const restored = open()
      open1.finish().restoreInto(restored)
      const valueAgain = restored.valueTable<{ n: number }>(tableOf('value', 'value'))
      const listAgain = restored.listTable<number>(tableOf('list', 'list'))
      for (const key of keys) {
        select(restored, key)
        assert.deepEqual(valueAgain.get(), { n: 0 })
        assert.deepEqual(listAgain.get(), [0])
      }
      select(restored, 99)
      assert.equal(valueAgain.get(), undefined)
    })

    it('writes only changes in a delta, deletions too', () => {
      const backend = open()
      const table = backend.valueTable<number>(tableOf('value', 'value'))
      for (let key = 0; key < 100; key++) {
        select(backend, key)
        table.put(key)
      }
      const first = snapshot(backend, SegmentChains.EMPTY, 1)
      backend.onCheckpointComplete(1)
      select(backend, 7)
      table.put(700)
      select(backend, 8)
      table.remove()
      const second = snapshot(backend, first, 2)
      assert.equal(second.segments.length - first.segments.length <= 2, true)
      const deltaEntries = second.segments.filter(({ ref }) => ref.kind === 'delta').map(({ ref }) => ref.entries)
      assert.equal(
        deltaEntries.reduce((sum, entries) => sum + entries, 0),
        2,
      )
      const restored = open()
      second.restoreInto(restored)
      const again = restored.valueTable<number>(tableOf('value', 'value'))
      select(restored, 7)
      assert.equal(again.get(), 700)
      select(restored, 8)
      assert.equal(again.get(), undefined)
      select(restored, 9)
      assert.equal(again.get(), 9)
    })

    it('puts the changes of an aborted snapshot into the next delta', () => {
      const backend = open()
      const table = backend.valueTable<number>(tableOf('value', 'value'))
      for (const key of ['a', 'b', 'c']) {
        select(backend, key)
        table.put(1)
      }
      const first = snapshot(backend, SegmentChains.EMPTY, 1)
      backend.onCheckpointComplete(1)
      select(backend, 'a')
      table.put(2)
      select(backend, 'b')
      table.remove()
      snapshot(backend, first, 2)
      backend.onCheckpointAborted(2)
      select(backend, 'c')
      table.put(3)
      const third = snapshot(backend, first, 3)
      const restored = open()
      third.restoreInto(restored)
      const again = restored.valueTable<number>(tableOf('value', 'value'))
      const values = ['a', 'b', 'c'].map((key) => {
        select(restored, key)
        return again.get()
      })
      assert.deepEqual(values, [2, undefined, 3])
    })

    it('calls what was registered before it fixes the view', () => {
      const backend = open()
      const table = backend.valueTable<number>(tableOf('_own', 'value'))
      backend.beforeSnapshot(() => {
        backend.setCurrentKey(null, 5)
        table.put(42)
      })
      const restored = open()
      snapshot(backend, SegmentChains.EMPTY, 1).restoreInto(restored)
      const again = restored.valueTable<number>(tableOf('_own', 'value'))
      restored.setCurrentKey(null, 5)
      assert.equal(again.get(), 42)
      restored.setCurrentKey(null, 4)
      assert.equal(again.get(), undefined)
    })

    for (const namespaced of NAMESPACED) {
      it(`drops a namespace of ${kindOf(namespaced)} for good, and keeps what comes into it later`, () => {
        const backend = open()
        const table = backend.namespacedTable<number>(tableOf(namespaced, 'namespaced'))
        for (let key = 0; key < 200; key++) {
          select(backend, key)
          table.put(10, key)
        }
        const first = snapshot(backend, SegmentChains.EMPTY, 1)
        backend.onCheckpointComplete(1)
        table.dropNamespace(10)
        select(backend, 3)
        table.put(10, 33)
        const second = snapshot(backend, first, 2)
        const restored = open()
        second.restoreInto(restored)
        assert.deepEqual(walk(restored.namespacedTable<number>(tableOf(namespaced, 'namespaced')).cursor(10)), [
          [3, 33],
        ])
      })
    }

    it('lets a key go on that was current while its deletion was completed', () => {
      const backend = open()
      const table = backend.valueTable<number>(tableOf('value', 'value'))
      select(backend, 'a')
      table.put(1)
      const first = snapshot(backend, SegmentChains.EMPTY, 1)
      backend.onCheckpointComplete(1)
      table.remove()
      const second = snapshot(backend, first, 2)
      backend.onCheckpointComplete(2)
      assert.equal(table.get(), undefined)
      const third = snapshot(backend, second, 3)
      backend.onCheckpointComplete(3)
      table.put(2)
      const restored = open()
      snapshot(backend, third, 4).restoreInto(restored)
      select(restored, 'a')
      assert.equal(restored.valueTable<number>(tableOf('value', 'value')).get(), 2)
    })

    it('names the state and the key of a value that cannot be stored', () => {
      const backend = open()
      const table = backend.valueTable<unknown>(tableOf('value', 'value'))
      select(backend, 'a')
      assert.throws(
        () => {
          table.put({ callback: () => 1 })
          snapshot(backend, SegmentChains.EMPTY, 1)
        },
        { code: 'VALUE_NOT_ENCODABLE', message: /value.*callback/ },
      )
    })
  })

  describe(`${name}: restore`, () => {
    it('refuses key groups that do not belong here, and damaged bytes', () => {
      const backend = open()
      const table = backend.valueTable<number>(tableOf('value', 'value'))
      select(backend, 'a')
      table.put(1)
      const [segment] = snapshot(backend, SegmentChains.EMPTY, 1).segments
      assert.ok(segment)
      const group = keyGroupOf('a', MAX_PARALLELISM)
      assert.throws(() => open().restore(99, OPERATOR, [segment]), { code: 'INTERNAL' })
      assert.throws(() => open().restore((group + 1) % MAX_PARALLELISM, OPERATOR, [segment]), { code: 'BYTES_DAMAGED' })
      assert.throws(() => open().restore(group, 'other', [segment]), { code: 'BYTES_DAMAGED' })
      for (let at = 0; at < segment.bytes.length; at++) {
        const bytes = segment.bytes.slice()
        bytes[at] = (bytes[at] as number) ^ 0x10
        assert.throws(() => open().restore(group, OPERATOR, [{ ...segment, bytes }]), { code: 'BYTES_DAMAGED' })
      }
    })

    it('holds state that the job does not declare any more', () => {
      const backend = open()
      select(backend, 'a')
      backend.valueTable<number>(tableOf('old', 'value')).put(1)
      const first = snapshot(backend, SegmentChains.EMPTY, 1)
      const second = open()
      first.restoreInto(second)
      second.valueTable<number>(tableOf('new', 'value'))
      const again = snapshot(second, SegmentChains.EMPTY, 2)
      const third = open()
      again.restoreInto(third)
      select(third, 'a')
      assert.equal(third.valueTable<number>(tableOf('old', 'value')).get(), 1)
    })
  })

  describe(`${name}: random runs against a model`, () => {
    for (let run = 0; run < randomRuns; run++) {
      const seed = firstSeed + run
      it(`seed ${seed}`, () => runStateModel(create, seed))
    }
  })
}

function tableOf(name: string, kind: TableDescriptor['kind']): TableDescriptor {
  return { operatorUid: OPERATOR, name, kind, version: 1, ttlMs: undefined }
}

function kindOf(namespaced: string): string {
  return namespaced.startsWith(TIMER_TABLES) ? 'timers' : 'windows'
}

function select(backend: KeyedStateBackend, key: unknown): void {
  backend.setCurrentKey(key, keyGroupOf(key, backend.maxParallelism))
}

function snapshot(backend: KeyedStateBackend, earlier: SegmentChains, id: number): SegmentChains {
  return new OpenChainsSnapshot(backend, earlier, id, 3).finish()
}

function walk<V>(cursor: { next(): boolean; readonly key: unknown; readonly value: V }): [unknown, V][] {
  const entries: [unknown, V][] = []
  while (cursor.next()) entries.push([cursor.key, cursor.value])
  return entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}
