/**
 * The bytes that a text reader has at hand: what is left of the last chunk and the chunk after it, with the whole lines
 * among them marked and looked through for what is not ASCII or not UTF-8 – natively, a window at a time, which is far
 * cheaper than byte by byte.
 */
import { isAscii, isUtf8 } from 'node:buffer'

const NEWLINE = 10

export class TextWindow {
  bytes: Buffer = Buffer.alloc(0)
  /** Next byte to read; `[at, end)` are at hand. */
  at = 0
  end = 0
  /** `[at, limit)` are whole lines; at the end of the input the rest counts as one. */
  limit = 0
  /** What the whole lines hold; `mixed`: some of them are not UTF-8. */
  content: 'ascii' | 'utf8' | 'mixed' = 'ascii'
  isLast = false
  #startOffset: number

  constructor(offset: number) {
    this.#startOffset = offset
  }

  /** Offset of the next byte in the input. */
  get offset(): number {
    return this.#startOffset + this.at
  }

  append(chunk: Uint8Array): void {
    const left = this.end - this.at
    if (left + chunk.length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.max(left + chunk.length, Math.min(2 * this.bytes.length, left + 2 ** 20)),
      )
      this.bytes.copy(larger, 0, this.at, this.end)
      this.bytes = larger
    } else if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end)
    }
    this.bytes.set(chunk, left)
    this.#startOffset += this.at
    this.at = 0
    this.end = left + chunk.length
    // Line breaks in what was left have been found before; only its last, unfinished line may hold none.
    this.#mark(this.bytes.lastIndexOf(NEWLINE, this.end - 1) + 1)
  }

  /** The input ends here. */
  endInput(): void {
    this.isLast = true
    this.#mark(this.end)
  }

  /** Line and column of a byte, both from 1, when the next byte is the first of `line`. Columns count UTF-16 units. */
  locate(index: number, line: number): { readonly line: number; readonly column: number } {
    let lineFrom = this.at
    let lines = 0
    for (let i = this.at; i < index; i++) {
      if (this.bytes[i] !== NEWLINE) continue
      lines++
      lineFrom = i + 1
    }
    return { line: line + lines, column: this.bytes.toString('utf8', lineFrom, Math.max(lineFrom, index)).length + 1 }
  }

  #mark(limit: number): void {
    this.limit = limit
    const lines = this.bytes.subarray(this.at, Math.max(this.at, limit))
    this.content = isAscii(lines) ? 'ascii' : isUtf8(lines) ? 'utf8' : 'mixed'
  }
}

/** Index of the first byte in `[from, to)` that belongs to no valid UTF-8 sequence, or −1. */
export function findInvalidUtf8(bytes: Uint8Array, from: number, to: number): number {
  if (isUtf8(bytes.subarray(from, to))) return -1
  let at = from
  while (at < to) {
    const length = sequenceLength(bytes[at] as number)
    if (length === 0 || at + length > to || !isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return -1
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1
  if (lead < 0xc2) return 0
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
}
