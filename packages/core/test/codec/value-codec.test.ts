import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DistinctValues, MillraceError } from '@millrace/api'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../src/codec/byte-writer.ts'
import { assertEncodable } from '../../src/codec/encodable.ts'
import { estimateRecordBytes } from '../../src/codec/record-size.ts'
import { decodeValue, encodeValue } from '../../src/codec/value-codec.ts'
import { ValueDecoder } from '../../src/codec/value-decoder.ts'
import { ValueEncoder } from '../../src/codec/value-encoder.ts'
import { fingerprint } from './value-arbitrary.ts'

function bytesOf(value: unknown): Uint8Array {
  const writer = new ByteWriter()
  encodeValue(writer, value)
  return writer.toBytes()
}

class Money {
  cents = 1
}

const circle: Record<string, unknown> = {}
circle.self = { circle }

test('what cannot be encoded is refused by its path', () => {
  const refusals: readonly (readonly [unknown, RegExp])[] = [
    [{ user: { callback: () => 1 } }, /^record\.user\.callback is the function callback/],
    [{ list: [1, Symbol('s')] }, /^record\.list\[1\] is the symbol s/],
    [{ 'a b': new Money() }, /^record\["a b"\] is an instance of Money/],
    [new Map([['k', { re: /x/ }]]), /^record\.get\("k"\)\.re is an instance of RegExp/],
    [new Map([[new WeakMap(), 1]]), /^record\.key\(0\) is an instance of WeakMap/],
    [new Set([1, Promise.resolve()]), /^record\.item\(1\) is an instance of Promise/],
    [new Proxy(() => 1, {}), /^record is a function/],
    [Buffer.from('x'), /^record is an instance of Buffer/],
    [new Uint8Array(new SharedArrayBuffer(4)), /^record is a view of shared memory/],
    [new (class extends Array {})(), /^record is an instance of a class|^record is an instance of/],
    [new (class extends Map {})(), /^record is an instance of/],
    [Object.create(Date.prototype), /^record is an instance of Date/],
    [Object.create(Map.prototype), /^record is an instance of Map/],
    [Object.create(DistinctValues.prototype), /^record is an instance of DistinctValues/],
    [new (class extends DistinctValues {})(), /^record is an instance of/],
    [circle, /^record\.self\.circle is a reference to a value that contains it/],
    [new Error('x'), /^record is an instance of Error/],
  ]
  for (const [value, message] of refusals) {
    const writer = new ByteWriter()
    writer.u8(7)
    const expected = (error: unknown) => {
      assert.ok(error instanceof MillraceError, String(error))
      assert.equal(error.code, 'VALUE_NOT_ENCODABLE')
      assert.match(error.message, message)
      return true
    }
    assert.throws(() => encodeValue(writer, value, 'record'), expected)
    assert.equal(writer.position, 1, 'nothing is left behind')
    assert.throws(() => assertEncodable(value, 'record'), expected)
  }
})

test('nesting has a limit with a clear message', () => {
  const nest = (levels: number) => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = [value]
    return value
  }
  assert.equal(fingerprint(decodeValue(new ByteReader(bytesOf(nest(256))))), fingerprint(nest(256)))
  assert.throws(() => bytesOf(nest(257)), /nested deeper than 256 levels/)
  const tooDeep = new Uint8Array(2_000_000).fill(0x0d)
  for (let i = 1; i < tooDeep.length; i += 2) tooDeep[i] = 1
  assert.throws(() => decodeValue(new ByteReader(tooDeep)), { code: 'BYTES_DAMAGED' })
})

test('a refusal takes the shapes back that it had defined', () => {
  const writer = new ByteWriter()
  const encoder = new ValueEncoder(writer)
  encoder.encode({ a: 1 })
  assert.throws(() => encoder.encode([{ b: 1 }, { c: 1 }, () => 1]))
  encoder.encode([{ c: 2 }, { b: 3 }, { a: 4 }])
  const decoder = new ValueDecoder(new ByteReader(writer.toBytes()))
  assert.deepEqual(decoder.decode(), { a: 1 })
  assert.deepEqual(decoder.decode(), [{ c: 2 }, { b: 3 }, { a: 4 }])
})

