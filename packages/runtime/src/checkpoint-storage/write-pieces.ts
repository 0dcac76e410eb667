/** How many small pieces of bytes become few writes. */

const WRITE_BYTES = 1_048_576

/**
 * Puts pieces together to about `WRITE_BYTES`. A snapshot has a piece for every key group, and each call of the file
 * system waits for a turn of the slot's event loop (decision 0033).
 */
export class PieceWrites {
  /** Used again for each write: a file is done with it when its write has resolved. */
  #buffer = new Uint8Array(0);

  /** The same bytes, in order; what is yielded holds until the next one is asked for. */
  *of(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
    let from = 0
    let bytes = 0
    for (const [index, piece] of pieces.entries()) {
      bytes += piece.length
      if (bytes < WRITE_BYTES && index < pieces.length - 1) continue
      yield from === index ? piece : this.#together(pieces.slice(from, index + 1), bytes)
      from = index + 1
      bytes = 0
    }
  }

  #together(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes)
    let at = 0
    for (const piece of pieces) {
      this.#buffer.set(piece, at)
      at += piece.length
    }
    return this.#buffer.subarray(0, bytes)
  }
}
