/**
 * Reads what `ByteWriter` wrote. Bytes are untrusted: every read is checked against the end, and every count against
 * the bytes that are left before anything is allocated. What does not fit is `BYTES_DAMAGED`.
 */
import { MillraceError } from '@millrace/api'

export class ByteReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  position: number
  /** First position that may not be read. */
  readonly end: number
  /** What the bytes are, for messages: `segment`, `manifest`, a file name. */
  readonly what: string

  constructor(bytes: Uint8Array, what = 'encoded bytes', start = 0, end = bytes.length) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = start
    this.end = end
    this.what = what
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Checks that `count` more bytes are there. */
  need(count: number): void {
    if (!(count <= this.end - this.position)) this.damaged(`${count} bytes expected, ${this.remaining} left`)
  }

  u8(): number {
    if (this.position >= this.end) this.damaged('one byte expected, none left')
    return this.bytes[this.position++] as number
  }

  u16(): number {
    this.need(2)
    const value = this.view.getUint16(this.position, true)
    this.position += 2
    return value
  }

  u32(): number {
    this.need(4)
    const value = this.view.getUint32(this.position, true)
    this.position += 4
    return value
  }

  float64(): number {
    this.need(8)
    const value = this.view.getFloat64(this.position, true)
    this.position += 8
    return value
  }

  varint(): number {
    let byte = this.u8()
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    let scale = 128
    for (;;) {
      byte = this.u8()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) this.damaged('an integer is too large')
      if (byte < 0x80) return value
      scale *= 128
      if (scale > 2 ** 49) this.damaged('an integer is too long')
    }
  }

  zigzag(): number {
    const first = this.u8()
    const low = (first & 0x7f) >>> 1
    const magnitude = first < 0x80 ? low : this.varint() * 64 + low
    if (magnitude > Number.MAX_SAFE_INTEGER) this.damaged('an integer is too large')
    return first & 1 ? -magnitude - 1 : magnitude
  }

  /** A count of things that take at least `bytesEach` bytes each. */
  count(bytesEach = 1): number {
    const count = this.varint()
    if (count * bytesEach > this.remaining) this.damaged(`${count} elements announced, ${this.remaining} bytes left`)
    return count
  }

  /** The next `length` bytes as a view of the same memory. */
  raw(length: number): Uint8Array {
    this.need(length)
    const bytes = this.bytes.subarray(this.position, this.position + length)
    this.position += length
    return bytes
  }

  /** The next `length` bytes in memory of their own. */
  copy(length: number): Uint8Array<ArrayBuffer> {
    this.need(length)
    const copy = new Uint8Array(length)
    copy.set(this.raw(length))
    return copy
  }

  /** Throws unless everything was read. */
  expectEnd(): void {
    if (this.position !== this.end) this.damaged(`${this.remaining} bytes too many`)
  }

  damaged(problem: string): never {
    throw new MillraceError('BYTES_DAMAGED', `Damaged ${this.what}: ${problem}, at byte ${this.position}.`, {
      details: { what: this.what, position: this.position },
    })
  }
}
