/** A source over an async iterable: whatever JavaScript can stream, read by one subtask. */
import type { Boundedness, Source, SourceBatch, SplitReader } from '../connector/source.ts'
import { MillraceError } from '../error/millrace-error.ts'
import { checkChoice, checkFunction, checkOptions } from '../option/check-options.ts'

/** Options of `fromAsyncIterable`. */
export interface AsyncIterableOptions<T> {
  /**
   * Opens the iterable again behind its first `position` records. Without it the source cannot be read again after a
   * failure, and exactly-once with restarts is refused (`SOURCE_NOT_REPLAYABLE`).
   */
  readonly resumeFrom?: (position: number) => AsyncIterable<T>
  /** `bounded` when the iterable ends. Default `unbounded`; one that ends all the same ends the source. */
  readonly boundedness?: Boundedness
}

/** Reads what the iterable gives. `open` is called when the job runs, not while it is built. */
export function fromAsyncIterable<T>(
  open: () => AsyncIterable<T>,
  options?: AsyncIterableOptions<NoInfer<T>>,
): Source<T, number> {
  checkFunction('fromAsyncIterable', 'open', open)
  checkOptions('fromAsyncIterable', options, ['resumeFrom', 'boundedness'])
  const resumeFrom = options?.resumeFrom
  if (resumeFrom !== undefined) checkFunction('fromAsyncIterable', 'resumeFrom', resumeFrom)
  const boundedness =
    checkChoice('fromAsyncIterable', 'boundedness', options?.boundedness, ['bounded', 'unbounded']) ?? 'unbounded'
  return {
    kind: 'async-iterable',
    options: { boundedness, resumable: resumeFrom !== undefined },
    boundedness,
    replayable: resumeFrom !== undefined,
    enumerate: async () => [{ id: 'iterable', payload: null }],
    async open(_split, position = 0) {
      if (position === 0) return new AsyncIterableReader(open(), 0)
      if (resumeFrom !== undefined) return new AsyncIterableReader(resumeFrom(position), position)
      throw new MillraceError('SOURCE_NOT_REPLAYABLE', 'An async iterable cannot be read again', {
        hint: 'Give fromAsyncIterable a resumeFrom(position).',
      })
    },
  }
}

/** How often to let other work go first before a record counts as not there yet; a generator needs about three. */
const PATIENCE_TICKS = 8

/**
 * Batches what is there at once and never holds records back for more: the iterator is asked for one record ahead, and
 * when that one is not there after a few ticks the batch ends and the question stays open for the next call.
 */
class AsyncIterableReader<T> implements SplitReader<T, number> {
  readonly #iterator: AsyncIterator<T>
  #position: number
  #pending: Pending<T> | undefined

  constructor(iterable: AsyncIterable<T>, position: number) {
    this.#iterator = iterable[Symbol.asyncIterator]()
    this.#position = position
  }

  async next(recordsMax: number): Promise<SourceBatch<T>> {
    const records: T[] = []
    while (records.length < recordsMax) {
      this.#pending ??= new Pending(this.#iterator.next())
      if (records.length > 0 && !(await this.#pending.isSettledSoon())) break
      // A failure waits until the records before it are out.
      if (records.length > 0 && this.#pending.hasFailed) break
      const result = await this.#pending.promise
      this.#pending = undefined
      if (result.done === true) return { records, end: true }
      records.push(result.value)
      this.#position++
    }
    return { records, end: false }
  }

  position(): number {
    return this.#position
  }

  /** Does not wait: an iterator in the middle of an `await` answers `return` only after it. */
  async close(): Promise<void> {
    this.#iterator.return?.().then(undefined, () => {})
  }
}

class Pending<T> {
  readonly promise: Promise<IteratorResult<T>>
  hasFailed = false
  #isSettled = false

  constructor(promise: Promise<IteratorResult<T>>) {
    this.promise = promise
    promise.then(
      () => {
        this.#isSettled = true
      },
      () => {
        this.#isSettled = true
        this.hasFailed = true
      },
    )
  }

  async isSettledSoon(): Promise<boolean> {
    for (let tick = 0; tick < PATIENCE_TICKS && !this.#isSettled; tick++) await undefined
    return this.#isSettled
  }
}
