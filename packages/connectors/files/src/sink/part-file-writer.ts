/**
 * Writes the part files of one sink subtask. A part is *in progress* while it grows, *pending* from the checkpoint that
 * closed it, *finished* once that checkpoint is complete and the committer has renamed it.
 *
 * Invariants: before anything is returned from `prepare`, its bytes and its name are durable. A file that a checkpoint
 * refers to is never changed within the recorded length and never removed here. After a failed write or sync nothing is
 * tried again: the task fails and a restore begins with new files.
 */

import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import {
  FileError,
  type FileSystem,
  MillraceError,
  type PreparedOutput,
  type PrepareReason,
  type SinkWriter,
  type SinkWriterContext,
  type WritableFile,
} from '@millrace/api'
import { copyOpenPart } from './copy-open-part.ts'
import type { CreatePartEncoder, PartEncoder } from './part-encoder.ts'
import type { OpenPartState, PartCommittable, PartWriterState } from './part-file.ts'
import {
  finishedPartName,
  type PartIdentity,
  type SinkIdentity,
  sinkIdentity,
  temporaryPartName,
} from './part-file-name.ts'

export interface PartFileOptions {
  readonly folder: string
  readonly prefix: string
  readonly suffix: string
  readonly rollBytes: number
  readonly rollOnCheckpoint: boolean
}

/** A part with its file. */
export interface OpenPart {
  readonly identity: PartIdentity
  readonly temporary: string
  readonly file: WritableFile
  /** CRC-32 of all bytes written. */
  crc32: number
  /** Whether a checkpoint refers to the file: then it must outlive this writer. */
  isRecorded: boolean
}

interface ClosedPart {
  readonly identity: PartIdentity
  readonly temporary: string
  readonly lengthBytes: number
  readonly isRecorded: boolean
}

const BUFFER_CHARACTERS = 256 * 1024

export class PartFileWriter<T> implements SinkWriter<T, PartWriterState, PartCommittable> {
  readonly #files: FileSystem
  readonly #options: PartFileOptions
  readonly #context: SinkWriterContext
  readonly #sink: SinkIdentity
  readonly #encoder: PartEncoder<T>
  readonly #bufferMax: number
  /** Encoded records that are in no file yet. */
  #buffer = ''
  #open: OpenPart | undefined
  /** Closed since the last `prepare`. */
  #closed: ClosedPart[] = []
  #superseded: PartCommittable[] = []
  #counter = 0

  private constructor(options: PartFileOptions, encoder: PartEncoder<T>, context: SinkWriterContext) {
    this.#files = context.files
    this.#options = options
    this.#context = context
    this.#sink = sinkIdentity(context.lineage, context.uid)
    this.#encoder = encoder
    this.#bufferMax = Math.min(BUFFER_CHARACTERS, options.rollBytes)
  }

  /** Continues the parts that were open at the restored checkpoint, as copies; throws `SINK_DATA_LOSS` when one is gone. */
  static async open<T>(
    options: PartFileOptions,
    createEncoder: CreatePartEncoder<T>,
    context: SinkWriterContext,
    restored: readonly PartWriterState[],
  ): Promise<PartFileWriter<T>> {
    const columns = restored.find((state) => state.kind === 'columns')?.columns
    const writer = new PartFileWriter(options, createEncoder(columns), context)
    const parts = restored.filter((state) => state.kind === 'open')
    for (const [index, state] of parts.entries()) await writer.#continuePart(state, index)
    return writer
  }

  write(records: readonly T[]): void | Promise<void> {
    const encoder = this.#encoder
    let text = this.#buffer
    for (let i = 0; i < records.length; i++) {
      text += encoder.encode(records[i] as T)
      if (text.length >= this.#bufferMax) {
        this.#buffer = text
        return this.#writeFrom(records, i + 1)
      }
    }
    this.#buffer = text
  }

