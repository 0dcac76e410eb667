/** How many small pieces of bytes become few writes. */

const WRITE_BYTES = 1_048_576

/**
 * The same bytes in pieces of about `WRITE_BYTES`. A snapshot has a piece for every key group, and each call of the file
 * system waits for a turn of the slot's event loop (decision 0033).
 */
export function* coalesced(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  let from = 0
  let bytes = 0
  for (const [index, piece] of pieces.entries()) {
    bytes += piece.length
    if (bytes < WRITE_BYTES && index < pieces.length - 1) continue
    yield from === index ? piece : concatenated(pieces.slice(from, index + 1), bytes)
    from = index + 1
    bytes = 0
  }
}

function concatenated(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
