/**
 * What one part of a combined aggregate has in the generated functions. In the text `a` is the array of accumulators,
 * `other` that which is merged in, `record` and `timestamp` what is taken in.
 */
import { asSmallInteger } from './aggregate-in-cells.ts'
import { added, created, merged, resulted } from './checked-calls.ts'
import { addDistinct, distinctResult, mergeDistinct } from './count-distinct.ts'
import { DistinctValues } from './distinct-values.ts'
import { addToSum, mergeSums, sumResult } from './exact-sum.ts'
import { holds } from './filtered.ts'
import type { KnownAggregate } from './known-aggregates.ts'
import { addShared, mergeShared, type Sharers, sharedValues } from './shared-distinct.ts'

export interface Part {
  readonly name: string
  /** Its place in the array of accumulators. */
  readonly index: number
  /** The variable that holds its accumulator, where that is not taken from the array. */
  readonly slot: string | undefined
  readonly known: KnownAggregate | undefined
  /** An expression that says whether the record counts; missing where every one does. */
  readonly condition: string | undefined
  /** Those with which it shares different values, itself included, and the number of their group. */
  readonly sharers: Sharers
  readonly group: number
  /** The condition of the part at another place. */
  conditionAt(index: number): string | undefined
}

export interface PartCode {
  /** The result's name in an object literal. */
  readonly property: string
  readonly create: string
  readonly add: string
  readonly result: string
  readonly merge: string
  /** Whether the part's result of `results` is an object; missing where it never is. */
  readonly holdsObject?: string
}

export function codeOfPart(part: Part): PartCode {
  const literal = JSON.stringify(part.name)
  // Alone it would be the prototype.
  const property = part.name === '__proto__' ? `[${literal}]` : literal
  const holdsObject = `typeof results[${literal}] === 'object' && results[${literal}] !== null`
  const { known } = part
  if (known === undefined) return { property, ...ownCode(part.index, literal), holdsObject }
  const code = part.sharers.length > 1 ? sharedCode(part, known) : knownCode(part, known, literal)
  const mayBeObject = known.kind === 'min' || known.kind === 'max' || known.kind === 'first' || known.kind === 'last'
  return { property, ...code, ...(mayBeObject ? { holdsObject } : {}) }
}

type Functions = Omit<PartCode, 'property' | 'holdsObject'>

function ownCode(index: number, literal: string): Functions {
  const [slot, from] = [`a[${index}]`, `other[${index}]`]
  return {
    create: `created(${literal}, p${index}.create())`,
    add: `    ${slot} = added(${literal}, ${slot}, p${index}.add(${slot}, record, timestamp))`,
    result: `resulted(${literal}, p${index}.result(${slot}))`,
    merge: `    ${slot} = merged(${literal}, ${slot}, ${from}, p${index}.merge(${slot}, ${from}))`,
  }
}

function knownCode(part: Part, known: KnownAggregate, literal: string): Functions {
  const { index, condition, slot = `a[${index}]` } = part
  const from = `other[${index}]`
  const add = (code: string) => `    ${condition === undefined ? '' : `if (${condition}) `}{ ${code} }`
  if (known.kind === 'count') {
    return { create: '0', add: add(`${slot}++`), result: slot, merge: `    ${slot} += ${from}` }
  }
  const value = selectedBy(known, index)
  const addPresent = (code: string) =>
    add(`const value = ${value}; if (value !== undefined && value !== null) { ${code} }`)
  switch (known.kind) {
    case 'sum':
      return {
        create: '0',
        add: addPresent(`${slot} = addToSum(${slot}, value)`),
        result: `sumResult(${slot})`,
        merge: `    ${slot} = mergeSums(${slot}, ${from})`,
      }
    case 'average':
      return {
        create: '[0, 0]',
        add: addPresent(`const mean = ${slot}; mean[0] = addToSum(mean[0], value); mean[1]++`),
        result: `${slot}[1] === 0 ? undefined : Number(sumResult(${slot}[0])) / ${slot}[1]`,
        merge: `    ${slot}[0] = mergeSums(${slot}[0], ${from}[0]); ${slot}[1] += ${from}[1]`,
      }
    case 'min':
    case 'max': {
      const isBetter = `value ${known.kind === 'min' ? '<' : '>'} best || value !== value`
      const take = `const best = ${slot}; if (best === undefined || ${isBetter}) ${slot} = value`
      return {
        create: 'undefined',
        add: addPresent(`added(${literal}, 0, value); ${take}`),
        result: slot,
        merge: `    { const value = ${from}; if (value !== undefined) { ${take} } }`,
      }
    }
    case 'countDistinct':
      return {
        create: 'new DistinctValues()',
        add: addPresent(`${slot} = addDistinct(${slot}, value)`),
        result: `distinctResult(${slot})`,
        merge: `    ${slot} = mergeDistinct(${slot}, ${from})`,
      }
    case 'first':
    case 'last': {
      const replaces = `kept.length === 0 || at ${known.kind === 'first' ? '<' : '>='} kept[0]`
      const present = `const value = ${value}; if (value !== undefined && value !== null) ${slot} = [at, value]`
      return {
        create: '[]',
        add: add(`const kept = ${slot}, at = timestamp; if (${replaces}) { ${present} }`),
        result: `resulted(${literal}, ${slot}[1])`,
        merge: `    {
      const kept = ${slot}, at = ${from}[0]
      if (${from}.length !== 0 && (${replaces})) ${slot} = [at, ${from}[1]]
    }`,
      }
    }
  }
}

/** The first of those that share does the work of all. */
function sharedCode({ index, sharers, group, conditionAt }: Part, known: KnownAggregate): Functions {
  const result = `d${group}.size(${sharers.indexOf(index)})`
  if (index !== sharers[0]) return { create: 'null', add: '', result, merge: '' }
  const marks = sharers.map((place, at) => {
    const condition = conditionAt(place)
    return condition === undefined ? 1 << at : `(${condition} ? ${1 << at} : 0)`
  })
  return {
    create: `new DistinctValues(${sharers.length})`,
    add: `    {
      const marks = ${marks.join(' | ')}
      if (marks !== 0) {
        const value = ${selectedBy(known, index)}
        if (value !== undefined && value !== null) addShared(a, g${group}, value, marks)
      }
    }`,
    result,
    merge: `    mergeShared(a, other, g${group})`,
  }
}

/** The selected value of the record. */
function selectedBy(known: KnownAggregate, index: number): string {
  if (!('selector' in known)) return 'record'
  return typeof known.selector === 'string' ? `record[${JSON.stringify(known.selector)}]` : `s${index}(record)`
}

/** What the generated code calls, by name. */
export const GENERATED_CALLS = {
  addToSum,
  mergeSums,
  sumResult,
  holds,
  DistinctValues,
  addDistinct,
  distinctResult,
  mergeDistinct,
  sharedValues,
  addShared,
  mergeShared,
  created,
  added,
  merged,
  resulted,
  asSmallInteger,
}
