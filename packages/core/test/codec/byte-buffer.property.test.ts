import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import fc from 'fast-check'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../src/codec/byte-writer.ts'
import { readString, writeString } from '../../src/codec/string-codec.ts'

const BYTES_DAMAGED = { name: 'MillraceError', code: 'BYTES_DAMAGED' }

test('integers come back, however large', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(300), fc.maxSafeNat())),
      fc.array(fc.maxSafeInteger()),
      (naturals, integers) => {
        const writer = new ByteWriter(0)
        for (const value of naturals) writer.varint(value)
        for (const value of integers) writer.zigzag(value)
        const reader = new ByteReader(writer.toBytes())
        for (const value of naturals) assert.equal(reader.varint(), value)
        for (const value of integers) assert.equal(reader.zigzag(), value)
        reader.expectEnd()
      },
    ),
  )
})

test('the largest integers take eight bytes', () => {
  const writer = new ByteWriter()
  writer.varint(Number.MAX_SAFE_INTEGER)
  assert.equal(writer.position, 8)
  writer.zigzag(Number.MIN_SAFE_INTEGER)
  assert.equal(writer.position, 16)
  assert.equal(new ByteReader(writer.toBytes(), 'x', 8).zigzag(), Number.MIN_SAFE_INTEGER)
})

test('strings come back unit by unit, in one, two or UTF-8 bytes', () => {
  const units = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes))
  fc.assert(
    fc.property(fc.array(fc.oneof(units, fc.string({ unit: 'binary' }), fc.string())), (texts) => {
      const writer = new ByteWriter(1)
      for (const text of texts) writeString(writer, text)
      const reader = new ByteReader(writer.toBytes())
      for (const text of texts) assert.equal(readString(reader), text)
      reader.expectEnd()
    }),
  )
  for (const text of ['x'.repeat(10_000), 'ÿ'.repeat(300), `${'a'.repeat(5_000)}😀`, '語'.repeat(9_000)]) {
    const writer = new ByteWriter()
    writeString(writer, text)
    assert.equal(readString(new ByteReader(writer.toBytes())), text)
  }
})

test('nothing is read beyond the end, nor believed about lengths', () => {
  const reader = new ByteReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f), 'segment')
  assert.throws(() => new ByteReader(Uint8Array.of()).u8(), BYTES_DAMAGED)
  assert.throws(() => new ByteReader(Uint8Array.of(1, 2, 3)).u32(), BYTES_DAMAGED)
  assert.throws(() => new ByteReader(Uint8Array.of(0x80)).varint(), BYTES_DAMAGED)
  assert.throws(() => new ByteReader(new Uint8Array(12).fill(0xff)).varint(), BYTES_DAMAGED)
  assert.throws(() => reader.count(), BYTES_DAMAGED)
  assert.throws(() => readString(new ByteReader(Uint8Array.of(0, 0xff, 0xff, 0x03, 65))), BYTES_DAMAGED)
})

test('a reader stays within its part of the bytes', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4), 'part', 1, 3)
  assert.deepEqual([reader.u8(), reader.u8()], [2, 3])
  assert.throws(() => reader.u8(), BYTES_DAMAGED)
})

test('a writer says when its limit is reached, and keeps what it has', () => {
  const writer = new ByteWriter(4, 10)
  writer.raw(new Uint8Array(10))
  assert.throws(
    () => writer.u8(1),
    (error) => error instanceof MillraceError && error.code === 'RECORD_TOO_LARGE',
  )
  assert.equal(writer.position, 10)
})
