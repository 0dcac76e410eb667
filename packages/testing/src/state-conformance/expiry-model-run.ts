/**
 * One long random run of a state backend with times to live against plain maps: a clock that moves on, reads that renew, steps of the
 * clean-up between everything, snapshots encoded in steps, completed or aborted, and restores at other parallelisms. What a state returns
 * must be what the model says, whatever was cleaned up when. The seed decides everything.
 */
import assert from 'node:assert/strict'
import {
  type KeyedStateBackend,
  keyGroupOf,
  keyGroupRange,
  type ListTable,
  type MapTable,
  subtaskOfKeyGroup,
  type TableDescriptor,
  type ValueTable,
} from '@millrace/core'
import { SeededRandom } from '../random/seeded-random.ts'
import type { CreateBackend } from './create-backend.ts'
import { OpenChainsSnapshot, SegmentChains } from './segment-chains.ts'

const MAX_PARALLELISM = 5
const STEPS = 500
const TTL_MS = 200
const KEYS = Array.from({ length: 30 }, (_, index) => index)
const USER_KEYS = ['u', 'v', 'w']

interface Dated {
  readonly n: number
  timeMs: number
}

/** By key, or by key and user key. */
interface Model {
  readonly values: Map<string, Dated>
  /** A read begins the time anew. */
  readonly renewed: Map<string, Dated>
  readonly entries: Map<string, Dated>
  readonly lists: Map<string, Dated[]>
}

interface Subtask {
  readonly backend: KeyedStateBackend
  readonly value: ValueTable<number>
  readonly renewed: ValueTable<number>
  readonly map: MapTable<string, number>
  readonly list: ListTable<number>
  chains: SegmentChains
}

interface Running {
  readonly id: number
  readonly model: Model
  readonly parts: readonly OpenChainsSnapshot[]
}

export function runExpiryModel(create: CreateBackend, seed: number): void {
  new ExpiryModelRun(create, new SeededRandom(seed)).run()
}

