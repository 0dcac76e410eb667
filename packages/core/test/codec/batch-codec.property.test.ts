import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import fc from 'fast-check'
import type { RecordBatch } from '../../src/batch/record-batch.ts'
import { decodeBatch, encodeBatch } from '../../src/codec/batch-codec.ts'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import { ByteWriter } from '../../src/codec/byte-writer.ts'
import { BatchDecoderMemory } from '../../src/codec/column-decoder.ts'
import { BatchEncoderMemory } from '../../src/codec/column-encoder.ts'
import { anyPrimitive, anyValue, fingerprint, objectOf } from './value-arbitrary.ts'

/** Values of one column: mostly alike, as in real streams, with exceptions. */
const columnKinds: readonly fc.Arbitrary<unknown>[] = [
  fc.integer({ min: 0, max: 255 }),
  fc.integer({ min: -40_000, max: 40_000 }),
  fc.integer(),
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('red', 'green', 'blue', 'purple with a longer name'),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt(),
  fc.option(fc.integer()),
  fc.constantFrom(null, undefined),
  fc.constantFrom(0, -0, 1),
  fc.record({ x: fc.integer(), y: fc.option(fc.double()) }),
  fc.record({ x: fc.integer(), y: fc.integer() }, { requiredKeys: ['x'] }),
  fc.array(fc.record({ word: fc.string(), count: fc.nat() }), { maxLength: 3 }),
  anyPrimitive,
]
const anyColumn = fc
  .tuple(fc.constantFrom(...columnKinds), fc.boolean())
  .map(([usual, pure]) =>
    pure ? usual : fc.oneof({ arbitrary: usual, weight: 20 }, { arbitrary: anyPrimitive, weight: 1 }),
  )
const anyName = fc.oneof(fc.constantFrom('id', 'a', 'b', '7', '__proto__', 'constructor', 'a"b\u2028'), fc.string())

const lengths = { minLength: 0, maxLength: 60, size: 'max' } as const
const anyStructs = fc
  .uniqueArray(fc.tuple(anyName, anyColumn), { selector: ([name]) => name, maxLength: 6 })
  .chain((columns) =>
    fc.array(
      fc.tuple(...columns.map(([, column]) => column)).map((values) =>
        objectOf(
          columns.map(([name], i) => [name, values[i]] as const),
          {},
        ),
      ),
      lengths,
    ),
  )
const anyRecords: fc.Arbitrary<unknown[]> = fc.oneof(
  { arbitrary: anyStructs, weight: 4 },
  { arbitrary: anyColumn.chain((column) => fc.array(column, lengths)), weight: 2 },
  {
    // Two or three shapes in turn, and now and then something else.
    arbitrary: fc
      .tuple(anyStructs, anyStructs, fc.array(anyValue, { maxLength: 3 }), fc.infiniteStream(fc.nat(5)))
      .map(([a, b, others, turns]) => mingle([a, b, others], turns)),
    weight: 2,
  },
  { arbitrary: fc.array(anyValue, { maxLength: 20 }), weight: 1 },
)
const anyTimestamp = fc.oneof(
  fc.constant(Number.NEGATIVE_INFINITY),
  fc.integer({ min: 1_600_000_000_000, max: 1_700_000_000_000 }),
  fc.double({ noNaN: true }),
)
const anyBatch: fc.Arbitrary<RecordBatch> = anyRecords.chain((records) => {
  const count = { minLength: records.length, maxLength: records.length }
  return fc.record({
    records: fc.constant(records),
    timestamps: fc.oneof(
      fc.array(anyTimestamp, count),
      anyTimestamp.map((timestamp) => records.map(() => timestamp)),
    ),
    keyHashes: fc.option(fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), count), { nil: undefined }),
  })
})

function mingle(lists: readonly (readonly unknown[])[], turns: fc.Stream<number>): unknown[] {
  const left = lists.map((list) => [...list])
  const mingled: unknown[] = []
  for (const turn of turns.take(200)) {
    const next = left[turn % left.length]?.shift()
    if (next !== undefined) mingled.push(next)
  }
  return mingled
}

const newMemory = (dictionaryBytesMax = 1_000_000) => new BatchEncoderMemory({ dictionaryBytesMax })
const fingerprintOf = (batch: RecordBatch) => fingerprint({ ...batch })

test('every batch comes back as it was', () => {
  const writer = new ByteWriter(1)
  fc.assert(
    fc.property(anyBatch, (batch) => {
      writer.reset()
      encodeBatch(batch, 0, batch.records.length, writer, newMemory())
      const reader = new ByteReader(writer.written())
      assert.equal(fingerprintOf(decodeBatch(reader, new BatchDecoderMemory())), fingerprintOf(batch))
      reader.expectEnd()
    }),
    { numRuns: 1_500 },
  )
})

test('a part of a batch comes back, behind other bytes in shared memory', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1 << 20))
  fc.assert(
    fc.property(anyBatch, fc.nat(), fc.nat(), (batch, a, b) => {
      const [from, to] = [a % (batch.records.length + 1), b % (batch.records.length + 1)].sort((x, y) => x - y) as [
        number,
        number,
      ]
      const writer = new ByteWriter(shared)
      writer.u8(1)
      encodeBatch(batch, from, to, writer, newMemory())
      const decoded = decodeBatch(new ByteReader(writer.bytes, 'batch', 1, writer.position), new BatchDecoderMemory())
      assert.equal(
        fingerprintOf(decoded),
        fingerprintOf({
          records: batch.records.slice(from, to),
          timestamps: batch.timestamps.slice(from, to),
          keyHashes: batch.keyHashes?.slice(from, to),
        }),
      )
    }),
    { numRuns: 200 },
  )
})

