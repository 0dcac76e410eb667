import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FieldReader } from '../../src/checkpoint/field-reader.ts'
import { ListedFiles, listSegments, segmentsFromJson } from '../../src/checkpoint/listed-segments.ts'
import type { SegmentRef } from '../../src/checkpoint/manifest.ts'

/** Also with pieces that do not lie in the file of what they continue. */
const anyPiece = fc.record({
  isContinuation: fc.boolean(),
  isOfNextCheckpoint: fc.boolean(),
  place: fc.constantFrom('shared/a.seg', 'shared/b.seg', 'inline'),
  lengthBytes: fc.nat(),
  crc32c: fc.nat(0xffff_ffff),
})

test('segments come back as they were, wherever they lie', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyPiece), { maxLength: 4 }), (drawn) => {
      const files = new ListedFiles()
      const chains = drawn.map((pieces) => {
        let checkpointId = 1
        return pieces.map(({ isContinuation, isOfNextCheckpoint, place, lengthBytes, crc32c }, index): SegmentRef => {
          if (isOfNextCheckpoint) checkpointId++
          return {
            kind: checkpointId === 1 ? 'base' : 'delta',
            ...(isContinuation ? { isContinuation } : {}),
            checkpointId,
            location:
              place === 'inline'
                ? { kind: 'inline', base64: 'AAEC' }
                : { kind: 'file', file: place, offsetBytes: index * 10 },
            lengthBytes,
            crc32c,
            entries: index,
          }
        })
      })
      const json: unknown = JSON.parse(
        JSON.stringify(chains.map((chain) => ({ segments: listSegments(chain, files) }))),
      )
      const read = (json as unknown[]).map((group) =>
        segmentsFromJson(new FieldReader(group, 'group', (problem) => new Error(problem)), files.list),
      )
      assert.deepEqual(read, chains)
      assert.ok(files.list.length <= new Set(chains.flat().map(({ checkpointId }) => checkpointId)).size * 2)
    }),
  )
})
