import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_TIMESTAMP, type RecordBatch } from '../../src/batch/record-batch.ts'
import { decodeBatch, encodeBatch } from '../../src/codec/batch-codec.ts'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../src/codec/byte-writer.ts'
import { BatchDecoderMemory } from '../../src/codec/column-decoder.ts'
import { BatchEncoderMemory } from '../../src/codec/column-encoder.ts'
import { fingerprint } from './value-arbitrary.ts'

function batchOf(records: unknown[]): RecordBatch {
  return { records, timestamps: records.map(() => NO_TIMESTAMP), keyHashes: undefined }
}

const newMemory = () => new BatchEncoderMemory({ dictionaryBytesMax: 1_000_000 })

function decode(bytes: Uint8Array): RecordBatch {
  return decodeBatch(new ByteReader(bytes), new BatchDecoderMemory())
}

function roundTrip(records: unknown[]): { readonly records: unknown[]; readonly bytes: number } {
  const writer = new ByteWriter()
  encodeBatch(batchOf(records), 0, records.length, writer, newMemory())
  return { records: decode(writer.toBytes()).records, bytes: writer.position }
}

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

test('partial results arrive with their accumulators, whole and in pieces', () => {
  const count = 300
  const batch: RecordBatch = {
    records: times(count, (i) => (i % 2 === 0 ? i : `key ${i}`)),
    timestamps: times(count, (i) => 10 * i),
    keyHashes: times(count, (i) => i % 128),
    accumulators: [times(count, (i) => i * 1.5), times(count, (i) => (i % 3 === 0 ? undefined : new Set([i]))), []],
  }
  batch.accumulators?.[2]?.push(...times(count, (i) => `text ${i % 9}`))
  const sender = newMemory()
  const receiver = new BatchDecoderMemory()
  for (const [from, to] of [
    [0, count],
    [17, 18],
    [100, 250],
  ] as const) {
    const writer = new ByteWriter()
    encodeBatch(batch, from, to, writer, sender)
    sender.onSent()
    const part = <T>(values: readonly T[] | undefined): T[] => (values ?? []).slice(from, to)
    assert.deepEqual(decodeBatch(new ByteReader(writer.toBytes()), receiver), {
      records: part(batch.records),
      timestamps: part(batch.timestamps),
      keyHashes: part(batch.keyHashes),
      accumulators: batch.accumulators?.map((column) => part(column)),
    })
  }
  const writer = new ByteWriter()
  const broken = { ...batch, accumulators: [times(count, (i) => (i === 5 ? () => 1 : i))] }
  assert.throws(() => encodeBatch(broken, 0, count, writer, newMemory()), {
    code: 'VALUE_NOT_ENCODABLE',
    message: /accumulator/,
  })
  assert.equal(writer.position, 0)
})

test('numbers as accumulators take no more room than a column', () => {
  const writer = new ByteWriter()
  const numbers = times(1_000, (i) => i % 200)
  encodeBatch({ ...batchOf(numbers), accumulators: [numbers] }, 0, 1_000, writer, newMemory())
  assert.ok(writer.position < 2_100, `${writer.position} bytes`)
})

test('columns are as narrow as their values allow, and widen when they do not', () => {
  const widths = [
    [(i: number) => i % 200, 1],
    [(i: number) => i * 50, 2],
    [(i: number) => 1_700_000_000_000 + i, 2],
    [(i: number) => i * 1_000_000, 4],
    [(i: number) => i * 2 ** 40, 8],
    [(i: number) => i + 0.5, 8],
    [(i: number) => (i === 500 ? 1e10 : i), 8],
    [(i: number) => (i === 500 ? -0 : i), 8],
    [(i: number) => i % 2 === 0, 1],
    [(i: number) => `airport ${i % 100}`, 1],
    [(i: number) => (i % 7 === 0 ? null : i % 100), 2],
  ] as const
  for (const [make, bytesEach] of widths) {
    const records = times(1_000, (i) => ({ value: make(i) }))
    const result = roundTrip(records)
    assert.equal(fingerprint(result.records), fingerprint(records))
    assert.ok(result.bytes <= 1_000 * bytesEach + 1_700, `${result.bytes} bytes for ${bytesEach} each`)
    assert.ok(result.bytes >= 1_000 * (bytesEach - 1))
  }
})

