/**
 * The watermark strategies that come with Millrace, and the way to write one's own. Their generators depend on the
 * records of their split only and carry their whole state in every checkpoint.
 */
import type { PlainValue } from '../connector/plain-value.ts'
import { MillraceError } from '../error/millrace-error.ts'
import { checkFunction, checkOptions, checkText } from '../option/check-options.ts'
import { type Duration, parseDurationMs } from './duration.ts'
import type { WatermarkGenerator, WatermarkStrategy } from './watermark-strategy.ts'

/** Options of every watermark strategy. */
export interface WatermarkOptions {
  /**
   * After this long without a record (processing time, unbounded sources only) a split no longer holds the watermark
   * of the others. Default: it always does.
   */
  readonly idleTimeout?: Duration
}

/**
 * For records whose timestamps never decrease within a split: the watermark follows one millisecond behind. A record
 * that does step back may be late.
 */
export function ascending<T>(timestamp: (record: T) => number, options?: WatermarkOptions): WatermarkStrategy<T> {
  return highestTimestampStrategy('ascending', timestamp, 0, options)
}

/**
 * For records that arrive out of order by at most `bound`: the watermark is the highest timestamp − bound − 1 ms.
 * A larger bound waits longer for results; a smaller one makes more records late.
 */
export function boundedOutOfOrderness<T>(
  bound: Duration,
  timestamp: (record: T) => number,
  options?: WatermarkOptions,
): WatermarkStrategy<T> {
  return highestTimestampStrategy(
    'boundedOutOfOrderness',
    timestamp,
    parseDurationMs(bound, { allowZero: true }),
    options,
  )
}

/** The parts of a strategy of one's own. */
export interface CustomWatermarks<T> {
  /** Name for the plan; default `customWatermarks`. */
  readonly name?: string
  /** Event time of a record in epoch ms; must be finite. */
  readonly timestamp: (record: T) => number
  /** Called once per split. The generator may look at nothing but its records: no clock, no randomness. */
  readonly createGenerator: () => WatermarkGenerator<T>
}

/** A strategy of one's own, as for streams that carry their own progress marks. */
export function customWatermarks<T>(strategy: CustomWatermarks<T>, options?: WatermarkOptions): WatermarkStrategy<T> {
  checkOptions('customWatermarks', strategy, ['name', 'timestamp', 'createGenerator'])
  checkFunction('customWatermarks', 'timestamp', strategy.timestamp)
  checkFunction('customWatermarks', 'createGenerator', strategy.createGenerator)
  return {
    name: checkText('customWatermarks', 'name', strategy.name) ?? 'customWatermarks',
    timestamp: strategy.timestamp,
    createGenerator: strategy.createGenerator,
    idleTimeoutMs: idleTimeoutMs('customWatermarks', options),
  }
}

function highestTimestampStrategy<T>(
  name: string,
  timestamp: (record: T) => number,
  boundMs: number,
  options: WatermarkOptions | undefined,
): WatermarkStrategy<T> {
  checkFunction(name, 'timestamp', timestamp)
  return {
    name,
    timestamp,
    createGenerator: () => new HighestTimestampGenerator(boundMs),
    idleTimeoutMs: idleTimeoutMs(name, options),
  }
}

function idleTimeoutMs(call: string, options: WatermarkOptions | undefined): number | undefined {
  checkOptions(call, options, ['idleTimeout'])
  return options?.idleTimeout === undefined ? undefined : parseDurationMs(options.idleTimeout)
}

/** The highest timestamp so far − bound − 1: a record with the highest timestamp itself may still follow. */
class HighestTimestampGenerator implements WatermarkGenerator<unknown> {
  readonly #boundMs: number
  #highest = Number.NEGATIVE_INFINITY

  constructor(boundMs: number) {
    this.#boundMs = boundMs
  }

  onRecord(timestamp: number): void {
    if (timestamp > this.#highest) this.#highest = timestamp
  }

  current(): number {
    return this.#highest - this.#boundMs - 1
  }

  /** `null` stands for −∞, which JSON cannot carry. */
  snapshot(): PlainValue {
    return this.#highest === Number.NEGATIVE_INFINITY ? null : this.#highest
  }

  restore(state: PlainValue): void {
    if (state === null) this.#highest = Number.NEGATIVE_INFINITY
    else if (typeof state === 'number') this.#highest = state
    else {
      throw new MillraceError(
        'STATE_MISREAD',
        'The stored watermark state of a split is no timestamp; it was written by another watermark strategy',
        { hint: 'Keep the watermark strategy of a source when you restore its job, or start fresh.' },
      )
    }
  }
}
