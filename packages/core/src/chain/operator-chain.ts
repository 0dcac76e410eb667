/**
 * Drives the operators of one vertex as one program, without a thread, clock or channel of its own: batches,
 * watermarks and the end go in at the head; records leave through the outputs that the host gives the operators, and
 * watermarks and the end come out at the tail through `ChainTail`.
 *
 * Invariants: elements pass every stage in order; a watermark leaves a stage only when everything that it covers has
 * left it; a stage works only while its output has room; and a chain that `isDrained` holds no record, watermark or
 * half-done firing, which is the only moment at which it may be snapshotted.
 */
import type { RecordBatch } from '../batch/record-batch.ts'
import type { Operator, OperatorOutput, TurnBudget } from '../operator/operator.ts'
import { StageInbox } from './stage-inbox.ts'

/** Gets what comes out of the last stage besides records. Always accepts; `isFull` of the outputs holds the chain back. */
export interface ChainTail {
  onWatermark(timestamp: number): void
  onEnd(): void
}

export type ChainProgress =
  /** Nothing to do. */
  | 'idle'
  /** The budget ended with work left. */
  | 'more'
  /** Work is left and some output has no room. */
  | 'blocked'
  /** Work is left that waits for an outside system, as a sink that is still writing. */
  | 'waiting'

export interface ChainStage {
  readonly operator: Operator
  /** Every output of this stage: while one is full the stage does not work. */
  readonly outputs: readonly OperatorOutput[]
}

interface RunningStage extends ChainStage {
  readonly inbox: StageInbox
  /** Index of the next record of the batch at the head of the inbox. */
  cursor: number
  /** Whether the first element was started and not finished. */
  started: boolean
  /** The end has passed: timers of this stage would come after it. */
  ended: boolean
}

export class OperatorChain {
  readonly #stages: RunningStage[]
  readonly #tail: ChainTail
  #ended = false

