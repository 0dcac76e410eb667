/**
 * The errors of one source subtask: what sources, readers and watermark strategies threw, as what the user and the
 * coordinator need: whose code it was, and where in the input.
 */
import { FileError, MillraceError, type PlainValue, type SourceSplit } from '@millrace/api'

export interface SourcePlace {
  readonly name: string
  readonly uid: string
  readonly subtask: number
}

/** What an error tells of a split. */
export interface SplitPlace {
  readonly split: SourceSplit
  /** Of the reader, before the batch in work; `null` at its start. */
  readonly position: PlainValue
}

export type StrategyFunction = 'timestamp' | 'watermark'

export class SourceFailures {
  readonly #name: string
  readonly #place: { readonly operator: string; readonly uid: string; readonly subtask: number }

  constructor({ name, uid, subtask }: SourcePlace) {
    this.#name = name
    this.#place = { operator: name, uid, subtask }
  }

  /** Calls the source or reader of a split; what it throws comes out as `ofReader` says. */
  guard<T>(split: SplitPlace, call: () => T): T {
    try {
      return call()
    } catch (cause) {
      throw this.ofReader(split, cause)
    }
  }

  /** What a source or reader threw. Trying again may help when the system said so, else it is the source's own fault. */
  ofReader({ split, position: reached }: SplitPlace, cause: unknown): MillraceError {
    if (cause instanceof MillraceError) return cause
    const code = isOfSystem(cause) ? 'INPUT_UNREADABLE' : 'USER_FUNCTION_FAILED'
    const position = reached === null ? 'its start' : JSON.stringify(reached)
    return new MillraceError(
      code,
      `The source "${this.#name}" failed in "${split.id}" after ${position}: ${messageOf(cause)}`,
      { details: { ...this.#place, split: split.id, position }, cause },
    )
  }

  ofStrategy(called: StrategyFunction, cause: unknown): MillraceError {
    if (cause instanceof MillraceError) return cause
    const message = `The ${called} function of "${this.#name}" threw: ${messageOf(cause)}`
    return new MillraceError('USER_FUNCTION_FAILED', message, { details: this.#place, cause })
  }

  /** `record`: how many records the subtask has read. */
  invalidTime(what: StrategyFunction, time: unknown, { split }: SplitPlace, record: number): MillraceError {
    const { operator, subtask } = this.#place
    return new MillraceError('TIMESTAMP_INVALID', `A record of "${this.#name}" has the ${what} ${String(time)}`, {
      details: { operator, subtask, split: split.id, record },
      hint: 'The watermark strategy must give epoch milliseconds as finite numbers.',
    })
  }

  shrunk({ split }: SplitPlace): MillraceError {
    return new MillraceError('INPUT_CHANGED', `"${split.id}" has fewer records than when the checkpoint was taken`, {
      details: { operator: this.#name, split: split.id },
      hint: 'Restore with the input as it was.',
    })
  }
}

/** Whether Node or the disk said that something outside of the process went wrong, to whoever passed it on. */
function isOfSystem(thrown: unknown): boolean {
  for (let each = thrown; each instanceof Error; each = each.cause) {
    if (each instanceof FileError) return true
    // ECONNRESET, ETIMEDOUT, EIO, …; of Node's `fetch` UND_ERR_SOCKET and the like.
    if ('code' in each && typeof each.code === 'string' && /^(?:E[A-Z0-9]+|UND_ERR_\w+)$/.test(each.code)) return true
  }
  return false
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
