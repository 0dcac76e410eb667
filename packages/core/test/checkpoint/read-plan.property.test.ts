import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SegmentRef } from '../../src/checkpoint/manifest.ts'
import { planReads } from '../../src/checkpoint/read-plan.ts'

const refOf = (file: string, offsetBytes: number, lengthBytes: number): SegmentRef => ({
  kind: 'base',
  checkpointId: 1,
  location: { kind: 'file', file, offsetBytes },
  lengthBytes,
  crc32c: 0,
  entries: 1,
})

const refs = fc.array(
  fc
    .tuple(fc.constantFrom('a', 'b'), fc.nat({ max: 300 }), fc.integer({ min: 1, max: 40 }))
    .map(([file, offset, length]) => refOf(file, offset, length)),
  { maxLength: 30 },
)

test('every segment lies in one range, and a range is long for one segment only', () => {
  fc.assert(
    fc.property(refs, fc.nat({ max: 20 }), fc.integer({ min: 1, max: 120 }), (list, gapBytesMax, rangeBytesMax) => {
      const ranges = planReads(list, { gapBytesMax, rangeBytesMax })
      const seen = ranges.flatMap(({ parts }) => parts.map(({ index }) => index))
      assert.deepEqual(
        [...seen].sort((a, b) => a - b),
        list.map((_, index) => index),
      )
      for (const range of ranges) {
        assert.ok(range.lengthBytes <= rangeBytesMax || range.parts.length === 1)
        let covered = range.offsetBytes
        for (const { index, offsetBytes, lengthBytes } of range.parts) {
          const location = list[index]?.location
          assert.deepEqual(location, { kind: 'file', file: range.file, offsetBytes })
          assert.ok(offsetBytes - covered <= gapBytesMax)
          covered = Math.max(covered, offsetBytes + lengthBytes)
        }
        assert.equal(covered, range.offsetBytes + range.lengthBytes)
      }
    }),
  )
})

test('neighbours are read at once; inlined segments not at all', () => {
  const inline: SegmentRef = { ...refOf('a', 0, 3), location: { kind: 'inline', base64: 'AAAA' } }
  const list = [refOf('a', 10, 10), inline, refOf('a', 0, 10), refOf('a', 24, 6), refOf('b', 0, 5), refOf('a', 100, 5)]
  assert.deepEqual(
    planReads(list, { gapBytesMax: 4, rangeBytesMax: 1_000 }).map(({ file, offsetBytes, lengthBytes, parts }) => [
      file,
      offsetBytes,
      lengthBytes,
      parts.map(({ index }) => index),
    ]),
    [
      ['a', 0, 30, [2, 0, 3]],
      ['a', 100, 5, [5]],
      ['b', 0, 5, [4]],
    ],
  )
})
