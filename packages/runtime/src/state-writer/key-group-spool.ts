/**
 * Holds values by key group, in the order in which they came, until each group is asked for: in memory up to a budget,
 * beyond it in a file. So a savepoint can be written key group by key group out of input in any order.
 *
 * Invariant: encoded values in memory stay within the budget and one value; of what is in the file only one piece of one
 * group is in memory at a time.
 */
import type { FileSystem, WritableFile } from '@millrace/api'
import { ByteReader, ByteWriter, decodeValue, encodeValue } from '@millrace/core'
import { readRange } from '../checkpoint-storage/durable-files.ts'

interface Piece {
  readonly offsetBytes: number
  readonly lengthBytes: number
}

const WRITER_BYTES_INITIAL = 256

export class KeyGroupSpool {
  readonly #files: FileSystem
  readonly #path: string
  readonly #memoryBytesMax: number
  readonly #writers = new Map<number, ByteWriter>()
  readonly #pieces = new Map<number, Piece[]>()
  #memoryBytes = 0
  #file: WritableFile | undefined

  /** `path`: the file, made when it is needed. */
  constructor(files: FileSystem, path: string, memoryBytesMax: number) {
    this.#files = files
    this.#path = path
    this.#memoryBytesMax = memoryBytesMax
  }

  /** Whether the file was needed. */
  get isSpilled(): boolean {
    return this.#file !== undefined
  }

  /** Ascending. */
  get keyGroups(): readonly number[] {
    return [...new Set([...this.#writers.keys(), ...this.#pieces.keys()])].sort((a, b) => a - b)
  }

  /** Throws `VALUE_NOT_ENCODABLE`; `what` names the value. */
  async add(keyGroup: number, value: unknown, what: string): Promise<void> {
    let writer = this.#writers.get(keyGroup)
    if (writer === undefined) {
      writer = new ByteWriter(WRITER_BYTES_INITIAL)
      this.#writers.set(keyGroup, writer)
    }
    const before = writer.position
    encodeValue(writer, value, what)
    this.#memoryBytes += writer.position - before
    if (this.#memoryBytes > this.#memoryBytesMax) await this.#spill()
  }

  /** All values of a group in their order. */
  async *values(keyGroup: number): AsyncGenerator<unknown> {
    for (const { offsetBytes, lengthBytes } of this.#pieces.get(keyGroup) ?? []) {
      const file = await this.#files.openRead(this.#path)
      let bytes: Uint8Array
      try {
        bytes = await readRange(file, offsetBytes, lengthBytes)
      } finally {
        await file.close()
      }
      yield* this.#decoded(bytes)
    }
    const writer = this.#writers.get(keyGroup)
    if (writer !== undefined) yield* this.#decoded(writer.toBytes())
  }

  /** Gives up what is held of a group. */
  forget(keyGroup: number): void {
    this.#writers.delete(keyGroup)
  }

  /** Removes the file. */
  async close(): Promise<void> {
    await this.#file?.close()
    this.#writers.clear()
    this.#pieces.clear()
    if (this.#file !== undefined) await this.#files.remove(this.#path)
  }

  async #spill(): Promise<void> {
    this.#file ??= await this.#files.create(this.#path)
    for (const [keyGroup, writer] of this.#writers) {
      const offsetBytes = this.#file.lengthBytes
      const bytes = writer.toBytes()
      await this.#file.write(bytes)
      const pieces = this.#pieces.get(keyGroup) ?? []
      pieces.push({ offsetBytes, lengthBytes: bytes.length })
      this.#pieces.set(keyGroup, pieces)
    }
    this.#writers.clear()
    this.#memoryBytes = 0
  }

  *#decoded(bytes: Uint8Array): Generator<unknown> {
    const reader = new ByteReader(bytes, this.#path)
    while (reader.position < bytes.length) yield decodeValue(reader)
  }
}
