/**
 * Drives one operator as its chain would, one call at a time: records, watermarks, a clock that stands until it is
 * moved, snapshots, restore at another parallelism. Outputs can be made small and turns short, so that everything that
 * is resumable has to resume.
 */
import {
  type KeyedStateBackend,
  type KeyGroupRange,
  keyGroupRange,
  type MemoryHolder,
  type Operator,
  type OperatorHost,
  type RecordBatch,
  type TurnBudget,
  WATERMARK_MAX,
} from '@millrace/core'
import { HeapStateBackend } from '@millrace/runtime'
import { OpenChainsSnapshot, SegmentChains } from '../state-conformance/segment-chains.ts'
import { type CollectedRecord, HarnessOutput } from './harness-output.ts'

export interface OperatorHarnessOptions {
  readonly uid?: string
  readonly name?: string
  /** Default 0. */
  readonly subtask?: number
  /** Default 1. */
  readonly parallelism?: number
  /** Default 8. */
  readonly maxParallelism?: number
  /** Default true: what the operator hands out is frozen. */
  readonly developmentMode?: boolean
  /** Where the clock stands, epoch ms; default 0. */
  readonly nowMs?: number
  /** Records after which an output is full; default without limit. */
  readonly outputRoomRecords?: number
  /** Units of the budget of one turn; default without limit. */
  readonly unitsPerTurn?: number
  /** Deltas after which a snapshot writes bases; default 3, 0 for bases only. */
  readonly deltasMax?: number
  /** Default: on the heap. */
  readonly createBackend?: (keyGroups: KeyGroupRange, maxParallelism: number, now: () => number) => KeyedStateBackend
  /** The memory for what the operator holds beside its tables; default without limit. */
  readonly shareMemory?: (holder: MemoryHolder) => () => number
  /** State to begin with. */
  readonly restore?: SegmentChains
}

/** A turn that changes nothing this often is a fault of the operator. */
const IDLE_TURNS_MAX = 1_000

export class OperatorHarness {
  readonly host: OperatorHost
  readonly #operator: Operator
  readonly #backend: KeyedStateBackend
  readonly #output: HarnessOutput
  readonly #sides = new Map<string, HarnessOutput>()
  readonly #counters = new Map<string, number>()
  readonly #unitsPerTurn: number
  readonly #deltasMax: number
  #chains: SegmentChains
  #nowMs: number
  #lastSnapshotId = 0

  /** Opens `operator`, which must be new. */
  constructor(operator: Operator, options: OperatorHarnessOptions = {}) {
    const { subtask = 0, parallelism = 1, maxParallelism = 8, outputRoomRecords = Number.POSITIVE_INFINITY } = options
    this.#operator = operator
    this.#nowMs = options.nowMs ?? 0
    this.#unitsPerTurn = options.unitsPerTurn ?? Number.POSITIVE_INFINITY
    this.#deltasMax = options.deltasMax ?? 3
    this.#output = new HarnessOutput(outputRoomRecords)
    const now = () => this.#nowMs
    const range = keyGroupRange(subtask, parallelism, maxParallelism)
    const backend =
      options.createBackend?.(range, maxParallelism, now) ??
      new HeapStateBackend({ keyGroups: range, maxParallelism, now, monotonicMs: () => 0, encodeStepEntries: 1 })
    const { shareMemory } = options
    this.#backend = shareMemory === undefined ? backend : Object.assign(backend, { shareMemory })
    options.restore?.restoreInto(this.#backend)
    this.#chains = options.restore?.within(this.#backend) ?? SegmentChains.EMPTY
    this.host = {
      uid: options.uid ?? 'operator',
      name: options.name ?? 'operator',
      subtask,
      parallelism,
      developmentMode: options.developmentMode ?? true,
      output: this.#output,
      sideOutput: (name) => this.#side(name, outputRoomRecords),
      state: this.#backend,
      now,
      counter: (name) => ({ add: (increment) => this.#counters.set(name, this.counter(name) + increment) }),
    }
    operator.open(this.host)
  }

  /** The state that the operator works on. */
  get backend(): KeyedStateBackend {
    return this.#backend
  }

  get nowMs(): number {
    return this.#nowMs
  }

  processRecord(record: unknown, timestamp: number): void {
    this.processBatch({ records: [record], timestamps: [timestamp], keyHashes: undefined })
  }

  processBatch(batch: RecordBatch): void {
    let index = 0
    this.#drive((budget) => {
      if (batch.records.length === 0) return true
      index = this.#operator.processBatch(batch, index, budget)
      return index >= batch.records.length
    })
  }

  advanceWatermark(watermark: number): void {
    this.#drive((budget) => this.#operator.advanceWatermark(watermark, budget))
  }

  /** Moves the clock and fires what is due. */
  advanceClockTo(nowMs: number): void {
    this.#nowMs = nowMs
    this.#drive((budget) => this.#operator.advanceProcessingTime(nowMs, budget))
  }

  get nextProcessingTimeMs(): number | undefined {
    return this.#operator.nextProcessingTimeMs()
  }

  /** The end of a bounded input: the maximum watermark, then `finish`. */
  end(): void {
    this.advanceWatermark(WATERMARK_MAX)
    this.#drive((budget) => this.#operator.finish(budget))
  }

  close(): void {
    this.#operator.close()
    this.#backend.close()
  }

  /** Takes a snapshot and completes it. What it returns can be given to `restore`, after `SegmentChains.union` over all subtasks. */
  snapshot(): SegmentChains {
    const id = ++this.#lastSnapshotId
    this.#chains = new OpenChainsSnapshot(this.#backend, this.#chains, id, this.#deltasMax).finish()
    this.#backend.onCheckpointComplete(id)
    return this.#chains
  }

  /** Takes a snapshot and gives it up. */
  abortSnapshot(): void {
    const id = ++this.#lastSnapshotId
    new OpenChainsSnapshot(this.#backend, this.#chains, id, this.#deltasMax).finish()
    this.#backend.onCheckpointAborted(id)
  }

  /** The records of the main output so far. */
  get output(): readonly CollectedRecord[] {
    return this.#output.collected
  }

  /** The same; the harness forgets them. */
  drainOutput(): CollectedRecord[] {
    return this.#output.drain()
  }

  sideOutput(name: string): readonly CollectedRecord[] {
    return this.#sides.get(name)?.collected ?? []
  }

  counter(name: string): number {
    return this.#counters.get(name) ?? 0
  }

  #side(name: string, roomRecords: number): HarnessOutput {
    let side = this.#sides.get(name)
    if (side === undefined) {
      side = new HarnessOutput(roomRecords)
      this.#sides.set(name, side)
    }
    return side
  }

  #drive(turn: (budget: TurnBudget) => boolean): void {
    let idleTurns = 0
    for (;;) {
      const before = this.#emitted()
      const budget = { units: this.#unitsPerTurn }
      const done = turn(budget)
      const hasMoved = this.#emitted() > before || budget.units < this.#unitsPerTurn
      this.#output.take()
      for (const side of this.#sides.values()) side.take()
      if (done) return
      idleTurns = hasMoved ? 0 : idleTurns + 1
      if (idleTurns > IDLE_TURNS_MAX) throw new Error('the operator has work left and makes no progress')
    }
  }

  #emitted(): number {
    let { emitted } = this.#output
    for (const side of this.#sides.values()) emitted += side.emitted
    return emitted
  }
}
