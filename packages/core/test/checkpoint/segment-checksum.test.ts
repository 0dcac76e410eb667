import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { finishedSegmentChecksum, hasSegmentChecksum, segmentChecksum } from '../../src/checkpoint/segment-checksum.ts'
import { SegmentWriter } from '../../src/checkpoint/segment-format.ts'
import { crc32c } from '../../src/codec/crc32c.ts'

function segmentOf(value: number): Uint8Array {
  const table = { operatorUid: 'o', name: 's', kind: 'value', version: 1, ttlMs: undefined } as const
  const writer = new SegmentWriter({ kind: 'base', checkpointId: 1, operatorUid: 'o', keyGroup: 0, tables: [table] })
  writer.put(0, 'key', undefined, value, undefined)
  return writer.finish()
}

describe('segmentChecksum', () => {
  it('tells whole segments of the same length apart, which a CRC over all of their bytes does not', () => {
    const [one, other] = [segmentOf(1.5), segmentOf(2.5)]
    assert.equal(one.length, other.length)
    assert.equal(crc32c(one), crc32c(other))
    assert.ok(hasSegmentChecksum(one, segmentChecksum(one)))
    assert.ok(!hasSegmentChecksum(other, segmentChecksum(one)))
  })

  it('is known of a finished segment without looking at all of it', () => {
    for (let value = 0; value < 50; value++) {
      const bytes = segmentOf(value / 3)
      assert.equal(finishedSegmentChecksum(bytes), segmentChecksum(bytes))
    }
  })

  it('changes with every bit', () => {
    const bytes = segmentOf(1.5)
    const checksum = segmentChecksum(bytes)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      assert.ok(!hasSegmentChecksum(changed, checksum), `bit ${bit}`)
    }
  })

  it('takes the checksum of the first releases', () => {
    const bytes = segmentOf(3)
    assert.ok(hasSegmentChecksum(bytes, crc32c(bytes)))
  })

  it('is a number of any bytes', () => {
    for (const length of [0, 1, 3, 4, 5]) {
      const bytes = new Uint8Array(length).fill(7)
      assert.ok(hasSegmentChecksum(bytes, segmentChecksum(bytes)))
    }
  })
})
