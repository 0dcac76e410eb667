/**
 * One key's accumulator over the slices of the current window, kept while the window slides, so that a firing merges
 * O(1) accumulators (amortised), never all slices. Derived from the slices in state, which stay as they are.
 *
 * Time is cut into blocks, each as long as a window or a little longer; at most one border lies within a window. The
 * slices before it are held as a stack of suffixes (`front`), those after it as one growing prefix (`back`). A slice
 * that leaves the window takes the top off the stack; a new one is merged into the prefix; every block begins with a new
 * stack. These are the two stacks of a queue, only that the moments at which they turn are fixed in event time:
 * which accumulators are merged with which depends on the window alone, so fractions round the same way after a restore.
 *
 * Accumulators that grow with their contents (sets) are not held, since a stack would hold them many times over; such a
 * key is merged anew for each window.
 */
import type { MapKey } from '../key/map-key.ts'
import type { Accumulator, WindowContents } from './window-contents.ts'

/** The window that fires. */
export interface CurrentWindow {
  /** As `WindowLayout.windowFrom` counts. */
  readonly number: number
  readonly start: number
  readonly end: number
  /** The number of the block that the window ends in, and where that block begins, at or after `start`. */
  readonly block: number
  readonly border: number
}

// Shared and never changed: most keys are in one slice, and an array that grows from nothing takes room for many.
const NO_SLICES: number[] = []
const NOTHING: Accumulator[] = []

export class RunningMerge {
  readonly mapKey: MapKey
  readonly key: unknown
  readonly keyGroup: number
  /** Number of the first window without the first of `ends`: a small integer, at hand for each window. */
  #expiresAt = 0
  /** Ends of the slices that hold the key, ascending. */
  ends: number[] = NO_SLICES
  /** For the first of `ends`, as many as lie before the border: the accumulator from there up to the border. */
  #front: Accumulator[] = NOTHING
  /** The accumulator of the others. */
  #back: Accumulator | undefined
  /** Whether `#back` is a merged one, not one from state. */
  #isBackOwn = false
  /** The whole, once somebody asked. */
  #whole: Accumulator | undefined
  /** The block that the above is about; `undefined` when it must be built from state. */
  #block: number | undefined
  #isBulky = false

  constructor(mapKey: MapKey, key: unknown, keyGroup: number) {
    this.mapKey = mapKey
    this.key = key
    this.keyGroup = keyGroup
  }

