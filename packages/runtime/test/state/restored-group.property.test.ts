/** A chain that is read from its newest segment on, some of it at a time, gives what it gives when it is put together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NewerEntries, type RestoredSegment, SegmentWriter, type TableDescriptor } from '@millrace/core'
import fc from 'fast-check'
import { type RestoredTable, readGroup, restoredTables } from '../../src/state/restored-group.ts'

const UID = 'op'
const KEY_GROUP = 3
const KINDS = ['value', 'map', 'namespaced'] as const
const TABLES = KINDS.map(
  (kind): TableDescriptor => ({ operatorUid: UID, name: kind, kind, version: 1, ttlMs: undefined }),
)

const anyOperation = fc.record({
  what: fc.constantFrom('put', 'put', 'put', 'delete', 'drop'),
  table: fc.nat(KINDS.length - 1),
  key: fc.constantFrom<unknown>('a', 'b', 1, -0, ['x', 1]),
  sub: fc.constantFrom(0, 10),
})
type Operation = { readonly what: string; readonly table: number; readonly key: unknown; readonly sub: number }

/** Pieces of a base or a delta, each some operations. */
const anyPieces = fc.array(fc.array(anyOperation, { maxLength: 8 }), { minLength: 1, maxLength: 4 })

function writeChain(chain: readonly (readonly (readonly Operation[])[])[]): RestoredSegment[] {
  let value = 0
  /** An entry of a base is in one of its pieces. */
  const inBase = new Set<string>()
  return chain.flatMap((pieces, checkpoint) =>
    pieces.map((operations, index): RestoredSegment => {
      const kind = checkpoint === 0 ? 'base' : 'delta'
      const checkpointId = checkpoint + 1
      const writer = new SegmentWriter({ kind, checkpointId, operatorUid: UID, keyGroup: KEY_GROUP, tables: TABLES })
      for (const { what, table, key, sub } of operations) {
        const inner = KINDS[table] === 'value' ? undefined : sub
        const place = JSON.stringify([table, key, inner])
        if (kind === 'base' && (what !== 'put' || inBase.has(place))) continue
        inBase.add(place)
        if (what === 'put') writer.put(table, key, inner, value++)
        else if (what === 'delete' || KINDS[table] === 'value') writer.delete(table, key, inner)
        else if (KINDS[table] === 'map') writer.clear(table, key)
        else writer.dropNamespace(table, sub)
      }
      const { entries } = writer
      const bytes = writer.finish()
      const ref = {
        kind,
        ...(index === 0 ? {} : { isContinuation: true }),
        checkpointId,
        location: { kind: 'inline', base64: '' },
        lengthBytes: bytes.length,
        crc32c: 0,
        entries,
      } as const
      return { ref, bytes }
    }),
  )
}

/** By table, key and inner key; fails for what comes twice. */
function collect(tables: Iterable<RestoredTable>, into = new Map<string, unknown>()): Map<string, unknown> {
  for (const table of tables) {
    for (const { key, sub, value } of table.entries()) {
      const place = JSON.stringify([table.descriptor.name, key, sub])
      assert.equal(into.has(place), false, `${place} twice`)
      into.set(place, value)
    }
  }
  return into
}

test('a chain read from its newest segment on gives what it gives as a whole', () => {
  fc.assert(
    fc.property(fc.array(anyPieces, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 4 }), (chain, part) => {
      const segments = writeChain(chain)
      const expected = collect(readGroup(KEY_GROUP, UID, segments))
      const newer = new NewerEntries()
      const found = new Map<string, unknown>()
      const backwards = segments.toReversed()
      for (let at = 0; at < backwards.length; at += part) {
        collect(restoredTables(KEY_GROUP, UID, backwards.slice(at, at + part), newer), found)
      }
      assert.deepEqual(found, expected)
    }),
  )
})

test('of a base nothing is kept', () => {
  const operations = Array.from({ length: 100 }, (_, key) => ({ what: 'put', table: 0, key, sub: 0 }))
  const newer = new NewerEntries()
  collect(restoredTables(KEY_GROUP, UID, writeChain([[operations]]), newer))
  assert.equal(newer.of('value').isEmpty, true)
})

test('a segment of another key group is refused, and damaged bytes are', () => {
  const [segment] = writeChain([[[{ what: 'put', table: 0, key: 'a', sub: 0 }]]])
  assert.ok(segment !== undefined)
  const read = (keyGroup: number, restored: RestoredSegment) => [
    ...restoredTables(keyGroup, UID, [restored], new NewerEntries()),
  ]
  assert.throws(() => read(KEY_GROUP + 1, segment), { code: 'BYTES_DAMAGED' })
  const bytes = segment.bytes.slice()
  bytes[20] = (bytes[20] as number) ^ 1
  assert.throws(() => read(KEY_GROUP, { ...segment, bytes }), { code: 'BYTES_DAMAGED' })
})
