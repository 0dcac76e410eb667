/**
 * Several `countDistinct` of one selector within one combination: the first of them holds the values of all, with a
 * mark for each, and the others hold null.
 *
 * What was stored before they shared is put together with the next record. Positions in the array say who shares; where that
 * is known of what was stored, each can be given its own values again, and share with others.
 */
import type { AggregatePart } from './aggregate-function.ts'
import { asDistinctValues, notCountable } from './count-distinct.ts'
import { DistinctValues } from './distinct-values.ts'
import type { Countable } from './value-selector.ts'

/** Where those that share have their places, ascending; the order of their marks. */
export type Sharers = readonly number[]

/** Those among parts that share, group by group. */
export function sharersAmong(parts: readonly Pick<AggregatePart, 'heldAt'>[]): readonly Sharers[] {
  const groups = new Map<number, number[]>()
  parts.forEach(({ heldAt }, place) => {
    if (heldAt === undefined) return
    const group = groups.get(heldAt)
    if (group === undefined) groups.set(heldAt, [place])
    else group.push(place)
  })
  return [...groups.values()]
}

/** A copy of what the part at `place` has of the values of `sharers`, for itself. */
export function valuesApart(accumulators: readonly unknown[], sharers: Sharers, place: number): DistinctValues {
  const held = accumulators[sharers[0] as number]
  const own = new DistinctValues()
  if (held instanceof DistinctValues && held.counts === sharers.length) {
    const mark = 1 << sharers.indexOf(place)
    held.forEach((value, marks) => {
      if ((marks & mark) !== 0) own.add(value)
    })
  } else {
    // They were not put together yet.
    asDistinctValues(accumulators[place]).forEach((value) => void own.add(value))
  }
  return own
}

/** The values that `sharers` share. Puts together what each had for itself. */
export function sharedValues(accumulators: unknown[], sharers: Sharers): DistinctValues {
  const values = accumulators[sharers[0] as number] as DistinctValues | Set<Countable>
  if (values instanceof DistinctValues && values.counts === sharers.length) return values
  return putTogether(accumulators, sharers)
}

export function addShared(accumulators: unknown[], sharers: Sharers, value: Countable, marks: number): void {
  if (typeof value === 'object') throw notCountable()
  sharedValues(accumulators, sharers).add(value, marks)
}

/** Leaves `other` as it is. */
export function mergeShared(into: unknown[], other: unknown[], sharers: Sharers): void {
  const values = sharedValues(into, sharers)
  sharedValues([...other], sharers).forEach((value, marks) => void values.add(value, marks))
}

function putTogether(accumulators: unknown[], sharers: Sharers): DistinctValues {
  const values = new DistinctValues(sharers.length)
  sharers.forEach((place, index) => {
    const own = asDistinctValues(accumulators[place])
    own.forEach((value) => void values.add(value, 1 << index))
  })
  for (const place of sharers) accumulators[place] = null
  accumulators[sharers[0] as number] = values
  return values
}
