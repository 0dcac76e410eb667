/**
 * One long random run of a state backend against plain maps: all kinds of tables, values that are changed in place, in cells too,
 * snapshots encoded in steps while state changes, completed or aborted, and restores of the last completed one at other
 * parallelisms. The seed decides everything.
 */
import assert from 'node:assert/strict'
import {
  hashKey,
  type KeyedStateBackend,
  keyGroupOf,
  keyGroupRange,
  type ListTable,
  type MapTable,
  type NamespacedTable,
  subtaskOfKeyGroup,
  type TableDescriptor,
  TIMER_TABLES,
  type ValueTable,
} from '@millrace/core'
import { SeededRandom } from '../random/seeded-random.ts'
import type { CreateBackend } from './create-backend.ts'
import { OpenChainsSnapshot, SegmentChains } from './segment-chains.ts'
import { changeAt } from './value-cells-conformance.ts'

const MAX_PARALLELISM = 5
const STEPS = 400
const MIXED_KEYS: readonly unknown[] = ['a', 'b', 'c', 1, 2, 3.5, -1, 7n, true, null, ['x', 1], { p: 1, q: 'r' }]
/** Backends may keep keys of one form in another way. */
const PAIRS: readonly unknown[] = Array.from({ length: 24 }, (_, i) => [(i % 5) - 1, i % 2 === 0 ? i : i / 4])
const USER_KEYS = ['u', 'v', 'w', 4]
const NAMESPACES = [-10, 0, 10, 20, 30]

interface Held {
  n: number
}

/** By index of the key in the keys of the run. */
interface Model {
  readonly values: Map<number, Held>
  /** In cells, as far as the backend has them. */
  readonly numbers: Map<number, unknown>
  readonly lists: Map<number, number[]>
  readonly maps: Map<number, Map<unknown, Held>>
  readonly namespaces: Map<number, Map<number, Held>>
}

interface Subtask {
  readonly backend: KeyedStateBackend
  readonly value: ValueTable<Held>
  readonly numbers: ValueTable<unknown>
  readonly list: ListTable<number>
  readonly map: MapTable<unknown, Held>
  readonly namespaced: NamespacedTable<Held>
  chains: SegmentChains
}

interface Running {
  readonly id: number
  readonly model: Model
  readonly parts: readonly OpenChainsSnapshot[]
}

export function runStateModel(create: CreateBackend, seed: number): void {
  const namespaced = seed % 3 === 0 ? `${TIMER_TABLES}event` : 'namespaced'
  new StateModelRun(create, new SeededRandom(seed), seed % 2 === 0 ? MIXED_KEYS : PAIRS, namespaced).run()
}

