/**
 * The map under every heap table: entries by map key, as a tree of small JavaScript maps. It grows one leaf at a time,
 * so that no insertion ever rehashes the whole (one rehash of a JavaScript map at two million entries stops the thread
 * for a third of a second, and none takes more than 2²⁴ entries).
 *
 * Entries and leaves carry the epochs that tell a snapshot what has changed; `change-tracker.ts` keeps them.
 *
 * Walks stay valid under every change: what was there at the beginning of a walk and is not deleted is met exactly
 * once; what is added meanwhile may be met or not. A leaf that splits leaves its old map as it was for walks in it.
 */
import type { MapKey, TableDescriptor } from '@millrace/core'

/** The value of an entry that was deleted and whose deletion is not yet part of a completed checkpoint. */
export const DELETED: unique symbol = Symbol('deleted')

/** The table that a map belongs to, as far as those who walk the map need it. */
export interface EntryMapOwner {
  readonly descriptor: TableDescriptor
  /** The value as it is stored. */
  storedValue(entry: Entry): unknown
  /** Takes an entry out for good: it was deleted, and no snapshot needs to say so any more. */
  purge(entry: Entry): void
}

/** Entries per leaf; splitting one takes a few milliseconds. */
export const LEAF_ENTRIES_MAX = 16_384
const BRANCH_BITS = 4
const BRANCHES = 1 << BRANCH_BITS
const DEPTH_MAX = 8

export class Entry {
  leaf: Leaf
  /** The key; in the inner map of a map table the user key. */
  readonly key: unknown
  readonly keyGroup: number
  value: unknown
  readonly createdEpoch: number
  changedEpoch: number
  /** Epoch of the last snapshot that has encoded it. */
  encodedEpoch: number
  /** Wall clock, epoch ms, in tables with a time to live; else 0. `Infinity`: written before the table had one. */
  writtenAtMs = 0

  constructor(leaf: Leaf, key: unknown, keyGroup: number, value: unknown, epoch: number) {
    this.leaf = leaf
    this.key = key
    this.keyGroup = keyGroup
    this.value = value
    this.createdEpoch = epoch
    this.changedEpoch = epoch
    this.encodedEpoch = -1
  }
}

export class Leaf {
  readonly owner: EntryMap
  readonly entries = new Map<MapKey, Entry>()
  changedEpoch: number
  /** Deleted entries in here, those of inner maps included. */
  deleted = 0

  constructor(owner: EntryMap, epoch: number) {
    this.owner = owner
    this.changedEpoch = epoch
  }
}

type Node = Leaf | Branch
class Branch {
  readonly children: Node[] = []
}

export class EntryMap {
  readonly table: EntryMapOwner
  /** The entry of the outer map that holds this one, in map and namespaced tables. */
  readonly parent: Entry | undefined
  /** Entries that are not deleted. */
  live = 0
  /** Deleted ones that are still kept. */
  deleted = 0
  /** Not part of its table any more. */
  detached = false
  /** In namespaced tables: which key groups of the range have been here; made when there are many entries. */
  groupsSeen: Uint8Array | undefined
  /** In namespaced tables: whether the namespace stands in the queue of namespaces. */
  queued = false
  #root: Node

  constructor(table: EntryMapOwner, parent: Entry | undefined, epoch: number) {
    this.table = table
    this.parent = parent
    this.#root = new Leaf(this, epoch)
  }

  /** The entry, also when it is deleted. */
  find(mapKey: MapKey): Entry | undefined {
    const root = this.#root
    return root instanceof Leaf ? root.entries.get(mapKey) : leafOf(root, hashOf(mapKey)).entries.get(mapKey)
  }

  /** Adds an entry that must not be there. */
  insert(mapKey: MapKey, key: unknown, keyGroup: number, value: unknown, epoch: number): Entry {
    const leaf = this.#leafWithRoom(mapKey)
    const entry = new Entry(leaf, key, keyGroup, value, epoch)
    leaf.entries.set(mapKey, entry)
    leaf.changedEpoch = epoch
    this.live++
    return entry
  }

  /** Marks an entry as deleted and keeps it as a tombstone. */
  bury(entry: Entry): void {
    entry.value = DELETED
    this.live--
    this.#countDeleted(entry, 1)
  }

