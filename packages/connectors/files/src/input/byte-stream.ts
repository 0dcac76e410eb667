/**
 * The content of an input file as chunks, decompressed when it begins as gzip does. Only one chunk is read ahead, and
 * decompression waits for its reader, so memory stays bounded however well a file is compressed.
 */

import { Readable } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'
import { MillraceError, type ReadableFile } from '@millrace/api'
import { readFully } from './open-input.ts'

/** Bytes read at once. */
const CHUNK_BYTES = 256 * 1024
/** The least that zlib takes as the size of what it gives out at once. */
const GUNZIP_CHUNK_BYTES_MIN = 64

export interface ByteStream {
  /**
   * The next chunk, valid until the next call, or `undefined` at the end. Throws `INPUT_UNREADABLE`; for gzip also
   * `INPUT_TRUNCATED` when the file is cut off and `INPUT_MALFORMED` when it is damaged.
   */
  next(): Promise<Uint8Array | undefined>
  /** Bytes of the file itself that have been taken so far. */
  readonly consumedBytes: number
  close(): void
}

/**
 * Opens the content from an offset (of decompressed bytes: a gzip file is decompressed from its start again).
 * Returns `undefined` when the content is shorter than the offset.
 */
export async function openByteStream(
  file: ReadableFile,
  offset: number,
  chunkBytes = CHUNK_BYTES,
): Promise<ByteStream | undefined> {
  const magic = new Uint8Array(2)
  const length = await readFully(file, magic, 0)
  if (length < 2 || magic[0] !== 0x1f || magic[1] !== 0x8b) {
    if (offset > 0 && (await file.sizeBytes()) < offset) return undefined
    return new PlainStream(file, offset, chunkBytes)
  }
  const stream = new GzipStream(file, chunkBytes)
  let left = offset
  while (left > 0) {
    const chunk = await stream.next()
    if (chunk === undefined) {
      stream.close()
      return undefined
    }
    if (chunk.length > left) stream.putBack(chunk.subarray(left))
    left -= Math.min(left, chunk.length)
  }
  return stream
}

class PlainStream implements ByteStream {
  readonly #file: ReadableFile
  readonly #chunk: Uint8Array
  consumedBytes: number

  constructor(file: ReadableFile, offset: number, chunkBytes: number) {
    this.#file = file
    this.#chunk = new Uint8Array(chunkBytes)
    this.consumedBytes = offset
  }

  async next(): Promise<Uint8Array | undefined> {
    const length = await readFully(this.#file, this.#chunk, this.consumedBytes)
    if (length === 0) return undefined
    this.consumedBytes += length
    return this.#chunk.subarray(0, length)
  }

  close(): void {}
}

class GzipStream implements ByteStream {
  readonly #file: ReadableFile
  readonly #chunkBytes: number
  readonly #gunzip: Gunzip
  readonly #input: Readable
  readonly #chunks: AsyncIterator<Uint8Array>
  #readBytes = 0
  #putBack: Uint8Array | undefined
  #inputFailure: unknown

  constructor(file: ReadableFile, chunkBytes: number) {
    this.#file = file
    this.#chunkBytes = chunkBytes
    this.#gunzip = createGunzip({ chunkSize: Math.max(GUNZIP_CHUNK_BYTES_MIN, chunkBytes) })
    this.#input = Readable.from(this.#readFile(), { objectMode: false, highWaterMark: 1 })
    this.#input.on('error', (error) => {
      this.#inputFailure = error
      this.#gunzip.destroy(error)
    })
    this.#input.pipe(this.#gunzip)
    this.#chunks = this.#gunzip[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  }

  get consumedBytes(): number {
    return Math.min(this.#readBytes, this.#gunzip.bytesWritten)
  }

  async next(): Promise<Uint8Array | undefined> {
    const chunk = this.#putBack
    if (chunk !== undefined) {
      this.#putBack = undefined
      return chunk
    }
    try {
      const result = await this.#chunks.next()
      return result.done === true ? undefined : result.value
    } catch (cause) {
      throw this.#inputFailure ?? this.#failure(cause)
    }
  }

  putBack(chunk: Uint8Array): void {
    this.#putBack = chunk
  }

  close(): void {
    this.#input.destroy()
    this.#gunzip.destroy()
  }

  async *#readFile(): AsyncGenerator<Uint8Array> {
    for (;;) {
      // zlib works on a chunk in another thread while the next one is read, so each needs its own memory.
      const chunk = new Uint8Array(this.#chunkBytes)
      const length = await readFully(this.#file, chunk, this.#readBytes)
      if (length === 0) return
      this.#readBytes += length
      yield chunk.subarray(0, length)
    }
  }

  #failure(cause: unknown): MillraceError {
    const code = (cause as { readonly code?: unknown }).code
    const isCutOff = code === 'Z_BUF_ERROR'
    const reason = isCutOff ? 'is cut off inside its gzip data' : `has damaged gzip data (${(cause as Error).message})`
    return new MillraceError(isCutOff ? 'INPUT_TRUNCATED' : 'INPUT_MALFORMED', `"${this.#file.path}" ${reason}`, {
      details: { file: this.#file.path },
      hint: isCutOff ? 'Fetch the file again: it is not complete.' : 'Check the file with "gzip -t".',
      cause,
    })
  }
}
