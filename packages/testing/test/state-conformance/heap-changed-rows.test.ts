/**
 * Deltas of the heap over tables of many rows, where only rows that may have changed are looked at: random runs against a model,
 * with two checkpoints under way at a time, of which any may complete or be given up. Each that completes is restored and compared.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type KeyedStateBackend,
  keyGroupOf,
  keyGroupRange,
  type MapTable,
  type NamespacedTable,
  type TableDescriptor,
  TIMER_TABLES,
  type ValueTable,
} from '@millrace/core'
import { HeapStateBackend } from '@millrace/runtime'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { OpenChainsSnapshot, SegmentChains } from '../../src/state-conformance/segment-chains.ts'

const GROUPS = 3
const KEYS = 300
const NAMESPACES = [5, 10]
const TIMERS = 40
const STEPS = 300
const SEEDS = 25

/** By key; of windows and timers by namespace and key. */
interface Model {
  readonly values: Map<number, number>
  readonly maps: Map<number, Map<string, number>>
  readonly windows: Map<string, number>
  readonly timers: Map<string, number>
}

interface Tables {
  readonly values: ValueTable<readonly number[]>
  readonly maps: MapTable<string, number>
  readonly windows: NamespacedTable<number>
  readonly timers: NamespacedTable<number>
}

interface UnderWay {
  readonly model: Model
  readonly snapshot: OpenChainsSnapshot
}

for (let seed = 1; seed <= SEEDS; seed++) test(`seed ${seed}`, () => run(new SeededRandom(seed)))

function run(random: SeededRandom): void {
  const deltasMax = 1 + random.below(6)
  const backend = open()
  const tables = tablesOf(backend)
  const model: Model = { values: new Map(), maps: new Map(), windows: new Map(), timers: new Map() }
  let chains = SegmentChains.EMPTY
  let underWay: UnderWay[] = []
  let completed = 0
  let id = 0
  for (let step = 0; step < STEPS; step++) {
    const dice = random.below(10)
    if (dice < 5) {
      // Now and then very many, so that rows are used again and whole parts go.
      const changes = random.chance(0.1) ? KEYS * 2 : random.below(20)
      const isClearing = random.chance(0.2)
      for (let i = 0; i < changes; i++) change(random, isClearing, backend, tables, model)
    } else if (dice === 5 && underWay.length < 2) {
      const snapshot = new OpenChainsSnapshot(backend, chains, ++id, deltasMax)
      underWay.push({ model: structuredClone(model), snapshot })
    } else if (dice < 8) {
      for (let i = random.below(60); i > 0; i--) underWay.at(-1)?.snapshot.step()
    } else if (underWay.length > 0) {
      const [one] = underWay.splice(random.below(underWay.length), 1) as [UnderWay]
      if (random.chance(0.3)) {
        backend.onCheckpointAborted(one.snapshot.id)
        continue
      }
      chains = one.snapshot.finish()
      // What was triggered before it is not completed after it.
      for (const { snapshot } of underWay) if (snapshot.id < one.snapshot.id) backend.onCheckpointAborted(snapshot.id)
      underWay = underWay.filter(({ snapshot }) => snapshot.id > one.snapshot.id)
      backend.onCheckpointComplete(one.snapshot.id)
      compare(chains, one.model)
      completed++
    }
  }
  assert.ok(completed > 2, `${completed} checkpoints`)
}

function change(
  random: SeededRandom,
  isClearing: boolean,
  backend: KeyedStateBackend,
  tables: Tables,
  model: Model,
): void {
  const key = random.below(KEYS)
  const n = random.below(1_000)
  const isRemoval = isClearing || random.chance(0.3)
  select(backend, key)
  switch (random.below(4)) {
    case 0:
      if (isRemoval) tables.values.remove()
      else tables.values.put([n, -n])
      set(model.values, key, isRemoval, n)
      break
    case 1: {
      const userKey = `user ${random.below(3)}`
      const own = model.maps.get(key) ?? new Map<string, number>()
      if (isRemoval && n % 2 === 0) {
        tables.maps.remove()
        model.maps.delete(key)
        break
      }
      if (isRemoval) tables.maps.delete(userKey)
      else tables.maps.put(userKey, n)
      set(own, userKey, isRemoval, n)
      set(model.maps, key, own.size === 0, own)
      break
    }
    case 2: {
      const namespace = random.pick(NAMESPACES)
      if (isRemoval && n < 20) {
        tables.windows.dropNamespace(namespace)
        for (const place of [...model.windows.keys()])
          if (place.startsWith(`${namespace}/`)) model.windows.delete(place)
        break
      }
      if (isRemoval) tables.windows.remove(namespace)
      else tables.windows.put(namespace, n)
      set(model.windows, `${namespace}/${key}`, isRemoval, n)
      break
    }
    case 3: {
      const time = random.below(TIMERS)
      if (isRemoval) tables.timers.remove(time)
      else tables.timers.put(time, n)
      set(model.timers, `${time}/${key}`, isRemoval, n)
      break
    }
  }
}

/** What a new backend has that is given these segments. */
function compare(chains: SegmentChains, expected: Model): void {
  const backend = open()
  chains.restoreInto(backend)
  const tables = tablesOf(backend)
  const found: Model = { values: new Map(), maps: new Map(), windows: new Map(), timers: new Map() }
  for (let key = 0; key < KEYS; key++) {
    select(backend, key)
    const value = tables.values.get()
    if (value !== undefined) found.values.set(key, value[0] as number)
    const map = new Map(tables.maps.entries())
    if (map.size > 0) found.maps.set(key, map)
  }
  for (const [table, into] of [[tables.windows, found.windows] as const, [tables.timers, found.timers] as const]) {
    for (const namespace of table.namespaces()) {
      for (const at = table.cursor(namespace); at.next(); ) into.set(`${namespace}/${at.key}`, at.value)
    }
  }
  assert.deepEqual(found, expected)
}

function set<K, V>(map: Map<K, V>, key: K, isRemoval: boolean, value: V): void {
  if (isRemoval) map.delete(key)
  else map.set(key, value)
}

function open(): HeapStateBackend {
  return new HeapStateBackend({
    keyGroups: keyGroupRange(0, 1, GROUPS),
    maxParallelism: GROUPS,
    now: () => 0,
    monotonicMs: () => 0,
    encodeStepEntries: 1,
  })
}

function tablesOf(backend: KeyedStateBackend): Tables {
  return {
    values: backend.valueTable(tableOf('values', 'value')),
    maps: backend.mapTable(tableOf('maps', 'map')),
    windows: backend.namespacedTable(tableOf('windows', 'namespaced')),
    timers: backend.namespacedTable(tableOf(`${TIMER_TABLES}event`, 'namespaced')),
  }
}

function tableOf(name: string, kind: TableDescriptor['kind']): TableDescriptor {
  return { operatorUid: 'op', name, kind, version: 1, ttlMs: undefined }
}

function select(backend: KeyedStateBackend, key: number): void {
  backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
}
