/**
 * `process` on a keyed stream: a function over the records and timers of each key, with state per key.
 *
 * Event-time timers fire when the watermark reaches them, in time order. A timer at or before the current watermark
 * fires with the next watermark, or with the current one while that is still firing. What `onTimer` emits has the
 * timer's time in event time, and no timestamp in processing time, as in Flink.
 */
import {
  type KeyedProcessContext,
  type KeyedProcessSpec,
  MillraceError,
  type SideOutputs,
  type StateDeclarations,
  synchronousResult,
  type TimeDomain,
  type Timers,
} from '@millrace/api'
import { NO_TIMESTAMP, type RecordBatch } from '../batch/record-batch.ts'
import { createStateHandles } from '../state/state-handles.ts'
import { TimerQueue } from '../timer/timer-queue.ts'
import { Counters } from './counters.ts'
import { Emission } from './emission.ts'
import { describeForm } from './held-form.ts'
import type { Operator, OperatorHost, TurnBudget } from './operator.ts'
import { generateProcessLoop, type ProcessLoop } from './process-loop.ts'
import { describeUserFailure } from './user-failure.ts'

type Context = KeyedProcessContext<unknown, unknown, StateDeclarations, SideOutputs>

/** What `open` makes. */
interface Opened {
  readonly host: OperatorHost
  readonly loop: ProcessLoop
  readonly emission: Emission
  readonly context: Context
  readonly eventTimers: TimerQueue
  readonly processingTimers: TimerQueue
}

export class KeyedProcessOperator implements Operator {
  readonly #spec: KeyedProcessSpec
  #opened: Opened | undefined
  #watermark = NO_TIMESTAMP
  /** The record or timer that is being processed. */
  readonly #current = { timestamp: NO_TIMESTAMP }

  constructor(spec: KeyedProcessSpec) {
    this.#spec = spec
  }

  open(host: OperatorHost): void {
    const emission = new Emission(host, this.#spec.fn)
    const eventTimers = new TimerQueue(host.state, host.uid, 'event')
    const processingTimers = new TimerQueue(host.state, host.uid, 'processing')
    const states = createStateHandles(host, this.#spec.fn.state, () => this.#current.timestamp)
    const timers = this.#createTimers(eventTimers, processingTimers)
    const context = this.#createContext(host, emission, states as unknown as Context['state'], timers)
    const loop = generateProcessLoop({
      uid: host.uid,
      key: this.#spec.key,
      state: host.state,
      fn: this.#spec.fn,
      context,
      emission,
      current: this.#current,
    })
    this.#opened = { host, loop, emission, context, eventTimers, processingTimers }
  }

  processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const { loop } = this.#opened as Opened
    let next: number
    try {
      next = loop(batch, from, Math.min(batch.records.length, from + budget.units))
    } catch (cause) {
      throw this.#failure(cause)
    }
    budget.units -= next - from
    return next
  }

  advanceWatermark(watermark: number, budget: TurnBudget): boolean {
    this.#watermark = watermark
    const { eventTimers, emission } = this.#opened as Opened
    return eventTimers.fireUpTo(watermark, budget, emission.isBlocked, this.#fireEvent)
  }

  advanceProcessingTime(nowMs: number, budget: TurnBudget): boolean {
    const { processingTimers, emission } = this.#opened as Opened
    return processingTimers.fireUpTo(nowMs, budget, emission.isBlocked, this.#fireProcessing)
  }

  nextProcessingTimeMs(): number | undefined {
    return (this.#opened as Opened).processingTimers.first()
  }

  finish(_budget: TurnBudget): boolean {
    return true
  }

  close(): void {}

  readonly #fireEvent = (time: number): void => this.#fire(time, time, 'event')
  readonly #fireProcessing = (time: number): void => this.#fire(time, NO_TIMESTAMP, 'processing')

  #fire(time: number, emittedTimestamp: number, domain: TimeDomain): void {
    const { emission, context } = this.#opened as Opened
    this.#current.timestamp = time
    emission.timestamp = emittedTimestamp
    try {
      synchronousResult('onTimer', this.#spec.fn.onTimer?.(time, context, domain))
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  /** Looks at the state only now: what a call has read is not kept, since that would cost every call. */
  #failure(cause: unknown): unknown {
    const { host, context } = this.#opened as Opened
    const states = Object.entries(context.state as ReturnType<typeof createStateHandles>)
    const held = states.flatMap(([name, state]) => {
      const form = heldForm(state)
      return form === undefined ? [] : { name, form }
    })
    return describeUserFailure(host, cause, { key: host.state.currentKey, states: held })
  }

  #createContext(host: OperatorHost, emission: Emission, state: Context['state'], timers: Timers): Context {
    const operator = this
    return {
      get key() {
        return host.state.currentKey
      },
      get timestamp() {
        return operator.#current.timestamp
      },
      get watermark() {
        return operator.#watermark
      },
      now: () => host.now(),
      emit: emission.emit,
      emitTo: emission.emitTo,
      count: new Counters(host).count,
      subtask: host.subtask,
      parallelism: host.parallelism,
      state,
      timers,
    }
  }

  #createTimers(event: TimerQueue, processing: TimerQueue): Timers {
    const hasOnTimer = this.#spec.fn.onTimer !== undefined
    const register = (queue: TimerQueue, at: number): void => {
      if (!Number.isFinite(at)) {
        throw new MillraceError('TIMESTAMP_INVALID', `A timer was asked for at ${String(at)}, which is no time.`, {
          hint: 'Timers take epoch milliseconds.',
        })
      }
      if (!hasOnTimer) {
        throw new MillraceError('USER_FUNCTION_FAILED', 'A timer was asked for, but the function has no onTimer.', {
          hint: 'Add onTimer(at, ctx).',
        })
      }
      queue.register(at)
    }
    return {
      eventTime: (at) => register(event, at),
      processingTime: (at) => register(processing, at),
      deleteEventTime: (at) => event.delete(at),
      deleteProcessingTime: (at) => processing.delete(at),
    }
  }
}

/** What there is of the current key, as `describeForm` says it: of lists and maps the first value; `undefined` for nothing. */
function heldForm(state: ReturnType<typeof createStateHandles>[string]): string | undefined {
  try {
    if ('isEmpty' in state) {
      for (const value of state.values()) return describeForm(value)
      return undefined
    }
    const value = state.get()
    const first: unknown = Array.isArray(value) && 'set' in state && 'add' in state ? value[0] : value
    return first === undefined ? undefined : describeForm(first)
  } catch {
    // The result of an aggregate that cannot be computed: there is an accumulator.
    return 'an accumulator without a result'
  }
}
