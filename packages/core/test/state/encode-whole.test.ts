import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeWhole } from '../../src/state/encode-whole.ts'
import type { KeyedSnapshot, SnapshotPiece } from '../../src/state/state-backend.ts'

/** Encodes a piece of ten bytes at each call, and none while two are held. */
class ShortOfRoom implements KeyedSnapshot {
  readonly tables = []
  readonly isOverdrawn = false
  readonly #pieces: SnapshotPiece[] = []
  #left: number
  #takenBytes = 0

  constructor(pieces: number) {
    this.#left = pieces
  }

  get heldBytes(): number {
    return this.#pieces.length * 10 + this.#takenBytes
  }

  get isFull(): boolean {
    return this.heldBytes >= 20
  }

  encode(): boolean {
    if (this.#left === 0) return true
    if (this.isFull) return false
    const isContinuation = this.#pieces.length > 0
    this.#pieces.push({
      operatorUid: 'op',
      keyGroup: this.#left,
      kind: 'base',
      isContinuation,
      bytes: new Uint8Array(10),
      crc32c: 0,
      entries: 1,
    })
    this.#left--
    return this.#left === 0
  }

  takePieces(): readonly SnapshotPiece[] {
    if (this.#left > 0 && !this.isFull) return []
    this.#takenBytes += this.#pieces.length * 10
    return this.#pieces.splice(0)
  }

  release(bytes: number): void {
    this.#takenBytes -= bytes
  }
}

test('gives all pieces in their order, however little may be held at once', () => {
  const snapshot = new ShortOfRoom(7)
  assert.deepEqual(
    encodeWhole(snapshot).map(({ keyGroup }) => keyGroup),
    [7, 6, 5, 4, 3, 2, 1],
  )
  assert.equal(snapshot.heldBytes, 0)
  assert.deepEqual(encodeWhole(new ShortOfRoom(0)), [])
})