test('shapes that change in the middle of a batch are kept', () => {
  const records = times(300, (i) =>
    i % 3 === 0
      ? { a: i, b: 'x' }
      : i % 3 === 1
        ? { b: 'x', a: i }
        : i % 5 === 0
          ? { a: undefined }
          : { a: i, n: { a: i } },
  )
  assert.equal(fingerprint(roundTrip(records).records), fingerprint(records))
})

test('objects used as dictionaries do not need a shape each', () => {
  const records = times(3_000, (i) => ({ [`user${i}`]: i, [`other${i * 7}`]: { [`deep${i}`]: 1 } }))
  assert.deepEqual(roundTrip(records).records, records)
})

test('what cannot be encoded is refused by its path, and nothing is written', () => {
  class Point {
    x = 1
  }
  const refusals: readonly (readonly [unknown, RegExp])[] = [
    [{ user: { callback: () => 1 } }, /^record\.user\.callback is the function/],
    [new Point(), /^record is an instance of Point/],
    [{ id: 1, user: new Point() }, /^record\.user is an instance of Point/],
    [() => 1, /^record is a function/],
    [Symbol('s'), /^record is the symbol s/],
    [Object.assign(Object.create({ inherited: 1 }), { id: 1, user: 2 }), /^record is an instance of/],
    [Object.assign(Object.create({}), { id: 1, user: 2 }), /^record is an instance of/],
  ]
  for (const [bad, message] of refusals) {
    for (const at of [0, 1, 50, 99]) {
      const records: unknown[] = times(100, (i) => ({ id: i, user: i }))
      records[at] = bad
      const writer = new ByteWriter()
      writer.u8(9)
      assert.throws(() => encodeBatch(batchOf(records), 0, 100, writer, newMemory()), {
        code: 'VALUE_NOT_ENCODABLE',
        message,
      })
      assert.equal(writer.position, 1)
    }
  }
})

test('a record that contains itself is refused', () => {
  const records = times(20, () => {
    const record: Record<string, unknown> = { id: 1 }
    record.self = record
    return record
  })
  assert.throws(() => roundTrip(records), { code: 'VALUE_NOT_ENCODABLE', message: /^record\.self is a reference/ })
})

test('properties that everything inherits are not taken for own ones', () => {
  Object.defineProperty(Object.prototype, 'polluted', {
    value: 1,
    enumerable: true,
    configurable: true,
    writable: true,
  })
  try {
    const records = times(20, (i) => (i % 2 === 0 ? { a: 1 } : { a: 1, polluted: 2 }))
    const result = roundTrip(records).records as object[]
    assert.deepEqual(result.map(Object.keys), records.map(Object.keys))
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluted')
  }
})

test('property names are never code', () => {
  const name = '"]; globalThis.broken = true; //\u2028\n'
  const records = times(50, (i) => ({ [name]: i, __proto__2: 1, ['__proto__']: i }))
  const result = roundTrip(records).records as Record<string, unknown>[]
  assert.equal(fingerprint(result), fingerprint(records))
  assert.equal((globalThis as { broken?: boolean }).broken, undefined)
  assert.equal(Object.getPrototypeOf(result[0]), Object.prototype)
})

test('a count that the bytes do not justify is refused before memory is taken', () => {
  const writer = new ByteWriter()
  writer.u8(2)
  writer.varint(60_000)
  writer.u8(2)
  writer.float64(0)
  assert.throws(() => decode(writer.toBytes()), { code: 'BYTES_DAMAGED' })
})

test('another version is refused', () => {
  assert.throws(() => decode(Uint8Array.of(3, 0, 0)), { code: 'BYTES_DAMAGED' })
})

test('numbers come back unboxed into packed arrays of the right length', () => {
  const batch: RecordBatch = {
    records: times(5, (i) => i),
    timestamps: times(5, (i) => i * 0.5),
    keyHashes: times(5, (i) => i),
  }
  const writer = new ByteWriter()
  encodeBatch(batch, 0, 5, writer, newMemory())
  assert.deepEqual(decode(writer.toBytes()), batch)
})
