/**
 * A cheap estimate of how much memory a record takes, for byte budgets. Bounded work: of large collections only some
 * members are looked at, and of deep ones only the upper levels; the rest is taken to be alike.
 */
import { DistinctValues } from '@millrace/api'
import type { RecordBatch } from '../batch/record-batch.ts'

const HEADER_BYTES = 24
const FIELD_BYTES = 8
const NUMBER_BYTES = 16
const MEMBERS_MAX = 8
const DEPTH_MAX = 4

/** Estimated bytes of a value on the heap, at least 8. Never throws; shared values count each time they are met. */
export function estimateRecordBytes(value: unknown): number {
  return sizeOf(value, 0)
}

/** The same of the record at `index` of a batch, with all that comes with it. */
export function estimateBatchRecordBytes({ records, accumulators }: RecordBatch, index: number): number {
  let bytes = sizeOf(records[index], 0)
  if (accumulators !== undefined) for (const column of accumulators) bytes += sizeOf(column[index], 0)
  return bytes
}

function sizeOf(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return HEADER_BYTES + value.length
    case 'number':
      return NUMBER_BYTES
    case 'object':
      return value === null ? FIELD_BYTES : sizeOfObject(value, depth)
    case 'bigint':
      // Its length cannot be had without work that grows with it.
      return HEADER_BYTES
    default:
      return FIELD_BYTES
  }
}

function sizeOfObject(value: object, depth: number): number {
  if (Array.isArray(value)) {
    const sampled = Math.min(value.length, depth < DEPTH_MAX ? MEMBERS_MAX : 0)
    let bytes = 0
    for (let i = 0; i < sampled; i++) bytes += sizeOf(value[i], depth + 1)
    return HEADER_BYTES + value.length * FIELD_BYTES + scaled(bytes, sampled, value.length)
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 2 * HEADER_BYTES + value.byteLength
  if (value instanceof Map || value instanceof Set) {
    let bytes = 0
    let sampled = 0
    if (depth < DEPTH_MAX) {
      for (const [key, item] of value.entries()) {
        if (sampled === MEMBERS_MAX) break
        bytes += sizeOf(key, depth + 1) + (value instanceof Map ? sizeOf(item, depth + 1) : 0)
        sampled++
      }
    }
    return 2 * HEADER_BYTES + value.size * 3 * FIELD_BYTES + scaled(bytes, sampled, value.size)
  }
  if (value instanceof DistinctValues) return value.bytesEstimate
  return sizeOfProperties(value as Record<string, unknown>, depth)
}

function sizeOfProperties(object: Record<string, unknown>, depth: number): number {
  const keys = Object.keys(object)
  // All of an ordinary record, some of an object that is used as a dictionary.
  const sampled = Math.min(keys.length, depth < DEPTH_MAX ? 4 * MEMBERS_MAX : 0)
  let bytes = 0
  for (let i = 0; i < sampled; i++) {
    try {
      bytes += sizeOf(object[keys[i] as string], depth + 1)
    } catch {
      // A getter that throws; whoever encodes the record meets it again and reports it.
      bytes += FIELD_BYTES
    }
  }
  return HEADER_BYTES + keys.length * FIELD_BYTES + scaled(bytes, sampled, keys.length)
}

function scaled(bytes: number, sampled: number, all: number): number {
  return sampled === 0 ? all * FIELD_BYTES : Math.ceil((bytes / sampled) * all)
}
