/**
 * The aggregates that come with Millrace. All can be merged, their accumulators are plain values, and their results do
 * not depend on the order of records (but for rounding of fractions, and ties of `first` and `last`).
 *
 * As in SQL, values that are `null` or `undefined` are left out. The engine asks for a result only after a record;
 * where every value was left out, `min`, `max`, `average`, `first` and `last` give `undefined`, and the type says so.
 *
 * `min`, `max`, `first` and `last` keep a value as it is, so their last argument says how it is stored.
 */
import { type FormOptions, parseForm } from '../state/state-evolution.ts'
import type { AggregateFunction } from './aggregate-function.ts'
import { addDistinct, distinctResult, mergeDistinct } from './count-distinct.ts'
import { DistinctValues } from './distinct-values.ts'
import { addToSum, mergeSums, type SumAccumulator, sumResult } from './exact-sum.ts'
import { formWithin } from './form-within.ts'
import { asKnown } from './known-aggregates.ts'
import { type Countable, type FieldOf, toSelect } from './value-selector.ts'

type Missing = null | undefined
/** What a result is when it may have had no value: `undefined` stands in for missing ones. */
type OrUndefined<V> = V extends Missing ? undefined : V
type Ordered = number | string | bigint

/** An aggregate that gives 0 of nothing. */
type Counting<T, A, R> = AggregateFunction<T, A, R> & { readonly ofNothing: R }

/** A time and a value, or nothing yet. */
type StampedValue<V> = readonly [] | readonly [timestamp: number, value: V]

/** How many records there were. */
export function count<T = unknown>(): Counting<T, number, number> {
  return asKnown<Counting<T, number, number>>(
    { kind: 'count' },
    {
      name: 'count',
      create: () => 0,
      add: (records) => records + 1,
      result: (records) => records,
      merge: (into, other) => into + other,
      ofNothing: 0,
    },
  )
}

/** The sum of numbers or of bigints: exact for whole numbers of any size, 0 of nothing. */
export function sum<T>(field: FieldOf<T, number | Missing>): Counting<T, SumAccumulator, number>
export function sum<T, V extends number | bigint | Missing>(
  select: (record: T) => V,
): Counting<T, SumAccumulator, V extends bigint ? bigint : number>
export function sum<T>(selector: unknown): Counting<T, SumAccumulator, number | bigint> {
  const select = toSelect<T>('sum', selector) as (record: T) => number | bigint | Missing
  return asKnown<Counting<T, SumAccumulator, number | bigint>>(
    { kind: 'sum', selector },
    {
      name: 'sum',
      create: () => 0,
      add(sumSoFar, record) {
        const value = select(record)
        return value === undefined || value === null ? sumSoFar : addToSum(sumSoFar, value)
      },
      result: sumResult,
      merge: mergeSums,
      ofNothing: 0,
    },
  )
}

/** The mean of numbers or bigints, from an exact sum. */
export function average<T, Field extends FieldOf<T, number | Missing>>(
  field: Field,
): AggregateFunction<T, [sum: SumAccumulator, values: number], MeanOf<T[Field]>>
export function average<T, V extends number | bigint | Missing>(
  select: (record: T) => V,
): AggregateFunction<T, [sum: SumAccumulator, values: number], MeanOf<V>>
export function average<T>(
  selector: unknown,
): AggregateFunction<T, [sum: SumAccumulator, values: number], number | undefined> {
  const select = toSelect<T>('average', selector) as (record: T) => number | bigint | Missing
  return asKnown<AggregateFunction<T, [sum: SumAccumulator, values: number], number | undefined>>(
    { kind: 'average', selector },
    {
      name: 'average',
      create: () => [0, 0],
      add(soFar, record) {
        const value = select(record)
        if (value === undefined || value === null) return soFar
        soFar[0] = addToSum(soFar[0], value)
        soFar[1]++
        return soFar
      },
      result: ([total, values]) => (values === 0 ? undefined : Number(sumResult(total)) / values),
      merge(into, other) {
        into[0] = mergeSums(into[0], other[0])
        into[1] += other[1]
        return into
      },
    },
  )
}
type MeanOf<V> = V extends Missing ? undefined : number

/** The smallest number, bigint or string (by UTF-16 code units). One NaN makes the result NaN. */
export function min<T, Field extends FieldOf<T, Ordered | Missing>>(
  field: Field,
  form?: FormOptions<NonNullable<T[Field]>>,
): AggregateFunction<T, Ordered | undefined, OrUndefined<T[Field]>>
export function min<T, V extends Ordered | Missing>(
  select: (record: T) => V,
  form?: FormOptions<NonNullable<NoInfer<V>>>,
): AggregateFunction<T, Ordered | undefined, OrUndefined<V>>
export function min<T>(
  selector: unknown,
  form?: FormOptions<Ordered>,
): AggregateFunction<T, Ordered | undefined, Ordered | undefined> {
  return extreme('min', selector, form, (value, best) => value < best)
}

