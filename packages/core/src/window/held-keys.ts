/**
 * Which keys running windows hold, in the memory that the state's backend has for it: without a bound where that is the
 * heap, in which the slices themselves are too. A key that is not held is read from state at each firing (`UnheldFiring`). What
 * is held decides how fast a firing is, never what it gives.
 *
 * New keys are held up to half of the memory, and their slices may fill the rest. When that is not enough, all are let go
 * of, and those come back of which a new slice comes.
 *
 * Invariant: of a key that is held, all slices of later windows that were taken in are held; a key that is not held has none
 * above `unheldUpTo`.
 */
import { keyGroupOfHash } from '../key/key-group.ts'
import { hashKey } from '../key/key-hash.ts'
import type { KeyedStateBackend, MemoryHolder } from '../state/state-backend.ts'
import { HeldSlices } from './held-slices.ts'
import { type CurrentWindow, RunningMerge } from './running-merge.ts'
import { PAGE_MASK, RunningRows } from './running-rows.ts'
import type { WindowContents } from './window-contents.ts'

/** Of the memory: new keys are held below it. */
const NEW_KEYS_SHARE = 1 / 2
/** Of the memory: when so much may have come, it is looked how much there is. */
const LOOK_SHARE = 1 / 64
const LOOK_KEYS_MAX = 1_024
/** About what a key takes. */
const KEY_BYTES = 128

export class HeldKeys implements MemoryHolder {
  readonly rows = new RunningRows()
  readonly merge: RunningMerge
  readonly #slices = new HeldSlices()
  readonly #state: KeyedStateBackend
  readonly #contents: WindowContents
  /** How much may be held at the moment; `undefined`: whatever comes. */
  readonly #limit: (() => number) | undefined
  #limitBytes = Number.POSITIVE_INFINITY
  /** New keys until memory is looked at again. */
  #unlooked = 0
  #isFull = false
  #isFiring = false
  #unheldUpTo = Number.NEGATIVE_INFINITY
  /** No slice that ends later was taken in. */
  #takenUpTo = Number.NEGATIVE_INFINITY

  constructor(state: KeyedStateBackend, contents: WindowContents) {
    this.#state = state
    this.#contents = contents
    this.merge = new RunningMerge(contents, this.rows, this.#slices, (row) => this.#select(row))
    this.#limit = state.shareMemory?.(this)
  }

  get bytesEstimate(): number {
    return this.rows.bytes + this.#slices.bytes
  }

  get claimedBytes(): number {
    const growth = Number.isFinite(this.#limitBytes) ? this.#limitBytes * LOOK_SHARE : 0
    return this.bytesEstimate + growth
  }

  /** In the middle of a firing it waits for the next one. */
  limitTo(bytes: number): void {
    this.#limitBytes = bytes
    if (!this.#isFiring && this.bytesEstimate > bytes) this.#letGo()
  }

  /** Up to the end of which slice there may be keys that are not held; −∞: all are. */
  get unheldUpTo(): number {
    return this.#unheldUpTo
  }

  beginFiring({ start, end }: CurrentWindow): void {
    this.#isFiring = true
    this.#takenUpTo = end
    if (this.#unheldUpTo <= start) this.#unheldUpTo = Number.NEGATIVE_INFINITY
  }

  endFiring(): void {
    this.#isFiring = false
  }

  /** A slice is taken in next. */
  beginSlice(): void {
    if (this.#limit === undefined) return
    this.#look()
    if (this.bytesEstimate > this.#limitBytes) this.#letGo()
  }

  /** The row of a key that is met in the newest slice, given to it now if need be; −1: it is not held. */
  rowIn(key: unknown, end: number, window: CurrentWindow): number {
    const hash = hashKey(key)
    const found = this.rows.find(hash, key)
    if (found >= 0) return found
    if (this.#limit !== undefined && !this.#hasRoom()) {
      this.#unheldUpTo = Math.max(this.#unheldUpTo, end)
      return -1
    }
    const row = this.#begin(hash, key)
    if (this.#unheldUpTo > window.start) this.#recall(row, end, window)
    return row
  }

  /** A record of the current key has come into a slice that was taken in. */
  touch(end: number): void {
    const key = this.#state.currentKey
    const hash = hashKey(key)
    const found = this.rows.find(hash, key)
    if (found >= 0) {
      this.merge.touch(found, end)
    } else if (this.#unheldUpTo > Number.NEGATIVE_INFINITY || (this.#limit !== undefined && !this.#hasRoom())) {
      // It may have other slices.
      this.#unheldUpTo = Math.max(this.#unheldUpTo, end)
    } else {
      this.merge.touch(this.#begin(hash, key), end)
    }
  }

  /** Forgets everything, when there is nothing in state. */
  clear(): void {
    this.#unheldUpTo = Number.NEGATIVE_INFINITY
    this.#drop()
  }

  #begin(hash: number, key: unknown): number {
    const row = this.rows.add(hash, key)
    this.merge.begin(row)
    return row
  }

  /** Of a key that was not held, the slices before the one that ends at `end`. */
  #recall(row: number, end: number, window: CurrentWindow): void {
    this.#select(row)
    for (const sliceEnd of this.#contents.namespacesOf(window.end)) {
      if (sliceEnd >= end) return
      if (this.#contents.stored(sliceEnd) !== undefined) this.merge.touch(row, sliceEnd)
    }
  }

  #hasRoom(): boolean {
    if (this.#unlooked-- <= 0) this.#look()
    return !this.#isFull
  }

  #look(): void {
    const limitBytes = this.#limit?.() ?? Number.POSITIVE_INFINITY
    this.#limitBytes = limitBytes
    this.#isFull = this.bytesEstimate >= limitBytes * NEW_KEYS_SHARE
    this.#unlooked = Math.min(LOOK_KEYS_MAX, Math.floor((limitBytes * LOOK_SHARE) / KEY_BYTES))
  }

  #letGo(): void {
    this.#unheldUpTo = Math.max(this.#unheldUpTo, this.#takenUpTo)
    this.#drop()
    this.#isFull = false
  }

  #drop(): void {
    if (this.rows.count === 0) return
    this.rows.clear()
    this.#slices.clear()
  }

  #select(row: number): void {
    const page = this.rows.pageOf(row)
    const hash = page.hashes[row & PAGE_MASK] as number
    const keyGroup = keyGroupOfHash(hash, this.#state.maxParallelism)
    this.#state.setCurrentKey(page.keys[row & PAGE_MASK], keyGroup, hash)
  }
}
