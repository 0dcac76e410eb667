/**
 * Aggregates over event-time windows per key.
 *
 * A record is late for a window when `window.maxTimestamp + allowedLateness <= watermark`; late for all its windows, it
 * goes to the side output `late` and is counted. A window fires when the watermark reaches its maximum timestamp; a
 * record that comes later and is not late updates the result at once, for its key. State is dropped when no record can
 * change it any more.
 *
 * After a restore the watermark begins at −∞, but windows that have fired must not fire again. The snapshot says per key
 * group how far event time was (`WindowProgress`): a group's windows up to there count as fired, and its records are late
 * by it. A record that updates such a window while the watermark is still behind must wait for it (no result leaves
 * before the watermark): the table `_window-refire` remembers key and window, and the window fires for these keys only.
 *
 * Of aggregates that can be merged, senders may have combined records into partial results (`combine/combiner.ts`),
 * only of windows that have not fired: such a one is merged into its slice, and no result changes by it.
 *
 * Both walks, over the windows that are due and over the keys of one, are resumable; a snapshot is never taken within.
 */
import { type AggregatePart, LATE_OUTPUT, MillraceError, type WindowSpec } from '@millrace/api'
import { NO_TIMESTAMP, type RecordBatch, WATERMARK_MAX } from '../batch/record-batch.ts'
import { columnPartsOf } from '../combine/column-parts.ts'
import { keyGroupOf } from '../key/key-group.ts'
import { windowRefireTable } from '../state/declared-tables.ts'
import type { NamespacedTable } from '../state/state-backend.ts'
import { RunningWindows } from '../window/running-windows.ts'
import { type Accumulator, WindowContents } from '../window/window-contents.ts'
import { SeparateFiring, type WindowFiring } from '../window/window-firing.ts'
import { WindowLayout } from '../window/window-layout.ts'
import { WindowProgress } from '../window/window-progress.ts'
import { heldStates } from './held-form.ts'
import type { Counter, Operator, OperatorHost, OperatorOutput, TurnBudget } from './operator.ts'
import { RecordKey } from './record-key.ts'
import { describeUserFailure } from './user-failure.ts'
import { ProjectedResults } from './window-results.ts'

/** What `open` makes. */
interface Opened {
  readonly host: OperatorHost
  readonly key: RecordKey
  readonly contents: WindowContents
  /** What is held of windows that overlap and share their slices. */
  readonly running: RunningWindows | undefined
  readonly results: ProjectedResults
  readonly progress: WindowProgress
  readonly refire: NamespacedTable<boolean>
  readonly late: OperatorOutput
  readonly lateRecords: Counter
  readonly outsideRecords: Counter
}

export class WindowAggregateOperator implements Operator {
  readonly #spec: WindowSpec
  readonly #layout: WindowLayout
  readonly #latenessMs: number
  /** Of partial results. */
  readonly #columnParts: readonly AggregatePart[] | undefined
  #opened: Opened | undefined
  #watermark = NO_TIMESTAMP
  /** How far windows are closed, in case a snapshot follows: the watermark, but never its maximum. */
  #eventTime = NO_TIMESTAMP
  /** While a watermark advances: windows up to this end have fired. */
  #firedUpTo: number | undefined
  #firing: WindowFiring | undefined
  /** The window at which the updates of the current record go on; NaN when it has not begun. */
  #updateFrom = Number.NaN

  constructor(spec: WindowSpec) {
    this.#spec = spec
    this.#layout = new WindowLayout(spec.assigner)
    this.#latenessMs = spec.allowedLatenessMs
    this.#columnParts = columnPartsOf(spec.aggregate)
  }