  async prepare(
    checkpointId: number,
    reason: PrepareReason,
  ): Promise<PreparedOutput<PartWriterState, PartCommittable>> {
    await this.#flush()
    const open = this.#open
    if (open !== undefined) {
      // A savepoint may outlive everything here that has no finished name.
      if (this.#options.rollOnCheckpoint || reason !== 'checkpoint') await this.#closePart(open)
      else await this.#attempt(open.temporary, () => open.file.sync())
    }
    const committables = [...this.#closed.map((part) => this.#pendingPart(part, checkpointId)), ...this.#superseded]
    const states = this.#states()
    if (this.#closed.length > 0 || this.#open !== undefined) {
      await this.#attempt(this.#options.folder, () => this.#files.syncFolder(this.#options.folder))
    }
    if (this.#open !== undefined) this.#open.isRecorded = true
    this.#closed = []
    this.#superseded = []
    return { states, committables }
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    const unprepared = [...this.#closed, ...(open === undefined ? [] : [open])].filter(({ isRecorded }) => !isRecorded)
    this.#closed = []
    this.#buffer = ''
    await open?.file.close()
    for (const { temporary } of unprepared) await this.#files.remove(this.#pathOf(temporary))
  }

  async #writeFrom(records: readonly T[], from: number): Promise<void> {
    await this.#flush()
    const rest = from < records.length ? this.write(records.slice(from)) : undefined
    await rest
  }

  /** Puts what is buffered into the part in progress and closes that when it is large enough. */
  async #flush(): Promise<void> {
    if (this.#buffer === '') return
    this.#open ??= await this.#createPart()
    const open = this.#open
    const header = open.file.lengthBytes === 0 ? this.#encoder.header() : ''
    const bytes = Buffer.from(header + this.#buffer, 'utf8')
    this.#buffer = ''
    await this.#attempt(open.temporary, () => open.file.write(bytes))
    open.crc32 = crc32(bytes, open.crc32)
    if (open.file.lengthBytes >= this.#options.rollBytes) await this.#closePart(open)
  }

  async #createPart(): Promise<OpenPart> {
    const identity = { subtask: this.#context.subtask, counter: this.#counter++, nonce: this.#context.nonce }
    const temporary = temporaryPartName(this.#options.prefix, this.#sink, identity, this.#context.nonce)
    const file = await this.#attempt(temporary, () => this.#files.create(this.#pathOf(temporary), { exclusive: true }))
    return { identity, temporary, file, crc32: 0, isRecorded: false }
  }

  async #closePart(open: OpenPart): Promise<void> {
    const { file, identity, temporary, isRecorded } = open
    await this.#attempt(temporary, async () => {
      await file.sync()
      await file.close()
    })
    this.#open = undefined
    this.#closed.push({ identity, temporary, lengthBytes: file.lengthBytes, isRecorded })
  }

  /** The bytes of a restored part become a new file; the old one stays as long as a checkpoint may refer to it. */
  async #continuePart(state: OpenPartState, index: number): Promise<void> {
    const copy = `${this.#context.nonce}c${index}`
    const temporary = temporaryPartName(this.#options.prefix, this.#sink, state.part, copy)
    const file = await copyOpenPart(this.#files, state, this.#pathOf(temporary))
    // After scaling in there may be several; only one goes on growing.
    if (this.#open !== undefined) await this.#closePart(this.#open)
    this.#open = { identity: state.part, temporary, file, crc32: state.crc32, isRecorded: false }
    this.#superseded.push({ kind: 'superseded', folder: state.folder, temporary: state.temporary })
  }

  #pendingPart({ identity, temporary, lengthBytes }: ClosedPart, checkpointId: number): PartCommittable {
    const { folder, prefix, suffix } = this.#options
    const columns = this.#encoder.derivedColumns
    return {
      kind: 'part',
      folder,
      temporary,
      final: finishedPartName(prefix, this.#sink, checkpointId, identity, suffix),
      lengthBytes,
      ...(columns === undefined ? {} : { columns }),
    }
  }

  #states(): PartWriterState[] {
    const states: PartWriterState[] = []
    const columns = this.#encoder.derivedColumns
    if (columns !== undefined) states.push({ kind: 'columns', columns })
    if (this.#open !== undefined) {
      const { identity, temporary, file, crc32 } = this.#open
      const { folder } = this.#options
      states.push({ kind: 'open', folder, temporary, part: identity, lengthBytes: file.lengthBytes, crc32 })
    }
    return states
  }

  #pathOf(name: string): string {
    return posix.join(this.#options.folder, name)
  }

  async #attempt<R>(name: string, act: () => Promise<R>): Promise<R> {
    try {
      return await act()
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause
      const reason = cause instanceof FileError && cause.kind === 'no-space' ? 'the disk is full' : String(cause)
      throw new MillraceError('SINK_WRITE_FAILED', `The part file "${name}" could not be written: ${reason}`, {
        details: { file: name, folder: this.#options.folder, subtask: this.#context.subtask },
        cause,
      })
    }
  }
}
