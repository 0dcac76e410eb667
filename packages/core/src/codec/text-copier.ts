/**
 * The port through which columns of strings are copied to bytes and back. The language has no quick way to do so, and a
 * platform that has one hands it in; `loopTextCopier` copies unit by unit and serves where there is none. Both write the
 * same bytes, so the two ends of a channel may differ in it.
 */
import { latin1At, utf16At } from './string-codec.ts'

export interface TextCopier {
  /**
   * Writes one byte per unit of `text` from `at` on, for which there is room. False when a unit needs more than a byte;
   * then the bytes are worth nothing.
   */
  writeLatin1(text: string, bytes: Uint8Array, at: number): boolean
  /** Writes two bytes per unit, the lower one first; there is room for them. */
  writeUtf16(text: string, bytes: Uint8Array, at: number): void
  /**
   * The string of `length` units at `at`, which are there. It has memory of its own: what keeps it keeps nothing of the
   * message.
   */
  readLatin1(bytes: Uint8Array, at: number, length: number): string
  readUtf16(bytes: Uint8Array, at: number, length: number): string
}

export const loopTextCopier: TextCopier = {
  writeLatin1(text, bytes, at) {
    let all = 0
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      all |= unit
      bytes[at + i] = unit
    }
    return all <= 0xff
  },
  writeUtf16(text, bytes, at) {
    for (let i = 0, to = at; i < text.length; i++, to += 2) {
      const unit = text.charCodeAt(i)
      bytes[to] = unit
      bytes[to + 1] = unit >>> 8
    }
  },
  readLatin1: latin1At,
  readUtf16: utf16At,
}
