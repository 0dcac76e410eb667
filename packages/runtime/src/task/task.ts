/**
 * One subtask of one vertex: reads its inputs (or its splits), drives its chain, writes its outputs, and takes part in
 * checkpoints. It is driven by `step(budget)` and owns no thread; everything asynchronous ends in a `wake`.
 *
 * Order that the laws rest on: an input element is taken only when the chain is drained; a snapshot is taken only when
 * the chain is drained, the sink is still and the snapshot before is encoded, and its barrier leaves before any element that follows it; `end`
 * leaves after everything before it. A barrier that overtakes data in flight (decision 0054) waits for the drained chain alone, and
 * its output may be overdrawn for that. After its end a task stays in the barrier path until the job ends (decision 0003).
 */
import { MillraceError, type PlainValue, type PreparedOutput } from '@millrace/api'
import {
  type AlignmentMeasures,
  BATCH_RECORDS_MAX,
  type CheckpointBarrier,
  type CheckpointId,
  type KeyedStateBackend,
  NO_TIMESTAMP,
  type OpenAlignment,
  type OperatorChain,
  overtakesFromMs,
  type SegmentLedger,
  type StreamElement,
  type TurnBudget,
  WATERMARK_MAX,
} from '@millrace/core'
import type { Clock } from '../clock/clock.ts'
import { BufferTimeout } from './buffer-timeout.ts'
import type { EdgeWriter } from './edge-writer.ts'
import type { InputGate } from './input-gate.ts'
import { OvertakingGate, RESTORED_CHANNEL } from './overtaking-gate.ts'
import type { PendingCommits } from './pending-commits.ts'
import type { SinkOperator } from './sink-operator.ts'
import type { SourceDriver } from './source-driver.ts'
import type { SnapshotStore, TaskEvents, TaskId } from './task-ports.ts'
import { TaskSnapshot } from './task-snapshot.ts'

export type TaskProgress = 'idle' | 'more' | 'blocked' | 'waiting'

export type TaskInput =
  | { readonly kind: 'source'; readonly driver: SourceDriver; readonly uid: string }
  | { readonly kind: 'gate'; readonly gate: InputGate }

export interface TaskSink {
  readonly uid: string
  readonly operator: SinkOperator
  readonly commits: PendingCommits
}

export interface TaskKeyedState {
  readonly backend: KeyedStateBackend
  readonly ledger: SegmentLedger
}

export interface TaskOptions {
  readonly id: TaskId
  /** `vertex name (subtask + 1/parallelism)`, as Flink writes it. */
  readonly name: string
  readonly operatorUids: readonly string[]
  readonly input: TaskInput
  readonly chain: OperatorChain
  readonly edges: readonly EdgeWriter[]
  readonly sink: TaskSink | undefined
  readonly keyed: TaskKeyedState | undefined
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly bufferTimeoutMs: number
  /** After how long barriers of checkpoints overtake, from the trigger on; `undefined`: never. */
  readonly overtakeAfterMs: number | undefined
  readonly events: TaskEvents
  /** The subtask had ended before the restored checkpoint: it runs nothing and only forwards barriers. */
  readonly wasFinished: boolean
}

/** What encoding gets for each ms that has passed since its last slice: about a fifth of the time, however long turns are. */
const ENCODE_MS_PER_MS = 0.25
const ENCODE_SLICE_MS_MIN = 1
/** Short enough not to be felt. */
const ENCODE_SLICE_MS_MAX = 10
/** A source gives its chain as much as it worked off in about this time, so that a barrier never waits long. */
const SOURCE_PIECE_MS = 10
const SOURCE_PIECE_RECORDS_MIN = 1

interface DueBarrier {
  readonly barrier: CheckpointBarrier
  readonly measures: AlignmentMeasures
  /** Read while the barriers were aligned. */
  readonly processedBytes: number
  /** It overtook data in flight on these channels of this gate. */
  readonly overtaken?: { readonly gate: OvertakingGate; readonly pending: readonly number[]; readonly atMs: number }
}

