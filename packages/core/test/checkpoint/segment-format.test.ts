import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import {
  checkStoredTable,
  readSegment,
  readSegmentHeader,
  SEGMENT_VERSION,
  type SegmentHeader,
  type SegmentVisitor,
  SegmentWriter,
} from '../../src/checkpoint/segment-format.ts'
import { crc32c } from '../../src/codec/crc32c.ts'
import { NumbersAt } from '../../src/codec/numbers-at.ts'
import type { TableDescriptor, TableKind } from '../../src/state/table-descriptor.ts'

const table = (name: string, kind: TableKind, ttlMs?: number): TableDescriptor => ({
  operatorUid: 'op',
  name,
  kind,
  version: 1,
  ttlMs,
})

const HEADER: SegmentHeader = {
  kind: 'base',
  checkpointId: 7,
  operatorUid: 'op',
  keyGroup: 3,
  tables: [
    table('v', 'value'),
    table('l', 'list'),
    table('m', 'map'),
    table('w', 'namespaced'),
    table('t', 'value', 60),
  ],
}

type Told = readonly [string, ...unknown[]]

function readAll(bytes: Uint8Array): { header: SegmentHeader | undefined; told: Told[] } {
  const told: Told[] = []
  let header: SegmentHeader | undefined
  const visitor: SegmentVisitor = {
    onHeader: (read) => {
      header = read
    },
    onPut: (...all) => told.push(['put', ...all]),
    onDelete: (...all) => told.push(['delete', ...all]),
    onClear: (...all) => told.push(['clear', ...all]),
    onDropNamespace: (...all) => told.push(['drop', ...all]),
  }
  readSegment(bytes, visitor)
  return { header, told }
}

function sample(): Uint8Array {
  const writer = new SegmentWriter(HEADER)
  writer.put(0, 'a', undefined, { n: 1 })
  writer.put(1, 'a', undefined, [1, 2n, undefined])
  writer.put(2, 'a', 'x', new Map([[1, new Date(5)]]))
  writer.put(2, 'a', 'y', -0)
  writer.delete(2, 'a', 'z')
  writer.clear(2, 'b')
  writer.put(3, 'b', 1_000, 'first')
  writer.put(3, 'c', 1_000, 'second')
  writer.put(3, 'c', -1.5, 'third')
  writer.dropNamespace(3, 2_000)
  writer.delete(3, 'c', 2_000)
  writer.put(4, { k: 1 }, undefined, 'old', 1_234.5)
  return writer.finish()
}

test('a segment is read as it was written', () => {
  const { header, told } = readAll(sample())
  assert.deepEqual(header, HEADER)
  assert.deepEqual(told, [
    ['put', 0, 'a', undefined, { n: 1 }, undefined],
    ['put', 1, 'a', undefined, [1, 2n, undefined], undefined],
    ['put', 2, 'a', 'x', new Map([[1, new Date(5)]]), undefined],
    ['put', 2, 'a', 'y', -0, undefined],
    ['delete', 2, 'a', 'z'],
    ['clear', 2, 'b'],
    ['put', 3, 'b', 1_000, 'first', undefined],
    ['put', 3, 'c', 1_000, 'second', undefined],
    ['put', 3, 'c', -1.5, 'third', undefined],
    ['drop', 3, 2_000],
    ['delete', 3, 'c', 2_000],
    ['put', 4, { k: 1 }, undefined, 'old', 1_234.5],
  ])
  assert.equal(readSegmentHeader(sample()).keyGroup, 3)
})

test('values may be numbers that stand in a typed array', () => {
  const numbers = [7, -0, Number.NaN, 2 ** 40, -3, 0.5]
  const write = (value: unknown): Uint8Array => {
    const writer = new SegmentWriter(HEADER)
    writer.put(0, 'a', undefined, value)
    writer.put(4, 'b', undefined, value, 5)
    return writer.finish()
  }
  const place = new NumbersAt(Float64Array.from([1, ...numbers]), 1, numbers.length)
  assert.deepEqual(write(place), write(numbers))
})

