/**
 * Drives a file sink as the engine does, on a disk that can crash at any change: attempts, checkpoints that complete or
 * are aborted, commits, restores from the last complete checkpoint, also at another parallelism.
 */
import type { FileSystem, SinkCommitter, SinkTargetContext, SinkWriter, SinkWriterContext } from '@millrace/api'
import type { FileSink } from '../../src/sink/file-sink.ts'
import type { PartCommittable, PartWriterState } from '../../src/sink/part-file.ts'

export const LINEAGE = '0123456789abcdef'

export interface Row {
  readonly n: number
}

export interface Checkpoint {
  readonly id: number
  readonly states: readonly PartWriterState[]
  readonly committables: readonly PartCommittable[]
  /** The record that comes next after a restore. */
  readonly next: number
}

type Writer = SinkWriter<Row, PartWriterState, PartCommittable>

export class SinkRun {
  readonly #sink: FileSink<Row>
  readonly #files: FileSystem
  readonly #lineage: string
  #writers: Writer[] = []
  #committer: SinkCommitter<PartCommittable> | undefined
  /** Of aborted checkpoints: they go with the next one. */
  #carried: PartCommittable[] = []
  #attempt = 0
  #lastId = 0
  completed: Checkpoint | undefined
  next = 0
  readonly reports: string[] = []

  constructor(sink: FileSink<Row>, files: FileSystem, lineage = LINEAGE) {
    this.#sink = sink
    this.#files = files
    this.#lineage = lineage
  }

  /** Starts an attempt from the last complete checkpoint. */
  async start(parallelism: number, options: Partial<SinkTargetContext> = {}): Promise<void> {
    const { completed } = this
    this.#carried = []
    this.next = completed?.next ?? 0
    this.#lastId = completed?.id ?? 0
    await this.#sink.prepareTarget?.({
      files: this.#files,
      uid: 'out',
      lineage: this.#lineage,
      restoredCheckpoint: completed?.id,
      firstAttempt: this.#attempt === 0,
      discardNewer: false,
      pending: completed?.committables ?? [],
      writerStates: completed?.states ?? [],
      report: (message) => this.reports.push(message),
      ...options,
    })
    this.#committer = await this.#sink.openCommitter?.({ files: this.#files, uid: 'out', report: () => {} })
    if (completed !== undefined) await this.#committer?.commit(completed.committables)
    this.#writers = []
    const attempt = this.#attempt++
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const states = (completed?.states ?? []).filter((_, i) => i % parallelism === subtask)
      this.#writers.push(await this.#sink.openWriter(this.#writerContext(subtask, parallelism, attempt), states))
    }
  }

  async write(writer: number, count: number): Promise<void> {
    const rows = Array.from({ length: count }, (_, i) => ({ n: this.next + i }))
    await (this.#writers[writer % this.#writers.length] as Writer).write(rows, [])
    this.next += count
  }

  /** All writers prepare; the checkpoint completes unless it is aborted; then it is committed. */
  async checkpoint(reason: 'checkpoint' | 'savepoint' | 'end', isAborted = false): Promise<void> {
    const id = ++this.#lastId
    const states: PartWriterState[] = []
    for (const writer of this.#writers) {
      const prepared = await writer.prepare(id, reason)
      states.push(...prepared.states)
      this.#carried.push(...prepared.committables)
    }
    if (isAborted) return
    this.completed = { id, states, committables: this.#carried, next: this.next }
    this.#carried = []
    await this.#committer?.commit(this.completed.committables)
  }

  async close(): Promise<void> {
    for (const writer of this.#writers) await writer.close()
    this.#writers = []
  }

  #writerContext(subtask: number, parallelism: number, attempt: number): SinkWriterContext {
    return {
      files: this.#files,
      lineage: this.#lineage,
      jobName: 'job',
      uid: 'out',
      subtask,
      parallelism,
      attempt,
      firstEpoch: this.#lastId + 1,
      nonce: `${this.#attempt}a${subtask}`,
      now: () => 0,
      count: () => {},
    }
  }
}
