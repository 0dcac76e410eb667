/**
 * CRC-32C (Castagnoli), the checksum of every byte format of Millrace. Slicing by eight: eight table look-ups per eight
 * bytes, independent of each other.
 */

const POLYNOMIAL_REFLECTED = 0x82f63b78
const SLICES = 8

/** `TABLE[slice * 256 + byte]`: the effect of a byte that is followed by `slice` further bytes. */
const TABLE = buildTable()

/**
 * CRC-32C of `bytes[start, end)` as an unsigned 32-bit integer. `previous` is the checksum of what came before, so that
 * `crc32c(b, 0, b.length, crc32c(a))` is the checksum of `a` followed by `b`.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  const table = TABLE
  let crc = ~previous
  let at = start
  for (const blocksEnd = end - 7; at < blocksEnd; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24))
    crc =
      (table[1792 + (low & 0xff)] as number) ^
      (table[1536 + ((low >>> 8) & 0xff)] as number) ^
      (table[1280 + ((low >>> 16) & 0xff)] as number) ^
      (table[1024 + (low >>> 24)] as number) ^
      (table[768 + (bytes[at + 4] as number)] as number) ^
      (table[512 + (bytes[at + 5] as number)] as number) ^
      (table[256 + (bytes[at + 6] as number)] as number) ^
      (table[bytes[at + 7] as number] as number)
  }
  for (; at < end; at++) crc = (table[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

function buildTable(): Int32Array {
  const table = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL_REFLECTED : crc >>> 1
    table[byte] = crc
  }
  for (let at = 256; at < table.length; at++) {
    const shorter = table[at - 256] as number
    table[at] = (shorter >>> 8) ^ (table[shorter & 0xff] as number)
  }
  return table
}
