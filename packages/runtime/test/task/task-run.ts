/** One task around a chain of one operator, between channels of the test, with a clock that stands still. */
import type { Sink, SinkWriter } from '@millrace/api'
import {
  type CheckpointBarrier,
  NO_TIMESTAMP,
  type Operator,
  OperatorChain,
  type OperatorOutput,
  type RecordBatch,
  type SegmentRef,
  StageInbox,
  type StreamElement,
  type SubtaskMeasures,
  type SubtaskSnapshot,
  type TurnBudget,
} from '@millrace/core'
import { EdgeWriter } from '../../src/task/edge-writer.ts'
import { InputGate } from '../../src/task/input-gate.ts'
import { OvertakingGate } from '../../src/task/overtaking-gate.ts'
import { PendingCommits } from '../../src/task/pending-commits.ts'
import { SinkOperator } from '../../src/task/sink-operator.ts'
import { Task } from '../../src/task/task.ts'
import type { TaskInput, TaskKeyedState, TaskSink } from '../../src/task/task-options.ts'
import type { SnapshotStore } from '../../src/task/task-ports.ts'
import { BoundedChannel } from './bounded-channel.ts'
import type { SourceRun } from './source-run.ts'

export const barrier = (
  checkpointId: number,
  snapshotKind: CheckpointBarrier['snapshotKind'] = 'checkpoint',
  lastCompletedId = 0,
) => ({ kind: 'barrier', checkpointId, triggeredAtMs: 1_000, lastCompletedId, snapshotKind }) as const

export const batchOf = (...records: unknown[]): StreamElement => ({
  kind: 'batch',
  batch: { records, timestamps: records.map(() => NO_TIMESTAMP), keyHashes: undefined },
})

/** Emits every record as it is, as long as it is let. */
export class PassingOperator implements Operator {
  readonly #output: OperatorOutput
  isHeld = false
  /** How often it emits each; it stops and goes on in the middle. */
  copies = 1
  #copied = 0
  timerMs: number | undefined
  isClosed = false

  constructor(output: OperatorOutput) {
    this.#output = output
  }

  open(): void {}

  processBatch({ records, timestamps }: RecordBatch, from: number, budget: TurnBudget): number {
    let next = from
    for (; next < records.length && budget.units > 0 && !this.isHeld && !this.#output.isFull; next++) {
      const record = records[next]
      if (record instanceof Error) throw record
      for (; this.#copied < this.copies; this.#copied++) {
        if (this.#output.isFull) return next
        this.#output.emit(record, timestamps[next] as number)
      }
      this.#copied = 0
      budget.units--
    }
    return next
  }

  advanceWatermark(): boolean {
    return !this.isHeld
  }

  advanceProcessingTime(nowMs: number): boolean {
    if (this.timerMs === undefined || this.timerMs > nowMs) return true
    this.#output.emit(`timer ${this.timerMs}`, NO_TIMESTAMP)
    this.timerMs = undefined
    return true
  }

  nextProcessingTimeMs(): number | undefined {
    return this.timerMs
  }

  finish(): boolean {
    return !this.isHeld
  }

  close(): void {
    this.isClosed = true
  }
}

export interface TaskRunOptions {
  /** Number of input channels, or a source. */
  readonly input?: number | SourceRun
  readonly outputRoom?: number
  readonly bufferTimeoutMs?: number
  readonly wasFinished?: boolean
  /** Barriers overtake after so long. */
  readonly overtakeAfterMs?: number
  /** Elements that are kept then; default: as many as there are. */
  readonly readAheadBytesMax?: number
  /** Ends the chain in this sink instead of the output channel. */
  readonly sink?: SinkWriter<unknown>
  /** The chain has no stages: what the source gives goes to the output channel. */
  readonly isSourceAlone?: boolean
  /** State that the operator does not look at, and where snapshots go. */
  readonly keyed?: TaskKeyedState
  readonly store?: SnapshotStore
}

const REF: SegmentRef = {
  kind: 'base',
  checkpointId: 1,
  location: { kind: 'inline', base64: '' },
  lengthBytes: 0,
  crc32c: 0,
  entries: 0,
}

export interface Acknowledged {
  readonly id: number
  readonly snapshot: SubtaskSnapshot
}

export class TaskRun {
  readonly inputs: BoundedChannel[]
  readonly output: BoundedChannel
  readonly operator: PassingOperator
  readonly task: Task
  readonly time = { nowMs: 1_000 }
  readonly acknowledged: Acknowledged[] = []
  readonly measured: SubtaskMeasures[] = []
  readonly stored: Uint8Array[] = []
  readonly declined: number[] = []
  /** Why, by the same order. */
  readonly reasons: unknown[] = []
  readonly committed: number[] = []
  readonly failures: unknown[] = []
  ends = 0
  wakes = 0

