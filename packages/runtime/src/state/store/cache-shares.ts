/**
 * The memory for the caches of a slot, as several backends share it, and operators that hold some of their state outside of them
 * (`MemoryHolder`). All have the same limit, and it depends on what they use: one that
 * needs little leaves the rest to the others, and gets it back when it needs more, up to an equal part.
 *
 * Invariant: all together claim no more than there is, once one of them has asked; entries aside that a cache keeps whatever its size,
 * and what a window holds while it fires.
 */

/** One of the caches. It asks each time that it has grown by `GROWTH_SHARE` of its limit. */
export interface SharingCache {
  /** What it holds, or may come to hold before it asks again. */
  readonly claimedBytes: number
  /** It may hold no more from now on. */
  limitTo(bytes: number): void
}

export const GROWTH_SHARE = 1 / 64

/** What each of the caches may hold, of which these bytes are claimed: an equal part of what those leave that need less. */
export function decideCacheLimit(totalBytes: number, claimedBytes: readonly number[]): number {
  const growthBytes = totalBytes * GROWTH_SHARE
  let sharedBytes = totalBytes
  let sharers = claimedBytes.length
  for (const claimed of [...claimedBytes].sort((a, b) => a - b)) {
    const needed = claimed + growthBytes
    // Whoever claims more needs no less; the last may have all that is left.
    if (sharers <= 1 || needed * sharers >= sharedBytes) break
    sharedBytes -= needed
    sharers--
  }
  return sharedBytes / sharers
}

export class CacheShares {
  readonly #totalBytes: number
  readonly #caches = new Set<SharingCache>()

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes
  }

  join(cache: SharingCache): void {
    this.#caches.add(cache)
  }

  leave(cache: SharingCache): void {
    this.#caches.delete(cache)
  }

  /** What a cache that has joined may hold for now. Where that is short, the others give back at once what they have beyond it. */
  limitFor(asking: SharingCache): number {
    const caches = [...this.#caches]
    const claimedBytes = caches.map((cache) => cache.claimedBytes)
    const limitBytes = decideCacheLimit(this.#totalBytes, claimedBytes)
    const growthBytes = this.#totalBytes * GROWTH_SHARE
    const neededBytes = claimedBytes.reduce((sum, claimed) => sum + claimed + growthBytes, 0)
    if (neededBytes > this.#totalBytes) {
      for (const cache of caches) if (cache !== asking && cache.claimedBytes > limitBytes) cache.limitTo(limitBytes)
    }
    return limitBytes
  }
}
