/**
 * A sink that hands the records to the caller in the same process. They travel as committables, so what the caller
 * sees was committed with a checkpoint, exactly once. Meant for tests and small results: all is held in memory, and a
 * process that resumes a job does not have what an earlier process collected.
 */
import type { PlainValue } from '../connector/plain-value.ts'
import type {
  PreparedOutput,
  Sink,
  SinkCommitter,
  SinkCommitterContext,
  SinkWriter,
  SinkWriterContext,
} from '../connector/sink.ts'
import { MillraceError } from '../error/millrace-error.ts'
import { checkText, invalidOption } from '../option/check-options.ts'
import { decodePlain, encodePlain } from './plain-encoding.ts'

/** What one writer prepared for one checkpoint; the id makes a repeated commit recognisable. */
type CollectedPart = { readonly id: string; readonly values: readonly PlainValue[] }

/**
 * Collects records under a name: after the job they are in `JobResult.collected[name]`, in order per subtask. Several
 * sinks of one name add to the same list. Each record costs memory until the job is done.
 */
export function collect<T = unknown>(name: string): Sink<T, null, CollectedPart> {
  if (checkText('collect', 'name', name) === undefined) throw invalidOption('collect', 'name', name, 'a text')
  return {
    kind: 'collect',
    options: { name },
    guarantee: 'exactly-once',
    openWriter: async (context) => new CollectWriter<T>(context),
    openCommitter: async (context) => new CollectCommitter(name, context),
  }
}

class CollectWriter<T> implements SinkWriter<T, null, CollectedPart> {
  readonly #idPrefix: string
  #values: PlainValue[] = []
  #parts = 0

  constructor(context: SinkWriterContext) {
    this.#idPrefix = `${context.uid}/${context.subtask}/${context.attempt}-${context.nonce}`
  }

  write(records: readonly T[]): void {
    for (const record of records) this.#values.push(encodePlain(record))
  }

  async prepare(): Promise<PreparedOutput<null, CollectedPart>> {
    const values = this.#values
    this.#values = []
    if (values.length === 0) return { states: [], committables: [] }
    return { states: [], committables: [{ id: `${this.#idPrefix}/${this.#parts++}`, values }] }
  }

  async close(): Promise<void> {
    this.#values = []
  }
}

class CollectCommitter implements SinkCommitter<CollectedPart> {
  readonly #name: string
  readonly #context: SinkCommitterContext

  constructor(name: string, context: SinkCommitterContext) {
    this.#name = name
    this.#context = context
  }

  async commit(parts: readonly CollectedPart[]): Promise<void> {
    if (this.#context.deliver === undefined) {
      throw new MillraceError('GRAPH_INVALID', `collect("${this.#name}"): nobody takes collected records here`, {
        details: { operator: this.#context.uid },
        hint: 'Run the job in the same process, or end it in a sink that writes to an outside system.',
      })
    }
    for (const { id, values } of parts) this.#context.deliver(this.#name, id, values.map(decodePlain))
  }

  async close(): Promise<void> {}
}
