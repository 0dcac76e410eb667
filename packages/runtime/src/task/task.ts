/**
 * One subtask of one vertex: reads its inputs (or its splits), drives its chain and writes its outputs; its part in checkpoints
 * is `TaskCheckpoints`. It is driven by `step(budget)` and owns no thread; everything asynchronous ends in a `wake`.
 *
 * Order that the laws rest on: an input element is taken only when the chain is drained and no barrier is due; so a snapshot holds
 * what came before its barrier, and the barrier leaves before any element that follows it; `end` leaves after everything before
 * it. After its end a task stays in the barrier path until the job ends (decision 0003).
 */
import { MillraceError } from '@millrace/api'
import {
  BATCH_RECORDS_MAX,
  type CheckpointBarrier,
  type CheckpointId,
  NO_TIMESTAMP,
  type OpenAlignment,
  type StreamElement,
  type TurnBudget,
  WATERMARK_MAX,
} from '@millrace/core'
import type { Clock } from '../clock/clock.ts'
import { BufferTimeout } from './buffer-timeout.ts'
import { closeAll } from './close-all.ts'
import type { EdgeWriter } from './edge-writer.ts'
import type { InputGate } from './input-gate.ts'
import { RESTORED_CHANNEL } from './overtaking-gate.ts'
import type { SourceDriver } from './source-driver.ts'
import { TaskCheckpoints } from './task-checkpoints.ts'
import type { TaskOptions } from './task-options.ts'
import type { TaskId } from './task-ports.ts'

/** What the records of a task wait for after a step; `more`: for another step. */
export type TaskProgress = 'idle' | 'more' | 'blocked' | 'waiting'

/** A source gives its chain as much as it worked off in about this time, so that a barrier never waits long. */
const SOURCE_PIECE_MS = 10
const SOURCE_PIECE_RECORDS_MIN = 1

export class Task {
  readonly id: TaskId
  readonly name: string
  readonly #options: TaskOptions
  readonly #clock: Clock
  readonly #edges: readonly EdgeWriter[]
  readonly #checkpoints: TaskCheckpoints
  #hasFailed = false
  #isEnded: boolean
  #hasBegun = false
  /** Of the last step. */
  #progress: TaskProgress = 'idle'
  #isOutputIdle = false
  readonly #bufferTimeout: BufferTimeout
  #sourcePieceRecords = 64
  /** When the piece now in the chain was pushed; undefined while there is none. */
  #pieceSinceMs: number | undefined
  #watermarkIn = NO_TIMESTAMP
  #watermarkOut = NO_TIMESTAMP
  #recordsIn = 0

