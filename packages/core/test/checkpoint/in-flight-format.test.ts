import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import fc from 'fast-check'
import type { InFlightElement, InFlightSection, InFlightStage } from '../../src/checkpoint/in-flight.ts'
import { encodeInFlight, InFlightSectionWriter, readInFlight } from '../../src/checkpoint/in-flight-format.ts'
import { crc32c } from '../../src/codec/crc32c.ts'

function encode(stages: readonly InFlightStage[]): Uint8Array {
  const writers = stages.map((stage) =>
    stage.map(({ elements, ...channel }) => {
      const writer = new InFlightSectionWriter(channel)
      for (const element of elements) writer.add(element)
      return writer
    }),
  )
  return encodeInFlight({ checkpointId: 7, operatorUid: 'count' }, writers)
}

const keyed: InFlightSection = {
  from: 'source',
  fromSubtask: 1,
  isKeyed: true,
  elements: [
    { kind: 'watermark', timestamp: 10 },
    {
      kind: 'batch',
      batch: {
        records: [
          { k: 'a', v: -0 },
          { k: 'b', v: Number.NaN },
        ],
        timestamps: [11, Number.NEGATIVE_INFINITY],
        keyHashes: [0xffff_ffff, 0],
      },
    },
    { kind: 'status', idle: true },
    { kind: 'batch', batch: { records: ['key'], timestamps: [20], keyHashes: [5], accumulators: [[1n], [undefined]] } },
    { kind: 'end' },
  ],
}
const plain: InFlightSection = {
  from: 'map',
  fromSubtask: 0,
  isKeyed: false,
  elements: [{ kind: 'batch', batch: { records: [null], timestamps: [0], keyHashes: undefined } }],
}
const STAGES: readonly InFlightStage[] = [[keyed], [plain, { ...plain, fromSubtask: 3, elements: [] }]]

/** On disks of users: these bytes have to be read for ever. */
const GOLDEN_VERSION_1 =
  '4d52494601070005636f756e7402010006736f757263650101055f0200000000000024400102010000000000002640000000000000f0ffffffffff00000000100400016b00017641610400000000000000800f00416204000000000000f87f0301010103000000000000344005000000436b65790207010100040200036d61700000010c01010000000000000000000100036d617003000000bfadd671'

test('data in flight comes back as it was, of every stage and channel', () => {
  assert.deepEqual(readInFlight(encode(STAGES)), { checkpointId: 7, operatorUid: 'count', stages: STAGES })
})

test('the form of version 1 is written and read', () => {
  assert.equal(Buffer.from(encode(STAGES)).toString('hex'), GOLDEN_VERSION_1)
  assert.deepEqual(readInFlight(new Uint8Array(Buffer.from(GOLDEN_VERSION_1, 'hex'))).stages, STAGES)
})

const record = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.double(),
  fc.constant(null),
  fc.record({ a: fc.string(), b: fc.option(fc.integer(), { nil: undefined }) }, { noNullPrototype: true }),
  fc.array(fc.bigInt()),
)
const element: fc.Arbitrary<InFlightElement> = fc.oneof(
  fc.array(record, { minLength: 1, maxLength: 20 }).map(
    (records): InFlightElement => ({
      kind: 'batch',
      batch: { records, timestamps: records.map((_, i) => i - 3), keyHashes: records.map((_, i) => i * 77) },
    }),
  ),
  fc.double({ noNaN: true }).map((timestamp): InFlightElement => ({ kind: 'watermark', timestamp })),
  fc.boolean().map((idle): InFlightElement => ({ kind: 'status', idle })),
  fc.constant<InFlightElement>({ kind: 'end' }),
)
const section = fc.record(
  {
    from: fc.string(),
    fromSubtask: fc.nat(40_000),
    isKeyed: fc.boolean(),
    elements: fc.array(element, { maxLength: 8 }),
  },
  { noNullPrototype: true },
)

test('any records, in any number of channels', () => {
  fc.assert(
    fc.property(fc.array(fc.array(section, { maxLength: 4 }), { maxLength: 3 }), (stages) => {
      assert.deepEqual(readInFlight(encode(stages)).stages, stages)
    }),
    { numRuns: 300 },
  )
})

test('every changed byte and every cut is refused by name', () => {
  const good = encode(STAGES)
  const isNamed = (error: unknown): boolean =>
    error instanceof MillraceError && error.code === 'BYTES_DAMAGED' && error.message.includes('chk-7')
  for (let at = 0; at < good.length; at++) {
    const bytes = good.slice()
    bytes[at] = (bytes[at] as number) ^ 0x10
    assert.throws(() => readInFlight(bytes, 'chk-7'), isNamed, `byte ${at}`)
  }
  for (let length = 0; length < good.length; length++) {
    assert.throws(() => readInFlight(good.subarray(0, length), 'chk-7'), isNamed, `cut to ${length}`)
  }
})

test('a later form says so', () => {
  const bytes = encode(STAGES)
  bytes[4] = 9
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4), true)
  assert.throws(() => readInFlight(bytes), { code: 'CHECKPOINT_NEWER_VERSION' })
})
