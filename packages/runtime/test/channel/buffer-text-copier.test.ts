import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  BatchDecoderMemory,
  BatchEncoderMemory,
  ByteReader,
  ByteWriter,
  decodeBatch,
  encodeBatch,
} from '@millrace/core'
import fc from 'fast-check'
import { BufferTextCopier } from '../../src/channel/buffer-text-copier.ts'

const anyText = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.nat(0xff), { maxLength: 100 }).map((units) => String.fromCharCode(...units)),
  fc.array(fc.nat(0xffff), { maxLength: 100 }).map((units) => String.fromCharCode(...units)),
)
const lengthOf = (text: string) => text.length

test('text comes back from shared memory as it was, and latin1 is refused exactly where a unit does not fit', () => {
  const copier = new BufferTextCopier()
  const shared = new Uint8Array(new SharedArrayBuffer(4_096))
  const own = new Uint8Array(4_096)
  fc.assert(
    fc.property(anyText, fc.nat(9), fc.boolean(), (text, at, isShared) => {
      const bytes = isShared ? shared : own
      const isLatin1 = [...Array(text.length).keys()].every((i) => text.charCodeAt(i) <= 0xff)
      assert.equal(copier.writeLatin1(text, bytes, at), isLatin1)
      if (isLatin1) assert.equal(copier.readLatin1(bytes, at, text.length), text)
      copier.writeUtf16(text, bytes, at)
      assert.equal(copier.readUtf16(bytes, at, text.length), text)
    }),
    { numRuns: 1_000 },
  )
})

test('either end may copy by loops: the bytes are the same', () => {
  const columns = fc.array(fc.array(anyText, { minLength: 10, maxLength: 40, size: 'max' }), {
    minLength: 1,
    maxLength: 3,
  })
  fc.assert(
    fc.property(columns, fc.constantFrom(0, 1_000_000), (messages, dictionaryBytesMax) => {
      const native = new BatchEncoderMemory({ dictionaryBytesMax, textCopier: new BufferTextCopier() })
      const loops = new BatchEncoderMemory({ dictionaryBytesMax })
      const receiver = new BatchDecoderMemory(new BufferTextCopier())
      const loopReceiver = new BatchDecoderMemory()
      for (const records of messages) {
        const batch = { records, timestamps: records.map(lengthOf), keyHashes: undefined }
        const [a, b] = [new ByteWriter(), new ByteWriter()]
        encodeBatch(batch, 0, records.length, a, native)
        encodeBatch(batch, 0, records.length, b, loops)
        native.onSent()
        loops.onSent()
        assert.deepEqual(a.toBytes(), b.toBytes())
        assert.deepEqual(decodeBatch(new ByteReader(a.written()), receiver), batch)
        assert.deepEqual(decodeBatch(new ByteReader(a.written()), loopReceiver), batch)
      }
    }),
    { numRuns: 300 },
  )
})

for (const { name, textOf } of [
  { name: 'short', textOf: (i: number) => `${10_000_000 + i}` },
  { name: 'just short', textOf: (i: number) => `t${10_000_000_000 + i}` },
  { name: 'just long', textOf: (i: number) => `te${10_000_000_000 + i}` },
  { name: 'long', textOf: (i: number) => `https://host.example/${10_000_000 + i}` },
  { name: 'UTF-16', textOf: (i: number) => `\u65e5\u672c ${10_000_000_000 + i}` },
]) {
  test(`a string that is kept does not keep its message: ${name}`, () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const heapBytes = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const sender = new BatchEncoderMemory({ dictionaryBytesMax: 0, textCopier: new BufferTextCopier() })
    const receiver = new BatchDecoderMemory(new BufferTextCopier())
    const writer = new ByteWriter()
    const kept: unknown[] = []
    const keepOne = (salt: number) => {
      const records = Array.from({ length: 10_000 }, (_, i) => textOf(salt * 10_000 + i))
      writer.reset()
      encodeBatch({ records, timestamps: records.map(lengthOf), keyHashes: undefined }, 0, 10_000, writer, sender)
      sender.onSent()
      kept.push(decodeBatch(new ByteReader(writer.written()), receiver).records[salt])
    }
    for (let salt = 0; salt < 20; salt++) keepOne(salt)
    const before = heapBytes()
    for (let salt = 20; salt < 140; salt++) keepOne(salt)
    const perString = (heapBytes() - before) / 120
    assert.equal(kept.length, 140)
    assert.ok(
      perString < 20_000,
      `${Math.round(perString)} bytes are kept with each string; a message has 80,000 or more`,
    )
  })
}
