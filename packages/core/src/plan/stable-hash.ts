/**
 * A 128-bit hash of text (MurmurHash3 x86-128 over the text's UTF-16 code units, little-endian). For names and for
 * comparing two builds of one job; not for keys (see `key/`) and not against forgery. The same text gives the same
 * hash on every machine and version, because vertex ids are made of it.
 */

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

/** 32 lower-case hex digits. */
export function stableHash128(text: string): string {
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  // Eight code units are one block of 16 bytes; the last block is filled up with zeros, the length tells them apart.
  for (let at = 0; at < text.length; at += 8) {
    h1 ^= Math.imul(rotateLeft(Math.imul(word(text, at), C1), 15), C2)
    h1 = (Math.imul(rotateLeft(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= Math.imul(rotateLeft(Math.imul(word(text, at + 2), C2), 16), C3)
    h2 = (Math.imul(rotateLeft(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= Math.imul(rotateLeft(Math.imul(word(text, at + 4), C3), 17), C4)
    h3 = (Math.imul(rotateLeft(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= Math.imul(rotateLeft(Math.imul(word(text, at + 6), C4), 18), C1)
    h4 = (Math.imul(rotateLeft(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  const lengthBytes = text.length * 2
  h1 ^= lengthBytes
  h2 ^= lengthBytes
  h3 ^= lengthBytes
  h4 ^= lengthBytes
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finalMix(h1)
  h2 = finalMix(h2)
  h3 = finalMix(h3)
  h4 = finalMix(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  return [h1, (h2 + h1) | 0, (h3 + h1) | 0, (h4 + h1) | 0].map(hex).join('')
}

/** Two code units from `at` on as one 32-bit word; zero behind the end. */
function word(text: string, at: number): number {
  const low = at < text.length ? text.charCodeAt(at) : 0
  const high = at + 1 < text.length ? text.charCodeAt(at + 1) : 0
  return low | (high << 16)
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function finalMix(value: number): number {
  let h = value ^ (value >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