class StateModelRun {
  readonly #create: CreateBackend
  readonly #random: SeededRandom
  readonly #keys: readonly unknown[]
  readonly #hashes: readonly number[]
  #subtasks: Subtask[] = []
  #model: Model = emptyModel()
  #completed: { readonly model: Model; readonly chains: SegmentChains } = {
    model: emptyModel(),
    chains: SegmentChains.EMPTY,
  }
  #running: Running | undefined
  #nextId = 1
  readonly #deltasMax: number
  /** Backends may keep timers in another way than windows. */
  readonly #namespacedName: string

  constructor(create: CreateBackend, random: SeededRandom, keys: readonly unknown[], namespacedName: string) {
    this.#namespacedName = namespacedName
    this.#create = create
    this.#random = random
    this.#keys = keys
    this.#hashes = keys.map(hashKey)
    this.#deltasMax = random.below(5)
  }

  run(): void {
    this.#start(1)
    for (let step = 0; step < STEPS; step++) {
      const dice = this.#random.below(100)
      if (dice < 70) this.#change()
      else if (dice < 82) this.#encodeSome()
      else if (dice < 88) this.#begin()
      else if (dice < 94) this.#end()
      else if (dice < 96) this.#restart()
      else this.#compare()
    }
    this.#compare()
    this.#running = undefined
    this.#start(2)
    this.#model = structuredClone(this.#completed.model)
    this.#compare()
  }

  /** New subtasks with the state of the last completed snapshot. */
  #start(parallelism: number): void {
    const { chains } = this.#completed
    this.#subtasks = Array.from({ length: parallelism }, (_, index) => {
      const backend = this.#create({
        keyGroups: keyGroupRange(index, parallelism, MAX_PARALLELISM),
        maxParallelism: MAX_PARALLELISM,
        now: () => 0,
        snapshotBytesMax: this.#random.pick([200, 4_000, undefined]),
      })
      chains.restoreInto(backend, this.#random.pick(['whole', { partSegments: 1 }, { partSegments: 3 }] as const))
      return {
        backend,
        value: backend.valueTable<Held>(tableOf('value', 'value')),
        numbers: backend.valueTable<unknown>(tableOf('numbers', 'value')),
        list: backend.listTable<number>(tableOf('list', 'list')),
        map: backend.mapTable<unknown, Held>(tableOf('map', 'map')),
        namespaced: backend.namespacedTable<Held>(tableOf(this.#namespacedName, 'namespaced')),
        chains: chains.within(backend),
      }
    })
  }

  #restart(): void {
    for (const { backend } of this.#subtasks) backend.close()
    this.#running = undefined
    this.#start(1 + this.#random.below(4))
    this.#model = structuredClone(this.#completed.model)
    this.#compare()
  }

  #change(): void {
    const key = this.#random.below(this.#keys.length)
    const subtask = this.#select(key)
    const n = this.#random.below(1_000)
    const { values, numbers, lists, maps, namespaces } = this.#model
    const userKey = this.#random.pick(USER_KEYS)
    const namespace = this.#random.pick(NAMESPACES)
    switch (this.#random.below(19)) {
      case 0:
        values.set(key, { n })
        subtask.value.put({ n })
        break
      case 1:
        this.#changeInPlace(values, key, subtask.value.get(), n, (held) => subtask.value.put(held))
        break
      case 2:
        values.delete(key)
        subtask.value.remove()
        break
      case 3:
        lists.set(key, [...(lists.get(key) ?? []), n])
        subtask.list.append(n)
        break
      case 4: {
        const list = [n, n + 1].slice(0, this.#random.below(3))
        if (list.length === 0) lists.delete(key)
        else lists.set(key, list)
        subtask.list.replace(list)
        break
      }
      case 5:
        maps.set(key, (maps.get(key) ?? new Map()).set(userKey, { n }))
        subtask.map.put(userKey, { n })
        break
      case 6:
        this.#changeInPlace(maps.get(key), userKey, subtask.map.get(userKey), n, (held) =>
          subtask.map.put(userKey, held),
        )
        break
      case 7:
        maps.get(key)?.delete(userKey)
        subtask.map.delete(userKey)
        break
      case 8:
        maps.delete(key)
        subtask.map.remove()
        break
      case 9:
      case 10:
        namespaces.set(namespace, (namespaces.get(namespace) ?? new Map()).set(key, { n }))
        subtask.namespaced.put(namespace, { n })
        break
      case 11: {
        const held = subtask.namespaced.get(namespace)
        this.#changeInPlace(namespaces.get(namespace), key, held, n, (it) => subtask.namespaced.put(namespace, it))
        break
      }
      case 12:
        if (this.#random.below(3) > 0) {
          namespaces.get(namespace)?.delete(key)
          subtask.namespaced.remove(namespace)
        } else {
          namespaces.delete(namespace)
          for (const { namespaced } of this.#subtasks) namespaced.dropNamespace(namespace)
        }
        break
      case 13:
      case 14: {
        // Now and then one of another form.
        const value = n < 10 ? String(n) : [n, -n]
        numbers.set(key, value)
        subtask.numbers.put(typeof value === 'string' ? value : [...value])
        break
      }
      case 15:
      case 16:
      case 17: {
        const held = numbers.get(key)
        if (!Array.isArray(held)) break
        numbers.set(key, [held[0], n])
        assert.equal(
          changeAt(subtask.numbers, 2, 1, () => n),
          held[1],
        )
        break
      }
      case 18:
        numbers.delete(key)
        subtask.numbers.remove()
        break
    }
  }

  #changeInPlace<K>(
    model: Map<K, Held> | undefined,
    key: K,
    held: Held | undefined,
    n: number,
    put: (held: Held) => void,
  ): void {
    assert.deepEqual(held, model?.get(key))
    if (held === undefined) return
    model?.set(key, { n })
    held.n = n
    put(held)
  }

  #begin(): void {
    if (this.#running !== undefined) return
    const id = this.#nextId++
    this.#running = {
      id,
      model: structuredClone(this.#model),
      parts: this.#subtasks.map(({ backend, chains }) => new OpenChainsSnapshot(backend, chains, id, this.#deltasMax)),
    }
  }

  #encodeSome(): void {
    for (const part of this.#running?.parts ?? []) for (let i = this.#random.below(6); i > 0; i--) part.step()
  }

  #end(): void {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    if (this.#random.below(3) === 0) {
      for (const { backend } of this.#subtasks) backend.onCheckpointAborted(running.id)
      return
    }
    this.#subtasks.forEach((subtask, index) => {
      subtask.chains = (running.parts[index] as OpenChainsSnapshot).finish()
    })
    this.#completed = { model: running.model, chains: SegmentChains.union(this.#subtasks.map(({ chains }) => chains)) }
    for (const { backend } of this.#subtasks) backend.onCheckpointComplete(running.id)
  }

  #compare(): void {
    const { values, numbers, lists, maps, namespaces } = this.#model
    for (let key = 0; key < this.#keys.length; key++) {
      const subtask = this.#select(key)
      assert.deepEqual(subtask.value.get(), values.get(key))
      assert.deepEqual(subtask.numbers.get(), numbers.get(key))
      assert.deepEqual(subtask.list.get(), lists.get(key) ?? [])
      const map = maps.get(key) ?? new Map<unknown, Held>()
      assert.deepEqual(new Map(subtask.map.entries()), map)
      assert.equal(subtask.map.isEmpty, map.size === 0)
      for (const namespace of NAMESPACES) {
        assert.deepEqual(subtask.namespaced.get(namespace), namespaces.get(namespace)?.get(key))
      }
    }
    for (const [index, subtask] of this.#subtasks.entries()) this.#compareNamespaces(subtask, index)
  }

  #compareNamespaces({ namespaced, backend }: Subtask, index: number): void {
    const expected = new Map<number, Map<number, Held>>()
    for (const [namespace, entries] of this.#model.namespaces) {
      const own = new Map([...entries].filter(([key]) => this.#subtaskOf(key) === index))
      if (own.size > 0) expected.set(namespace, own)
    }
    const sorted = [...expected.keys()].sort((a, b) => a - b)
    assert.deepEqual(namespaced.namespaces(), sorted)
    assert.equal(namespaced.firstNamespace(), sorted[0])
    for (const [namespace, own] of expected) {
      assert.equal(namespaced.size(namespace), own.size)
      const cursor = namespaced.cursor(namespace)
      const met = new Map<number, Held>()
      while (cursor.next()) {
        const key = this.#keys.findIndex((candidate) => sameKey(candidate, cursor.key))
        assert.equal(met.has(key), false)
        assert.equal(cursor.keyGroup, keyGroupOf(cursor.key, backend.maxParallelism))
        met.set(key, cursor.value)
      }
      assert.deepEqual(met, own)
    }
    const entries = backend.usage().find(({ name }) => name === this.#namespacedName)?.entries
    assert.equal(
      entries,
      [...expected.values()].reduce((sum, own) => sum + own.size, 0),
    )
  }

  #subtaskOf(key: number): number {
    return subtaskOfKeyGroup(keyGroupOf(this.#keys[key], MAX_PARALLELISM), this.#subtasks.length, MAX_PARALLELISM)
  }

  #select(key: number): Subtask {
    const subtask = this.#subtasks[this.#subtaskOf(key)] as Subtask
    // A hint, which may be true or not.
    const first = this.#random.below(this.#keys.length)
    if (first % 4 === 0)
      subtask.backend.expectKeys(this.#hashes, first, first + this.#random.below(this.#keys.length - first + 1))
    subtask.backend.setCurrentKey(this.#keys[key], keyGroupOf(this.#keys[key], MAX_PARALLELISM))
    return subtask
  }
}

function emptyModel(): Model {
  return { values: new Map(), numbers: new Map(), lists: new Map(), maps: new Map(), namespaces: new Map() }
}

function tableOf(name: string, kind: TableDescriptor['kind']): TableDescriptor {
  return { operatorUid: 'op', name, kind, version: 1, ttlMs: undefined }
}

function sameKey(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}
