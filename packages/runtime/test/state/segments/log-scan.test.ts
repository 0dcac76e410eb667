import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteWriter } from '@millrace/core'
import { LogScan } from '../../../src/state/segments/log-scan.ts'
import { LogFile } from '../../../src/state/segments/record-log.ts'
import { emptyRecord, RecordEncoder } from '../../../src/state/store/record-format.ts'

const RECORDS = 20_000

/** A file in memory that counts what is read of it. */
function fileOfRecords(firstHash = 0): {
  readonly file: LogFile
  readonly firstHash: number
  readonly readBytes: () => number
} {
  const writer = new ByteWriter()
  const encoder = new RecordEncoder(writer)
  for (let key = 0; key < RECORDS; key++)
    encoder.write({ ...emptyRecord(), hash: firstHash + key }, 0, 'x'.repeat(30), 'value')
  const bytes = writer.toBytes()
  let readBytes = 0
  const file = new LogFile(0, {
    append: () => assert.fail('nothing is written'),
    read(into, length, atBytes) {
      const there = bytes.subarray(atBytes, atBytes + length)
      into.set(there)
      readBytes += there.length
      return there.length
    },
    close() {},
  })
  file.sizeBytes = bytes.length
  return { file, firstHash, readBytes: () => readBytes }
}

describe('a scan of a log file', () => {
  it('meets every record once and reads the file about once, in however many steps it is done', () => {
    for (const stepBytes of [1_000, 64 * 1_024, Number.POSITIVE_INFINITY]) {
      const { file, readBytes } = fileOfRecords()
      const scan = new LogScan()
      const met: number[] = []
      for (let from = 0; from < file.sizeBytes; from = scan.nextAtBytes) {
        scan.begin(file, from, file.sizeBytes)
        while (scan.nextAtBytes - from < stepBytes && scan.next()) met.push(scan.record.hash)
      }
      assert.deepEqual(
        met,
        Array.from({ length: RECORDS }, (_, key) => key),
      )
      assert.ok(
        readBytes() < file.sizeBytes * 1.01,
        `${readBytes()} of ${file.sizeBytes} bytes in steps of ${stepBytes}`,
      )
    }
  })

  it('reads anew what was not read before, and another file', () => {
    const [one, other] = [fileOfRecords(), fileOfRecords(RECORDS)]
    const scan = new LogScan()
    for (const place of [0, 0.5]) {
      for (const { file, firstHash } of [one, other, one]) {
        scan.begin(file, place * file.sizeBytes, file.sizeBytes)
        assert.ok(scan.next())
        assert.equal(scan.record.hash, firstHash + place * RECORDS)
      }
    }
  })
})
