import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelReader, ChannelWriter, RecordBatch, StreamElement } from '@millrace/core'
import fc from 'fast-check'
import { LocalChannel } from '../../src/channel/local-channel.ts'
import { createRing } from '../../src/channel/ring.ts'
import { RingChannelReader, RingChannelWriter } from '../../src/channel/ring-channel.ts'
import type { WakeUp } from '../../src/channel/wake-up.ts'

type OpenChannel = (
  readerWakeUp: WakeUp,
  writerWakeUp: WakeUp,
) => { readonly writer: ChannelWriter; readonly reader: ChannelReader }

const scalar = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, null, undefined, true),
  fc.bigInt(),
  fc.string({ unit: 'binary' }),
  fc.constant('\ud800 alone'),
)
const flight = fc.record({
  id: fc.nat(),
  airport: fc.string(),
  delay: fc.double({ noNaN: true }),
  onTime: fc.boolean(),
})
const record: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: flight },
  { weight: 2, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  { weight: 1, arbitrary: fc.nat(6_000).map((length) => 'x'.repeat(length)) },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: true }).map((date) => new Map([['at', date]])) },
)
const timestamp = fc.oneof(fc.integer(), fc.constant(Number.NEGATIVE_INFINITY))

const batch: fc.Arbitrary<StreamElement> = fc
  .tuple(fc.array(fc.tuple(record, timestamp, fc.nat(127)), { maxLength: 40 }), fc.boolean())
  .map(([rows, isKeyed]) => ({
    kind: 'batch',
    batch: {
      records: rows.map(([value]) => value),
      timestamps: rows.map(([, at]) => at),
      keyHashes: isKeyed ? rows.map(([, , group]) => group) : undefined,
    },
  }))
const element: fc.Arbitrary<StreamElement> = fc.oneof(
  { weight: 6, arbitrary: batch },
  timestamp.map((at): StreamElement => ({ kind: 'watermark', timestamp: at })),
  fc.constant<StreamElement>({ kind: 'watermark', timestamp: Number.POSITIVE_INFINITY }),
  fc.boolean().map((idle): StreamElement => ({ kind: 'status', idle })),
  fc
    .tuple(
      fc.maxSafeNat(),
      fc.maxSafeNat(),
      fc.maxSafeNat(),
      fc.constantFrom('checkpoint' as const, 'full-checkpoint', 'savepoint'),
    )
    .map(
      ([checkpointId, triggeredAtMs, lastCompletedId, snapshotKind]): StreamElement => ({
        kind: 'barrier',
        checkpointId,
        triggeredAtMs,
        lastCompletedId,
        snapshotKind,
      }),
    ),
  fc.constant<StreamElement>({ kind: 'end' }),
)

/** The order of records and control elements, without regard to where batches begin. */
function flatten(elements: readonly StreamElement[]): unknown[] {
  return elements.flatMap((one) => (one.kind === 'batch' ? rowsOf(one.batch) : [one]))
}

function rowsOf(one: RecordBatch): unknown[] {
  assert.equal(one.timestamps.length, one.records.length)
  if (one.keyHashes !== undefined) assert.equal(one.keyHashes.length, one.records.length)
  return one.records.map((value, i) => ({ value, at: one.timestamps[i], group: one.keyHashes?.[i] }))
}

/** Both ends act only when they were woken; what is offered must arrive, whatever the order of turns. */
function deliversAll(open: OpenChannel, elements: readonly StreamElement[], turns: Iterator<boolean>): void {
  let isWriterAwake = true
  let isReaderAwake = true
  const { writer, reader } = open({ wake: () => (isReaderAwake = true) }, { wake: () => (isWriterAwake = true) })
  const expected = flatten(elements)
  const arrived: StreamElement[] = []
  let accepted = 0
  while (isReaderAwake || (isWriterAwake && accepted < elements.length)) {
    const canWrite = isWriterAwake && accepted < elements.length
    if (canWrite && (turns.next().value || !isReaderAwake)) {
      if (writer.offer(elements[accepted] as StreamElement)) accepted++
      else isWriterAwake = false
      continue
    }
    const hadNext = reader.hasNext
    const next = reader.poll()
    if (next !== undefined) {
      assert.ok(hadNext)
      arrived.push(next)
    } else isReaderAwake = false
  }
  assert.equal(accepted, elements.length, 'both ends sleep with elements left to write')
  assert.deepEqual(flatten(arrived), expected)
  assert.equal(reader.hasNext, false)
  assert.equal(reader.queuedBytes, 0)
}

for (const exponent of [6, 7, 9, 12, 16]) {
  test(`a ring of ${2 ** exponent} bytes delivers what is offered, in order, in any interleaving`, () => {
    const open: OpenChannel = (readerWakeUp, writerWakeUp) => {
      const ring = createRing({ capacityBytes: 2 ** exponent, startCursor: 2 ** 32 - 512 })
      return {
        writer: new RingChannelWriter(ring, { readerWakeUp }),
        reader: new RingChannelReader(ring, { writerWakeUp }),
      }
    }
    fc.assert(
      fc.property(fc.array(element, { maxLength: 20 }), fc.infiniteStream(fc.boolean()), (elements, turns) =>
        deliversAll(open, elements, turns),
      ),
      { numRuns: 60 },
    )
  })
}

test('a local channel delivers what is offered, in order, in any interleaving', () => {
  fc.assert(
    fc.property(
      fc.array(element, { maxLength: 60 }),
      fc.infiniteStream(fc.boolean()),
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 8 }),
      (elements, turns, budgetBytes, elementsMax) =>
        deliversAll(
          (readerWakeUp, writerWakeUp) => {
            const channel = new LocalChannel({
              budgetBytes,
              elementsMax,
              readerWakeUp,
              writerWakeUp,
              estimateRecordBytes: ({ records }, index) => {
                const value = records[index]
                return typeof value === 'string' ? value.length : 50
              },
            })
            return { writer: channel, reader: channel }
          },
          elements,
          turns,
        ),
    ),
    { numRuns: 200 },
  )
})
