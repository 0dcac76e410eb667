/**
 * Records per second through the batch codec (encode into a reused buffer, then decode), against JSON and V8's own
 * serializer, which are what a channel could use instead. Ratios matter, not the absolute figures. The same batches
 * come again and again, so that their strings do; `all different` is without dictionaries, as for strings that do not.
 *
 * Run: `node --conditions=@millrace/source bench/codec/batch-codec.bench.ts`
 */
import { deserialize, serialize } from 'node:v8'
import {
  BatchDecoderMemory,
  BatchEncoderMemory,
  ByteReader,
  ByteWriter,
  decodeBatch,
  encodeBatch,
  hashKey,
  type RecordBatch,
} from '@millrace/core'
import { BufferTextCopier } from '@millrace/runtime'

const RECORDS = 1_024
const BATCHES = 16
const SECONDS_PER_FORM = 1.5

const batches = (recordOf: (i: number) => unknown): RecordBatch[] =>
  Array.from({ length: BATCHES }, (_, batch) => {
    const at = (i: number) => batch * RECORDS + i
    return {
      records: Array.from({ length: RECORDS }, (_, i) => recordOf(at(i))),
      timestamps: Array.from({ length: RECORDS }, (_, i) => 1_700_000_000_000 + at(i) * 7),
      keyHashes: Array.from({ length: RECORDS }, (_, i) => hashKey(at(i))),
    }
  })

const airports = Array.from({ length: 200 }, (_, i) => `AP${i}`)
const flat = (i: number) => ({
  id: i,
  amount: (i * 7_919) % 100_000,
  key: `k${(1_000_000 + ((i * 7_919) % 8_999_999)).toString()}`,
  airport: airports[(i * 13) % 200],
  price: i * 0.37 + 0.1,
  ok: i % 3 === 0,
  count: i % 11,
})

const texts = (i: number) => ({
  agent: `agent of a visitor who came with number ${i}`,
  page: `https://www.example.com/some/where/item.htm?query=${i}&from=the-start-page`,
  session: (i * 2_654_435_761).toString(36).padStart(24, '0'),
})

const forms: readonly (readonly [string, (i: number) => unknown])[] = [
  ['7 fields {int, int, string(8), pooled string, float, bool, int}', flat],
  ['the same with a nullable field', (i) => ({ ...flat(i), delay: i % 5 === 0 ? null : i % 60 })],
  ['two shapes in turn', (i) => (i % 2 === 0 ? flat(i) : { user: i, page: airports[i % 200], ms: i * 1.5 })],
  ['nested object and list', (i) => ({ id: i, at: { x: i, y: i * 0.5 }, tags: ['a', airports[i % 200]] })],
  ['numbers', (i) => i * 3],
  ['strings', (i) => `word-${i % 5_000}`],
  ['3 long strings', (i) => ({ id: i, ...texts(i) })],
]

for (const [name, recordOf] of forms) {
  const input = batches(recordOf)
  const writer = new ByteWriter(1 << 20)
  let bytes = 0
  const throughChannel = (dictionaryBytesMax: number) => {
    const textCopier = new BufferTextCopier()
    const sender = new BatchEncoderMemory({ dictionaryBytesMax, textCopier })
    const receiver = new BatchDecoderMemory(textCopier)
    return measure(input, (batch) => {
      writer.reset()
      encodeBatch(batch, 0, RECORDS, writer, sender)
      sender.onSent()
      bytes = writer.position
      return decodeBatch(new ByteReader(writer.bytes, 'batch', 0, writer.position), receiver)
    })
  }
  const plain = throughChannel(0)
  const plainBytes = bytes
  const own = throughChannel(4 << 20)
  const json = measure(input, (batch) => JSON.parse(JSON.stringify(batch)))
  const v8 = measure(input, (batch) => deserialize(serialize(batch)))
  console.log(name)
  console.log(`  batch codec   ${format(own)} M records/s, ${(bytes / RECORDS).toFixed(1)} bytes/record`)
  console.log(`  all different ${format(plain)} M records/s, ${(plainBytes / RECORDS).toFixed(1)} bytes/record`)
  console.log(`  JSON          ${format(json)} M records/s`)
  console.log(`  v8.serialize  ${format(v8)} M records/s`)
}

/** Records per second of CPU time, whatever else the machine does. */
function measure(input: readonly RecordBatch[], run: (batch: RecordBatch) => unknown): number {
  for (const batch of input) run(batch)
  for (const batch of input) run(batch)
  let records = 0
  const start = process.cpuUsage()
  let seconds = 0
  while (seconds < SECONDS_PER_FORM) {
    for (const batch of input) run(batch)
    records += BATCHES * RECORDS
    const used = process.cpuUsage(start)
    seconds = (used.user + used.system) / 1e6
  }
  return records / seconds
}

function format(recordsPerSecond: number): string {
  return (recordsPerSecond / 1e6).toFixed(2).padStart(6)
}
