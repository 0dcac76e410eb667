/**
 * The part that one task takes in checkpoints: takes snapshots for the barriers that are due, sends the barriers on, has the
 * snapshots encoded and stored beside the task's work, and tells when they are durable or cannot be. It takes no element; the task
 * says when its chain is drained.
 *
 * Order that the laws rest on: a snapshot is taken only when the chain is drained, the sink is still and the snapshot before is
 * encoded; all of it is fixed and its barrier has left before `takeDue` returns; barriers are taken in the order in which they
 * came. A barrier that overtakes data in flight (decision 0054) waits for the drained chain alone, and the output may be overdrawn
 * for that.
 */
import { MillraceError, type PlainValue, type PreparedOutput } from '@millrace/api'
import { type AlignmentMeasures, type CheckpointBarrier, type CheckpointId, overtakesFromMs } from '@millrace/core'
import type { InputGate } from './input-gate.ts'
import { OpenSnapshots } from './open-snapshots.ts'
import { OvertakingGate, type RecordedInFlight } from './overtaking-gate.ts'
import type { TaskOptions, TaskSink } from './task-options.ts'
import { TaskSnapshot } from './task-snapshot.ts'

/** What checkpoints ask of the task. */
export interface CheckpointedTask {
  /** Nothing follows but barriers. */
  readonly isEnded: boolean
  fail(error: unknown): void
}

interface DueBarrier {
  readonly barrier: CheckpointBarrier
  readonly measures: AlignmentMeasures
  /** Read while the barriers were aligned. */
  readonly processedBytes: number
  /** It overtook data in flight on these channels of this gate. */
  readonly overtaken?: { readonly gate: OvertakingGate; readonly pending: readonly number[]; readonly atMs: number }
}

export class TaskCheckpoints {
  readonly #options: TaskOptions
  readonly #task: CheckpointedTask
  readonly #overtakingGate: OvertakingGate | undefined
  readonly #open: OpenSnapshots
  #due: DueBarrier[] = []
  #completedId: CheckpointId = 0
  /** What the sink has prepared last, at its end. Its states are in every checkpoint from then on. */
  #preparedEnd: Promise<PreparedOutput<PlainValue, PlainValue>> | undefined
  #isStopped = false

  constructor(options: TaskOptions, task: CheckpointedTask) {
    this.#options = options
    this.#task = task
    const { input, clock } = options
    this.#overtakingGate = input.kind === 'gate' && input.gate instanceof OvertakingGate ? input.gate : undefined
    this.#open = new OpenSnapshots(() => clock.monotonicMs())
  }