  /** Takes in the newest slice; `stored` is the key's accumulator in it. */
  add(end: number, stored: Accumulator, block: number, contents: WindowContents): void {
    if (this.ends.length === 0) this.#begin(end, contents)
    else this.ends.push(end)
    if (this.#isBulky) return
    this.#whole = undefined
    if (this.ends.length > 1 && this.#block !== block) this.forget()
    else this.#addToBack(stored, contents)
  }

  /** A record came into a slice that was taken in before, or is to count as such. Returns whether the slice is new. */
  touch(end: number, contents: WindowContents): boolean {
    this.forget()
    const { ends } = this
    let at = ends.length
    while (at > 0 && (ends[at - 1] as number) > end) at--
    if (at > 0 && ends[at - 1] === end) return false
    if (ends.length === 0) {
      this.#begin(end, contents)
    } else {
      ends.splice(at, 0, end)
      if (at === 0) this.#expiresAt = contents.layout.windowFrom(end)
    }
    return true
  }

  /** Lets go of slices that end before the window and returns how many. */
  expire({ number, start }: CurrentWindow, contents: WindowContents): number {
    if (this.#expiresAt > number) return 0
    const { ends } = this
    let expired = 1
    while (expired < ends.length && (ends[expired] as number) <= start) expired++
    if (expired === ends.length) {
      this.ends = NO_SLICES
      this.forget()
      return expired
    }
    ends.splice(0, expired)
    this.#expiresAt = contents.layout.windowFrom(ends[0] as number)
    this.#whole = undefined
    if (expired <= this.#front.length) this.#front.splice(0, expired)
    else this.forget()
    return expired
  }

  /** What is held is out of date. */
  forget(): void {
    this.#front = NOTHING
    this.#back = undefined
    this.#whole = undefined
    this.#block = undefined
  }

  /** The accumulator over the slices. Makes the key current by `select` when it reads state, which is now and then. */
  accumulator(
    window: CurrentWindow,
    contents: WindowContents,
    select: (merge: RunningMerge) => void,
  ): Accumulator | undefined {
    if (this.#block !== window.block && !this.#isBulky) this.#build(window, contents, select)
    if (this.#isBulky) {
      select(this)
      return contents.merged(this.ends)
    }
    this.#whole ??= this.#mergeWhole(contents)
    return this.#whole
  }

  /** Begins a block. */
  #build({ block, border }: CurrentWindow, contents: WindowContents, select: (merge: RunningMerge) => void): void {
    const only = this.ends.length > 1 ? undefined : this.#front.length > 0 ? this.#front[0] : this.#back
    this.forget()
    if (only === undefined) select(this)
    const stored = (end: number) => (only === undefined ? (contents.stored(end) as Accumulator) : only)
    const { ends } = this
    let first = ends.length
    while (first > 0 && (ends[first - 1] as number) > border) first--
    for (let i = first - 1; i >= 0 && !this.#isBulky; i--) this.#pushFront(stored(ends[i] as number), contents)
    this.#front.reverse()
    for (let i = first; i < ends.length && !this.#isBulky; i++) this.#addToBack(stored(ends[i] as number), contents)
    this.#block = block
  }

  #begin(end: number, contents: WindowContents): void {
    this.ends = [end]
    this.#expiresAt = contents.layout.windowFrom(end)
  }

  #pushFront(stored: Accumulator, contents: WindowContents): void {
    const above = this.#front.at(-1)
    const suffix = above === undefined ? stored : contents.merge(contents.copy(stored), above)
    if (above === undefined) this.#front = [suffix]
    else this.#front.push(suffix)
    if (!isCompact(suffix)) this.#becomeBulky()
  }

  #addToBack(stored: Accumulator, contents: WindowContents): void {
    if (this.#back === undefined) {
      this.#back = stored
      this.#isBackOwn = false
    } else {
      this.#back = contents.merge(this.#isBackOwn ? this.#back : contents.copy(this.#back), stored)
      this.#isBackOwn = true
    }
    if (!isCompact(this.#back)) this.#becomeBulky()
  }

  #mergeWhole(contents: WindowContents): Accumulator | undefined {
    const front = this.#front[0]
    const back = this.#back
    if (front === undefined) {
      // A copy: what was given out may be part of a result that is on its way, and the prefix goes on growing.
      return back === undefined || !this.#isBackOwn ? back : contents.copy(back)
    }
    return back === undefined ? front : contents.merge(contents.copy(front), back)
  }

  #becomeBulky(): void {
    this.forget()
    this.#isBulky = true
  }
}

const TEXT_LENGTH_MAX = 64
const PARTS_MAX = 16
const DEPTH_MAX = 2

/** Whether an accumulator is so small that holding some more of it does no harm. */
function isCompact(accumulator: unknown, depth = 0): boolean {
  if (typeof accumulator === 'number') return true
  if (typeof accumulator === 'string') return accumulator.length <= TEXT_LENGTH_MAX
  if (typeof accumulator === 'bigint') return accumulator >= -BIGINT_MAX && accumulator <= BIGINT_MAX
  if (typeof accumulator !== 'object' || accumulator === null) return true
  if (depth === DEPTH_MAX) return false
  if (Array.isArray(accumulator)) {
    if (accumulator.length > PARTS_MAX) return false
    for (let i = 0; i < accumulator.length; i++) if (!isCompact(accumulator[i], depth + 1)) return false
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(accumulator)
  if (prototype !== Object.prototype && prototype !== null) return false
  let parts = 0
  for (const name in accumulator) {
    if (++parts > PARTS_MAX || !isCompact((accumulator as Record<string, unknown>)[name], depth + 1)) return false
  }
  return true
}

const BIGINT_MAX = 1n << 256n
