/** Randomness by 32-bit integers only, so that other languages draw the same numbers. */

/** Spreads 32 bits over 32 bits; every input bit reaches every output bit. */
export function mix32(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x21f0aaad)
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97)
  return h ^ (h >>> 15)
}

/** Hash of a safe integer from 0 and a seed that `mix32` has spread. */
export function hashIndex(index: number, seedHash: number): number {
  return mix32((index | 0) + Math.imul((index / 4_294_967_296) | 0, 0x9e3779b1) + seedHash)
}

/** 0 to `count - 1` from the upper 16 bits; `count` is at most 65,536. */
export function pick16(hash: number, count: number): number {
  return Math.imul(hash >>> 16, count) >>> 16
}

/** 0 to `count - 1` from all 32 bits: the upper half of the 64-bit product; `count` is at most 2^31. */
export function pick32(hash: number, count: number): number {
  return Math.floor(((hash >>> 16) * count + Math.floor(((hash & 0xffff) * count) / 65_536)) / 65_536)
}

/** `one` where all bits of `mask` are set, `other` where none is; of 32-bit integers. A branch on a draw would be guessed wrong half of the time. */
export function chosen(mask: number, one: number, other: number): number {
  return other ^ ((one ^ other) & mask)
}

/** A sequence of draws, for what is prepared once (xorshift). */
export class DrawSequence {
  #state: number

  /** `seed` must not be 0. */
  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 0 to `count - 1`. */
  below(count: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 1) % count
  }
}
