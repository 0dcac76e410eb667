/**
 * What windows hold, as state: accumulators per (namespace, key).
 *
 * - `slices`, for aggregates that can be merged: the namespace is the end of a slice; a record goes into one slice, and
 *   a window's result is merged from its slices, which stay as they are.
 * - `windows`, for the others: the namespace is the end of a window; a record goes into each of its windows.
 *
 * Answers which windows have something to fire and which namespaces have done their service. Knows no watermark and no
 * lateness.
 */
import type { AggregateFunction } from '@millrace/api'
import { noAccumulator } from '../aggregate/fold-value.ts'
import { copyValue } from '../codec/copy-value.ts'
import { compareObjects } from '../codec/shared-objects.ts'
import { windowTable } from '../state/declared-tables.ts'
import type { KeyedStateBackend, NamespaceCursor, NamespacedTable } from '../state/state-backend.ts'
import type { WindowLayout } from './window-layout.ts'

/** Accumulators are any value but `undefined`, which stands for none. */
export type Accumulator = NonNullable<unknown> | null

export class WindowContents {
  readonly isSliced: boolean
  readonly layout: WindowLayout
  /** Name of its table. */
  readonly name: string
  readonly #table: NamespacedTable<Accumulator>
  readonly #aggregate: AggregateFunction<unknown, Accumulator, unknown>
  /** The aggregate's `merge` has taken over parts of its second argument: from then on it gets copies. */
  #areMergesShared = false

  constructor(
    state: KeyedStateBackend,
    operatorUid: string,
    layout: WindowLayout,
    aggregate: AggregateFunction<unknown, Accumulator, unknown>,
  ) {
    this.layout = layout
    this.#aggregate = aggregate
    this.isSliced = aggregate.merge !== undefined
    const descriptor = windowTable(operatorUid, aggregate)
    this.name = descriptor.name
    this.#table = state.namespacedTable<Accumulator>(descriptor)
  }

  /** Takes a record of the current key into a namespace. */
  add(namespace: number, record: unknown, timestamp: number): void {
    const stored = this.#table.get(namespace)
    const accumulator = this.#aggregate.add(stored === undefined ? this.#aggregate.create() : stored, record, timestamp)
    if (accumulator === undefined) throw noAccumulator(this.#aggregate.name)
    this.#table.put(namespace, accumulator)
  }

  /**
   * Takes a partial result of the current key into a slice: what a sender has combined, which belongs to this table
   * from now on, so that `merge` may keep parts of it.
   */
  addPartial(sliceEnd: number, partial: Accumulator): void {
    const stored = this.#table.get(sliceEnd)
    this.#table.put(sliceEnd, stored === undefined ? partial : this.mergeOwn(stored, partial))
  }

  /** What is stored of the current key in a namespace; to be left as it is. */
  stored(namespace: number): Accumulator | undefined {
    return this.#table.get(namespace)
  }

  /** What is stored of the current key, in whatever namespace. For errors: it may look into all of them. */
  storedAnywhere(): Accumulator | undefined {
    for (const namespace of this.#table.namespaces()) {
      const stored = this.#table.get(namespace)
      if (stored !== undefined) return stored
    }
    return undefined
  }

  /** Merges `other` into `into` and returns what comes of it, with nothing of `other`, which stays as it is. */
  merge(into: Accumulator, other: Accumulator): Accumulator {
    if (this.#areMergesShared) return this.mergeOwn(into, copyValue(other, 'accumulator'))
    const merged = this.mergeOwn(into, other)
    // Where the parts are too many to compare, the first ones speak for all: a merge that takes parts over does so
    // with the first accumulator that it gets, into one that is empty.
    if (compareObjects(merged, other) !== 'some') return merged
    this.#areMergesShared = true
    return copyValue(merged, 'accumulator')
  }

  /** The same where `other` belongs to the caller, so that `merge` may keep parts of it. */
  mergeOwn(into: Accumulator, other: Accumulator): Accumulator {
    const merged = this.#aggregate.merge?.(into, other)
    if (merged === undefined) throw noAccumulator(this.#aggregate.name, 'merge(into, other)')
    return merged
  }

  /** An accumulator that may be merged into, with the contents of one that may not. */
  copy(stored: Accumulator): Accumulator {
    return this.merge(this.#aggregate.create(), stored)
  }

  /** The accumulator of the current key over these namespaces, or `undefined`. Stored ones stay as they are. */
  merged(namespaces: readonly number[]): Accumulator | undefined {
    let single: Accumulator | undefined
    let merged: Accumulator | undefined
    for (const namespace of namespaces) {
      const stored = this.#table.get(namespace)
      if (stored === undefined) continue
      if (single === undefined) {
        single = stored
      } else {
        // Only now is a copy needed: most keys are in one slice.
        merged ??= this.copy(single)
        merged = this.merge(merged, stored)
      }
    }
    return merged === undefined ? single : merged
  }

  /** The namespaces with entries that make up a window, ascending. */
  namespacesOf(windowEnd: number): readonly number[] {
    const all = this.#table.namespaces()
    const from = this.isSliced ? windowEnd - this.layout.sizeMs : windowEnd - 1
    return all.slice(firstAbove(all, from), firstAbove(all, windowEnd))
  }

  cursor(namespace: number): NamespaceCursor<Accumulator> {
    return this.#table.cursor(namespace)
  }

  /** The first window that has entries and ends after `after`, or `undefined`. */
  firstWindowEndAfter(after: number): number | undefined {
    const all = this.#table.namespaces()
    const first = all[0]
    if (first === undefined) return undefined
    if (!this.isSliced) return all[firstAbove(all, after)]
    let end = this.layout.windowEndFrom(Math.max(first, after + 1))
    for (;;) {
      const slice = all[firstAbove(all, end - this.layout.sizeMs)]
      if (slice === undefined) return undefined
      if (slice <= end) return end
      end = this.layout.windowEndFrom(slice)
    }
  }

  /** The oldest namespace and the end of the last window that needs it, or `undefined`. */
  oldest(): { readonly namespace: number; readonly lastWindowEnd: number } | undefined {
    const namespace = this.#table.firstNamespace()
    if (namespace === undefined) return undefined
    return { namespace, lastWindowEnd: this.isSliced ? this.layout.lastWindowEndOf(namespace) : namespace }
  }

  drop(namespace: number): void {
    this.#table.dropNamespace(namespace)
  }
}

/** Index of the first of ascending `values` that is above `bound`. */
function firstAbove(values: readonly number[], bound: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) > bound) high = middle
    else low = middle + 1
  }
  return low
}
