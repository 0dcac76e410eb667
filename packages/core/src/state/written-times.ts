/**
 * How many entries of a table were written when, to a part of its time to live: so that it can be said at any time, without a
 * look at the entries, how many have expired and when the next ones will.
 *
 * Counts stand in a ring of buckets by time of writing; what is older than the ring is counted in one. Says of an entry that it has expired
 * only when it surely has, at the latest `ttlMs / BUCKETS_PER_TTL` after it did.
 *
 * Invariant: what is removed was added with the same time. Times may come in any order, also from a clock that was set back.
 */

const BUCKETS_PER_TTL = 32
/** Buckets of the ring: four times to live. */
const RING = BUCKETS_PER_TTL * 4

export class WrittenTimes {
  readonly #ttlMs: number
  readonly #bucketMs: number
  readonly #counts = new Float64Array(RING)
  /** Number of the first bucket in the ring. */
  #first = 0
  /** Entries before that. */
  #older = 0
  #total = 0

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs
    this.#bucketMs = Math.max(1, Math.ceil(ttlMs / BUCKETS_PER_TTL))
  }

  add(writtenAtMs: number): void {
    const bucket = Math.floor(writtenAtMs / this.#bucketMs)
    if (this.#total++ === 0) this.#first = bucket - RING + 1
    else if (bucket >= this.#first + RING) this.#advance(bucket - RING + 1)
    if (bucket < this.#first) this.#older++
    else this.#count(bucket, 1)
  }

  remove(writtenAtMs: number): void {
    const bucket = Math.floor(writtenAtMs / this.#bucketMs)
    this.#total--
    if (bucket < this.#first) this.#older--
    else this.#count(bucket, -1)
  }

  /** How many have surely expired. */
  expiredAt(nowMs: number): number {
    let expired = nowMs >= this.#expiryOf(this.#first - 1) ? this.#older : 0
    for (let i = 0; i < RING && nowMs >= this.#expiryOf(this.#first + i); i++) expired += this.#at(this.#first + i)
    return expired
  }

  /** When some will surely have expired, or have; `undefined` when there are none. */
  get nextExpiryMs(): number | undefined {
    if (this.#total === 0) return undefined
    if (this.#older > 0) return this.#expiryOf(this.#first - 1)
    for (let i = 0; i < RING; i++) if (this.#at(this.#first + i) !== 0) return this.#expiryOf(this.#first + i)
    return undefined
  }

  /** When more will surely have expired than have at `nowMs`; `undefined` for never. */
  nextExpiryAfter(nowMs: number): number | undefined {
    if (this.#older > 0 && this.#expiryOf(this.#first - 1) > nowMs) return this.#expiryOf(this.#first - 1)
    for (let i = 0; i < RING; i++) {
      if (this.#at(this.#first + i) !== 0 && this.#expiryOf(this.#first + i) > nowMs)
        return this.#expiryOf(this.#first + i)
    }
    return undefined
  }

  /** When the last of a bucket expire. */
  #expiryOf(bucket: number): number {
    return (bucket + 1) * this.#bucketMs - 1 + this.#ttlMs
  }

  #advance(first: number): void {
    const end = Math.min(first, this.#first + RING)
    for (let bucket = this.#first; bucket < end; bucket++) {
      this.#older += this.#at(bucket)
      this.#counts[slotOf(bucket)] = 0
    }
    this.#first = first
  }

  #at(bucket: number): number {
    return this.#counts[slotOf(bucket)] as number
  }

  #count(bucket: number, change: number): void {
    const slot = slotOf(bucket)
    this.#counts[slot] = (this.#counts[slot] as number) + change
  }
}

function slotOf(bucket: number): number {
  // Before 1970 numbers of buckets are negative.
  return ((bucket % RING) + RING) % RING
}