  open(host: OperatorHost): void {
    const { state, uid } = host
    const progress = new WindowProgress(state, uid)
    state.beforeSnapshot(() => progress.write(this.#eventTime))
    const contents = new WindowContents(state, uid, this.#layout, this.#spec.aggregate)
    const running =
      contents.isSliced && this.#layout.isOverlapping ? new RunningWindows(state, contents, this.#layout) : undefined
    if (running !== undefined) {
      state.addUsage(() => ({
        operatorUid: uid,
        name: '_window-running',
        entries: running.keys,
        bytesEstimate: running.bytesEstimate,
        isInMemory: true,
      }))
    }
    const refire = state.namespacedTable<boolean>(windowRefireTable(uid))
    const areContentsKept = this.#latenessMs > 0 || running !== undefined
    this.#opened = {
      host,
      key: new RecordKey(this.#spec.key, state),
      contents,
      running,
      results: new ProjectedResults({ host, spec: this.#spec, areContentsKept, progress, refire }),
      progress,
      refire,
      late: host.sideOutput(LATE_OUTPUT),
      lateRecords: host.counter('numLateRecords'),
      outsideRecords: host.counter('numRecordsOutsideWindows'),
    }
  }

  get restoredEventTime(): number {
    return this.#opened?.progress.restoredMax ?? NO_TIMESTAMP
  }

  processBatch(batch: RecordBatch, from: number, budget: TurnBudget): number {
    const { host, late } = this.#opened as Opened
    if (batch.accumulators !== undefined) return this.#processPartials(batch, batch.accumulators, from, budget)
    const { records, timestamps, keyHashes } = batch
    let index = from
    try {
      while (index < records.length && budget.units > 0 && !host.output.isFull && !late.isFull) {
        if (!this.#processRecord(records[index], timestamps[index] as number, keyHashes, index, budget)) break
        index++
      }
    } catch (cause) {
      throw this.#failure(cause)
    }
    return index
  }

  advanceWatermark(watermark: number, budget: TurnBudget): boolean {
    if (this.#firedUpTo === undefined) {
      if (!this.#isAnythingDue(watermark)) {
        this.#onAdvanced(watermark)
        return true
      }
      this.#firedUpTo = Math.floor(this.#watermark) + 1
    }
    try {
      if (!this.#fireUpTo(watermark, budget)) return false
    } catch (cause) {
      throw this.#failure(cause)
    }
    this.#firedUpTo = undefined
    this.#onAdvanced(watermark)
    return true
  }

  advanceProcessingTime(_nowMs: number, _budget: TurnBudget): boolean {
    return true
  }

  nextProcessingTimeMs(): number | undefined {
    return undefined
  }

  finish(_budget: TurnBudget): boolean {
    return true
  }

  close(): void {}

  /** Looks at the key and its state only now. */
  #failure(cause: unknown): unknown {
    const { host, contents, results } = this.#opened as Opened
    // The engine's own may be of a record that has not come to its key.
    if (cause instanceof MillraceError) return describeUserFailure(host, cause)
    const { state } = host
    const key = this.#firing === undefined ? state.currentKey : (this.#firing.key ?? results.key)
    const states = heldStates(contents.name, () => {
      if (this.#firing !== undefined) state.setCurrentKey(key, keyGroupOf(key, state.maxParallelism))
      return contents.storedAnywhere()
    })
    return describeUserFailure(host, cause, { key, states })
  }

  /** False when output or budget ended it within the record, which is then given again. */
  #processRecord(
    record: unknown,
    timestamp: number,
    keyHashes: readonly number[] | undefined,
    index: number,
    budget: TurnBudget,
  ): boolean {
    const { key, progress, contents, running, late, lateRecords, outsideRecords } = this.#opened as Opened
    const layout = this.#layout
    budget.units--
    if (!(timestamp >= layout.sliceStart && timestamp < layout.sliceEnd)) {
      if (!Number.isFinite(timestamp)) refuseTimestamp(timestamp)
      if (!layout.locate(timestamp)) {
        outsideRecords.add(1)
        return true
      }
    }
    const keyGroup = key.select(record, keyHashes, index)
    const eventTime = progress.eventTime(keyGroup, this.#watermark)
    if (Number.isNaN(this.#updateFrom)) {
      if (this.#isLate(layout.lastWindowEnd, eventTime)) {
        lateRecords.add(1)
        late.emit(record, timestamp)
        return true
      }
      if (contents.isSliced) {
        contents.add(layout.sliceEnd, record, timestamp)
        running?.onAdded(layout.sliceEnd)
      } else {
        for (let end = layout.firstWindowEnd; end <= layout.lastWindowEnd; end += layout.slideMs) {
          if (!this.#isLate(end, eventTime)) contents.add(end, record, timestamp)
        }
      }
      // By far the most records are ahead of all that has fired.
      if (layout.firstWindowEnd - 1 > eventTime) return true
      this.#updateFrom = layout.firstWindowEnd
    }
    return this.#updateFired(eventTime, budget)
  }

  /** Partial results give nothing out, so they need no room. */
  #processPartials(
    { records: keys, timestamps: sliceEnds, keyHashes }: RecordBatch,
    columns: readonly unknown[][],
    from: number,
    budget: TurnBudget,
  ): number {
    const { key, contents, running } = this.#opened as Opened
    const parts = this.#columnParts
    const to = Math.min(keys.length, from + Math.max(0, budget.units))
    try {
      for (let index = from; index < to; index++) {
        const sliceEnd = sliceEnds[index] as number
        this.#checkOpen(sliceEnd, key.choose(keys[index], keyHashes, index))
        const partial = parts === undefined ? columns[0]?.[index] : rowOf(columns, index)
        contents.addPartial(sliceEnd, partial as Accumulator)
        running?.onAdded(sliceEnd)
      }
    } catch (cause) {
      throw this.#failure(cause)
    }
    budget.units -= to - from
    return to
  }

  /** Throws when a slice came combined whose records should have come one by one. */
  #checkOpen(sliceEnd: number, keyGroup: number): void {
    const layout = this.#layout
    const isLocated = sliceEnd === layout.sliceEnd || layout.locate(sliceEnd - 1)
    const eventTime = (this.#opened as Opened).progress.eventTime(keyGroup, this.#watermark)
    if (isLocated && sliceEnd === layout.sliceEnd && layout.firstWindowEnd - 1 > eventTime) return
    throw new MillraceError('INTERNAL', `A partial result of the slice up to ${sliceEnd} came at ${eventTime}.`)
  }

  /** The current record's windows that have fired and are still open fire again for its key. */
  #updateFired(eventTime: number, budget: TurnBudget): boolean {
    const { host, contents, results, refire } = this.#opened as Opened
    const layout = this.#layout
    for (let end = this.#updateFrom; end <= layout.lastWindowEnd && end - 1 <= eventTime; end += layout.slideMs) {
      if (this.#isLate(end, eventTime)) continue
      if (end - 1 > this.#watermark) {
        refire.put(end, true)
        continue
      }
      if (host.output.isFull || budget.units < 0) {
        this.#updateFrom = end
        return false
      }
      budget.units--
      const accumulator = contents.merged(contents.namespacesOf(end))
      if (accumulator !== undefined) {
        results.begin(end - layout.sizeMs, end)
        results.emit(host.state.currentKey, accumulator)
      }
    }
    this.#updateFrom = Number.NaN
    return true
  }

  /** Fires the windows that `watermark` completes, in order, and drops what they leave behind. */
  #fireUpTo(watermark: number, budget: TurnBudget): boolean {
    const { contents, running, results, refire } = this.#opened as Opened
    for (;;) {
      if (this.#firing === undefined) {
        if (budget.units <= 0) return false
        const end = contents.firstWindowEndAfter(this.#firedUpTo as number)
        if (end === undefined || end - 1 > watermark) break
        this.#firing = running?.fire(end) ?? new SeparateFiring(contents, end)
        results.begin(end - this.#layout.sizeMs, end)
      }
      const { windowEnd } = this.#firing
      if (!this.#firing.step(results, budget)) return false
      this.#firing = undefined
      this.#firedUpTo = windowEnd
      this.#eventTime = Math.max(this.#eventTime, windowEnd - 1)
      refire.dropNamespace(windowEnd)
      this.#dropClosed(watermark, windowEnd)
    }
    this.#dropClosed(watermark, WATERMARK_MAX)
    return true
  }

  /** Drops namespaces whose windows end at or before `lastEnd` and are closed at `watermark`. */
  #dropClosed(watermark: number, lastEnd: number): void {
    const { contents, running } = this.#opened as Opened
    for (let oldest = contents.oldest(); oldest !== undefined; oldest = contents.oldest()) {
      if (oldest.lastWindowEnd > lastEnd || !this.#isLate(oldest.lastWindowEnd, watermark)) return
      contents.drop(oldest.namespace)
      this.#eventTime = Math.max(this.#eventTime, oldest.lastWindowEnd - 1 + this.#latenessMs)
    }
    running?.clear()
  }

  /** Whether a window fires or closes on the way to `watermark`. */
  #isAnythingDue(watermark: number): boolean {
    const from = this.#watermark
    const latenessMs = this.#latenessMs
    return (
      this.#layout.hasEndBetween(from, watermark) ||
      (latenessMs > 0 && this.#layout.hasEndBetween(from - latenessMs, watermark - latenessMs))
    )
  }

  #onAdvanced(watermark: number): void {
    this.#watermark = watermark
    // After a drained input the job may go on with more of it: only windows that were there are closed then.
    if (watermark !== WATERMARK_MAX) this.#eventTime = Math.max(this.#eventTime, watermark)
    ;(this.#opened as Opened).progress.onWatermark(watermark)
  }

  /** Whether the window that ends at `end` is closed at an event time. */
  #isLate(end: number, eventTime: number): boolean {
    return end - 1 + this.#latenessMs <= eventTime
  }
}

function rowOf(columns: readonly (readonly unknown[])[], index: number): unknown[] {
  if (columns.length === 1) return [columns[0]?.[index]]
  const row: unknown[] = []
  for (let i = 0; i < columns.length; i++) row.push(columns[i]?.[index])
  return row
}

function refuseTimestamp(timestamp: number): never {
  if (timestamp === NO_TIMESTAMP) {
    throw new MillraceError(
      'EVENT_TIME_WITHOUT_WATERMARKS',
      'A record without a timestamp came to an event-time window.',
      {
        hint: 'Give the source a watermark strategy: from(source, { watermarks: … }).',
      },
    )
  }
  throw new MillraceError('TIMESTAMP_INVALID', `A record has the timestamp ${timestamp}.`)
}