test('damaged bytes give a batch or BYTES_DAMAGED, nothing else', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
  const writer = new ByteWriter()
  fc.assert(
    fc.property(anyBatch, damage, fc.nat(), (batch, changes, cut) => {
      writer.reset()
      encodeBatch(batch, 0, batch.records.length, writer, newMemory())
      let bytes = writer.toBytes()
      // Half of the damage goes to the beginning, where the counts and kinds are.
      for (const [at, byte] of changes) bytes[at % (at % 2 === 0 ? bytes.length : Math.min(bytes.length, 24))] = byte
      if (cut % 3 === 0) bytes = bytes.slice(0, cut % (bytes.length + 1))
      try {
        const decoded = decodeBatch(new ByteReader(bytes), new BatchDecoderMemory())
        assert.equal(decoded.records.length, decoded.timestamps.length)
      } catch (error) {
        assert.ok(error instanceof MillraceError && error.code === 'BYTES_DAMAGED', String((error as Error).stack))
      }
    }),
    { numRuns: 2_000 },
  )
})

/** Strings of one column over several messages: of pools that repeat, or all different, of any units and lengths. */
interface StringsMessage {
  readonly count: number
  /** How many different strings there are to choose from. */
  readonly poolSize: number
  readonly firstOfPool: number
  readonly form: 'short' | 'long' | 'latin1' | 'utf16' | 'huge'
  readonly isSent: boolean
  readonly nulls: boolean
}
const stringsMessage: fc.Arbitrary<StringsMessage> = fc.record({
  count: fc.oneof(fc.nat(40), fc.nat(3_000)),
  poolSize: fc.constantFrom(1, 3, 200, 300, 5_000, 1_000_000),
  firstOfPool: fc.constantFrom(0, 0, 0, 10_000),
  form: fc.constantFrom('short', 'long', 'latin1', 'utf16', 'huge'),
  isSent: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.boolean()),
  nulls: fc.boolean(),
})

function stringsOf({ count, poolSize, firstOfPool, form, nulls }: StringsMessage, salt: number): RecordBatch {
  const records = Array.from({ length: count }, (_, i) => {
    const number = firstOfPool + ((Math.imul(i + salt * 7_919, 2_654_435_761) >>> 8) % poolSize)
    const text = {
      short: `${number}`,
      long: `https://host.example/item/${number}`,
      latin1: `caf\u00e9 ${number}`,
      utf16: `\u65e5 \ud800 ${number}`,
      huge: number % 8 === 0 ? 'x'.repeat(600) + number : `${number}`,
    }[form]
    return { id: i, text: nulls && i % 9 === 0 ? null : text }
  })
  return { records, timestamps: records.map((_, i) => i), keyHashes: undefined }
}

test('messages of a channel come back, whichever of them are encoded and not sent', () => {
  const writer = new ByteWriter()
  fc.assert(
    fc.property(
      fc.array(stringsMessage, { minLength: 1, maxLength: 14 }),
      fc.constantFrom(0, 20_000, 4_000_000),
      (messages, bytesMax) => {
        const sender = newMemory(bytesMax)
        const receiver = new BatchDecoderMemory()
        for (const [salt, message] of messages.entries()) {
          const batch = stringsOf(message, salt)
          writer.reset()
          encodeBatch(batch, 0, batch.records.length, writer, sender)
          assert.ok(sender.dictionaries.bytes <= bytesMax)
          if (!message.isSent) continue
          sender.onSent()
          assert.deepEqual(decodeBatch(new ByteReader(writer.written()), receiver), batch)
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('damage to a message that builds on others gives a batch or BYTES_DAMAGED', () => {
  const writer = new ByteWriter()
  const change = fc.tuple(fc.nat(), fc.nat(255))
  const small = stringsMessage.map((message) => ({ ...message, count: 20 + (message.count % 60) }))
  fc.assert(
    fc.property(
      fc.array(small, { minLength: 2, maxLength: 4 }),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      (messages, changes) => {
        const sender = newMemory()
        const receiver = new BatchDecoderMemory()
        for (const [salt, message] of messages.entries()) {
          const batch = stringsOf(message, salt)
          writer.reset()
          encodeBatch(batch, 0, batch.records.length, writer, sender)
          sender.onSent()
          const bytes = writer.toBytes()
          if (salt === messages.length - 1) {
            for (const [at, byte] of changes) bytes[at % (at % 2 === 0 ? bytes.length : 80)] = byte
          }
          try {
            const decoded = decodeBatch(new ByteReader(bytes), receiver)
            assert.equal(decoded.records.length, decoded.timestamps.length)
          } catch (error) {
            assert.ok(error instanceof MillraceError && error.code === 'BYTES_DAMAGED', String((error as Error).stack))
          }
        }
      },
    ),
    { numRuns: 600 },
  )
})