  constructor(options: TaskRunOptions = {}) {
    const { input = 1, bufferTimeoutMs = 100 } = options
    this.inputs = Array.from({ length: typeof input === 'number' ? input : 0 }, () => new BoundedChannel())
    this.output = new BoundedChannel(options.outputRoom)
    const edge = new EdgeWriter([this.output], { kind: 'forward' }, 'Pass (1/1)')
    this.operator = new PassingOperator(edge)
    const sink = options.sink === undefined ? undefined : this.#sink(options.sink)
    const edges = sink === undefined ? [edge] : []
    const operator = sink?.operator ?? this.operator
    const stages = options.isSourceAlone === true ? [] : [{ operator, outputs: edges }]
    const chain = new OperatorChain(
      stages,
      stages.map(() => new StageInbox()),
      {
        onWatermark: (timestamp) => this.task.onWatermarkOut(timestamp),
        onEnd: () => this.task.onEndOut(),
      },
    )
    if (typeof input !== 'number') {
      if (options.isSourceAlone === true) input.feedThrough(chain, edge)
      else input.feed(chain)
      input.onActive = () => this.task.onSourceActive()
    }
    this.task = new Task({
      id: { vertexId: 'v', subtask: 0 },
      name: 'Pass (1/1)',
      operatorUids: ['pass'],
      input: this.#input(input, options),
      chain,
      edges,
      sink,
      keyed: options.keyed,
      store: options.store ?? {
        begin: () => {
          const stored: Uint8Array[] = []
          return {
            write: async (pieces) => void stored.push(...pieces.map(({ bytes }) => bytes)),
            finish: async () => {
              this.stored.push(...stored)
              return stored.map(() => REF)
            },
            discard: async () => {},
          }
        },
      },
      clock: {
        now: () => this.time.nowMs,
        monotonicMs: () => this.time.nowMs,
        schedule: () => () => {},
      },
      bufferTimeoutMs,
      overtakeAfterMs: options.overtakeAfterMs,
      events: {
        onSnapshot: (id, snapshot, measures) => {
          this.acknowledged.push({ id, snapshot })
          this.measured.push(measures)
        },
        onDeclined: (id, error) => {
          this.declined.push(id)
          this.reasons.push(error)
        },
        onCommitted: (id) => void this.committed.push(id),
        onEnded: () => void this.ends++,
        onFailed: (error) => void this.failures.push(error),
        wake: () => void this.wakes++,
      },
      wasFinished: options.wasFinished ?? false,
    })
  }

  give(channel: number, ...elements: StreamElement[]): void {
    for (const element of elements) this.inputs[channel]?.offer(element)
  }

  step(units = 100): string {
    return this.task.step({ units })
  }

  #input(input: number | SourceRun, options: TaskRunOptions): TaskInput {
    const { overtakeAfterMs: timeoutMs, readAheadBytesMax = Number.POSITIVE_INFINITY } = options
    if (typeof input === 'number' && timeoutMs !== undefined) {
      const overtaking = { timeoutMs, mayOvertake: this.inputs.map(() => true) }
      const channels = this.inputs.map((_, fromSubtask) => ({ from: 'up', fromSubtask, isKeyed: false }))
      const gate = new OvertakingGate(this.inputs, {
        channels,
        operatorUid: 'pass',
        mode: 'exactly-once',
        overtaking,
        replay: undefined,
        readAheadBytesMax,
      })
      return { kind: 'gate', gate }
    }
    if (typeof input === 'number') return { kind: 'gate', gate: new InputGate(this.inputs, 'exactly-once') }
    return { kind: 'source', driver: input.driver, uid: 'pass' }
  }

  #sink(writer: SinkWriter<unknown>): TaskSink {
    const fail = (error: unknown): void => this.task.fail(error)
    return {
      uid: 'pass',
      operator: new SinkOperator({} as Sink<unknown>, writer, 'Pass (1/1)', () => void this.wakes++, fail),
      commits: new PendingCommits(undefined, 'Pass', (id) => void this.committed.push(id), fail),
    }
  }
}
