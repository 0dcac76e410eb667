/**
 * A sink that shows records to the user, a line each. What was printed cannot be taken back: after a failure the
 * records since the last checkpoint are printed again, so it is at-least-once.
 */
import type { Sink, SinkWriter, SinkWriterContext } from '../connector/sink.ts'
import { MillraceError } from '../error/millrace-error.ts'
import { checkOptions, checkText } from '../option/check-options.ts'
import { encodePlain } from './plain-encoding.ts'

/** Options of `print`. */
export interface PrintOptions {
  /** Stands before every line. Default: nothing. */
  readonly label?: string
}

/** Prints records at least once: text as it is, everything else like JSON. Lines of parallel subtasks are numbered. */
export function print(options?: PrintOptions): Sink<unknown, null, null> {
  checkOptions('print', options, ['label'])
  const label = checkText('print', 'label', options?.label)
  return {
    kind: 'print',
    options: label === undefined ? {} : { label },
    guarantee: 'at-least-once',
    openWriter: async (context) => new PrintWriter(label, context),
  }
}

class PrintWriter implements SinkWriter<unknown, null, null> {
  readonly #prefix: string
  readonly #context: SinkWriterContext

  constructor(label: string | undefined, context: SinkWriterContext) {
    if (context.print === undefined) {
      throw new MillraceError('GRAPH_INVALID', 'print: nobody reads printed lines here', {
        details: { operator: context.uid },
        hint: 'Run the job where it has a terminal, or write to a file.',
      })
    }
    const marks = [label, context.parallelism > 1 ? String(context.subtask + 1) : undefined]
    const prefix = marks.filter((mark) => mark !== undefined).join(' ')
    this.#prefix = prefix === '' ? '' : `${prefix}> `
    this.#context = context
  }

  write(records: readonly unknown[]): void {
    for (const record of records) {
      // JSON would leave out what a record may not hold: functions without a word, an instance as its fields.
      encodePlain(record)
      this.#context.print?.(this.#prefix + formatRecord(record))
    }
  }

  async prepare(): Promise<{ readonly states: []; readonly committables: [] }> {
    return { states: [], committables: [] }
  }

  async close(): Promise<void> {}
}

/** One line for a record: JSON, with bigints as `12n`, maps as objects of entries, sets as lists. Throws `VALUE_NOT_ENCODABLE`. */
export function formatRecord(record: unknown): string {
  if (typeof record === 'string') return record
  try {
    return JSON.stringify(record, showValue) ?? String(record)
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n', 1)[0] as string) : String(cause)
    throw new MillraceError('VALUE_NOT_ENCODABLE', `A record cannot be written as JSON: ${reason}`, {
      hint: 'Map records to plain values before print.',
      cause,
    })
  }
}

function showValue(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), item]))
  return value instanceof Set ? [...value] : value
}
