/**
 * For a system that has neither transactions nor keys: records are kept in the checkpoint until it is complete, and
 * written then. A checkpoint is stored before it is committed, so it cannot say whether its batches were written: after a
 * recovery those of the restored one are written again, unless the system can say whether it has a batch.
 */
import type { PlainValue } from '../../connector/plain-value.ts'
import type { PreparedOutput, Sink, SinkCommitter, SinkWriter, SinkWriterContext } from '../../connector/sink.ts'
import { MillraceError } from '../../error/millrace-error.ts'
import { checkFunction, checkOptions, checkText, checkWholeNumber, invalidOption } from '../../option/check-options.ts'
import { decodePlain, encodePlain } from '../plain-encoding.ts'

/** What one subtask wrote between two checkpoints. */
export interface WriteAheadBatch<T> {
  /** The same at every repetition, and of no other batch. */
  readonly id: string
  readonly records: readonly T[]
}

/** A connection to the outside system. */
export interface WriteAheadTarget<T> {
  /** Writes a batch. When the promise resolves it survives a crash. */
  write(batch: WriteAheadBatch<T>): Promise<void>
  /** Whether the system has a batch already; needed where the sink says `remembersBatches`. */
  has?(id: string): Promise<boolean>
  close(): Promise<void>
}

/** Options of `writeAheadSink`. */
export interface WriteAheadSinkOptions<T> {
  /** What the sink is, for the plan: `web-hook-sink`. */
  readonly kind: string
  /** For the plan: where it writes to. Default: nothing. */
  readonly options?: Readonly<Record<string, PlainValue>>
  /** Connects; once, in the committer. */
  readonly connect: () => Promise<WriteAheadTarget<T>>
  /** The system can say whether it has a batch: the sink is exactly-once, else at-least-once. Default `false`. */
  readonly remembersBatches?: boolean
  /**
   * Most characters (as JSON) that a subtask keeps between two checkpoints; they are in the memory of the job and in the
   * checkpoint. Default 16,777,216.
   */
  readonly charactersMax?: number
}

/** A batch in a checkpoint. */
export interface LoggedBatch {
  readonly [field: string]: PlainValue
  readonly id: string
  readonly records: readonly PlainValue[]
}

const CHARACTERS_MAX = 16 * 1_024 * 1_024

/** A sink that writes only what a complete checkpoint holds. Throws `GRAPH_INVALID` for options that are none. */
export function writeAheadSink<T>(options: WriteAheadSinkOptions<T>): Sink<T, null, LoggedBatch> {
  checkOptions('writeAheadSink', options, ['kind', 'options', 'connect', 'remembersBatches', 'charactersMax'])
  const { kind, connect, remembersBatches = false } = options
  const charactersMax =
    checkWholeNumber('writeAheadSink', 'charactersMax', options.charactersMax, { min: 1 }) ?? CHARACTERS_MAX
  if (checkText('writeAheadSink', 'kind', kind) === undefined) {
    throw invalidOption('writeAheadSink', 'kind', kind, 'a text')
  }
  checkFunction('writeAheadSink', 'connect', connect)
  return {
    kind,
    options: options.options ?? {},
    guarantee: remembersBatches ? 'exactly-once' : 'at-least-once',
    openWriter: async (context) => new LogWriter<T>(kind, charactersMax, context),
    openCommitter: async () => new LogCommitter<T>(kind, remembersBatches, await connect()),
  }
}

class LogWriter<T> implements SinkWriter<T, null, LoggedBatch> {
  readonly #kind: string
  readonly #charactersMax: number
  readonly #idPrefix: string
  #records: PlainValue[] = []
  #characters = 0

  constructor(kind: string, charactersMax: number, context: SinkWriterContext) {
    const { lineage, uid, subtask, attempt, nonce } = context
    this.#kind = kind
    this.#charactersMax = charactersMax
    this.#idPrefix = `millrace/${lineage}/${encodeURIComponent(uid)}/${subtask}/${attempt}-${nonce}`
  }

  write(records: readonly T[]): void {
    for (const record of records) {
      const plain = encodePlain(record)
      this.#characters += JSON.stringify(plain).length
      this.#records.push(plain)
    }
    if (this.#characters > this.#charactersMax) {
      throw new MillraceError(
        'SINK_WRITE_FAILED',
        `${this.#kind}: more than ${this.#charactersMax} characters of records between two checkpoints`,
        {
          details: { records: this.#records.length, charactersMax: this.#charactersMax },
          hint: 'They are kept in the checkpoint. Take checkpoints more often (execution.checkpointing.interval), more subtasks, or a larger charactersMax.',
        },
      )
    }
  }

  async prepare(checkpointId: number): Promise<PreparedOutput<null, LoggedBatch>> {
    const records = this.#records
    this.#records = []
    this.#characters = 0
    if (records.length === 0) return { states: [], committables: [] }
    return { states: [], committables: [{ id: `${this.#idPrefix}/${checkpointId}`, records }] }
  }

  async close(): Promise<void> {
    this.#records = []
  }
}

class LogCommitter<T> implements SinkCommitter<LoggedBatch> {
  readonly #remembersBatches: boolean
  readonly #target: WriteAheadTarget<T>

  constructor(kind: string, remembersBatches: boolean, target: WriteAheadTarget<T>) {
    if (remembersBatches && target.has === undefined) {
      throw new MillraceError(
        'SINK_COMMIT_FAILED',
        `${kind}: remembersBatches is set, but its target has no method has()`,
      )
    }
    this.#remembersBatches = remembersBatches
    this.#target = target
  }

  async commit(batches: readonly LoggedBatch[]): Promise<void> {
    for (const { id, records } of batches) {
      if (this.#remembersBatches && (await this.#target.has?.(id)) === true) continue
      await this.#target.write({ id, records: records.map(decodePlain) as T[] })
    }
  }

  close(): Promise<void> {
    return this.#target.close()
  }
}
