/**
 * The metrics of one task, in a block of shared memory that its slot writes and the coordinator reads, so that reading
 * costs the data path nothing. `TASK_METRICS` is the layout: a metric is one line there. User counters follow; their
 * names are not in the block, they are told once (`onCounter`) and sent by message.
 *
 * One thread writes a block, any thread reads it. Values are plain 64-bit floats, aligned: a reader sees the old or the
 * new value of each, but values read together may be of slightly different moments. A new attempt gets a new block.
 */
import { MillraceError } from '@millrace/api'
import type { Counter, TableUsage } from '@millrace/core'

/** `counter` only grows within an attempt; `gauge` is set. Times are in ms, sizes in bytes. */
export interface TaskMetricEntry {
  readonly name: string
  readonly kind: 'counter' | 'gauge'
  /** The value before the first write; default 0. */
  readonly initial?: number
}

export const TASK_METRICS = [
  { name: 'numRecordsIn', kind: 'counter' },
  { name: 'numRecordsOut', kind: 'counter' },
  { name: 'numBytesIn', kind: 'counter' },
  { name: 'numBytesOut', kind: 'counter' },
  /** Records that were combined before an exchange, and the partial results that left in their place. */
  { name: 'numRecordsCombined', kind: 'counter' },
  { name: 'numPartialResultsOut', kind: 'counter' },
  { name: 'numLateRecordsDropped', kind: 'counter' },
  { name: 'numRecordsSkipped', kind: 'counter' },
  { name: 'numRecordsDiscarded', kind: 'counter' },
  { name: 'numTurns', kind: 'counter' },
  { name: 'busyTimeMs', kind: 'counter' },
  { name: 'idleTimeMs', kind: 'counter' },
  { name: 'backPressuredTimeMs', kind: 'counter' },
  { name: 'runnableTimeMs', kind: 'counter' },
  { name: 'currentInputWatermark', kind: 'gauge', initial: Number.NEGATIVE_INFINITY },
  { name: 'currentOutputWatermark', kind: 'gauge', initial: Number.NEGATIVE_INFINITY },
  /** The checkpoint whose barriers are being aligned, 0 for none; since when; and what the last alignment took. */
  { name: 'checkpointAligning', kind: 'gauge' },
  { name: 'checkpointAlignmentStartedAtMs', kind: 'gauge' },
  { name: 'checkpointAlignmentTimeMs', kind: 'gauge' },
  { name: 'lastSnapshotBytes', kind: 'gauge' },
  { name: 'inputQueuedBytes', kind: 'gauge' },
  { name: 'outputQueuedBytes', kind: 'gauge' },
  { name: 'stateEntries', kind: 'gauge' },
  { name: 'stateBytes', kind: 'gauge' },
  /** Of those: expired and not cleaned up yet. */
  { name: 'stateExpiredEntries', kind: 'gauge' },
  { name: 'stateExpiredBytes', kind: 'gauge' },
  /** Of a backend that keeps state on the local disk; 0 without one. */
  { name: 'stateCacheHits', kind: 'counter' },
  { name: 'stateCacheMisses', kind: 'counter' },
  { name: 'stateCacheBytes', kind: 'gauge' },
  { name: 'stateDiskBytes', kind: 'gauge' },
  { name: 'stateDiskDeadShare', kind: 'gauge' },
  { name: 'stateDiskCleanedBytes', kind: 'counter' },
  /** When the task last got something done, and when its slot last gave it a look; epoch ms. */
  { name: 'lastProgressAtMs', kind: 'gauge' },
  { name: 'lastHeartbeatAtMs', kind: 'gauge' },
  /** How far a source is, in its own unit (bytes, records, rows); a total of NaN is unknown or unbounded. */
  { name: 'sourceProgressAmount', kind: 'gauge' },
  { name: 'sourceProgressTotal', kind: 'gauge', initial: Number.NaN },
] as const satisfies readonly TaskMetricEntry[]

export type TaskMetric = (typeof TASK_METRICS)[number]['name']

/** Counters that the code of a job may have in one task. */
export const USER_COUNTERS_MAX = 64

