import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import fc from 'fast-check'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../src/codec/byte-writer.ts'
import { assertEncodable } from '../../src/codec/encodable.ts'
import { NumbersAt } from '../../src/codec/numbers-at.ts'
import { estimateRecordBytes } from '../../src/codec/record-size.ts'
import { decodeValue, encodeValue } from '../../src/codec/value-codec.ts'
import { ValueDecoder } from '../../src/codec/value-decoder.ts'
import { ValueEncoder } from '../../src/codec/value-encoder.ts'
import { anyValue, fingerprint } from './value-arbitrary.ts'

test('every value comes back as it was', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const writer = new ByteWriter(1)
      encodeValue(writer, value)
      const reader = new ByteReader(writer.toBytes())
      assert.equal(fingerprint(decodeValue(reader)), fingerprint(value))
      reader.expectEnd()
      assertEncodable(value, 'value')
    }),
    { numRuns: 500 },
  )
})

test('many values through one encoder come back, with their shapes', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 6 }), fc.nat(40), (values, repeats) => {
      const writer = new ByteWriter()
      const encoder = new ValueEncoder(writer)
      // Often enough for the generated code to take over.
      for (let i = 0; i <= repeats; i++) for (const value of values) encoder.encode(value)
      const reader = new ByteReader(writer.toBytes())
      const decoder = new ValueDecoder(reader)
      const expected = values.map(fingerprint)
      for (let i = 0; i <= repeats; i++)
        assert.deepEqual(
          values.map(() => fingerprint(decoder.decode())),
          expected,
        )
      reader.expectEnd()
    }),
    { numRuns: 60 },
  )
})

test('numbers that stand in a typed array have the bytes of an array', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double())), fc.nat(), (numbers, offset) => {
      const start = offset % (numbers.length + 1)
      const expected = new ByteWriter()
      encodeValue(expected, numbers.slice(start))
      const writer = new ByteWriter(1)
      new ValueEncoder(writer).numbers(new NumbersAt(Float64Array.from(numbers), start, numbers.length - start))
      assert.deepEqual(writer.toBytes(), expected.toBytes())
    }),
    { numRuns: 500 },
  )
})

test('damaged bytes give a value or BYTES_DAMAGED, nothing else', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(anyValue, damage, fc.nat(), (value, changes, cut) => {
      const writer = new ByteWriter()
      encodeValue(writer, value)
      let bytes = writer.toBytes()
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      if (cut % 3 === 0) bytes = bytes.slice(0, cut % (bytes.length + 1))
      assertValueOrDamage(bytes)
    }),
    { numRuns: 1_000 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), assertValueOrDamage), { numRuns: 1_000 })
})

function assertValueOrDamage(bytes: Uint8Array): void {
  let value: unknown
  try {
    value = decodeValue(new ByteReader(bytes))
  } catch (error) {
    assert.ok(error instanceof MillraceError && error.code === 'BYTES_DAMAGED', String(error))
    return
  }
  assertEncodable(value, 'decoded')
}

test('the size of any value can be estimated', () => {
  fc.assert(fc.property(anyValue, (value) => estimateRecordBytes(value) >= 8))
})
