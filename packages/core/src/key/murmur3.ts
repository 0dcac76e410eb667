/** The steps of MurmurHash3 (x86, 32 bit), over blocks of four bytes that the caller brings. */

const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/** Takes a block into the hash. */
export function mix(hash: number, block: number): number {
  const h = hash ^ scramble(block)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

/** Takes in the one to three bytes after the last block; none, as zeros, change nothing. */
export function mixTail(hash: number, tail: number): number {
  return hash ^ scramble(tail)
}

export function finish(hash: number, lengthBytes: number): number {
  let h = hash ^ lengthBytes
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function scramble(block: number): number {
  const k = Math.imul(block, C1)
  return Math.imul((k << 15) | (k >>> 17), C2)
}
