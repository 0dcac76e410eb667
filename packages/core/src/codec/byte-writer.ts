/**
 * A growing buffer of bytes. Numbers are little-endian. Knows nothing of values or formats; see `value-encoder.ts` and
 * `string-codec.ts`. What was written is never moved within the buffer, so a position stays valid until `truncate`.
 */
import { MillraceError } from '@millrace/api'

const BYTES_INITIAL = 1_024
/** Below the largest length that 31-bit arithmetic on positions allows. */
const BYTES_LIMIT = 0x7fff_0000

export class ByteWriter {
  /** The buffer; only `[0, position)` is meaningful. Replaced when it grows: read it again after every write. */
  bytes: Uint8Array
  /** A view of the whole of `bytes`. */
  view: DataView
  /** Where the next byte goes, and so the number of bytes written. */
  position = 0
  readonly #bytesMax: number

  /**
   * @param initial initial capacity in bytes, or a buffer to write to. A larger one takes its place when it is full.
   * @param bytesMax writing more than this throws `RECORD_TOO_LARGE`; default about 2 GiB.
   */
  constructor(initial: number | Uint8Array = BYTES_INITIAL, bytesMax = BYTES_LIMIT) {
    this.bytes = typeof initial === 'number' ? new Uint8Array(initial) : initial
    this.view = viewOf(this.bytes)
    this.#bytesMax = Math.min(bytesMax, BYTES_LIMIT)
  }

  /** Makes room for `count` more bytes, so that they may be written to `bytes` or `view` directly. */
  ensure(count: number): void {
    if (this.position + count > this.bytes.length) this.#grow(count)
  }

  u8(value: number): void {
    if (this.position === this.bytes.length) this.#grow(1)
    this.bytes[this.position++] = value
  }

  u16(value: number): void {
    this.ensure(2)
    this.view.setUint16(this.position, value, true)
    this.position += 2
  }

  u32(value: number): void {
    this.ensure(4)
    this.view.setUint32(this.position, value, true)
    this.position += 4
  }

  float64(value: number): void {
    this.ensure(8)
    this.view.setFloat64(this.position, value, true)
    this.position += 8
  }

  /** A non-negative safe integer in 1 to 8 bytes, seven bits each, lowest first. */
  varint(value: number): void {
    this.ensure(8)
    const bytes = this.bytes
    let rest = value
    let at = this.position
    while (rest > 0x7fff_ffff) {
      bytes[at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[at++] = rest
    this.position = at
  }

  /** A safe integer of either sign in 1 to 8 bytes: zigzag, so that small magnitudes are short. −0 becomes 0. */
  zigzag(value: number): void {
    const negative = value < 0 ? 1 : 0
    const magnitude = negative ? -(value + 1) : value
    // 2 × magnitude would leave the safe range, so the sign takes the lowest bit of the first byte by itself.
    const low = ((magnitude % 64) << 1) | negative
    if (magnitude < 64) {
      this.u8(low)
    } else {
      this.u8(low | 0x80)
      this.varint(Math.floor(magnitude / 64))
    }
  }

  raw(source: Uint8Array): void {
    this.ensure(source.length)
    this.bytes.set(source, this.position)
    this.position += source.length
  }

  /** Writes a 32-bit integer over earlier bytes. */
  patchU32(at: number, value: number): void {
    this.view.setUint32(at, value, true)
  }

  /** Forgets everything from `position` on. */
  truncate(position: number): void {
    this.position = position
  }

  reset(): void {
    this.position = 0
  }

  /** The written bytes as a view, valid until the next write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.position)
  }

  /** A copy of the written bytes. */
  toBytes(): Uint8Array {
    // Not `slice`: on a subclass such as Node's Buffer that is a view.
    const copy = new Uint8Array(this.position)
    copy.set(this.written())
    return copy
  }

  #grow(count: number): void {
    const needed = this.position + count
    if (needed > this.#bytesMax) {
      throw new MillraceError('RECORD_TOO_LARGE', `Encoding needs more than the limit of ${this.#bytesMax} bytes.`, {
        details: { bytesMax: this.#bytesMax, bytesNeeded: needed },
      })
    }
    const grown = new Uint8Array(Math.min(Math.max(needed, this.bytes.length * 2, 64), this.#bytesMax))
    grown.set(this.bytes.subarray(0, this.position))
    this.bytes = grown
    this.view = viewOf(grown)
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