  constructor(options: TaskOptions) {
    this.id = options.id
    this.name = options.name
    this.#options = options
    this.#clock = options.clock
    this.#edges = options.edges
    this.#bufferTimeout = new BufferTimeout(options.edges, options.bufferTimeoutMs)
    this.#isEnded = options.wasFinished
    this.#checkpoints = new TaskCheckpoints(options, this)
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get watermarkIn(): number {
    return this.#watermarkIn
  }

  get watermarkOut(): number {
    return this.#watermarkOut
  }

  get recordsIn(): number {
    const { input } = this.#options
    return input.kind === 'source' ? input.driver.recordsRead : this.#recordsIn
  }

  get recordsOut(): number {
    let records = 0
    for (const edge of this.#edges) records += edge.recordsOut
    return records
  }

  /** Records that were combined before they were sent, and the partial results that left in their place. */
  get recordsCombined(): number {
    let records = 0
    for (const edge of this.#edges) records += edge.recordsCombined
    return records
  }

  get partialsOut(): number {
    let partials = 0
    for (const edge of this.#edges) partials += edge.partialsOut
    return partials
  }

  get bytesIn(): number {
    const { input } = this.#options
    return input.kind === 'gate' ? input.gate.readBytes : 0
  }

  get bytesOut(): number {
    let bytes = 0
    for (const edge of this.#edges) bytes += edge.writtenBytes
    return bytes
  }

  get inputQueuedBytes(): number {
    const { input } = this.#options
    return input.kind === 'gate' ? input.gate.queuedBytes : 0
  }

  get outputQueuedBytes(): number {
    let bytes = 0
    for (const edge of this.#edges) bytes += edge.queuedBytes
    return bytes
  }

  /** The alignment that holds inputs back now. */
  get openAlignment(): OpenAlignment | undefined {
    const { input } = this.#options
    return input.kind === 'gate' ? input.gate.alignment.open : undefined
  }

  /** A snapshot wants turns to be encoded, whatever the records of the task wait for. */
  get isEncoding(): boolean {
    return this.#checkpoints.isEncoding
  }

  /** A bounded piece of work. Errors end the task through `events.onFailed`; afterwards it does nothing. */
  step(budget: TurnBudget): TaskProgress {
    if (this.#hasFailed) return 'idle'
    try {
      if (!this.#hasBegun) this.#begin()
      this.#progress = this.#step(budget)
      this.#bufferTimeout.step(this.#clock.monotonicMs())
      return this.#progress
    } catch (error) {
      this.fail(error)
      return 'idle'
    }
  }

  /** When the task needs a turn though nothing wakes it, wall clock epoch ms. */
  nextDueMs(): number | undefined {
    if (this.#hasFailed) return undefined
    const now = this.#clock.now()
    const dues: number[] = []
    const timer = this.#options.chain.nextProcessingTimeMs()
    // After the end timers do not fire, those of a restored task that had ended neither.
    if (timer !== undefined && !this.#isEnded) dues.push(timer)
    const flushDueMs = this.#bufferTimeout.dueMs
    if (flushDueMs !== undefined) dues.push(now + flushDueMs - this.#clock.monotonicMs())
    const overtakingMs = this.#checkpoints.nextOvertakingMs()
    if (overtakingMs !== undefined && overtakingMs > now) dues.push(overtakingMs)
    const { input } = this.#options
    // While the output is full or a sink works, the driver is not asked: their wake-up comes first.
    const isAsked = input.kind === 'source' && !this.#isEnded && this.#progress === 'idle'
    const quiet = isAsked ? input.driver.nextDueMs() : undefined
    if (quiet !== undefined) dues.push(now + quiet - this.#clock.monotonicMs())
    return dues.length === 0 ? undefined : Math.min(...dues)
  }

  /** Starts checkpoint `barrier` at a source; others get it through their channels. */
  trigger(barrier: CheckpointBarrier): void {
    if (this.#hasFailed) return
    this.#checkpoints.onTrigger(barrier)
    this.#options.events.wake()
  }

  /** Ends a source as if its input had ended; other tasks hear of it by their inputs. Barriers that came before go first. */
  drain(): void {
    const { input, events } = this.#options
    if (this.#hasFailed || input.kind !== 'source') return
    input.driver.drain()
    events.wake()
  }

  onCheckpointComplete(id: CheckpointId): void {
    if (!this.#hasFailed) this.#checkpoints.onComplete(id)
  }

  onCheckpointAborted(id: CheckpointId): void {
    if (!this.#hasFailed) this.#checkpoints.onAborted(id)
  }

  /** Ends the task with an error. Only the first one counts. */
  fail(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#checkpoints.stop()
    this.#options.events.onFailed(this.#withTask(error))
  }

  /** Throws what failed first, when everything is closed that can be. */
  async close(): Promise<void> {
    this.#hasFailed = true
    this.#checkpoints.stop()
    const { input, sink, chain, keyed } = this.#options
    await closeAll([
      () => chain.close(),
      () => (input.kind === 'source' ? input.driver.close() : undefined),
      () => sink?.operator.closeWriter(),
      () => sink?.commits.close(),
      () => this.#checkpoints.close(),
      () => keyed?.backend.close(),
    ])
  }

  /** Called by the source before records, which may leave at once. */
  onSourceActive(): void {
    this.#announceIdle(false)
  }

  /** Called by the chain when a watermark has passed its last operator. */
  onWatermarkOut(timestamp: number): void {
    this.#watermarkOut = timestamp
    for (const edge of this.#edges) edge.broadcast({ kind: 'watermark', timestamp })
  }

  /** Called by the chain when the end has passed its last operator. */
  onEndOut(): void {
    for (const edge of this.#edges) edge.broadcast({ kind: 'end' })
    this.#isEnded = true
    this.#options.events.onEnded()
  }

  #begin(): void {
    this.#hasBegun = true
    if (!this.#options.wasFinished) return
    this.onWatermarkOut(WATERMARK_MAX)
    this.onEndOut()
  }

  #step(budget: TurnBudget): TaskProgress {
    for (const edge of this.#edges) edge.flushWaiting()
    this.#checkpoints.decideOvertaking()
    const progress = this.#work(budget)
    // Also while the task itself can do nothing: what is before the barrier makes room for its sender.
    return this.#checkpoints.readOvertaken() ? 'more' : progress
  }

  #work(budget: TurnBudget): TaskProgress {
    const { chain, input } = this.#options
    const checkpoints = this.#checkpoints
    checkpoints.encode()
    if (checkpoints.isOverdrawn) return 'waiting'
    this.#fireProcessingTime(budget)
    for (;;) {
      const progress = chain.step(budget)
      if (progress === 'blocked' && checkpoints.overdraw()) continue
      if (progress !== 'idle') return progress
      this.#onDrained()
      if (!checkpoints.takeDue()) return 'waiting'
      if (this.#isOutputFull()) return 'blocked'
      if (budget.units <= 0) return 'more'
      const taken =
        input.kind === 'source' ? this.#takeFromSource(input.driver, budget) : this.#takeFromGate(input.gate)
      if (!taken) return 'idle'
    }
  }

  #takeFromSource(driver: SourceDriver, budget: TurnBudget): boolean {
    if (this.#isEnded) return false
    this.#pieceSinceMs = this.#clock.monotonicMs()
    const usedBefore = driver.itemsUsed
    const result = driver.step(Math.min(this.#sourcePieceRecords, Math.max(1, budget.units)))
    budget.units -= driver.itemsUsed - usedBefore
    this.#announceIdle(driver.isIdle)
    if (result === 'moved') return true
    this.#pieceSinceMs = undefined
    // A watermark that went in by the clock fires what it covers now: no record need follow it.
    return !this.#options.chain.isDrained
  }

  #takeFromGate(gate: InputGate): boolean {
    const element = gate.poll()
    if (element === undefined) return false
    if (this.#options.wasFinished && element.kind !== 'barrier') {
      this.#checkNothingNew(element)
      return true
    }
    switch (element.kind) {
      case 'batch':
        if (!gate.isRepeated) this.#recordsIn += element.batch.records.length
        this.#options.chain.pushBatch(element.batch)
        break
      case 'watermark':
        if (gate.lastChannel === RESTORED_CHANNEL) this.#pushWatermark(element.timestamp)
        else if (gate.merge.onWatermark(gate.lastChannel, element.timestamp)) this.#pushMergedWatermark(gate)
        break
      case 'status':
        if (gate.merge.onStatus(gate.lastChannel, element.idle)) this.#pushMergedWatermark(gate)
        break
      case 'barrier':
        this.#checkpoints.onBarrier(gate, element)
        break
      case 'end':
        if (gate.onEnd()) this.#options.chain.pushEnd()
        else this.#pushMergedWatermark(gate)
        break
    }
    this.#announceIdle(gate.merge.isIdle)
    return true
  }

  #pushMergedWatermark(gate: InputGate): void {
    this.#pushWatermark(gate.merge.merged)
  }

  #pushWatermark(merged: number): void {
    if (merged <= this.#watermarkIn) return
    this.#watermarkIn = merged
    this.#options.chain.pushWatermark(merged)
  }

  #announceIdle(idle: boolean): void {
    // Idle follows what is in the chain, so it waits for a drained one: the next call finds it. Active goes ahead of
    // the records that made it so.
    if (idle === this.#isOutputIdle || (idle && !this.#options.chain.isDrained)) return
    this.#isOutputIdle = idle
    for (const edge of this.#edges) edge.broadcast({ kind: 'status', idle })
  }

  /** Watermarks and the end come again from inputs that had ended too; records must not. */
  #checkNothingNew(element: StreamElement): void {
    if (element.kind !== 'batch') return
    throw new MillraceError(
      'INTERNAL',
      `${this.name} had finished before the restored checkpoint and was given records`,
    )
  }

  #fireProcessingTime(budget: TurnBudget): void {
    // Timers must not keep a barrier from its drained chain.
    if (this.#isEnded || this.#checkpoints.isDue) return
    const due = this.#options.chain.nextProcessingTimeMs()
    const now = this.#clock.now()
    if (due !== undefined && due <= now) this.#options.chain.advanceProcessingTime(now, budget)
  }

  /** The chain has worked off what it was given: the next piece of a source is sized by how long that took. */
  #onDrained(): void {
    if (this.#pieceSinceMs === undefined) return
    const tookMs = this.#clock.monotonicMs() - this.#pieceSinceMs
    this.#pieceSinceMs = undefined
    if (tookMs > SOURCE_PIECE_MS)
      this.#sourcePieceRecords = Math.max(SOURCE_PIECE_RECORDS_MIN, this.#sourcePieceRecords >> 1)
    else if (this.#sourcePieceRecords < BATCH_RECORDS_MAX) this.#sourcePieceRecords *= 2
  }

  #isOutputFull(): boolean {
    for (const edge of this.#edges) if (edge.isFull) return true
    return false
  }

  /** Errors that do not say where they happened get the task's name. */
  #withTask(error: unknown): unknown {
    const details = { task: this.name, vertex: this.id.vertexId, subtask: this.id.subtask }
    if (!(error instanceof MillraceError)) {
      const message = error instanceof Error ? error.message : String(error)
      return new MillraceError('INTERNAL', `${this.name} failed: ${message}`, { details, cause: error })
    }
    if (error.details.operator !== undefined || error.details.task !== undefined) return error
    return new MillraceError(error.code, `${this.name}: ${error.message}`, {
      details: { ...error.details, ...details },
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    })
  }
}
