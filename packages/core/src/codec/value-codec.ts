/**
 * One value to bytes and back, each on its own. Many values of the same shapes are smaller and faster through one
 * `ValueEncoder` and the `ValueDecoder` that reads it.
 */
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { ValueDecoder } from './value-decoder.ts'
import { ValueEncoder } from './value-encoder.ts'

/**
 * Appends one value in the format of `value-tag.ts`.
 * Throws `VALUE_NOT_ENCODABLE` naming the place, with `what` as the name of the value; then nothing was written.
 */
export function encodeValue(writer: ByteWriter, value: unknown, what = 'value'): void {
  new ValueEncoder(writer).encode(value, what)
}

/** Reads a value that `encodeValue` wrote; throws `BYTES_DAMAGED`. */
export function decodeValue(reader: ByteReader): unknown {
  return new ValueDecoder(reader).decode()
}
