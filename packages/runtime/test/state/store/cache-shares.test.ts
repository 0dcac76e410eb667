import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SeededRandom } from '@millrace/testing'
import {
  CacheShares,
  decideCacheLimit,
  GROWTH_SHARE,
  type SharingCache,
} from '../../../src/state/store/cache-shares.ts'

/** So that a cache grows by 100 before it asks. */
const TOTAL = 100 / GROWTH_SHARE

describe('the limit of the caches of a slot', () => {
  it('is an equal part for caches that would take more', () => {
    assert.equal(decideCacheLimit(TOTAL, [TOTAL]), TOTAL)
    assert.equal(decideCacheLimit(TOTAL, [TOTAL, TOTAL]), TOTAL / 2)
    assert.equal(decideCacheLimit(TOTAL, [TOTAL, 5_000, TOTAL, 4_000]), TOTAL / 4)
  })

  it('is what those leave that need less, as they are and by what they grow', () => {
    assert.equal(decideCacheLimit(TOTAL, [0, TOTAL]), 6_300)
    assert.equal(decideCacheLimit(TOTAL, [9_000, 0, 1_000]), 5_200)
    assert.equal(decideCacheLimit(TOTAL, [9_000, 0, 9_000]), 3_150)
    assert.equal(decideCacheLimit(TOTAL, [200, 100]), 6_200, 'the larger of them may have the rest')
  })
})

describe('caches that share the memory of a slot', () => {
  it('take what the others do not need, and give back what they come to need', () => {
    const shares = new CacheShares(TOTAL)
    const [first, second] = [new GrowingCache(shares), new GrowingCache(shares)]
    first.growTo(TOTAL)
    assert.equal(first.heldBytes, 6_300)
    second.growTo(1_000)
    assert.equal(second.heldBytes, 1_000)
    assert.ok(first.heldBytes > 5_200 && first.heldBytes <= 5_400, `${first.heldBytes} bytes of the other`)
    second.growTo(TOTAL)
    first.growTo(TOTAL)
    assert.ok(Math.abs(first.heldBytes - second.heldBytes) <= 200, `${first.heldBytes} and ${second.heldBytes}`)
    shares.leave(second)
    first.growTo(TOTAL)
    assert.equal(first.heldBytes, TOTAL)
  })

  it('never claim more than there is, and none is kept below an equal part', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new SeededRandom(seed)
      const shares = new CacheShares(TOTAL)
      const caches = Array.from({ length: 1 + random.below(5) }, () => new GrowingCache(shares))
      for (let step = 0; step < 200; step++) {
        const cache = random.pick(caches)
        if (random.chance(0.2)) cache.shrinkTo(random.below(cache.heldBytes + 1))
        else cache.growTo(random.below(TOTAL * 2))
        const claimed = caches.reduce((sum, { claimedBytes }) => sum + claimedBytes, 0)
        assert.ok(claimed <= TOTAL + 1, `seed ${seed}, step ${step}: ${claimed} bytes are claimed`)
      }
      for (const cache of caches) {
        cache.growTo(TOTAL)
        const part = TOTAL / caches.length
        assert.ok(cache.heldBytes >= part - 1, `seed ${seed}: ${cache.heldBytes} bytes for one of ${caches.length}`)
      }
    }
  })
})

/** Asks as a store does: when it has grown by the share of its limit. */
class GrowingCache implements SharingCache {
  heldBytes = 0
  readonly #shares: CacheShares
  #growsUpToBytes = 0

  constructor(shares: CacheShares) {
    this.#shares = shares
    shares.join(this)
  }

  get claimedBytes(): number {
    return Math.max(this.heldBytes, this.#growsUpToBytes)
  }

  limitTo(bytes: number): void {
    this.heldBytes = Math.min(this.heldBytes, bytes)
    this.#growsUpToBytes = Math.min(bytes, this.heldBytes + bytes * GROWTH_SHARE)
  }

  /** As far as it may. */
  growTo(bytes: number): void {
    while (this.heldBytes < bytes) {
      this.limitTo(this.#shares.limitFor(this))
      if (this.#growsUpToBytes <= this.heldBytes) return
      this.heldBytes = Math.min(bytes, this.#growsUpToBytes)
    }
  }

  shrinkTo(bytes: number): void {
    this.heldBytes = bytes
  }
}
