/**
 * The firing of overlapping windows: keeps per key what its slices in the last window come to (`RunningMerge`) and
 * moves on by the slices between one window and the next. All of it is derived from the slices in state, is in no
 * snapshot, and is built anew with the first firing after a restore.
 *
 * Invariant: the slices up to the end of the last window that has fired are taken in, later ones are not. A record that
 * comes into one of the former afterwards makes what is held of its key out of date, and the next firing builds it anew.
 */
import { type MapKey, toMapKey } from '../key/map-key.ts'
import type { KeyedStateBackend, NamespaceCursor } from '../state/state-backend.ts'
import { type CurrentWindow, RunningMerge } from './running-merge.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'
import type { WindowFiring } from './window-firing.ts'
import type { WindowLayout } from './window-layout.ts'

/** Many small maps: one large one would stop the thread whenever it doubles. */
const SHARDS_MIN = 1_024
/** A merge with its place in a map, and what it has per slice; measured: 269 bytes with one slice, 1,173 with twelve. */
const MERGE_BYTES = 240
const SLICE_BYTES = 80

export class RunningWindows {
  readonly #state: KeyedStateBackend
  readonly #contents: WindowContents
  readonly #layout: WindowLayout
  readonly #shards: (Map<MapKey, RunningMerge> | undefined)[]
  readonly #shardsPerGroup: number
  /** End of the last window that has begun to fire. */
  #end = Number.NEGATIVE_INFINITY
  #keys = 0
  #slices = 0

  constructor(state: KeyedStateBackend, contents: WindowContents, layout: WindowLayout) {
    this.#state = state
    this.#contents = contents
    this.#layout = layout
    const groups = Math.max(1, state.keyGroups.last - state.keyGroups.first + 1)
    this.#shardsPerGroup = Math.ceil(SHARDS_MIN / groups)
    this.#shards = new Array<Map<MapKey, RunningMerge> | undefined>(groups * this.#shardsPerGroup).fill(undefined)
  }

  /** Keys that are held. */
  get keys(): number {
    return this.#keys
  }

  get bytesEstimate(): number {
    return this.#keys * MERGE_BYTES + this.#slices * SLICE_BYTES
  }

  /** Fires the window that ends at `end`; windows fire in order. */
  fire(end: number): WindowFiring {
    const start = end - this.#layout.sizeMs
    const from = Math.max(this.#end, start)
    this.#end = end
    const newest = this.#contents.namespacesOf(end).filter((sliceEnd) => sliceEnd > from)
    return new RunningFiring(this, this.#contents, newest, {
      number: this.#layout.windowFrom(start),
      start,
      end,
      ...this.#layout.blockOf(end),
    })
  }

