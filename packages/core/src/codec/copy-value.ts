/** A copy of a value that shares no object with it: what comes out when it is written and read. */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { decodeValue, encodeValue } from './value-codec.ts'

const SCRATCH_BYTES = 256
/** A scratch that grew larger is not kept for the rest of the thread's life. */
const SCRATCH_BYTES_MAX = 1024 * 1024

let scratch = new ByteWriter(SCRATCH_BYTES)

/** Copies a value. Throws `VALUE_NOT_ENCODABLE`, with `what` as its name. */
export function copyValue<V>(value: V, what: string): V {
  const writer = scratch
  writer.reset()
  encodeValue(writer, value, what)
  // The decoder may read bytes within a value as a view of its buffer, which the next copy would overwrite.
  const bytes = writer.bytes.slice(0, writer.position)
  if (writer.bytes.length > SCRATCH_BYTES_MAX) scratch = new ByteWriter(SCRATCH_BYTES)
  return decodeValue(new ByteReader(bytes)) as V
}