test('keys may be numbers that stand in a typed array, one after the other in the same place', () => {
  const write = (pair: (a: number, b: number) => unknown): Uint8Array => {
    const writer = new SegmentWriter({ ...HEADER, kind: 'delta' })
    writer.put(0, pair(1, 2), undefined, 'first')
    writer.put(0, pair(3, 4.5), undefined, 'second')
    writer.delete(0, pair(3, 4.5), undefined)
    writer.put(2, 'a', pair(5, 6), 'by user key')
    writer.put(2, 'a', pair(7, -8), 'by user key')
    writer.put(3, pair(9, 10), 1_000, 'by namespace')
    writer.delete(3, pair(11, 12), 1_000)
    return writer.finish()
  }
  const place = new NumbersAt(new Float64Array(3), 1, 2)
  const bytes = write((a, b) => {
    place.numbers.set([a, b], 1)
    return place
  })
  assert.deepEqual(
    bytes,
    write((a, b) => [a, b]),
  )
  assert.deepEqual(
    readAll(bytes).told.map(([, , key, sub]) => [key, sub]),
    [
      [[1, 2], undefined],
      [[3, 4.5], undefined],
      [[3, 4.5], undefined],
      ['a', [5, 6]],
      ['a', [7, -8]],
      [[9, 10], 1_000],
      [[11, 12], 1_000],
    ],
  )
})

test('an empty segment is a segment', () => {
  assert.deepEqual(readAll(new SegmentWriter({ ...HEADER, kind: 'delta', tables: [] }).finish()).told, [])
})

test('a wrong table or kind of operation is refused while writing', () => {
  const writer = new SegmentWriter(HEADER)
  assert.throws(() => writer.put(9, 'k', undefined, 1), RangeError)
  assert.throws(() => writer.clear(0, 'k'), RangeError)
  assert.throws(() => writer.dropNamespace(2, 1), RangeError)
  assert.throws(
    () => writer.put(0, 'k', undefined, () => 1),
    (error) => error instanceof MillraceError && error.code === 'VALUE_NOT_ENCODABLE',
  )
})

test('every changed bit and every cut is refused before anything is told', () => {
  const good = sample()
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bytes = good.slice()
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    assertDamaged(bytes)
  }
  for (let length = 0; length < good.length; length++) assertDamaged(good.subarray(0, length))
})

test('a later version with a good checksum says so', () => {
  const bytes = sample()
  bytes[4] = SEGMENT_VERSION + 1
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4), true)
  assert.throws(
    () => readAll(bytes),
    (error) => error instanceof MillraceError && error.code === 'CHECKPOINT_NEWER_VERSION',
  )
})

test('segments of version 1 are read', () => {
  const bytes = sample()
  bytes[4] = 1
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4), true)
  assert.deepEqual(readAll(bytes), readAll(sample()))
})

test('damage behind a good checksum is damage, not junk', () => {
  const good = sample()
  for (let at = 5; at < good.length - 8; at++) {
    const bytes = good.slice()
    bytes[at] = 0xff
    new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4), true)
    try {
      readAll(bytes)
    } catch (error) {
      assert.ok(error instanceof MillraceError, String(error))
      assert.equal(error.code, 'BYTES_DAMAGED')
    }
  }
})

test('a stored table of another kind or version is a misread', () => {
  checkStoredTable(table('a', 'value'), table('a', 'value', 10))
  for (const declared of [table('a', 'map'), { ...table('a', 'value'), version: 2 }]) {
    assert.throws(
      () => checkStoredTable(table('a', 'value'), declared),
      (error) => error instanceof MillraceError && error.code === 'STATE_MISREAD' && error.message.includes('"a"'),
    )
  }
})

function assertDamaged(bytes: Uint8Array): void {
  let told = 0
  const visitor: SegmentVisitor = {
    onHeader: () => told++,
    onPut: () => told++,
    onDelete: () => told++,
    onClear: () => told++,
    onDropNamespace: () => told++,
  }
  assert.throws(
    () => readSegment(bytes, visitor),
    (error) => error instanceof MillraceError && error.code === 'BYTES_DAMAGED',
  )
  assert.equal(told, 0)
}

test('elements of a list may have times of their own', () => {
  const writer = new SegmentWriter(HEADER)
  writer.put(1, 'a', undefined, ['x', 'y'], 20.5, [10, 20.5])
  writer.put(1, 'b', undefined, ['z'], 30)
  writer.put(1, 'c', undefined, [], 40, [])
  assert.deepEqual(readAll(writer.finish()).told, [
    ['put', 1, 'a', undefined, ['x', 'y'], 20.5, [10, 20.5]],
    ['put', 1, 'b', undefined, ['z'], 30],
    ['put', 1, 'c', undefined, [], 40, []],
  ])
})

test('times of elements that cannot be are refused by the writer', () => {
  const writer = new SegmentWriter(HEADER)
  assert.throws(() => writer.put(0, 'a', undefined, [1], 1, [1]), RangeError)
  assert.throws(() => writer.put(1, 'a', undefined, [1, 2], 1, [1]), RangeError)
  assert.throws(() => writer.put(1, 'a', undefined, [1], undefined, [1]), RangeError)
})
