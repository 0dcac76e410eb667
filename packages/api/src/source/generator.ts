/** A source that computes its records from their index: bounded or not, as fast as possible or at a rate, replayable. */
import type {
  ComputedBatch,
  ReaderContext,
  Source,
  SourceBatch,
  SourceSplit,
  SplitReader,
} from '../connector/source.ts'
import { MillraceError } from '../error/millrace-error.ts'
import { synchronousResult } from '../function/synchronous-result.ts'
import { checkFunction, checkOptions, checkWholeNumber, invalidOption } from '../option/check-options.ts'

/** What a generator makes, how much of it and how fast. */
export interface GeneratorOptions<T> {
  /** The record of an index, from 0. Must depend on nothing but the index: it is asked again after a restart. */
  readonly generate: (index: number) => T
  /** How many records there are. Default: it never ends. */
  readonly records?: number
  /** Records per second over all splits; default as fast as they are taken. */
  readonly perSecond?: number
  /** Into how many splits the indices are dealt, as in turns; default 1. More let more subtasks generate. */
  readonly splits?: number
}

/** The longest sleep, so that a clock that steps back stops nothing for long. */
const DELAY_MS_MAX = 1_000

/** Generates records from their indices, see `GeneratorOptions`. A job resumes it where a checkpoint found it. */
export function generator<T>(options: GeneratorOptions<T>): Source<T, number> {
  checkOptions('generator', options, ['generate', 'records', 'perSecond', 'splits'])
  const { generate, perSecond } = options
  checkFunction('generator', 'generate', generate)
  const records = checkWholeNumber('generator', 'records', options.records, { min: 0 })
  const splits = checkWholeNumber('generator', 'splits', options.splits, { min: 1, max: 32_768 }) ?? 1
  if (perSecond !== undefined && !(Number.isFinite(perSecond) && perSecond > 0)) {
    throw invalidOption('generator', 'perSecond', perSecond, 'a positive number')
  }
  return {
    kind: 'generator',
    options: {
      splits,
      ...(records === undefined ? {} : { records }),
      ...(perSecond === undefined ? {} : { perSecond }),
    },
    boundedness: records === undefined ? 'unbounded' : 'bounded',
    replayable: true,
    enumerate: async () => Array.from({ length: splits }, (_, first) => generatorSplit(first, splits, records)),
    async open(split, position, context) {
      const { first } = split.payload as { readonly first: number }
      const indices: IndexSequence = { first, step: splits, length: sequenceLength(first, splits, records) }
      const pace = perSecond === undefined ? undefined : new Pace(perSecond / splits, context)
      return new GeneratorReader(generate, indices, position ?? 0, pace)
    },
  }
}

/** The indices `first`, `first + step`, …; `length` of them. */
interface IndexSequence {
  readonly first: number
  readonly step: number
  readonly length: number
}

function generatorSplit(first: number, step: number, records: number | undefined): SourceSplit {
  const split = { id: `split-${first}`, payload: { first } }
  if (records === undefined) return split
  return { ...split, size: { unit: 'records', amount: sequenceLength(first, step, records) } }
}

function sequenceLength(first: number, step: number, records: number | undefined): number {
  return records === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Math.ceil((records - first) / step))
}

class GeneratorReader<T> implements SplitReader<T, number> {
  readonly #generate: (index: number) => T
  readonly #indices: IndexSequence
  readonly #pace: Pace | undefined
  #position: number

  constructor(generate: (index: number) => T, indices: IndexSequence, position: number, pace: Pace | undefined) {
    this.#generate = generate
    this.#indices = indices
    this.#position = position
    this.#pace = pace
  }

  next(recordsMax: number): SourceBatch<T> | Promise<SourceBatch<T>> {
    const batch = this.nextComputed(recordsMax)
    return batch instanceof Promise ? batch.then(generated) : generated(batch)
  }

  nextComputed(recordsMax: number): ComputedBatch<T> | Promise<ComputedBatch<T>> {
    // A job that is restored may ask for fewer records than it has had.
    const left = Math.max(0, this.#indices.length - this.#position)
    const wanted = Math.min(recordsMax, left)
    if (this.#pace === undefined || wanted === 0) return this.#taken(wanted)
    const granted = this.#pace.take(wanted)
    return granted > 0 ? this.#taken(granted) : this.#takenLater(wanted, this.#pace)
  }

  async #takenLater(wanted: number, pace: Pace): Promise<ComputedBatch<T>> {
    for (;;) {
      await pace.wait()
      const granted = pace.take(wanted)
      if (granted > 0) return this.#taken(granted)
    }
  }

  #taken(count: number): ComputedBatch<T> {
    const { first, step } = this.#indices
    const from = first + this.#position * step
    if (!Number.isSafeInteger(from + count * step)) {
      throw new MillraceError('INTERNAL', 'A generator ran out of exact indices')
    }
    this.#position += count
    const end = this.#position >= this.#indices.length
    return { compute: this.#generate, name: 'generate', first: from, stride: step, count, end }
  }

  position(): number {
    return this.#position
  }

  progress(): number {
    return this.#position
  }

  async close(): Promise<void> {}
}

function generated<T>({ compute, name, first, stride, count, end }: ComputedBatch<T>): SourceBatch<T> {
  const records: T[] = []
  for (let index = first; records.length < count; index += stride) {
    records.push(synchronousResult(name, compute(index)))
  }
  return { records, end }
}

/** Hands out records at a rate. What was not taken for more than a second is forgone, not caught up in one burst. */
class Pace {
  readonly #perSecond: number
  readonly #context: ReaderContext
  #startMs: number
  #taken = 0

  constructor(perSecond: number, context: ReaderContext) {
    this.#perSecond = perSecond
    this.#context = context
    this.#startMs = context.now()
  }

  /** How many of the wanted records are due; takes them. */
  take(wanted: number): number {
    const nowMs = this.#context.now()
    const due = this.#due(nowMs)
    const burstMax = Math.max(1, this.#perSecond)
    if (due - this.#taken > burstMax + 1) this.#startAgain(nowMs, burstMax)
    const granted = Math.min(wanted, Math.floor(this.#due(nowMs)) - this.#taken)
    if (granted <= 0) return 0
    this.#taken += granted
    return granted
  }

  async wait(): Promise<void> {
    const dueAtMs = this.#startMs + ((this.#taken + 1) * 1_000) / this.#perSecond
    const delayMs = Math.ceil(dueAtMs - this.#context.now())
    await this.#context.delay(Math.min(Math.max(delayMs, 1), DELAY_MS_MAX))
  }

  #due(nowMs: number): number {
    return ((nowMs - this.#startMs) * this.#perSecond) / 1_000
  }

  #startAgain(nowMs: number, burst: number): void {
    this.#startMs = nowMs - (burst * 1_000) / this.#perSecond
    this.#taken = 0
  }
}