class ExpiryModelRun {
  readonly #create: CreateBackend
  readonly #random: SeededRandom
  #now = 1_000_000
  #subtasks: Subtask[] = []
  #model: Model = emptyModel()
  #completed: { readonly model: Model; readonly chains: SegmentChains } = {
    model: emptyModel(),
    chains: SegmentChains.EMPTY,
  }
  #running: Running | undefined
  #nextId = 1

  constructor(create: CreateBackend, random: SeededRandom) {
    this.#create = create
    this.#random = random
  }

  run(): void {
    this.#start(1)
    for (let step = 0; step < STEPS; step++) {
      const dice = this.#random.below(100)
      if (dice < 55) this.#change()
      else if (dice < 66) this.#now += this.#random.below(TTL_MS / 3)
      else if (dice < 78) for (const { backend } of this.#subtasks) backend.sweepExpired(1 + this.#random.below(60))
      else if (dice < 86) for (const part of this.#running?.parts ?? []) part.step()
      else if (dice < 91) this.#begin()
      else if (dice < 96) this.#end()
      else if (dice < 98) this.#restart()
      else this.#compare()
    }
    this.#compare()
    this.#now += TTL_MS * 2
    for (const { backend } of this.#subtasks) {
      while (!backend.sweepExpired(10));
      assert.deepEqual(
        backend.usage().map(({ entries, expiredEntries }) => [entries, expiredEntries]),
        [
          [0, 0],
          [0, 0],
          [0, 0],
          [0, 0],
        ],
      )
    }
  }

  #start(parallelism: number): void {
    const { chains } = this.#completed
    this.#subtasks = Array.from({ length: parallelism }, (_, index) => {
      const backend = this.#create({
        keyGroups: keyGroupRange(index, parallelism, MAX_PARALLELISM),
        maxParallelism: MAX_PARALLELISM,
        now: () => this.#now,
      })
      chains.restoreInto(backend)
      return {
        backend,
        value: backend.valueTable<number>(tableOf('value', 'value')),
        renewed: backend.valueTable<number>({
          ...tableOf('renewed', 'value'),
          ttlRules: { update: 'onReadAndWrite', visibility: 'neverReturnExpired', cleanupInBackground: true },
        }),
        map: backend.mapTable<string, number>(tableOf('map', 'map')),
        list: backend.listTable<number>(tableOf('list', 'list')),
        chains: chains.within(backend),
      }
    })
  }

  #restart(): void {
    for (const { backend } of this.#subtasks) backend.close()
    this.#running = undefined
    this.#now += this.#random.below(TTL_MS / 4)
    this.#start(1 + this.#random.below(3))
    this.#model = structuredClone(this.#completed.model)
    this.#compare()
  }

  #change(): void {
    const key = this.#random.pick(KEYS)
    const n = this.#random.below(1_000)
    const subtask = this.#select(key)
    const { values, renewed, entries, lists } = this.#model
    const userKey = this.#random.pick(USER_KEYS)
    const dated = { n, timeMs: this.#now }
    switch (this.#random.below(12)) {
      case 0:
      case 1:
        values.set(`${key}`, dated)
        subtask.value.put(n)
        break
      case 2:
        values.delete(`${key}`)
        subtask.value.remove()
        break
      case 3:
        renewed.set(`${key}`, { ...dated })
        subtask.renewed.put(n)
        break
      case 4:
        this.#readRenewed(subtask, key)
        break
      case 5:
      case 6:
        entries.set(`${key} ${userKey}`, dated)
        subtask.map.put(userKey, n)
        break
      case 7:
        entries.delete(`${key} ${userKey}`)
        subtask.map.delete(userKey)
        break
      case 8:
        for (const each of USER_KEYS) entries.delete(`${key} ${each}`)
        subtask.map.remove()
        break
      case 9:
      case 10:
        lists.set(`${key}`, [...(lists.get(`${key}`) ?? []), dated])
        subtask.list.append(n)
        break
      case 11:
        if (n % 3 === 0) {
          lists.set(`${key}`, [dated, dated])
          subtask.list.replace([n, n])
        } else {
          assert.deepEqual(subtask.list.get(), this.#liveItems(key))
        }
        break
    }
  }

  #readRenewed(subtask: Subtask, key: number): void {
    const dated = this.#model.renewed.get(`${key}`)
    assert.equal(subtask.renewed.get(), this.#live(dated))
    if (dated !== undefined && this.#live(dated) !== undefined) dated.timeMs = this.#now
  }

  #live(dated: Dated | undefined): number | undefined {
    return dated !== undefined && this.#now - dated.timeMs < TTL_MS ? dated.n : undefined
  }

  #liveItems(key: number): number[] {
    return (this.#model.lists.get(`${key}`) ?? []).filter((dated) => this.#live(dated) !== undefined).map(({ n }) => n)
  }

  #begin(): void {
    if (this.#running !== undefined) return
    const id = this.#nextId++
    const deltasMax = this.#random.below(4)
    this.#running = {
      id,
      model: structuredClone(this.#model),
      parts: this.#subtasks.map(({ backend, chains }) => new OpenChainsSnapshot(backend, chains, id, deltasMax)),
    }
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
    const { values, entries } = this.#model
    for (const key of KEYS) {
      const subtask = this.#select(key)
      assert.equal(subtask.value.get(), this.#live(values.get(`${key}`)))
      this.#readRenewed(subtask, key)
      assert.deepEqual(subtask.list.get(), this.#liveItems(key))
      const live = USER_KEYS.flatMap((userKey) => {
        const n = this.#live(entries.get(`${key} ${userKey}`))
        return n === undefined ? [] : [[userKey, n] as const]
      })
      assert.deepEqual(new Map(subtask.map.entries()), new Map(live))
      assert.equal(subtask.map.isEmpty, live.length === 0)
    }
    // Every expired entry was just met, so that only living ones are left.
    const left = this.#subtasks.flatMap(({ backend }) => backend.usage().map(({ entries: count }) => count))
    const living = [...this.#model.values.values(), ...this.#model.renewed.values(), ...entries.values()]
    const lists = KEYS.filter((key) => this.#liveItems(key).length > 0).length
    assert.equal(
      left.reduce((sum, count) => sum + count, 0),
      living.filter((dated) => this.#live(dated) !== undefined).length + lists,
    )
  }

  #select(key: number): Subtask {
    const group = keyGroupOf(key, MAX_PARALLELISM)
    const subtask = this.#subtasks[subtaskOfKeyGroup(group, this.#subtasks.length, MAX_PARALLELISM)] as Subtask
    subtask.backend.setCurrentKey(key, group)
    return subtask
  }
}

function emptyModel(): Model {
  return { values: new Map(), renewed: new Map(), entries: new Map(), lists: new Map() }
}

function tableOf(name: string, kind: TableDescriptor['kind']): TableDescriptor {
  return { operatorUid: 'op', name, kind, version: 1, ttlMs: TTL_MS }
}