  /** Gives a deleted entry a value again. */
  revive(entry: Entry, value: unknown): void {
    entry.value = value
    this.live++
    this.#countDeleted(entry, -1)
  }

  /** Takes an entry out for good; walks that still meet it see it as deleted. */
  erase(mapKey: MapKey, entry: Entry): void {
    if (!entry.leaf.entries.delete(mapKey)) return
    if (entry.value === DELETED) {
      this.#countDeleted(entry, -1)
    } else {
      this.live--
      entry.value = DELETED
    }
  }

  *leaves(): Generator<Leaf> {
    yield* leavesOf(this.#root)
  }

  /** All entries, deleted ones too. */
  walk(): EntryWalk {
    return new EntryWalk(this)
  }

  #countDeleted(entry: Entry, change: number): void {
    entry.leaf.deleted += change
    this.deleted += change
    if (this.parent !== undefined) this.parent.leaf.deleted += change
  }

  #leafWithRoom(mapKey: MapKey): Leaf {
    let node = this.#root
    if (node instanceof Leaf) {
      if (node.entries.size < LEAF_ENTRIES_MAX) return node
      node = this.#root = split(node, 0)
    }
    let depth = 0
    let hash = hashOf(mapKey)
    for (;;) {
      const index = hash & (BRANCHES - 1)
      const child: Node = node.children[index] as Node
      if (child instanceof Branch) {
        node = child
      } else {
        if (child.entries.size < LEAF_ENTRIES_MAX || depth === DEPTH_MAX - 1) return child
        node = node.children[index] = split(child, depth + 1)
      }
      depth++
      hash >>>= BRANCH_BITS
    }
  }
}

/** A resumable walk: `next` until undefined. */
export class EntryWalk {
  readonly #leaves: Generator<Leaf>
  #entries: MapIterator<Entry> | undefined

  constructor(map: EntryMap) {
    this.#leaves = map.leaves()
  }

  next(): Entry | undefined {
    for (;;) {
      if (this.#entries === undefined) {
        const leaf = this.#leaves.next()
        if (leaf.done === true) return undefined
        this.#entries = leaf.value.entries.values()
      }
      const entry = this.#entries.next()
      if (entry.done !== true) return entry.value
      this.#entries = undefined
    }
  }
}

function* leavesOf(node: Node): Generator<Leaf> {
  if (node instanceof Leaf) {
    yield node
    return
  }
  for (const child of node.children) yield* leavesOf(child)
}

function leafOf(branch: Branch, hash: number): Leaf {
  let node: Node = branch
  let rest = hash
  while (node instanceof Branch) {
    node = node.children[rest & (BRANCHES - 1)] as Node
    rest >>>= BRANCH_BITS
  }
  return node
}

/** Deals the entries of a leaf out to new leaves by the bits of their hash at `depth`. */
function split(leaf: Leaf, depth: number): Branch {
  const branch = new Branch()
  const leaves: Leaf[] = []
  for (let i = 0; i < BRANCHES; i++) leaves.push(new Leaf(leaf.owner, leaf.changedEpoch))
  branch.children.push(...leaves)
  for (const [mapKey, entry] of leaf.entries) {
    const child = leaves[(hashOf(mapKey) >>> (depth * BRANCH_BITS)) & (BRANCHES - 1)] as Leaf
    child.entries.set(mapKey, entry)
    entry.leaf = child
    if (entry.value === DELETED) child.deleted++
    else if (entry.value instanceof EntryMap) child.deleted += entry.value.deleted
  }
  return branch
}

const NUMBER_BITS = new Float64Array(1)
const NUMBER_WORDS = new Uint32Array(NUMBER_BITS.buffer)

function hashOf(mapKey: MapKey): number {
  switch (typeof mapKey) {
    case 'number':
      NUMBER_BITS[0] = mapKey + 0
      return mix((NUMBER_WORDS[0] as number) ^ Math.imul(NUMBER_WORDS[1] as number, 0x9e3779b1))
    case 'string':
      return hashOfText(mapKey)
    default:
      return hashOfText(String(mapKey))
  }
}

function hashOfText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

function mix(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