/** The largest number, bigint or string (by UTF-16 code units). One NaN makes the result NaN. */
export function max<T, Field extends FieldOf<T, Ordered | Missing>>(
  field: Field,
  form?: FormOptions<NonNullable<T[Field]>>,
): AggregateFunction<T, Ordered | undefined, OrUndefined<T[Field]>>
export function max<T, V extends Ordered | Missing>(
  select: (record: T) => V,
  form?: FormOptions<NonNullable<NoInfer<V>>>,
): AggregateFunction<T, Ordered | undefined, OrUndefined<V>>
export function max<T>(
  selector: unknown,
  form?: FormOptions<Ordered>,
): AggregateFunction<T, Ordered | undefined, Ordered | undefined> {
  return extreme('max', selector, form, (value, best) => value > best)
}

/** How many different values there were. Holds each of them; for strings, numbers, bigints and booleans. */
export function countDistinct<T>(field: FieldOf<T, Countable | Missing>): Counting<T, DistinctValues, number>
export function countDistinct<T>(select: (record: T) => Countable | Missing): Counting<T, DistinctValues, number>
export function countDistinct<T>(selector: unknown): Counting<T, DistinctValues, number> {
  const select = toSelect<T>('countDistinct', selector) as (record: T) => Countable | Missing
  return asKnown<Counting<T, DistinctValues, number>>(
    { kind: 'countDistinct', selector },
    {
      name: 'countDistinct',
      create: () => new DistinctValues(),
      add(values, record) {
        const value = select(record)
        return value === undefined || value === null ? values : addDistinct(values, value)
      },
      result: distinctResult,
      merge: mergeDistinct,
      ofNothing: 0,
    },
  )
}

/** The value of the record with the earliest timestamp; among equals that of the one which arrived first. */
export function first<T, Field extends keyof T & string>(
  field: Field,
  form?: FormOptions<NonNullable<T[Field]>>,
): AggregateFunction<T, StampedValue<T[Field]>, OrUndefined<T[Field]>>
export function first<T, V>(
  select: (record: T) => V,
  form?: FormOptions<NonNullable<NoInfer<V>>>,
): AggregateFunction<T, StampedValue<V>, OrUndefined<V>>
export function first<T>(
  selector: unknown,
  form?: FormOptions<unknown>,
): AggregateFunction<T, StampedValue<unknown>, unknown> {
  return stamped('first', selector, form, (candidate, kept) => candidate < kept)
}

/** The value of the record with the latest timestamp; among equals that of the one which arrived last. */
export function last<T, Field extends keyof T & string>(
  field: Field,
  form?: FormOptions<NonNullable<T[Field]>>,
): AggregateFunction<T, StampedValue<T[Field]>, OrUndefined<T[Field]>>
export function last<T, V>(
  select: (record: T) => V,
  form?: FormOptions<NonNullable<NoInfer<V>>>,
): AggregateFunction<T, StampedValue<V>, OrUndefined<V>>
export function last<T>(
  selector: unknown,
  form?: FormOptions<unknown>,
): AggregateFunction<T, StampedValue<unknown>, unknown> {
  return stamped('last', selector, form, (candidate, kept) => candidate >= kept)
}

function extreme<T>(
  name: 'min' | 'max',
  selector: unknown,
  form: FormOptions<Ordered> | undefined,
  isBetter: (value: Ordered, best: Ordered) => boolean,
): AggregateFunction<T, Ordered | undefined, Ordered | undefined> {
  const select = toSelect<T>(name, selector) as (record: T) => Ordered | Missing
  const better = (best: Ordered | undefined, value: Ordered | Missing): Ordered | undefined => {
    if (value === undefined || value === null) return best
    return best === undefined || isBetter(value, best) || Number.isNaN(value) ? value : best
  }
  return asKnown<AggregateFunction<T, Ordered | undefined, Ordered | undefined>>(
    { kind: name, selector },
    {
      name,
      ...formWithin<Ordered | undefined>(parseForm(name, form), (best, convert) =>
        best === undefined ? undefined : (convert(best) as Ordered),
      ),
      create: () => undefined,
      add: (best, record) => better(best, select(record)),
      result: (best) => best,
      merge: better,
    },
  )
}

function stamped<T>(
  name: 'first' | 'last',
  selector: unknown,
  form: FormOptions<unknown> | undefined,
  replaces: (candidateTimestamp: number, keptTimestamp: number) => boolean,
): AggregateFunction<T, StampedValue<unknown>, unknown> {
  const select = toSelect<T>(name, selector)
  return asKnown<AggregateFunction<T, StampedValue<unknown>, unknown>>(
    { kind: name, selector },
    {
      name,
      ...formWithin<StampedValue<unknown>>(parseForm(name, form), (kept, convert) =>
        kept.length === 0 ? kept : [kept[0], convert(kept[1])],
      ),
      create: () => [],
      add(kept, record, timestamp) {
        if (kept.length !== 0 && !replaces(timestamp, kept[0])) return kept
        const value = select(record)
        return value === undefined || value === null ? kept : [timestamp, value]
      },
      result: (kept) => kept[1],
      merge(into, other) {
        if (other.length === 0) return into
        // A copy: the engine would have to make one otherwise.
        return into.length === 0 || replaces(other[0], into[0]) ? [other[0], other[1]] : into
      },
    },
  )
}
