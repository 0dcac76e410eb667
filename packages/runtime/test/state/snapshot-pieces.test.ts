/** When segments are finished as pieces and continued, and what is held of them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readSegment, type SnapshotPiece, type TableDescriptor } from '@millrace/core'
import { OperatorPieces, SNAPSHOT_BYTES_MAX, SnapshotPieces } from '../../src/state/snapshot-pieces.ts'

const KIB = 1_024
const HELD_BYTES_MAX = 64 * KIB
const TABLES: readonly TableDescriptor[] = [
  { operatorUid: 'op', name: 'values', kind: 'value', version: 1, ttlMs: undefined },
]

class Encoding {
  readonly pieces: SnapshotPieces
  readonly operator: OperatorPieces
  readonly groups: number
  heldBytesMost = 0

  constructor(groups: number, heldBytesMax = HELD_BYTES_MAX) {
    this.groups = groups
    this.pieces = new SnapshotPieces(7, 100, heldBytesMax)
    this.operator = new OperatorPieces('op', TABLES, new Uint8Array(groups).fill(1))
    this.pieces.add(this.operator)
  }

  put(key: number, textUnits: number): void {
    const group = key % this.groups
    const writer = this.pieces.writerOf(this.operator, group)
    writer.put(0, key, undefined, '.'.repeat(textUnits))
    this.pieces.onWritten(this.operator, group, writer)
    this.heldBytesMost = Math.max(this.heldBytesMost, this.pieces.heldBytes)
  }

  /** Takes what is worth it and says that it is written. */
  drain(isLast = false): readonly SnapshotPiece[] {
    const pieces = this.pieces.take(isLast)
    for (const { bytes } of pieces) this.pieces.release(bytes.length)
    return pieces
  }

  finish(): readonly SnapshotPiece[] {
    const pieces: SnapshotPiece[] = []
    for (const _ of this.pieces.finish()) pieces.push(...this.drain())
    return [...pieces, ...this.drain(true)]
  }
}

function keysIn(pieces: readonly SnapshotPiece[]): unknown[] {
  const keys: unknown[] = []
  const ignore = (): void => {}
  for (const { bytes } of pieces) {
    readSegment(bytes, {
      onHeader: ({ operatorUid, checkpointId }) => assert.deepEqual([operatorUid, checkpointId], ['op', 7]),
      onPut: (_, key) => keys.push(key),
      onDelete: ignore,
      onClear: ignore,
      onDropNamespace: ignore,
    })
  }
  return keys
}

describe('pieces of a snapshot', () => {
  it('are whole segments, one for each key group, as long as there is room', () => {
    const encoding = new Encoding(4)
    for (let key = 0; key < 40; key++) encoding.put(key, 20)
    assert.deepEqual(encoding.drain(), [], 'nothing is worth a write')
    const pieces = encoding.finish()
    assert.deepEqual(
      pieces.map(({ keyGroup, kind, isContinuation, entries }) => [keyGroup, kind, isContinuation, entries]),
      [100, 101, 102, 103].map((keyGroup) => [keyGroup, 'base', false, 10]),
    )
    assert.equal(encoding.pieces.heldBytes, 0)
  })

  for (const groups of [1, 3, 40]) {
    it(`hold no more than they may with ${groups} key groups, and every entry once`, () => {
      const encoding = new Encoding(groups)
      const pieces: SnapshotPiece[] = []
      const keys = Array.from({ length: 20_000 }, (_, key) => key)
      for (const key of keys) {
        while (encoding.pieces.isFull) pieces.push(...encoding.drain())
        encoding.put(key, 40 + (key % 50))
      }
      pieces.push(...encoding.finish())
      assert.ok(encoding.heldBytesMost <= HELD_BYTES_MAX + 100, `${encoding.heldBytesMost} bytes were held`)
      assert.deepEqual(
        keysIn(pieces).toSorted((a, b) => Number(a) - Number(b)),
        keys,
      )
      for (let group = 0; group < groups; group++) {
        const own = pieces.filter(({ keyGroup }) => keyGroup === 100 + group)
        assert.ok(own.length > 3, `key group ${group} is in ${own.length} pieces`)
        assert.deepEqual(
          own.map(({ isContinuation }) => isContinuation),
          own.map((_, index) => index > 0),
        )
        const met = keysIn(own).map(Number)
        assert.deepEqual(
          met,
          met.toSorted((a, b) => a - b),
          'in the order of encoding',
        )
      }
      assert.equal(encoding.pieces.heldBytes, 0)
    })
  }

  it('become those of the largest when all together are too large', () => {
    const encoding = new Encoding(40)
    // One key group gets half of everything.
    for (let key = 0; !encoding.pieces.isFull && encoding.drain().length === 0; key++) {
      encoding.put(key % 2 === 0 ? 0 : key, 50)
    }
    assert.equal(encoding.operator.hasPiece[0], 1)
    assert.ok(encoding.operator.hasPiece.filter((has) => has === 1).length < 10)
  })

  it('are not cut smaller than they are worth, however many key groups there are', () => {
    const groups = 2_000
    const encoding = new Encoding(groups)
    for (let key = 0; key < groups * 4; key++) encoding.put(key, 20)
    const pieces = encoding.finish()
    assert.ok(pieces.length <= groups * 2, `${pieces.length} pieces`)
  })

  it('take one entry that is larger than all they may hold, and go on', () => {
    const encoding = new Encoding(2)
    encoding.put(0, HELD_BYTES_MAX * 2)
    assert.equal(encoding.pieces.isFull, true)
    assert.equal(encoding.drain().length, 1)
    assert.equal(encoding.pieces.isFull, false)
    encoding.put(2, 10)
    assert.deepEqual(
      encoding.finish().map(({ isContinuation }) => isContinuation),
      [true],
    )
  })

  it('are overdrawn when entries that were about to change have taken four times what may be held', () => {
    const encoding = new Encoding(4)
    let key = 0
    while (!encoding.pieces.isOverdrawn) encoding.put(key++, 50)
    assert.ok(encoding.pieces.heldBytes > 4 * HELD_BYTES_MAX)
    assert.ok(encoding.pieces.heldBytes < 5 * HELD_BYTES_MAX)
    encoding.drain()
    assert.equal(encoding.pieces.isOverdrawn, false)
  })

  it('are not overdrawn by segments that are open until the end: no write would make room', () => {
    const encoding = new Encoding(2_000)
    for (let key = 0; key < encoding.groups; key++) encoding.put(key, 20)
    assert.ok(encoding.pieces.heldBytes > 4 * HELD_BYTES_MAX)
    assert.deepEqual(encoding.drain(), [])
    assert.deepEqual([encoding.pieces.isFull, encoding.pieces.isOverdrawn], [false, false])
  })

  it('may take 16 MiB', () => assert.equal(SNAPSHOT_BYTES_MAX, 16 * KIB * KIB))
})