export class Task {
  readonly id: TaskId
  readonly name: string
  readonly #options: TaskOptions
  readonly #clock: Clock
  readonly #snapshots = new Map<CheckpointId, TaskSnapshot>()
  /** What was written for checkpoints that were given up is being removed. */
  #discarding: Promise<void> = Promise.resolve()
  readonly #edges: readonly EdgeWriter[]
  readonly #overtakingGate: OvertakingGate | undefined
  #dueBarriers: DueBarrier[] = []
  #completedId: CheckpointId = 0
  /** The sink has prepared for the last time. */
  #hasPreparedEnd = false
  #hasFailed = false
  #isEnded: boolean
  #hasBegun = false
  /** When a snapshot was last given time. */
  #encodedAtMs = 0
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
    const { input } = options
    this.#overtakingGate = input.kind === 'gate' && input.gate instanceof OvertakingGate ? input.gate : undefined
    this.#isEnded = options.wasFinished
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
    const overtakingMs = this.#nextOvertakingMs()
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
    const startDelayMs = Math.max(0, this.#clock.now() - barrier.triggeredAtMs)
    // Several may wait for a still chain and sink: they are taken one after the other.
    this.#dueBarriers.push({ barrier, measures: { startDelayMs, alignmentDurationMs: 0 }, processedBytes: 0 })
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
    if (this.#hasFailed) return
    this.#snapshots.delete(id)
    this.#catchUp(id)
    this.#options.sink?.commits.commitUpTo(id)
  }

  onCheckpointAborted(id: CheckpointId): void {
    if (this.#hasFailed) return
    const { input } = this.#options
    if (input.kind === 'gate') input.gate.alignment.onAbort(id)
    this.#overtakingGate?.abortRecording(id)
    const due = this.#dueBarriers.filter(({ barrier }) => barrier.checkpointId !== id)
    if (due.length < this.#dueBarriers.length) this.#endOverdraft()
    this.#dueBarriers = due
    this.#giveUp(id)
  }

  /** Ends the task with an error. Only the first one counts. */
  fail(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#options.events.onFailed(this.#withTask(error))
  }

  async close(): Promise<void> {
    this.#hasFailed = true
    const { input, sink, chain, keyed } = this.#options
    chain.close()
    if (input.kind === 'source') await input.driver.close()
    await sink?.operator.closeWriter()
    await sink?.commits.close()
    for (const id of [...this.#snapshots.keys()]) this.#giveUp(id)
    await this.#discarding
    keyed?.backend.close()
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
    const gate = this.#overtakingGate
    if (gate === undefined) return this.#work(budget)
    this.#overtake(gate)
    const progress = this.#work(budget)
    // Also while the task itself can do nothing: what is before the barrier makes room for its sender.
    return gate.record() ? 'more' : progress
  }

  #work(budget: TurnBudget): TaskProgress {
    const { chain, sink, input } = this.#options
    this.#encodeSnapshots()
    // The storage is behind, and whatever changes now would be kept in memory for the snapshot.
    if (this.#isOverdrawn()) return 'waiting'
    this.#fireProcessingTime(budget)
    for (;;) {
      const progress = chain.step(budget)
      if (progress === 'blocked' && this.#overdraw()) continue
      if (progress !== 'idle') return progress
      this.#onDrained()
      for (let due = this.#dueBarriers[0]; due !== undefined; due = this.#dueBarriers[0]) {
        if (sink?.operator.isBusy === true) return 'waiting'
        // A second view would need the first one encoded at once, and all of it in memory.
        if (this.#isViewOpen()) return this.#isEncoding() ? 'more' : 'waiting'
        this.#dueBarriers.shift()
        this.#takeSnapshot(due)
      }
      if (this.#isOutputFull()) return 'blocked'
      if (budget.units <= 0) return 'more'
      const taken =
        input.kind === 'source' ? this.#takeFromSource(input.driver, budget) : this.#takeFromGate(input.gate)
      if (!taken) return this.#isEncoding() ? 'more' : 'idle'
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
        this.#recordsIn += element.batch.records.length
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
        this.#onBarrier(gate, element)
        break
      case 'end':
        if (gate.onEnd()) this.#options.chain.pushEnd()
        else this.#pushMergedWatermark(gate)
        break
    }
    this.#announceIdle(gate.merge.isIdle)
    return true
  }

  #onBarrier(gate: InputGate, barrier: CheckpointBarrier): void {
    for (const action of gate.onBarrier(barrier, this.#clock.now())) {
      if (action.kind === 'aligned') {
        const { barrier, measures } = action
        this.#dueBarriers.push({ barrier, measures, processedBytes: gate.alignmentReadBytes })
      } else this.#decline(action.checkpointId, supersededBy(action.supersededBy))
    }
  }

  /** Sees whether a barrier overtakes now. */
  #overtake(gate: OvertakingGate): void {
    gate.hearAnnouncements()
    const processedBytes = gate.alignment.open === undefined ? 0 : gate.alignmentReadBytes
    for (const action of gate.alignment.decideOvertaking(this.#clock.now())) {
      if (action.kind === 'overtakes') {
        const { barrier, measures, pending } = action
        const overtaken = { gate, pending, atMs: this.#clock.monotonicMs() }
        this.#dueBarriers.push({ barrier, measures, processedBytes, overtaken })
      } else this.#decline(action.checkpointId, supersededBy(action.supersededBy))
    }
  }

  /** When a barrier that waits overtakes what it waits for. */
  #nextOvertakingMs(): number | undefined {
    const { overtakeAfterMs } = this.#options
    const due = this.#dueBarriers[0]
    if (overtakeAfterMs === undefined) return undefined
    if (due !== undefined) return overtakesFromMs(due.barrier, overtakeAfterMs)
    return this.#overtakingGate?.alignment.overtakingDueMs
  }

  /** A barrier whose time is up does not wait for room: what is half worked off is finished into the overdraft. */
  #overdraw(): boolean {
    const { overtakeAfterMs } = this.#options
    const due = this.#dueBarriers[0]
    if (due === undefined || overtakeAfterMs === undefined) return false
    const fromMs = overtakesFromMs(due.barrier, overtakeAfterMs)
    if (fromMs === undefined || this.#clock.now() < fromMs) return false
    let isOverdrawn = false
    for (const edge of this.#edges) if (edge.overdraw()) isOverdrawn = true
    return isOverdrawn && !this.#isOutputFull()
  }

  #endOverdraft(): void {
    if (this.#options.overtakeAfterMs !== undefined) for (const edge of this.#edges) edge.endOverdraft()
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

  #takeSnapshot({ barrier, measures, processedBytes, overtaken }: DueBarrier): void {
    const { chain, keyed, sink, input, store, operatorUids, overtakeAfterMs } = this.#options
    const id = barrier.checkpointId
    const startedMs = this.#clock.monotonicMs()
    this.#catchUp(barrier.lastCompletedId)
    const keyedSnapshot = keyed?.backend.beginSnapshot(id, keyed.ledger.decide(id, barrier.snapshotKind))
    const entries = input.kind === 'source' ? (input.driver.snapshot() as unknown as PlainValue[]) : []
    const finished = this.#isEnded || chain.isEnded
    const prepared = sink === undefined ? undefined : this.#prepare(sink, barrier, finished)
    let alignmentDurationMs = measures.alignmentDurationMs
    const inFlight = overtaken?.gate.beginRecording(barrier, overtaken.pending).then((recorded) => {
      alignmentDurationMs += this.#clock.monotonicMs() - overtaken.atMs
      return recorded
    })
    // When the checkpoint is given up nobody may wait for it yet.
    inFlight?.catch(() => {})
    const snapshot = new TaskSnapshot({
      task: this.id,
      barrier,
      keyed: keyedSnapshot,
      ledger: keyed?.ledger,
      store,
      operators: operatorUids.map((uid) => ({
        uid,
        entries: input.kind === 'source' && uid === input.uid ? entries : [],
      })),
      sinkUid: sink?.uid,
      prepared,
      inFlight,
      pendingCommittables: () => sink?.commits.upTo(id) ?? [],
      onWritten: () => this.#options.events.wake(),
    })
    this.#snapshots.set(id, snapshot)
    const mayOvertake = overtakeAfterMs !== undefined && overtakesFromMs(barrier, overtakeAfterMs) !== undefined
    if (mayOvertake) for (const edge of this.#edges) edge.announce(barrier)
    for (const edge of this.#edges) edge.broadcast(barrier)
    this.#endOverdraft()
    const syncDoneMs = this.#clock.monotonicMs()
    snapshot.encode(ENCODE_SLICE_MS_MIN)
    this.#encodedAtMs = this.#clock.monotonicMs()
    snapshot.store().then(
      (stored) => {
        if (snapshot.isGivenUp || this.#hasFailed) return
        this.#options.events.onSnapshot(
          id,
          { operators: stored.operators, finished },
          {
            ...measures,
            alignmentDurationMs,
            processedBytes,
            syncDurationMs: syncDoneMs - startedMs,
            asyncDurationMs: this.#clock.monotonicMs() - syncDoneMs,
            checkpointedBytes: stored.writtenBytes,
            stateBytes: stored.stateBytes,
            persistedBytes: stored.inFlightBytes,
            ...(overtaken === undefined ? {} : { isUnaligned: true }),
          },
        )
      },
      (error: unknown) => {
        if (!snapshot.isGivenUp) this.#decline(id, error)
      },
    )
  }

  /** The barrier may be here before the message that says what is complete: deltas must not build on anything older. */
  #catchUp(completedId: CheckpointId): void {
    const { keyed } = this.#options
    if (completedId <= this.#completedId || keyed === undefined) return
    this.#completedId = completedId
    keyed.backend.onCheckpointComplete(completedId)
    keyed.ledger.onComplete(completedId)
  }

  /** A sink that cannot prepare has lost what it wrote: the task fails, not only the checkpoint. */
  #prepare(
    sink: TaskSink,
    barrier: CheckpointBarrier,
    finished: boolean,
  ): Promise<PreparedOutput<PlainValue, PlainValue>> {
    // After its last preparation a sink holds nothing; what it prepared is carried until it is committed.
    if (this.#hasPreparedEnd) return Promise.resolve({ states: [], committables: [] })
    this.#hasPreparedEnd = finished
    const reason = finished ? 'end' : barrier.snapshotKind === 'savepoint' ? 'savepoint' : 'checkpoint'
    const prepared = sink.operator.prepare(barrier.checkpointId, reason)
    prepared.then(
      ({ committables }) => {
        sink.commits.add(barrier.checkpointId, committables)
        this.#options.events.wake()
      },
      (error: unknown) => this.fail(error),
    )
    return prepared
  }

  #encodeSnapshots(): void {
    if (!this.#isEncoding()) return
    const passedMs = this.#clock.monotonicMs() - this.#encodedAtMs
    const sliceMs = Math.min(ENCODE_SLICE_MS_MAX, Math.max(ENCODE_SLICE_MS_MIN, passedMs * ENCODE_MS_PER_MS))
    for (const snapshot of this.#snapshots.values()) snapshot.encode(sliceMs)
    this.#encodedAtMs = this.#clock.monotonicMs()
  }

  /** Time for encoding is of use now. */
  #isEncoding(): boolean {
    for (const snapshot of this.#snapshots.values()) if (snapshot.canEncode) return true
    return false
  }

  #isViewOpen(): boolean {
    for (const snapshot of this.#snapshots.values()) if (!snapshot.isEncoded) return true
    return false
  }

  #isOverdrawn(): boolean {
    for (const snapshot of this.#snapshots.values()) if (snapshot.isOverdrawn) return true
    return false
  }

  #decline(id: CheckpointId, error: unknown): void {
    if (this.#hasFailed) return
    this.#giveUp(id)
    this.#options.events.onDeclined(id, error)
  }

  /** The snapshot is not needed any more: its changes belong to the next one. */
  #giveUp(id: CheckpointId): void {
    const { keyed, events } = this.#options
    const snapshot = this.#snapshots.get(id)
    this.#snapshots.delete(id)
    const discarded = snapshot?.giveUp()
    this.#discarding = this.#discarding.then(() => discarded)
    keyed?.backend.onCheckpointAborted(id)
    keyed?.ledger.onAborted(id)
    // What waited for it to be encoded or written may go on.
    events.wake()
  }

  #fireProcessingTime(budget: TurnBudget): void {
    // Timers must not keep a barrier from its drained chain.
    if (this.#isEnded || this.#dueBarriers.length > 0) return
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

function supersededBy(checkpointId: CheckpointId): MillraceError {
  return new MillraceError('CHECKPOINT_DECLINED', `Checkpoint ${checkpointId} came before it was done`, {
    details: { supersededBy: checkpointId },
  })
}