  /** At a source. */
  onTrigger(barrier: CheckpointBarrier): void {
    const startDelayMs = Math.max(0, this.#options.clock.now() - barrier.triggeredAtMs)
    // Several may wait for a still chain and sink: they are taken one after the other.
    this.#due.push({ barrier, measures: { startDelayMs, alignmentDurationMs: 0 }, processedBytes: 0 })
  }

  /** It was read from the gate. */
  onBarrier(gate: InputGate, barrier: CheckpointBarrier): void {
    for (const action of gate.onBarrier(barrier, this.#options.clock.now())) {
      if (action.kind === 'aligned') {
        const { barrier, measures } = action
        this.#due.push({ barrier, measures, processedBytes: gate.alignmentReadBytes })
      } else this.#decline(action.checkpointId, supersededBy(action.supersededBy))
    }
  }

  onComplete(id: CheckpointId): void {
    this.#open.remove(id)
    this.#catchUp(id)
    this.#options.sink?.commits.commitUpTo(id)
  }

  onAborted(id: CheckpointId): void {
    const { input } = this.#options
    if (input.kind === 'gate') input.gate.alignment.onAbort(id)
    this.#overtakingGate?.abortRecording(id)
    const due = this.#due.filter(({ barrier }) => barrier.checkpointId !== id)
    if (due.length < this.#due.length) this.#endOverdraft()
    this.#due = due
    this.#giveUp(id)
  }

  /** Sees whether a barrier overtakes now; then what the chain has not begun goes back to the gate, and is in flight. */
  decideOvertaking(): void {
    const gate = this.#overtakingGate
    if (gate === undefined) return
    const { chain, clock } = this.#options
    gate.hearAnnouncements()
    const processedBytes = gate.alignment.open === undefined ? 0 : gate.alignmentReadBytes
    for (const action of gate.alignment.decideOvertaking(clock.now())) {
      if (action.kind === 'overtakes') {
        const { barrier, measures, pending } = action
        const overtaken = { gate, pending, atMs: clock.monotonicMs() }
        this.#due.push({ barrier, measures, processedBytes, overtaken })
        const rest = gate.mayPutBack ? chain.takeBack() : undefined
        if (rest !== undefined) gate.putBack(rest)
      } else this.#decline(action.checkpointId, supersededBy(action.supersededBy))
    }
  }

  /** Reads what a barrier has overtaken, a bounded piece; true when there was something. */
  readOvertaken(): boolean {
    return this.#overtakingGate?.record() ?? false
  }

  /** When a barrier that waits overtakes what it waits for, epoch ms. */
  nextOvertakingMs(): number | undefined {
    const { overtakeAfterMs } = this.#options
    const due = this.#due[0]
    if (overtakeAfterMs === undefined) return undefined
    if (due !== undefined) return overtakesFromMs(due.barrier, overtakeAfterMs)
    return this.#overtakingGate?.alignment.overtakingDueMs
  }

  /**
   * A barrier whose time is up does not wait for room: what is half worked off is finished into the overdraft. False when that
   * does not help.
   */
  overdraw(): boolean {
    const { overtakeAfterMs, clock, edges } = this.#options
    const due = this.#due[0]
    if (due === undefined || overtakeAfterMs === undefined) return false
    const fromMs = overtakesFromMs(due.barrier, overtakeAfterMs)
    if (fromMs === undefined || clock.now() < fromMs) return false
    let isOverdrawn = false
    for (const edge of edges) if (edge.overdraw()) isOverdrawn = true
    return isOverdrawn && edges.every((edge) => !edge.isFull)
  }

  /** A barrier waits for the drained chain. */
  get isDue(): boolean {
    return this.#due.length > 0
  }

  /** Takes the snapshots that are due; to be called with a drained chain. False when one of them has to wait. */
  takeDue(): boolean {
    const { sink } = this.#options
    for (let due = this.#due[0]; due !== undefined; due = this.#due[0]) {
      if (sink?.operator.isBusy === true) return false
      // A second view would need the first one encoded at once, and all of it in memory.
      if (this.#open.isViewOpen) return false
      this.#due.shift()
      this.#take(due)
    }
    return true
  }

  /** A slice of encoding, if there is something to encode. */
  encode(): void {
    this.#open.encode()
  }

  /** There is something to encode now. */
  get isEncoding(): boolean {
    return !this.#isStopped && this.#open.isEncoding
  }

  /** The storage is behind, and whatever changes now would be kept in memory for the snapshot. */
  get isOverdrawn(): boolean {
    return this.#open.isOverdrawn
  }

  /** The task has failed or is being closed: nothing more is said of any checkpoint. */
  stop(): void {
    this.#isStopped = true
  }

  /** Gives up what is open, after `stop`. Resolves when nothing is written any more. */
  async close(): Promise<void> {
    for (const id of this.#open.ids) this.#giveUp(id)
    await this.#open.discarded
  }

  #take({ barrier, measures, processedBytes, overtaken }: DueBarrier): void {
    const { chain, clock } = this.#options
    const id = barrier.checkpointId
    const startedMs = clock.monotonicMs()
    this.#catchUp(barrier.lastCompletedId)
    const finished = this.#task.isEnded || chain.isEnded
    let alignmentDurationMs = measures.alignmentDurationMs
    const inFlight = overtaken?.gate.beginRecording(barrier, overtaken.pending).then((recorded) => {
      alignmentDurationMs += clock.monotonicMs() - overtaken.atMs
      return recorded
    })
    // When the checkpoint is given up nobody may wait for it yet.
    inFlight?.catch(() => {})
    const snapshot = this.#snapshotOf(barrier, finished, inFlight)
    this.#open.add(id, snapshot)
    this.#send(barrier)
    const syncDoneMs = clock.monotonicMs()
    this.#open.encode()
    snapshot.store().then(
      (stored) => {
        if (snapshot.isGivenUp || this.#isStopped) return
        this.#options.events.onSnapshot(
          id,
          { operators: stored.operators, finished },
          {
            ...measures,
            alignmentDurationMs,
            processedBytes,
            syncDurationMs: syncDoneMs - startedMs,
            asyncDurationMs: clock.monotonicMs() - syncDoneMs,
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

  /** Fixes what belongs to it. */
  #snapshotOf(
    barrier: CheckpointBarrier,
    finished: boolean,
    inFlight: Promise<RecordedInFlight> | undefined,
  ): TaskSnapshot {
    const { id: task, events, input, keyed, operatorUids, sink, store } = this.#options
    const id = barrier.checkpointId
    const entries = input.kind === 'source' ? (input.driver.snapshot() as unknown as PlainValue[]) : []
    return new TaskSnapshot({
      task,
      barrier,
      keyed: keyed?.backend.beginSnapshot(id, keyed.ledger.decide(id, barrier.snapshotKind)),
      ledger: keyed?.ledger,
      store,
      operators: operatorUids.map((uid) => ({
        uid,
        entries: input.kind === 'source' && uid === input.uid ? entries : [],
      })),
      sinkUid: sink?.uid,
      prepared: sink === undefined ? undefined : this.#prepare(sink, barrier, finished),
      inFlight,
      pendingCommittables: () => sink?.commits.upTo(id) ?? [],
      onWritten: () => events.wake(),
    })
  }

  #send(barrier: CheckpointBarrier): void {
    const { edges, overtakeAfterMs } = this.#options
    const mayOvertake = overtakeAfterMs !== undefined && overtakesFromMs(barrier, overtakeAfterMs) !== undefined
    if (mayOvertake) for (const edge of edges) edge.announce(barrier)
    for (const edge of edges) edge.broadcast(barrier)
    this.#endOverdraft()
  }

  #endOverdraft(): void {
    const { edges, overtakeAfterMs } = this.#options
    if (overtakeAfterMs !== undefined) for (const edge of edges) edge.endOverdraft()
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
    // After its last preparation a sink holds nothing new; what it prepared is carried until it is committed.
    if (this.#preparedEnd !== undefined) return this.#preparedEnd.then(({ states }) => ({ states, committables: [] }))
    const reason = finished ? 'end' : barrier.snapshotKind === 'savepoint' ? 'savepoint' : 'checkpoint'
    const prepared = sink.operator.prepare(barrier.checkpointId, reason)
    if (finished) this.#preparedEnd = prepared
    prepared.then(
      ({ committables }) => {
        sink.commits.add(barrier.checkpointId, committables)
        this.#options.events.wake()
      },
      (error: unknown) => this.#task.fail(error),
    )
    return prepared
  }

  #decline(id: CheckpointId, error: unknown): void {
    if (this.#isStopped) return
    this.#giveUp(id)
    this.#options.events.onDeclined(id, error)
  }

  /** The snapshot is not needed any more: its changes belong to the next one. */
  #giveUp(id: CheckpointId): void {
    const { keyed, events } = this.#options
    this.#open.giveUp(id)
    keyed?.backend.onCheckpointAborted(id)
    keyed?.ledger.onAborted(id)
    // What waited for it to be encoded or written may go on.
    events.wake()
  }
}

function supersededBy(checkpointId: CheckpointId): MillraceError {
  return new MillraceError('CHECKPOINT_DECLINED', `Checkpoint ${checkpointId} came before it was done`, {
    details: { supersededBy: checkpointId },
  })
}
