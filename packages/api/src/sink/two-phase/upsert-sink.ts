/**
 * Exactly-once in effect into a system without transactions that keeps one row for each key (a search index, a key-value store): rows are
 * written at once, under keys that depend on the record alone. What is written again after a recovery replaces itself.
 *
 * Two things follow that transactions would spare: until a recovery has caught up, readers may see older rows come back; and a
 * job that gives other records when it reads the same input again leaves rows that nobody replaces.
 */
import type { PlainValue } from '../../connector/plain-value.ts'
import type { PreparedOutput, Sink, SinkWriter, SinkWriterContext } from '../../connector/sink.ts'
import { checkFunction, checkOptions, checkText, checkWholeNumber, invalidOption } from '../../option/check-options.ts'

/** One row to be put, or taken out. */
export interface Upsert<Row> {
  readonly key: string
  /** `undefined`: the row of this key is to be deleted. */
  readonly row: Row | undefined
  /**
   * The checkpoint that the write belongs to; it never falls within one history of a job. A target that keeps it with the row
   * can refuse a request of a dead attempt that was long under way.
   */
  readonly epoch: number
}

/** A connection to the outside system. */
export interface UpsertTarget<Row> {
  /** Puts and deletes rows, each key at most once in a call. When the promise resolves they survive a crash. */
  apply(upserts: readonly Upsert<Row>[]): Promise<void>
  close(): Promise<void>
}

/** Options of `upsertSink`. */
export interface UpsertSinkOptions<T, Row> {
  /** What the sink is, for the plan: `search-index-sink`. */
  readonly kind: string
  /** For the plan: where it writes to. Default: nothing. */
  readonly options?: Readonly<Record<string, PlainValue>>
  /** Connects; once in each subtask's writer. */
  readonly connect: () => Promise<UpsertTarget<Row>>
  /** The key of a record's row. It must depend on the record alone: no clock, no random number. */
  readonly key: (record: T) => string
  /** The row of a record; `undefined` deletes. Default: the record itself. */
  readonly row?: (record: T) => Row | undefined
  /** Rows that are held back before they are written; of one key only the last is. Default 1,000. */
  readonly rowsMax?: number
}

const ROWS_MAX = 1_000

/** A sink that is exactly-once by keys. Throws `GRAPH_INVALID` for options that are none. */
export function upsertSink<T, Row = T>(options: UpsertSinkOptions<T, Row>): Sink<T, null, null> {
  checkOptions('upsertSink', options, ['kind', 'options', 'connect', 'key', 'row', 'rowsMax'])
  const { kind } = options
  const rowsMax = checkWholeNumber('upsertSink', 'rowsMax', options.rowsMax, { min: 1 }) ?? ROWS_MAX
  if (checkText('upsertSink', 'kind', kind) === undefined) throw invalidOption('upsertSink', 'kind', kind, 'a text')
  checkFunction('upsertSink', 'connect', options.connect)
  checkFunction('upsertSink', 'key', options.key)
  if (options.row !== undefined) checkFunction('upsertSink', 'row', options.row)
  return {
    kind,
    options: options.options ?? {},
    guarantee: 'exactly-once',
    openWriter: async (context) => new UpsertWriter(options, rowsMax, await options.connect(), context),
  }
}

class UpsertWriter<T, Row> implements SinkWriter<T, null, null> {
  readonly #options: UpsertSinkOptions<T, Row>
  readonly #rowsMax: number
  readonly #target: UpsertTarget<Row>
  readonly #held = new Map<string, Row | undefined>()
  #epoch: number

  constructor(
    options: UpsertSinkOptions<T, Row>,
    rowsMax: number,
    target: UpsertTarget<Row>,
    { firstEpoch }: SinkWriterContext,
  ) {
    this.#options = options
    this.#rowsMax = rowsMax
    this.#target = target
    this.#epoch = firstEpoch
  }

  write(records: readonly T[]): void | Promise<void> {
    const { key, row } = this.#options
    for (const record of records) {
      this.#held.set(key(record), row === undefined ? (record as unknown as Row) : row(record))
    }
    if (this.#held.size >= this.#rowsMax) return this.#flush()
  }

  async prepare(checkpointId: number): Promise<PreparedOutput<null, null>> {
    await this.#flush()
    this.#epoch = checkpointId + 1
    return { states: [], committables: [] }
  }

  async close(): Promise<void> {
    this.#held.clear()
    await this.#target.close()
  }

  async #flush(): Promise<void> {
    if (this.#held.size === 0) return
    const upserts = Array.from(this.#held, ([key, row]) => ({ key, row, epoch: this.#epoch }))
    this.#held.clear()
    await this.#target.apply(upserts)
  }
}