  /**
   * `inboxes[i]` is the inbox of stage i; the main output of stage i writes into `inboxes[i + 1]`, which must be among
   * its `outputs`.
   */
  constructor(stages: readonly ChainStage[], inboxes: readonly StageInbox[], tail: ChainTail) {
    this.#stages = stages.map((stage, index) => ({
      ...stage,
      inbox: inboxes[index] ?? new StageInbox(),
      cursor: 0,
      started: false,
      ended: false,
    }))
    this.#tail = tail
  }

  /** Whether the head takes another element. */
  get hasRoom(): boolean {
    return !(this.#stages[0]?.inbox.isFull ?? false)
  }

  get isDrained(): boolean {
    for (const stage of this.#stages) if (!stage.inbox.isEmpty) return false
    return true
  }

  /** The end has left the last stage. */
  get isEnded(): boolean {
    return this.#ended
  }

  /** Records that wait inside, for metrics and budgets. */
  get queuedRecords(): number {
    let records = 0
    for (const stage of this.#stages) records += stage.inbox.queuedRecords
    return records
  }

  pushBatch(batch: RecordBatch): void {
    this.#head.pushBatch(batch)
  }

  pushWatermark(timestamp: number): void {
    if (this.#stages.length === 0) this.#tail.onWatermark(timestamp)
    else this.#head.pushWatermark(timestamp)
  }

  pushEnd(): void {
    if (this.#stages.length === 0) this.#leaveEnd()
    else this.#head.pushEnd()
  }

  step(budget: TurnBudget): ChainProgress {
    // Downstream first: room is made before more is put in, so the records inside stay few.
    let progressed = true
    while (progressed) {
      progressed = false
      for (let index = this.#stages.length - 1; index >= 0; index--) {
        if (this.#stepStage(index, budget)) progressed = true
        if (budget.units <= 0 && !this.isDrained) return 'more'
      }
    }
    return this.#whyNoProgress()
  }

  /**
   * Gives back the records at the head that its operator has not begun, so that the chain is drained the sooner. The record that is next
   * may have given some of what it gives, so it stays. `undefined`: there are none.
   */
  takeBack(): RecordBatch | undefined {
    const head = this.#stages[0]
    return head?.inbox.takeBack(head.started ? head.cursor + 1 : 0)
  }

  /** Fires due processing-time timers; true when nothing that is due is left and no stage was in the middle of something. */
  advanceProcessingTime(nowMs: number, budget: TurnBudget): boolean {
    let done = true
    for (const stage of this.#stages) {
      if (stage.ended) continue
      if (stage.started || isBlocked(stage)) {
        const due = stage.operator.nextProcessingTimeMs()
        if (due !== undefined && due <= nowMs) done = false
        continue
      }
      if (!stage.operator.advanceProcessingTime(nowMs, budget)) done = false
    }
    return done
  }

  nextProcessingTimeMs(): number | undefined {
    let next: number | undefined
    for (const stage of this.#stages) {
      const own = stage.ended ? undefined : stage.operator.nextProcessingTimeMs()
      if (own !== undefined && (next === undefined || own < next)) next = own
    }
    return next
  }

  close(): void {
    for (const stage of this.#stages) stage.operator.close()
  }

  get #head(): StageInbox {
    const head = this.#stages[0]
    if (head === undefined) throw new Error('a chain without stages takes no records')
    return head.inbox
  }

  /** Works on one stage until its input, its outputs or the budget end it. Returns whether anything moved. */
  #stepStage(index: number, budget: TurnBudget): boolean {
    const stage = this.#stages[index] as RunningStage
    let moved = false
    while (budget.units > 0 && !isBlocked(stage)) {
      const element = stage.inbox.first
      if (element === undefined) break
      const isNew = !stage.started
      stage.started = true
      if (element.kind === 'batch') {
        if (isNew) stage.inbox.closeOpenBatch()
        const unitsBefore = budget.units
        const next = stage.operator.processBatch(element.batch, stage.cursor, budget)
        // A record that gives very many may have given some and not be done.
        if (next > stage.cursor || budget.units < unitsBefore) moved = true
        stage.cursor = next
        if (next < element.batch.records.length) break
        stage.cursor = 0
      } else if (element.kind === 'watermark') {
        const unitsBefore = budget.units
        const done = stage.operator.advanceWatermark(element.timestamp, budget)
        if (done || budget.units < unitsBefore) moved = true
        if (!done) break
      } else {
        const unitsBefore = budget.units
        const done = stage.operator.finish(budget)
        if (done || budget.units < unitsBefore) moved = true
        if (!done) break
        stage.ended = true
      }
      stage.started = false
      stage.inbox.shift()
      moved = true
      budget.units--
      this.#forward(index, element.kind === 'batch' ? undefined : element)
    }
    return moved
  }

  /** The stage furthest downstream that has work is the one that holds up all others. */
  #whyNoProgress(): ChainProgress {
    for (let index = this.#stages.length - 1; index >= 0; index--) {
      const stage = this.#stages[index] as RunningStage
      if (!stage.inbox.isEmpty) return isBlocked(stage) ? 'blocked' : 'waiting'
    }
    return 'idle'
  }

  #forward(index: number, control: { kind: 'watermark'; timestamp: number } | { kind: 'end' } | undefined): void {
    if (control === undefined) return
    const next = this.#stages[index + 1]
    if (control.kind === 'watermark') {
      if (next === undefined) this.#tail.onWatermark(control.timestamp)
      else next.inbox.pushWatermark(control.timestamp)
    } else if (next === undefined) this.#leaveEnd()
    else next.inbox.pushEnd()
  }

  #leaveEnd(): void {
    this.#ended = true
    this.#tail.onEnd()
  }
}

function isBlocked(stage: RunningStage): boolean {
  for (const output of stage.outputs) if (output.isFull) return true
  return false
}
