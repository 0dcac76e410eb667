/** About how much of the JavaScript heap a value takes. Looks at no more than a bounded part of it. */
import { DistinctValues } from '@millrace/api'

const NODES_MAX = 64
const OBJECT_BYTES = 24
const SLOT_BYTES = 8
const FRACTION_BYTES = 16

/** Bytes of a value, extrapolated where it is large. */
export function estimateBytes(value: unknown): number {
  if (Array.isArray(value) && value.length < NODES_MAX) {
    const bytes = bytesOfNumbers(value)
    if (bytes > 0) return bytes
  }
  return measure(value, { left: NODES_MAX })
}

/** The same as `measure`, with nothing made on the way; 0 where there is something else than numbers. */
function bytesOfNumbers(values: readonly unknown[]): number {
  let bytes = OBJECT_BYTES + values.length * SLOT_BYTES
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value !== 'number') return 0
    if (!Number.isInteger(value)) bytes += FRACTION_BYTES
  }
  return bytes
}

function measure(value: unknown, nodes: { left: number }): number {
  if (typeof value === 'string') return OBJECT_BYTES + value.length
  if (typeof value === 'bigint') return OBJECT_BYTES
  if (typeof value === 'number') return Number.isInteger(value) ? 0 : FRACTION_BYTES
  if (typeof value !== 'object' || value === null) return 0
  if (ArrayBuffer.isView(value)) return OBJECT_BYTES * 4 + value.byteLength
  if (nodes.left-- <= 0) return OBJECT_BYTES
  if (Array.isArray(value)) return OBJECT_BYTES + parts(value, value.length, SLOT_BYTES, nodes)
  if (value instanceof Set) return OBJECT_BYTES + parts(value, value.size, SLOT_BYTES * 3, nodes)
  if (value instanceof Map) return OBJECT_BYTES + parts(value.entries(), value.size, SLOT_BYTES * 4, nodes)
  if (value instanceof DistinctValues) return value.bytesEstimate
  const values = Object.values(value)
  return OBJECT_BYTES + parts(values, values.length, SLOT_BYTES, nodes)
}

/** The first parts are measured, the rest is taken to be like them. */
function parts(values: Iterable<unknown>, count: number, slotBytes: number, nodes: { left: number }): number {
  let measured = 0
  let bytes = 0
  for (const value of values) {
    if (nodes.left <= 0 && measured > 0) break
    bytes += measure(value, nodes)
    measured++
    nodes.left--
  }
  return count * slotBytes + (measured === 0 ? 0 : (bytes / measured) * count)
}
