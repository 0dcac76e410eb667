/**
 * Copies text by Node's own loops, which take about as long for a string of seventy characters as for one of ten. Keeps
 * a view of the bytes that were used last: a channel reads from the same ring again and again.
 */
import { Buffer } from 'node:buffer'
import type { TextCopier } from '@millrace/core'

export class BufferTextCopier implements TextCopier {
  #bytes: Uint8Array | undefined
  #buffer: Buffer = Buffer.alloc(0)

  writeLatin1(text: string, bytes: Uint8Array, at: number): boolean {
    const buffer = this.#bufferOf(bytes)
    buffer.write(text, at, 'latin1')
    // It cuts units off without a word. Reading and comparing all of them at once costs less than a look at each.
    return buffer.toString('latin1', at, at + text.length) === text
  }

  writeUtf16(text: string, bytes: Uint8Array, at: number): void {
    this.#bufferOf(bytes).write(text, at, 'utf16le')
  }

  readLatin1(bytes: Uint8Array, at: number, length: number): string {
    return this.#bufferOf(bytes).toString('latin1', at, at + length)
  }

  readUtf16(bytes: Uint8Array, at: number, length: number): string {
    return this.#bufferOf(bytes).toString('utf16le', at, at + length * 2)
  }

  #bufferOf(bytes: Uint8Array): Buffer {
    if (this.#bytes !== bytes) {
      this.#bytes = bytes
      this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    return this.#buffer
  }
}
