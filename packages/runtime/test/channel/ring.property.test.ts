import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRing, RING_HEADER_BYTES, RingReader, RingWriter, ringCapacityWithin } from '../../src/channel/ring.ts'

interface Message {
  readonly kind: number
  readonly payload: Uint8Array
}

const capacity = fc.integer({ min: 6, max: 12 }).map((exponent) => 2 ** exponent)
const startCursor = fc.oneof(
  fc.constant(0),
  fc.nat(64).map((n) => 2 ** 31 - n * 8),
  fc.nat(64).map((n) => 2 ** 32 - n * 8),
)
const memory = fc.constantFrom('shared' as const, 'local' as const)

function message(seed: number, length: number): Message {
  return { kind: seed & 0xff, payload: Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7) & 0xff) }
}

function assertCurrent(reader: RingReader, expected: Message): void {
  assert.equal(reader.kind, expected.kind)
  assert.equal(reader.length, expected.payload.length)
  assert.deepEqual(Uint8Array.from(reader.view()), expected.payload)
}

test('a ring is a bounded queue of messages', () => {
  const operation = fc.oneof(
    fc.record({ do: fc.constant('write' as const), seed: fc.nat(), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({
      do: fc.constant('reserve' as const),
      seed: fc.nat(),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.constant({ do: 'read' as const }),
    fc.constant({ do: 'peek' as const }),
  )
  fc.assert(
    fc.property(
      capacity,
      startCursor,
      memory,
      fc.array(operation, { maxLength: 200 }),
      (bytes, start, where, operations) => {
        const ring = createRing({ capacityBytes: bytes, startCursor: start, memory: where })
        const wakes = { reader: 0, writer: 0 }
        const writer = new RingWriter(ring, { wake: () => wakes.reader++ })
        const reader = new RingReader(ring, { wake: () => wakes.writer++ })
        const model: Message[] = []
        for (const step of operations) {
          if (step.do === 'write') {
            const next = message(step.seed, Math.floor(step.share * writer.messageBytesMax))
            if (writer.tryWrite(next.kind, next.payload)) model.push(next)
            else assert.ok(model.length > 0, 'an empty ring takes every message')
          } else if (step.do === 'reserve') {
            // Reserves a little, fills all that it was given.
            if (!writer.reserve(Math.floor(step.share * 8))) continue
            const next = message(step.seed, writer.reservedBytes)
            writer.data.set(next.payload, writer.reservedOffset)
            writer.commit(next.kind, next.payload.length)
            model.push(next)
          } else if (step.do === 'read') {
            const expected = model.shift()
            assert.equal(reader.poll(), expected !== undefined)
            if (expected === undefined) continue
            assertCurrent(reader, expected)
            reader.release()
          } else {
            const expected = model[0]
            assert.equal(reader.hasNext, expected !== undefined)
            if (expected === undefined) continue
            assert.ok(reader.poll())
            assertCurrent(reader, expected)
          }
          assert.ok(reader.queuedBytes <= bytes)
          assert.equal(reader.queuedBytes === 0, model.length === 0)
        }
      },
    ),
    { numRuns: 400 },
  )
})

test('whoever gave up is woken: in no interleaving do both ends sleep with work left', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 6, max: 9 }),
      startCursor,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.infiniteStream(fc.boolean()),
      (exponent, start, shares, turns) => {
        const ring = createRing({ capacityBytes: 2 ** exponent, startCursor: start })
        let writerAwake = true
        let readerAwake = true
        const writer = new RingWriter(ring, { wake: () => (readerAwake = true) })
        const reader = new RingReader(ring, { wake: () => (writerAwake = true) })
        let written = 0
        let read = 0
        while (read < shares.length) {
          assert.ok((writerAwake && written < shares.length) || readerAwake, `both sleep after ${written}/${read}`)
          const writerTurn = turns.next().value ? writerAwake && written < shares.length : !readerAwake
          if (writerTurn) {
            const next = message(written, Math.floor((shares[written] ?? 0) * writer.messageBytesMax))
            if (writer.tryWrite(next.kind, next.payload)) written++
            else writerAwake = false
          } else if (readerAwake) {
            if (reader.poll()) {
              assertCurrent(reader, message(read, Math.floor((shares[read] ?? 0) * writer.messageBytesMax)))
              reader.release()
              read++
            } else readerAwake = false
          }
        }
      },
    ),
    { numRuns: 400 },
  )
})

test('the capacity within a budget is the largest that fits', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 20), (budget) => {
      const bytes = ringCapacityWithin(budget)
      if (bytes === 0) return budget < RING_HEADER_BYTES + 64
      return createRing({ capacityBytes: bytes }).byteLength <= budget && bytes * 2 + RING_HEADER_BYTES > budget
    }),
  )
})
