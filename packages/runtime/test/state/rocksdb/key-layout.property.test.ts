/** The keys of an ordered store: what is written into one is read from it, and their order is that of what they say. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { canonicalKey, encodeKey, isSameKey, type TableKind } from '@millrace/core'
import fc from 'fast-check'
import { endOfPrefix, hasPrefix, KeyLayout, rankInKey, rankOf } from '../../../src/state/rocksdb/key-layout.ts'
import { type MapOwner, RecordMap } from '../../../src/state/store/record-map.ts'

const KINDS = ['value', 'list', 'map', 'namespaced'] as const
const layout = new KeyLayout(7, (table) => KINDS[table % 4] as TableKind)

/** Often the same, so that two places often share something. */
const hashes = fc.oneof(fc.constantFrom(0, 1, -1), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))
const groups = fc.oneof(fc.nat(2), fc.nat(32_767))
const tables = fc.oneof(fc.nat(3), fc.nat(4_095))
const keys = fc.oneof(
  fc.constantFrom('a', 'ab', 1),
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(fc.string(), fc.integer())),
  fc.record({ a: fc.string(), b: fc.integer() }),
)
const namespaces = fc.oneof(fc.constantFrom(0, -0, 1, -1), fc.double({ noNaN: true, noDefaultInfinity: true }))

/** A place of an entry in a table of any kind. */
const places = fc.record({
  table: tables,
  group: groups,
  hash: hashes,
  outerHash: hashes,
  key: keys,
  namespace: namespaces,
})
type Place = typeof places extends fc.Arbitrary<infer T> ? T : never

describe('KeyLayout', () => {
  it('reads from the key of an entry what it was made of', () => {
    fc.assert(
      fc.property(places, (place) => {
        const parsed = layout.parseEntryKey(keyOf(place))
        assert.deepEqual([parsed.table, parsed.keyGroup, parsed.hash], [place.table, place.group, place.hash])
        assert.ok(isSameKey(outerOf(place), parsed.outerKey) || parsed.outerKey === outerOf(place))
      }),
    )
  })

  it('reads from a change and a deletion what they were made of', () => {
    fc.assert(
      fc.property(places, fc.nat(2 ** 32 - 1), keys, (place, epoch, key) => {
        const entryKey = keyOf(place)
        const change = layout.parseChange(layout.changeKey(entryKey, epoch))
        assert.deepEqual([change.epoch, change.isDeletion, change.table], [epoch, false, place.table])
        assert.deepEqual(change.entryKey, entryKey)
        const deletion = layout.parseChange(layout.deletionKey(entryKey, epoch, key))
        assert.deepEqual([deletion.epoch, deletion.isDeletion], [epoch, true])
        assert.deepEqual(encodeKey(deletion.key), encodeKey(key))
        assert.deepEqual(deletion.entryKey, entryKey)
      }),
    )
  })

  it('has the entries of a map, a key group and a table in ranges of their own', () => {
    fc.assert(
      fc.property(places, places, (place, other) => {
        const map = mapOf(place)
        const prefix = layout.mapPrefix(map)
        const inMap = isIn(keyOf(other), prefix)
        const isSameMap =
          other.table === place.table &&
          (kindOf(place) !== 'namespaced' || other.namespace + 0 === place.namespace + 0) &&
          (kindOf(place) !== 'map' ||
            (other.group === place.group &&
              other.outerHash === place.outerHash &&
              isSameKey(canonicalKey(other.key), place.key)))
        assert.equal(inMap, isSameMap)
        assert.equal(isIn(keyOf(other), layout.tablePrefix(place.table)), other.table === place.table)
        if (kindOf(place) === 'namespaced') return
        const isSameGroup = other.table === place.table && other.group === place.group
        assert.equal(isIn(keyOf(other), layout.groupPrefix(place.table, place.group)), isSameGroup)
      }),
    )
  })

  it('orders namespaces as numbers, and the entries of a map by their ranks', () => {
    fc.assert(
      fc.property(places, places, (one, two) => {
        const table = one.table - (one.table % 4) + 3
        const [a, b] = [one, two].map((place) => keyOf({ ...place, table })) as [Uint8Array, Uint8Array]
        const [x, y] = [one.namespace + 0, two.namespace + 0]
        if (x !== y) assert.equal(Buffer.compare(a, b), x < y ? -1 : 1, `${x} and ${y}`)
        const map = mapOf(one)
        const prefix = layout.mapPrefix(map)
        const inMap = layout.entryKey(map, two.group, two.hash)
        const rank = rankOf(map.table, two.group, two.hash)
        assert.equal(rankInKey(inMap, prefix.length), rank)
        const own = rankOf(map.table, one.group, one.hash)
        const order = Math.sign(Buffer.compare(inMap, layout.entryKey(map, one.group, one.hash)))
        assert.equal(order, Math.sign(rank - own))
      }),
    )
  })

  it('keeps what is changed apart by epoch, and everything of a backend together', () => {
    fc.assert(
      fc.property(places, fc.nat(1_000_000), fc.nat(1_000_000), (place, epoch, from) => {
        const key = layout.changeKey(keyOf(place), epoch)
        const range = layout.changes(from, from + 10)
        assert.equal(isBetween(key, range), epoch >= from && epoch < from + 10)
        assert.equal(isBetween(key, layout.entries), false)
        assert.ok(isBetween(key, layout.all) && isBetween(keyOf(place), layout.all))
        assert.ok(isBetween(keyOf(place), layout.entries))
      }),
    )
  })
})

function kindOf({ table }: Place): TableKind {
  return KINDS[table % 4] as TableKind
}

function outerOf(place: Place): unknown {
  if (kindOf(place) === 'map') return canonicalKey(place.key)
  return kindOf(place) === 'namespaced' ? place.namespace + 0 : undefined
}

function mapOf(place: Place): RecordMap {
  const owner = { number: place.table, descriptor: { kind: kindOf(place) } } as unknown as MapOwner
  const map = new RecordMap(owner, -1, outerOf(place), place.outerHash, 0)
  map.groups = [place.group]
  return map
}

function keyOf(place: Place): Uint8Array {
  return layout.entryKey(mapOf(place), place.group, place.hash)
}

function isIn(key: Uint8Array, prefix: Uint8Array): boolean {
  assert.equal(isBetween(key, { from: prefix, end: endOfPrefix(prefix) }), hasPrefix(key, prefix))
  return hasPrefix(key, prefix)
}

function isBetween(key: Uint8Array, range: { readonly from: Uint8Array; readonly end: Uint8Array }): boolean {
  return Buffer.compare(key, range.from) >= 0 && Buffer.compare(key, range.end) < 0
}