  /** A record of the current key has come into a slice. */
  onAdded(sliceEnd: number): void {
    if (sliceEnd > this.#end || this.#layout.lastWindowEndOf(sliceEnd) <= this.#end) return
    const { currentKey, currentKeyGroup } = this.#state
    const merge = this.merge(currentKey, currentKeyGroup)
    if (merge.touch(sliceEnd, this.#contents)) this.#slices++
  }

  /** Forgets everything, when there is nothing in state. */
  clear(): void {
    if (this.#keys === 0) return
    this.#shards.fill(undefined)
    this.#keys = 0
    this.#slices = 0
  }

  /** What is held of a key, which begins with nothing. */
  merge(key: unknown, keyGroup: number): RunningMerge {
    const mapKey = toMapKey(key)
    const at = (keyGroup - this.#state.keyGroups.first) * this.#shardsPerGroup + (spread(mapKey) % this.#shardsPerGroup)
    let shard = this.#shards[at]
    if (shard === undefined) {
      shard = new Map()
      this.#shards[at] = shard
    }
    let merge = shard.get(mapKey)
    if (merge === undefined) {
      merge = new RunningMerge(mapKey, key, keyGroup)
      shard.set(mapKey, merge)
      this.#keys++
    }
    return merge
  }

  /** Takes a slice of a key in. */
  take(cursor: NamespaceCursor<Accumulator>, sliceEnd: number, block: number): void {
    this.merge(cursor.key, cursor.keyGroup).add(sliceEnd, cursor.value, block, this.#contents)
    this.#slices++
  }

  /** Everything that is held; `expire` may delete what the walk is at. */
  *shards(): Generator<Map<MapKey, RunningMerge>> {
    for (const shard of this.#shards) if (shard !== undefined && shard.size > 0) yield shard
  }

  /** Takes the slices of a key off that end before a window; false, and the key is gone, when none is left. */
  expire(shard: Map<MapKey, RunningMerge>, merge: RunningMerge, window: CurrentWindow): boolean {
    const expired = merge.expire(window, this.#contents)
    if (expired === 0) return true
    this.#slices -= expired
    if (merge.ends.length > 0) return true
    shard.delete(merge.mapKey)
    this.#keys--
    return false
  }

  readonly select = (merge: RunningMerge): void => this.#state.setCurrentKey(merge.key, merge.keyGroup)
}

/** First takes the new slices in, then goes through all keys. */
class RunningFiring implements WindowFiring {
  readonly #windows: RunningWindows
  readonly #contents: WindowContents
  readonly #window: CurrentWindow
  readonly #slices: readonly number[]
  #slice = -1
  #cursor: NamespaceCursor<Accumulator> | undefined
  #shards: Generator<Map<MapKey, RunningMerge>> | undefined
  #shard: Map<MapKey, RunningMerge> | undefined
  #entries: MapIterator<RunningMerge> | undefined
  #merge: RunningMerge | undefined
  key: unknown
  keyGroup = -1

  constructor(windows: RunningWindows, contents: WindowContents, slices: readonly number[], window: CurrentWindow) {
    this.#windows = windows
    this.#contents = contents
    this.#slices = slices
    this.#window = window
  }

  get windowEnd(): number {
    return this.#window.end
  }

  next(): boolean {
    return (this.#slice < this.#slices.length && this.#takeNext()) || this.#nextKey()
  }

  accumulator(): Accumulator | undefined {
    return this.#merge?.accumulator(this.#window, this.#contents, this.#windows.select)
  }

  #takeNext(): boolean {
    while (this.#cursor === undefined || !this.#cursor.next()) {
      const slice = this.#slices[++this.#slice]
      if (slice === undefined) return false
      this.#cursor = this.#contents.cursor(slice)
    }
    this.#windows.take(this.#cursor, this.#slices[this.#slice] as number, this.#window.block)
    this.#moveTo(this.#cursor.key, this.#cursor.keyGroup, undefined)
    return true
  }

  #nextKey(): boolean {
    this.#shards ??= this.#windows.shards()
    for (;;) {
      if (this.#entries === undefined) {
        const shard = this.#shards.next()
        if (shard.done === true) return false
        this.#shard = shard.value
        this.#entries = shard.value.values()
      }
      const entry = this.#entries.next()
      if (entry.done !== true) {
        const merge = entry.value
        const isInWindow = this.#windows.expire(this.#shard as Map<MapKey, RunningMerge>, merge, this.#window)
        this.#moveTo(merge.key, merge.keyGroup, isInWindow ? merge : undefined)
        return true
      }
      this.#entries = undefined
    }
  }

  #moveTo(key: unknown, keyGroup: number, merge: RunningMerge | undefined): void {
    this.key = key
    this.keyGroup = keyGroup
    this.#merge = merge
  }
}

/** Some number from a key, not negative; keys that follow one another get different ones. */
function spread(mapKey: MapKey): number {
  if (typeof mapKey === 'number') return Math.imul(mapKey | 0, 0x9e3779b1) >>> 20
  if (typeof mapKey !== 'string') return 0
  let hash = mapKey.length
  for (let i = Math.max(0, mapKey.length - 4); i < mapKey.length; i++)
    hash = Math.imul(hash ^ mapKey.charCodeAt(i), 0x01000193)
  return hash >>> 8
}
