import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HashIndex, mixHash, PART_ENTRIES_MAX } from '../../src/key/hash-index.ts'
import { hashKey } from '../../src/key/key-hash.ts'
import { SpareBuffers } from '../../src/key/spare-buffers.ts'

/** The row of which the caller says that it is the one, or −1. */
function findIn(index: HashIndex, hash: number, isRow: (row: number) => boolean): number {
  const mixed = mixHash(hash)
  const part = index.partOf(mixed)
  for (let slot = part.first(mixed); ; slot = part.next(slot)) {
    const row = part.rowAt(slot)
    if (row < 0 || (part.hashAt(slot) === mixed && isRow(row))) return row
  }
}

/** An index over rows of an array, as its users keep them. */
class Rows {
  readonly keys: unknown[] = []
  readonly index = new HashIndex()
  readonly #hashOf: (key: unknown) => number

  constructor(hashOf: (key: unknown) => number) {
    this.#hashOf = hashOf
  }

  find(key: unknown): number {
    return findIn(this.index, this.#hashOf(key), (row) => this.keys[row] === key)
  }

  add(key: unknown): void {
    this.index.add(mixHash(this.#hashOf(key)), this.keys.length)
    this.keys.push(key)
  }

  /** The last row moves into the place of the key. */
  remove(key: unknown): void {
    const row = this.find(key)
    this.index.remove(mixHash(this.#hashOf(key)), row)
    const last = this.keys.pop()
    if (row === this.keys.length) return
    this.keys[row] = last
    this.index.move(mixHash(this.#hashOf(last)), this.keys.length, row)
  }
}

describe('HashIndex', () => {
  it('agrees with a map, whatever hashes meet', () => {
    const steps = fc.array(fc.record({ key: fc.nat(40), isAdded: fc.boolean() }), { maxLength: 300 })
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 3, 1_000), (list, hashes) => {
        const rows = new Rows((key) => Math.imul((key as number) % hashes, 0x9e3779b1))
        const expected = new Set<number>()
        for (const { key, isAdded } of list) {
          if (isAdded && !expected.has(key)) {
            rows.add(key)
            expected.add(key)
          } else if (!isAdded && expected.delete(key)) {
            rows.remove(key)
          }
          for (let each = 0; each <= 40; each++) assert.equal(rows.keys[rows.find(each)] === each, expected.has(each))
        }
      }),
    )
  })

  it('finds every key when it has been split many times', () => {
    const rows = new Rows(hashKey)
    const count = PART_ENTRIES_MAX * 5
    for (let n = 0; n < count; n++) rows.add(n)
    for (let n = 0; n < count; n += 3) rows.remove(n)
    for (let n = 0; n < count; n++) assert.equal(rows.find(n) >= 0, n % 3 !== 0)
    assert.ok(rows.index.bytes > count * 8)
  })

  it('takes more keys of one hash than a part is to have', () => {
    const index = new HashIndex()
    // Probes of equal hashes are long: few of them, in parts that are full of others.
    for (let row = 0; row < PART_ENTRIES_MAX * 2; row++) index.add(mixHash(hashKey(row)), row)
    for (let row = PART_ENTRIES_MAX * 2; row < PART_ENTRIES_MAX * 2 + 100; row++) index.add(mixHash(7), row)
    for (let row = 0; row < 100; row++)
      assert.equal(
        findIn(index, 7, (found) => found === PART_ENTRIES_MAX * 2 + row),
        PART_ENTRIES_MAX * 2 + row,
      )
    assert.equal(
      findIn(index, 8, () => false),
      -1,
    )
  })

  it('has room for those that are expected, up to those of a part, and takes more', () => {
    for (const expected of [1, 100, 12_288, 50_000]) {
      const index = new HashIndex(expected)
      const { bytes } = index
      const roomFor = Math.min(expected, PART_ENTRIES_MAX)
      for (let row = 0; row < roomFor; row++) index.add(mixHash(hashKey(row)), row)
      assert.equal(index.bytes, bytes, `${expected} expected`)
      for (let row = roomFor; row < roomFor + 20_000; row++) index.add(mixHash(hashKey(row)), row)
      for (let row = 0; row < roomFor + 20_000; row++)
        assert.equal(
          findIn(index, hashKey(row), (at) => at === row),
          row,
        )
    }
  })

  it('begins empty in memory that another one has given back', () => {
    const buffers = new SpareBuffers()
    for (const [count, first] of [
      [PART_ENTRIES_MAX * 3, 0],
      [1_000, 500_000],
      [PART_ENTRIES_MAX * 2, 700_000],
    ] as const) {
      const index = new HashIndex(count, buffers)
      const rowOf = (key: number) => findIn(index, hashKey(key), (row) => row === key)
      for (let key = 0; key < 1_000; key++) assert.equal(rowOf(key), -1)
      for (let key = first; key < first + count; key++) index.add(mixHash(hashKey(key)), key)
      for (let key = first; key < first + count; key++) assert.equal(rowOf(key), key)
      index.release()
      assert.ok(buffers.bytes > 0)
    }
  })

  it('is empty after clear', () => {
    const rows = new Rows(hashKey)
    for (let n = 0; n < PART_ENTRIES_MAX * 2; n++) rows.add(n)
    rows.index.clear()
    assert.equal(rows.find(1), -1)
    assert.equal(rows.index.bytes, 128)
  })
})