const FLOAT_BYTES = 8
const BLOCK_ALIGNMENT_BYTES = 128
const USER_COUNTERS_AT = TASK_METRICS.length
/** Bytes of a block. A multiple of two cache lines, so that blocks beside each other share none. */
export const TASK_METRICS_BYTES = roundUp((USER_COUNTERS_AT + USER_COUNTERS_MAX) * FLOAT_BYTES, BLOCK_ALIGNMENT_BYTES)

const INDEX = Object.fromEntries(TASK_METRICS.map(({ name }, index) => [name, index])) as Readonly<
  Record<TaskMetric, number>
>

/** The name of a user counter, told once; travels to the reader by message. */
export interface UserCounterName {
  /** Operator uid and name, as the reader shows it. */
  readonly name: string
  readonly index: number
}

export type TaskMetricsSnapshot = Readonly<Record<TaskMetric, number>> & {
  readonly userCounters: Readonly<Record<string, number>>
  /** What each state holds, the engine's own too; told by message, because their number is not known beforehand. */
  readonly states: readonly TableUsage[]
}

/** Memory for the metrics of one task, with their initial values. */
export function createTaskMetrics(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(TASK_METRICS_BYTES)
  const values = new Float64Array(memory)
  const entries: readonly TaskMetricEntry[] = TASK_METRICS
  for (const [index, entry] of entries.entries()) values[index] = entry.initial ?? 0
  return memory
}

/** For the thread that runs the task. */
export class TaskMetricsWriter {
  readonly #values: Float64Array
  readonly #onCounter: (counter: UserCounterName) => void
  readonly #userCounters = new Map<string, Counter>()

  constructor(memory: ArrayBufferLike, onCounter: (counter: UserCounterName) => void) {
    this.#values = new Float64Array(memory)
    this.#onCounter = onCounter
  }

  add(metric: TaskMetric, increment: number): void {
    const index = INDEX[metric]
    this.#values[index] = (this.#values[index] ?? 0) + increment
  }

  set(metric: TaskMetric, value: number): void {
    this.#values[INDEX[metric]] = value
  }

  get(metric: TaskMetric): number {
    return this.#values[INDEX[metric]] ?? 0
  }

  /** The user counter of this name; the same one for the same name. Throws `OPTION_INVALID` above `USER_COUNTERS_MAX`. */
  counter(name: string): Counter {
    const known = this.#userCounters.get(name)
    if (known !== undefined) return known
    const index = this.#userCounters.size
    if (index >= USER_COUNTERS_MAX) {
      throw new MillraceError('OPTION_INVALID', `Counter ${name} is one too many: a task has at most 64 counters.`, {
        details: { counter: name, countersMax: USER_COUNTERS_MAX },
        hint: 'Count under fewer names; names made from data do not belong into metrics.',
      })
    }
    const values = this.#values
    const at = USER_COUNTERS_AT + index
    const counter: Counter = {
      add(increment) {
        values[at] = (values[at] ?? 0) + increment
      },
    }
    this.#userCounters.set(name, counter)
    this.#onCounter({ name, index })
    return counter
  }
}

/** For the thread that shows the metrics. */
export class TaskMetricsReader {
  readonly #values: Float64Array
  readonly #userCounters = new Map<number, string>()
  #states: readonly TableUsage[] = []

  constructor(memory: ArrayBufferLike) {
    this.#values = new Float64Array(memory)
  }

  onCounter(counter: UserCounterName): void {
    this.#userCounters.set(counter.index, counter.name)
  }

  onStateUsage(usage: readonly TableUsage[]): void {
    this.#states = usage
  }

  get(metric: TaskMetric): number {
    return this.#values[INDEX[metric]] ?? 0
  }

  /** All values as a plain object, copied. */
  snapshot(): TaskMetricsSnapshot {
    const metrics = Object.fromEntries(
      TASK_METRICS.map(({ name }, index) => [name, this.#values[index] ?? 0]),
    ) as Record<TaskMetric, number>
    const userCounters = Object.fromEntries(
      Array.from(this.#userCounters, ([index, name]) => [name, this.#values[USER_COUNTERS_AT + index] ?? 0]),
    )
    return { ...metrics, userCounters, states: this.#states }
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}
