/**
 * Memory that tables by key have given back, for the next ones. A window's table is made and dropped with its window; where windows
 * are short, its memory is a steady stream for the garbage collector, which counts buffers by their bytes and then looks
 * through the whole heap (decision 0078).
 *
 * What is kept is bounded in bytes; more of it, and buffers that are small, are left to the collector.
 */
const SPARE_BYTES_MAX = 8 * 1024 * 1024
/** Smaller ones cost next to nothing, and would be many. */
const BUFFER_BYTES_MIN = 4_096

export class SpareBuffers {
  /** By their bytes. */
  readonly #spare = new Map<number, ArrayBuffer[]>()
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number = SPARE_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Of all that is kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** A buffer of so many bytes. What stands in it is of its last owner, or zeros. */
  take(bytes: number): ArrayBuffer {
    const spare = this.#spare.get(bytes)?.pop()
    if (spare === undefined) return new ArrayBuffer(bytes)
    this.#bytes -= bytes
    return spare
  }

  /** The same, of zeros. */
  takeZeroed(bytes: number): ArrayBuffer {
    const spare = this.#spare.get(bytes)?.pop()
    if (spare === undefined) return new ArrayBuffer(bytes)
    this.#bytes -= bytes
    new Uint8Array(spare).fill(0)
    return spare
  }

  /** Nobody may read or write the buffer any more. */
  give(buffer: ArrayBuffer): void {
    const bytes = buffer.byteLength
    if (bytes < BUFFER_BYTES_MIN || this.#bytes + bytes > this.#bytesMax) return
    const spare = this.#spare.get(bytes)
    if (spare === undefined) this.#spare.set(bytes, [buffer])
    else spare.push(buffer)
    this.#bytes += bytes
  }
}
