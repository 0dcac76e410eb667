/**
 * The functions of a combined aggregate as generated code: one straight line through all parts, where each call of a
 * user's selector has a place of its own, so that V8 inlines it. The generated code holds engine code only and calls the
 * user's functions by reference, so traces and profiles show the user's own lines.
 *
 * The parts that come with Millrace are written out (`part-code.ts`), every other one is called. What is written out does
 * the same as the functions of the part by itself; a property test holds the two against each other.
 */
import type { AggregatePart } from './aggregate-function.ts'
import type { AggregateInCells } from './aggregate-in-cells.ts'
import { canBeCells, cellsCode } from './cells-code.ts'
import { DistinctValues } from './distinct-values.ts'
import { type Condition, type KnownAggregate, knownAggregate } from './known-aggregates.ts'
import { codeOfPart, GENERATED_CALLS, type PartCode } from './part-code.ts'
import type { Sharers } from './shared-distinct.ts'

type Accumulators = unknown[]
type Results = Readonly<Record<string, unknown>>

export interface Combination {
  create(): Accumulators
  add(accumulators: Accumulators, record: unknown, timestamp: number): Accumulators
  result(accumulators: Accumulators): Results
  merge(into: Accumulators, other: Accumulators): Accumulators
  holdsObjects(results: Results): boolean
  /** Parts that share something, by their places; no other part looks at another's accumulator. */
  readonly groups: readonly Sharers[]
  /** The same on numbers, where accumulators can be that. */
  readonly inCells?: AggregateInCells
}

/** The functions over the parts, whose accumulators stand in an array in the order of `parts`. */
export function generateCombination(parts: readonly AggregatePart[]): Combination {
  const known = parts.map(({ aggregate }) => knownAggregate(aggregate))
  const conditions = [...new Set(known.flatMap((part) => part?.conditions ?? []))]
  const firsts = new Set(known.flatMap((part) => part?.conditions?.[0] ?? []))
  const groups = sharersOf(known)
  const codeOf = (index: number, slot?: string): PartCode =>
    codeOfPart({
      name: (parts[index] as AggregatePart).name,
      index,
      slot,
      known: known[index],
      condition: conditionOf(known[index], conditions),
      group: groups.findIndex((sharers) => sharers.includes(index)),
      sharers: groups.find((sharers) => sharers.includes(index)) ?? [],
      conditionAt: (at) => conditionOf(known[at], conditions),
    })
  const codes = parts.map((_, index) => codeOf(index))
  const asked = conditions
    .map((condition, index) => (firsts.has(condition) ? `    const k${index} = holds(c${index}(record))` : ''))
    .join('\n')
  const lines = (of: (code: PartCode) => string) => codes.map(of).join('\n')
  const holdsObject = codes.flatMap((code) => code.holdsObject ?? [])
  const text = `'use strict'
const { ${Object.keys(GENERATED_CALLS).join(', ')} } = calls
const [${numbered('p', parts)}] = parts
const [${numbered('s', parts)}] = selectors
const [${numbered('c', conditions)}] = conditions
const [${numbered('g', groups)}] = groups
return {
  groups,
  create() {
    return [${codes.map(({ create }) => create).join(', ')}]
  },
  add(a, record, timestamp) {
${asked}
${lines(({ add }) => add)}
    return a
  },
  result(a) {
${groups.map((_, index) => `    const d${index} = sharedValues(a, g${index})`).join('\n')}
    return {
${lines(({ property, result }) => `      ${property}: ${result},`)}
    }
  },
  merge(a, other) {
${lines(({ merge }) => merge)}
    return a
  },
  holdsObjects(results) {
    return ${holdsObject.length === 0 ? 'false' : holdsObject.join(' || ')}
  },
${canBeCells(known) ? cellsCode(parts.length, asked, codeOf) : ''}
}
//# sourceURL=millrace:aggregate/${parts.map(({ name }) => name.replace(/[^\w-]/g, '_')).join('+')}`
  const aggregates = parts.map(({ aggregate }) => aggregate)
  const selectors = known.map((part) => (part !== undefined && 'selector' in part ? part.selector : undefined))
  // The text holds nothing of the user but names of results and fields, as JSON.
  return new Function('calls', 'parts', 'selectors', 'conditions', 'groups', text)(
    GENERATED_CALLS,
    aggregates,
    selectors,
    conditions,
    groups,
  ) as Combination
}

function numbered(letter: string, items: readonly unknown[]): string {
  return items.map((_, index) => `${letter}${index}`).join(', ')
}

/**
 * Whether a part takes the record in, as an expression; nothing for one that takes all. The first condition of a part
 * was asked before, once for all parts that have it; a further one is asked only where the ones before hold.
 */
function conditionOf(known: KnownAggregate | undefined, all: readonly Condition[]): string | undefined {
  if (known?.conditions === undefined) return undefined
  const [first, ...further] = known.conditions.map((condition) => all.indexOf(condition))
  return [`k${first}`, ...further.map((index) => `holds(c${index}(record))`)].join(' && ')
}

/** The places of all `countDistinct` that have their selector in common with another. */
function sharersOf(known: readonly (KnownAggregate | undefined)[]): readonly Sharers[] {
  const bySelector = new Map<unknown, number[]>()
  known.forEach((part, index) => {
    if (part?.kind !== 'countDistinct') return
    const sharers = bySelector.get(part.selector)
    if (sharers === undefined || sharers.length === DistinctValues.COUNTS_MAX) bySelector.set(part.selector, [index])
    else sharers.push(index)
  })
  return [...bySelector.values()].filter((sharers) => sharers.length > 1)
}
