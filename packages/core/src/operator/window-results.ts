/**
 * From what a window comes to for a key to the record that leaves. Knows which windows have fired before a restore, and
 * for which keys of those a late record has asked for another result (table `_window-refire`).
 */
import { synchronousResult, type TimeWindow, type WindowSpec } from '@millrace/api'
import { mayHoldParts, withoutParts } from '../aggregate/own-result.ts'
import { BATCH_RECORDS_MAX, NO_TIMESTAMP } from '../batch/record-batch.ts'
import type { CombineForm, Combining } from '../combine/combine-loop.ts'
import type { NamespacedTable } from '../state/state-backend.ts'
import type { Accumulator } from '../window/window-contents.ts'
import type { ReadyRows, WindowResults } from '../window/window-firing.ts'
import type { WindowProgress } from '../window/window-progress.ts'
import type { OperatorHost, OperatorOutput } from './operator.ts'
import { generateResultLoop, type ResultLoop } from './result-loop.ts'

export interface WindowResultsOptions {
  readonly host: OperatorHost
  readonly spec: WindowSpec
  /** Whether what has fired may still take in a record: when it comes late, or in a slice that later windows share. */
  readonly areContentsKept: boolean
  readonly progress: WindowProgress
  readonly refire: NamespacedTable<boolean>
}

export class ProjectedResults implements WindowResults {
  readonly #options: WindowResultsOptions
  readonly #output: OperatorOutput
  readonly #aggregate: WindowSpec['aggregate']
  readonly #project: WindowSpec['project']
  /** What the projection gets. */
  readonly #projected: { key: unknown; window: TimeWindow } = { key: undefined, window: { start: 0, end: 0 } }
  #maxTimestamp = NO_TIMESTAMP
  #loop: ResultLoop | undefined
  /** What it was generated for. */
  #loopWidth = 0
  #loopCombine: CombineForm | undefined
  /** Results that may go into a combiner until one is looked through. */
  #unseenMax = 0

  constructor(options: WindowResultsOptions) {
    this.#options = options
    this.#output = options.host.output
    this.#aggregate = options.spec.aggregate
    this.#project = options.spec.project
  }

  /** Results are of this window from now on. */
  begin(start: number, end: number): void {
    this.#projected.window = { start, end }
    this.#maxTimestamp = end - 1
  }

  /** Whose result was emitted last, or failed to be. */
  get key(): unknown {
    return this.#projected.key
  }

  get isFull(): boolean {
    return this.#output.isFull
  }

  get isReplay(): boolean {
    return this.#options.progress.isAhead
  }

  isDue(key: unknown, keyGroup: number): boolean {
    const { host, progress, refire } = this.#options
    if (progress.eventTime(keyGroup, NO_TIMESTAMP) < this.#maxTimestamp) return true
    host.state.setCurrentKey(key, keyGroup)
    return refire.get(this.#projected.window.end) !== undefined
  }

  emit(key: unknown, accumulator: Accumulator): void {
    const projected = this.#projected
    projected.key = key
    const result = this.#aggregate.result(accumulator)
    const record = synchronousResult('The projection', this.#project(result, projected))
    const mustPart = this.#options.areContentsKept && mayHoldParts(this.#aggregate, result, accumulator)
    this.#output.emit(mustPart ? withoutParts(record, accumulator) : record, this.#maxTimestamp)
  }

  /** Of numbers no result can hold a part. */
  emitReady(rows: ReadyRows, from: number, to: number, number: number): number {
    const output = this.#output
    if (output.combining === undefined) return this.#runLoop(rows, from, to, number, undefined)
    for (let next = from; ; ) {
      if (this.#unseenMax === 0) {
        if (next === to || !((rows.wholeUntil[next] as number) > number) || output.isFull) return next
        this.emit(rows.keys[next], rows.whole.get(next))
        next++
        this.#unseenMax = BATCH_RECORDS_MAX - 1
      }
      const end = Math.min(to, next + this.#unseenMax)
      const ended = this.#runLoop(rows, next, end, number, output.combining())
      this.#unseenMax -= ended - next
      if (ended < end || end === to) return ended
      next = ended
    }
  }

  #runLoop(rows: ReadyRows, from: number, to: number, number: number, combining: Combining | undefined): number {
    const { width } = rows.whole
    const combine = combining?.form
    if (this.#loop === undefined || width !== this.#loopWidth || combine !== this.#loopCombine) {
      this.#loop = generateResultLoop({
        aggregate: this.#aggregate,
        project: this.#project,
        width,
        uid: this.#options.host.uid,
        combine,
      })
      this.#loopWidth = width
      this.#loopCombine = combine
    }
    return this.#loop(rows, from, to, number, this.#projected, this.#output, this.#maxTimestamp, combining)
  }
}
