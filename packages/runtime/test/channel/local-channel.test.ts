import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StreamElement } from '@millrace/core'
import { LocalChannel } from '../../src/channel/local-channel.ts'

function open(budgetBytes: number, elementsMax = 64) {
  const woken = { reader: 0, writer: 0 }
  const channel = new LocalChannel({
    budgetBytes,
    elementsMax,
    estimateRecordBytes: () => 92,
    readerWakeUp: { wake: () => woken.reader++ },
    writerWakeUp: { wake: () => woken.writer++ },
  })
  return { channel, woken }
}

/** A batch of about `records * 100 + 64` bytes. */
function batchOf(records: number): StreamElement {
  return {
    kind: 'batch',
    batch: {
      records: Array.from({ length: records }, (_, i) => ({ i })),
      timestamps: new Array(records).fill(0),
      keyHashes: undefined,
    },
  }
}

test('a batch is handed over by reference', () => {
  const { channel } = open(10_000)
  const element = batchOf(3)
  assert.ok(channel.offer(element))
  assert.equal(channel.poll(), element)
})

test('accumulators of partial results are checked as records are', () => {
  const { channel } = open(10_000)
  const partial = (accumulator: unknown): StreamElement => ({
    kind: 'batch',
    batch: { records: ['key'], timestamps: [10], keyHashes: [1], accumulators: [[1], [accumulator]] },
  })
  assert.ok(channel.offer(partial(new Set([1]))))
  assert.throws(() => channel.offer(partial([() => 1])), { code: 'VALUE_NOT_ENCODABLE' })
})

test('bytes are bounded: above the budget nothing is taken, an empty channel takes a batch of any size', () => {
  const { channel } = open(1_000)
  assert.ok(channel.offer(batchOf(100)))
  assert.equal(channel.queuedBytes, 10_064)
  assert.equal(channel.offer({ kind: 'end' }), false)
  assert.ok(channel.poll())
  assert.equal(channel.queuedBytes, 0)
  assert.ok(channel.offer(batchOf(4)))
  assert.ok(channel.offer(batchOf(4)))
  assert.equal(channel.offer(batchOf(1)), false)
})

test('bytes written and read are counted once, refused ones not', () => {
  const { channel } = open(1_000)
  assert.ok(channel.offer(batchOf(4)))
  assert.equal(channel.offer(batchOf(100)), false)
  assert.deepEqual([channel.writtenBytes, channel.readBytes], [464, 0])
  assert.ok(channel.poll())
  assert.ok(channel.offer(batchOf(4)))
  assert.deepEqual([channel.writtenBytes, channel.readBytes], [928, 464])
})

test('elements are bounded too', () => {
  const { channel } = open(1_000_000, 2)
  assert.ok(channel.offer({ kind: 'watermark', timestamp: 1 }))
  assert.ok(channel.offer({ kind: 'watermark', timestamp: 2 }))
  assert.equal(channel.offer({ kind: 'watermark', timestamp: 3 }), false)
})

test('each end is woken once, and only when it waits', () => {
  const { channel, woken } = open(1_000)
  channel.offer(batchOf(4))
  assert.deepEqual(woken, { reader: 0, writer: 0 })
  channel.poll()
  assert.equal(channel.poll(), undefined)
  channel.offer(batchOf(4))
  channel.offer(batchOf(4))
  assert.deepEqual(woken, { reader: 1, writer: 0 })
  assert.equal(channel.offer(batchOf(4)), false)
  channel.poll()
  channel.poll()
  assert.deepEqual(woken, { reader: 1, writer: 1 })
})

for (const { name, record, isRefused } of [
  { name: 'a class instance', record: new (class Order {})(), isRefused: true },
  { name: 'a function', record: () => {}, isRefused: true },
  { name: 'a symbol', record: Symbol('x'), isRefused: true },
  { name: 'a function in a property', record: { a: () => {} }, isRefused: true },
  { name: 'a symbol in a property', record: { a: Symbol('x') }, isRefused: true },
  { name: 'a class instance deep within', record: { a: 1, b: [{ c: new (class Order {})() }] }, isRefused: true },
  {
    name: 'nested plain values',
    record: { a: null, b: [{ c: new Date(0) }], d: new Map([[1, new Set()]]) },
    isRefused: false,
  },
  { name: 'a map that holds a function', record: new Map([['act', () => {}]]), isRefused: true },
  { name: 'a date', record: new Date(0), isRefused: false },
  { name: 'an object without prototype', record: Object.create(null), isRefused: false },
  { name: 'an array', record: [1, 'x'], isRefused: false },
  { name: 'undefined', record: undefined, isRefused: false },
]) {
  test(`${isRefused ? 'refuses' : 'takes'} ${name}, as a ring does, wherever in a batch`, () => {
    const { channel } = open(1_000_000)
    const records = [{ a: 1 }, { a: 2 }, record]
    const offer = () =>
      channel.offer({ kind: 'batch', batch: { records, timestamps: [0, 0, 0], keyHashes: undefined } })
    if (isRefused) assert.throws(offer, { code: 'VALUE_NOT_ENCODABLE' })
    else assert.equal(offer(), true)
  })
}

test('names the place within the record', () => {
  const { channel } = open(1_000_000)
  const records = [{ deep: 1 }, { deep: [{ act: () => {} }] }]
  assert.throws(
    () => channel.offer({ kind: 'batch', batch: { records, timestamps: [0, 0], keyHashes: undefined } }),
    /record\.deep\[0\]\.act is the function act/,
  )
})
