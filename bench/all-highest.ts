/** An aggregate that keeps the records of the highest value, all that share the first place. */
import { type AggregateFunction, aggregateFunction } from '@millrace/api'

export function allHighest<T>(measureOf: (record: T) => number): AggregateFunction<T, T[], T[]> {
  function add(highest: T[], record: T): T[] {
    const [one] = highest
    if (one !== undefined) {
      const more = measureOf(record) - measureOf(one)
      if (more < 0) return highest
      if (more > 0) return [record]
    }
    highest.push(record)
    return highest
  }
  return aggregateFunction({
    name: 'allHighest',
    create: (): T[] => [],
    add,
    result: (highest) => highest,
    merge: (into, other) => other.reduce(add, into),
  })
}
