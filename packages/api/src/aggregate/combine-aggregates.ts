/**
 * Makes one aggregate of several named ones: `{ views: count(), worst: max('delay') }`. Its accumulator is an array of
 * the parts' accumulators in the order of their sorted names, so that rearranging the parts keeps stored state readable.
 */
import { synchronousResult } from '../function/synchronous-result.ts'
import { checkFunction, checkWholeNumber, invalidOption } from '../option/check-options.ts'
import { isSchema, type ValueForm } from '../state/state-evolution.ts'
import type { AggregateFunction } from './aggregate-function.ts'
import { asInCells } from './aggregate-in-cells.ts'
import { returnedNothing } from './checked-calls.ts'
import { formWithin } from './form-within.ts'
import { generateCombination } from './generate-combination.ts'

/** Aggregates by the names of their results. */
// biome-ignore lint/suspicious/noExplicitAny: parts have accumulators and results of every type; ResultsOf reads them
export type AggregateParts<T> = Readonly<Record<string, AggregateFunction<T, any, any>>>

/** The results of the parts by name. */
export type ResultsOf<Parts> = {
  // biome-ignore lint/suspicious/noExplicitAny: only the result's type is asked for
  [Name in keyof Parts]: Parts[Name] extends AggregateFunction<any, any, infer R> ? R : never
}

/** An aggregate of one's own, checked, with the types of its parts inferred from each other. */
export function aggregateFunction<T, A, R>(aggregate: AggregateFunction<T, A, R>): AggregateFunction<T, A, R> {
  checkAggregate('aggregateFunction', 'the aggregate', aggregate)
  return aggregate
}

/** One aggregate of all parts. It can be merged when each part can. Throws `OPTION_INVALID` for a part that is none. */
export function combineAggregates<T, Parts extends AggregateParts<T>>(
  parts: Parts,
): AggregateFunction<T, unknown[], ResultsOf<Parts>> {
  const names = Object.keys(parts).sort()
  if (names.length === 0) throw invalidOption('aggregate', 'the aggregates', parts, 'an object with at least one')
  const aggregates = names.map((name) => {
    const part = parts[name]
    checkAggregate('aggregate', name, part)
    return part as AggregateFunction<T, unknown, unknown>
  })
  // Every raise of a part's version raises the whole.
  const version = aggregates.reduce((total, part) => total + (part.version ?? 1) - 1, 1)
  const named = aggregates.map((aggregate, index) => ({ name: names[index] as string, aggregate }))
  const { groups, inCells, ...functions } = generateCombination(named)
  const { create, add, result, merge, holdsObjects } = functions as TypedCombination<T, ResultsOf<Parts>>
  const combined: AggregateFunction<T, unknown[], ResultsOf<Parts>> = {
    name: `{${names.map((name, index) => `${name}: ${aggregates[index]?.name}`).join(', ')}}`,
    version,
    ...migrationOf(aggregates),
    parts: named.map((part, index) => {
      const heldAt = groups.find((sharers) => sharers.includes(index))?.[0]
      return heldAt === undefined ? part : { ...part, heldAt }
    }),
    create,
    add,
    result,
    ...(aggregates.every((part) => part.merge !== undefined) ? { merge } : {}),
    holdsObjects,
  }
  return inCells === undefined ? combined : asInCells(inCells, combined)
}

/**
 * The migration of the accumulators together, where one part alone has had other versions: of several parts the version of the whole
 * does not tell how far each was.
 */
function migrationOf<T>(
  parts: readonly AggregateFunction<T, unknown, unknown>[],
): Pick<AggregateFunction<unknown, unknown[], unknown>, 'migrate'> {
  const raised = parts.filter((part) => (part.version ?? 1) > 1)
  const [only] = raised
  if (only?.migrate === undefined || raised.length > 1) return {}
  const index = parts.indexOf(only)
  return {
    migrate(old: unknown, fromVersion: number): unknown[] {
      const accumulators = [...(old as unknown[])]
      accumulators[index] = only.migrate?.(accumulators[index], fromVersion)
      return accumulators
    },
  }
}

/** What is generated, with the types that the parts say. */
type TypedCombination<T, R> = Required<
  Omit<AggregateFunction<T, unknown[], R>, 'name' | 'version' | 'migrate' | 'schema' | 'ofNothing' | 'parts'>
>

/** Folds values of one type; it declares no merge, because nobody said that the function is associative. */
export function reducingAggregate<T>(reduce: (a: T, b: T) => T, form: ValueForm): AggregateFunction<T, T[], T> {
  return {
    name: 'reduce',
    ...formWithin<T[]>(form, (kept, convert) => kept.map((value) => convert(value) as T)),
    create: () => [],
    add(kept, value) {
      if (kept.length === 0) {
        kept[0] = value
        return kept
      }
      const reduced = synchronousResult('The reduce function', reduce(kept[0] as T, value))
      if (reduced === undefined) {
        throw returnedNothing('The function of reduce', 'reduce(a, b) must return what the two come to.')
      }
      kept[0] = reduced
      return kept
    },
    // The engine asks only after a value.
    result: (kept) => kept[0] as T,
  }
}

function checkAggregate(call: string, name: string, aggregate: unknown): void {
  if (typeof aggregate !== 'object' || aggregate === null) {
    throw invalidOption(call, name, aggregate, 'an aggregate, as count() or one made by aggregateFunction')
  }
  const { create, add, result, merge, version, migrate, schema } = aggregate as Record<string, unknown>
  checkFunction(call, `${name}.create`, create)
  checkFunction(call, `${name}.add`, add)
  checkFunction(call, `${name}.result`, result)
  if (merge !== undefined) checkFunction(call, `${name}.merge`, merge)
  if (migrate !== undefined) checkFunction(call, `${name}.migrate`, migrate)
  if (schema !== undefined && !isSchema(schema))
    throw invalidOption(call, `${name}.schema`, schema, 'a Standard Schema')
  checkWholeNumber(call, `${name}.version`, version, { min: 1 })
}
