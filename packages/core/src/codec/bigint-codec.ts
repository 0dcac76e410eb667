/** The magnitude of a bigint as bytes: a varint length, then the bytes, lowest first, without leading zeros. */
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

/** V8 knows no bigint above 2³⁰ bits. */
const MAGNITUDE_BYTES_MAX = 2 ** 27
const BITS_63 = (1n << 63n) - 1n

/** `magnitude` is not negative. */
export function writeMagnitude(writer: ByteWriter, magnitude: bigint): void {
  if (magnitude <= BITS_63) {
    let length = 0
    for (let rest = magnitude; rest > 0n; rest >>= 8n) length++
    writer.u8(length)
    writer.ensure(8)
    writer.view.setBigUint64(writer.position, magnitude, true)
    writer.position += length
    return
  }
  const digits = magnitude.toString(16)
  const length = (digits.length + 1) >> 1
  writer.varint(length)
  writer.ensure(length)
  for (let i = 0; i < length; i++) {
    const to = digits.length - i * 2
    writer.u8(Number.parseInt(digits.slice(Math.max(0, to - 2), to), 16))
  }
}

export function readMagnitude(reader: ByteReader): bigint {
  const length = reader.count()
  if (length > MAGNITUDE_BYTES_MAX) reader.damaged('a bigint is too large')
  if (length === 0) return 0n
  const bytes = reader.raw(length)
  const digits: string[] = []
  for (let i = length - 1; i >= 0; i--) digits.push((bytes[i] as number).toString(16).padStart(2, '0'))
  return BigInt(`0x${digits.join('')}`)
}