test('two encoders at once keep their shapes apart', () => {
  const writers = [new ByteWriter(), new ByteWriter()] as const
  const encoders = writers.map((writer) => new ValueEncoder(writer))
  encoders[0]?.encode({ x: 0 })
  for (let i = 0; i < 50; i++) for (const encoder of encoders) encoder.encode({ x: i, y: { x: i } })
  for (const [at, writer] of writers.entries()) {
    const decoder = new ValueDecoder(new ByteReader(writer.toBytes()))
    if (at === 0) assert.deepEqual(decoder.decode(), { x: 0 })
    for (let i = 0; i < 50; i++) assert.deepEqual(decoder.decode(), { x: i, y: { x: i } })
  }
})

test('rows of one shape name their properties once', () => {
  const rows = Array.from({ length: 100 }, (_, i) => ({ identifier: i, description: 'x' }))
  assert.ok(bytesOf(rows).length < 100 * 5 + 40)
})

test('more shapes than are numbered, and objects with very many properties', () => {
  const values: object[] = []
  for (let i = 0; i < 5_000; i++) values.push({ [`key${i}`]: i })
  values.push(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`p${i}`, i])))
  values.push({ key4999: 1 }, { key0: 1 })
  assert.deepEqual(decodeValue(new ByteReader(bytesOf(values))), values)
})

test('holes stay holes, and a long empty array costs nothing', () => {
  const array: unknown[] = [undefined]
  array[4_000_000_000] = 'far'
  const bytes = bytesOf(array)
  assert.ok(bytes.length < 30)
  const copy = decodeValue(new ByteReader(bytes)) as unknown[]
  assert.equal(copy.length, 4_000_000_001)
  assert.deepEqual(Object.keys(copy), ['0', '4000000000'])
})

test('the format does not change', () => {
  const value = { id: 5, neg: -3, big: 70_000, f: 1.5, s: 'hé', u: 'Ā', n: null, list: [true, { id: 6 }], b: -300n }
  const expected = [
    // A new shape with nine names …
    '1012',
    '00026964 00036e6567 0003626967 000166 000173 000175 00016e 00046c697374 000162',
    // … and its values in order.
    '85 0602 05f0a204 04000000000000f83f 4268e9 0901010001 01 0d0203 10020002696486 08022c01',
  ]
    .join('')
    .replaceAll(' ', '')
  assert.equal(Buffer.from(bytesOf(value)).toString('hex'), expected)
})

test('estimates grow with the record', () => {
  const small = estimateRecordBytes({ id: 1, name: 'x' })
  assert.ok(small > 40 && small < 200)
  assert.ok(estimateRecordBytes({ id: 1, name: 'x'.repeat(10_000) }) > 10_000)
  assert.ok(estimateRecordBytes(new Float64Array(1_000)) > 8_000)
  assert.ok(estimateRecordBytes(Array.from({ length: 10_000 }, () => ({ a: 1 }))) > 300_000)
  assert.ok(estimateRecordBytes(circle) > 0)
  const values = new DistinctValues()
  for (let i = 0; i < 10_000; i++) values.add(i)
  assert.ok(estimateRecordBytes({ values }) > 80_000)
})

test('different values have one form, as documented', () => {
  const alone = new DistinctValues()
  for (const value of [7, 'ab', true, 7]) alone.add(value)
  assert.deepEqual([...bytesOf(alone)], [0x15, 1, 3, 0x87, 0x42, 0x61, 0x62, 0x03])
  const shared = new DistinctValues(2)
  shared.add(7, 2)
  shared.add(false, 3)
  assert.deepEqual([...bytesOf(shared)], [0x15, 2, 2, 2, 0x87, 3, 0x02])
})

test('damaged different values are found', () => {
  for (const bytes of [
    [0x15, 0, 0],
    [0x15, 31, 0],
    [0x15, 1, 5, 0x87],
    [0x15, 2, 1, 0, 0x87],
    [0x15, 2, 1, 4, 0x87],
    [0x15, 1, 1, 0x00],
    [0x15, 1, 1, 0x01],
    [0x15, 1, 1, 0x0d, 0],
    [0x15, 1, 1, 0x15, 1, 0],
  ]) {
    assert.throws(() => decodeValue(new ByteReader(Uint8Array.from(bytes))), { code: 'BYTES_DAMAGED' }, bytes.join())
  }
})
