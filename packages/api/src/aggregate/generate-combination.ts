/**
 * The functions of a combined aggregate as generated code: one straight line through all parts, where each call of a
 * user's selector has a place of its own, so that V8 inlines it. The generated code holds engine code only and calls the
 * user's functions by reference, so traces and profiles show the user's own lines.
 *
 * The parts that come with Millrace are written out, every other one is called. What is written out does the same as
 * the functions of the part by itself; a property test holds the two against each other.
 */
import { MillraceError } from '../error/millrace-error.ts'
import { isPromise, promiseRefusal } from '../function/synchronous-result.ts'
import type { AggregateFunction } from './aggregate-function.ts'
import { addToSum, mergeSums, sumResult } from './exact-sum.ts'
import { type KnownAggregate, knownAggregate } from './known-aggregates.ts'

export interface NamedPart {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: parts have records, accumulators and results of every type
  readonly aggregate: AggregateFunction<any, any, any>
}

type Accumulators = unknown[]
type Results = Readonly<Record<string, unknown>>

export interface Combination {
  create(): Accumulators
  add(accumulators: Accumulators, record: unknown, timestamp: number): Accumulators
  result(accumulators: Accumulators): Results
  merge(into: Accumulators, other: Accumulators): Accumulators
  holdsObjects(results: Results): boolean
}

/** The functions over the parts, whose accumulators stand in an array in the order of `parts`. */
export function generateCombination(parts: readonly NamedPart[]): Combination {
  const codes = parts.map(({ name, aggregate }, index) => codeOf(name, index, knownAggregate(aggregate)))
  const lines = (of: (code: PartCode) => string) => codes.map(of).join('\n')
  const names = (letter: string) => parts.map((_, index) => `${letter}${index}`).join(', ')
  const objects = codes.flatMap(({ holdsObject }) => holdsObject ?? [])
  const text = `'use strict'
const { addToSum, mergeSums, sumResult, created, added, merged, result, refusePromise } = engine
const [${names('p')}] = parts
const [${names('s')}] = selectors
return {
  create() {
    return [${codes.map(({ create }) => create).join(', ')}]
  },
  add(a, record, timestamp) {
${lines(({ add }) => add)}
    return a
  },
  result(a) {
    return {
${lines(({ name, result }) => `      ${name}: ${result},`)}
    }
  },
  merge(a, other) {
${lines(({ merge }) => merge)}
    return a
  },
  holdsObjects(results) {
    return ${objects.length === 0 ? 'false' : objects.join(' || ')}
  },
}
//# sourceURL=millrace:aggregate/${parts.map(({ name }) => encodeURIComponent(name)).join('+')}`
  const aggregates = parts.map(({ aggregate }) => aggregate)
  const selectors = aggregates.map((aggregate) => {
    const known = knownAggregate(aggregate)
    return known !== undefined && 'selector' in known ? known.selector : undefined
  })
  // The text holds nothing of the user but names of results and fields, as JSON.
  return new Function('engine', 'parts', 'selectors', text)(ENGINE, aggregates, selectors) as Combination
}

/** What a part has in the generated functions; `a` is the array of accumulators, `other` that which is merged in. */
interface PartCode {
  /** The result's name in an object literal, where `__proto__` alone would be no property. */
  readonly name: string
  readonly create: string
  readonly add: string
  readonly result: string
  readonly merge: string
  /** Whether the part's result of `results` is an object; nothing where it never is. */
  readonly holdsObject?: string
}

function codeOf(name: string, index: number, known: KnownAggregate | undefined): PartCode {
  const literal = JSON.stringify(name)
  const property = name === '__proto__' ? `[${literal}]` : literal
  const slot = `a[${index}]`
  const from = `other[${index}]`
  const holdsObject = `typeof results[${literal}] === 'object' && results[${literal}] !== null`
  if (known === undefined) {
    const part = `p${index}`
    return {
      name: property,
      create: `created(${literal}, ${part}.create())`,
      add: `    ${slot} = added(${literal}, ${slot}, ${part}.add(${slot}, record, timestamp))`,
      result: `result(${literal}, ${part}.result(${slot}))`,
      merge: `    ${slot} = merged(${literal}, ${slot}, ${from}, ${part}.merge(${slot}, ${from}))`,
      holdsObject,
    }
  }
  if (known.kind === 'count') {
    return { name: property, create: '0', add: `    ${slot}++`, result: slot, merge: `    ${slot} += ${from}` }
  }
  const value = typeof known.selector === 'string' ? `record[${JSON.stringify(known.selector)}]` : `s${index}(record)`
  const ifPresent = (code: string) => `    {
      const value = ${value}
      if (value !== undefined && value !== null) { ${code} }
    }`
  switch (known.kind) {
    case 'sum':
      return {
        name: property,
        create: '0',
        add: ifPresent(`${slot} = addToSum(${slot}, value)`),
        result: `sumResult(${slot})`,
        merge: `    ${slot} = mergeSums(${slot}, ${from})`,
      }
    case 'average':
      return {
        name: property,
        create: '[0, 0]',
        add: ifPresent(`const mean = ${slot}; mean[0] = addToSum(mean[0], value); mean[1]++`),
        result: `${slot}[1] === 0 ? undefined : Number(sumResult(${slot}[0])) / ${slot}[1]`,
        merge: `    ${slot}[0] = mergeSums(${slot}[0], ${from}[0]); ${slot}[1] += ${from}[1]`,
      }
    case 'min':
    case 'max': {
      const take = `const best = ${slot}; if (best === undefined || value ${known.kind === 'min' ? '<' : '>'} best || value !== value) ${slot} = value`
      return {
        name: property,
        create: 'undefined',
        add: ifPresent(`if (typeof value === 'object') refusePromise('add', ${literal}, value); ${take}`),
        result: slot,
        merge: `    { const value = ${from}; if (value !== undefined) { ${take} } }`,
        holdsObject,
      }
    }
    case 'countDistinct':
      return {
        name: property,
        create: 'new Set()',
        add: `    p${index}.add(${slot}, record, timestamp)`,
        result: `${slot}.size`,
        merge: `    p${index}.merge(${slot}, ${from})`,
      }
    case 'first':
    case 'last': {
      const isKept = `kept.length !== 0 && !(at ${known.kind === 'first' ? '<' : '>='} kept[0])`
      return {
        name: property,
        create: '[]',
        add: `    {
      const kept = ${slot}, at = timestamp
      if (!(${isKept})) {
        const value = ${value}
        if (value !== undefined && value !== null) ${slot} = [at, value]
      }
    }`,
        result: `result(${literal}, ${slot}[1])`,
        merge: `    {
      const kept = ${slot}, at = ${from}[0]
      if (${from}.length !== 0 && !(${isKept})) ${slot} = [at, ${from}[1]]
    }`,
        holdsObject,
      }
    }
  }
}

/** What the generated code calls. */
const ENGINE = {
  addToSum,
  mergeSums,
  sumResult,
  created(name: string, accumulator: unknown): unknown {
    refusePromise('create', name, accumulator)
    return accumulator
  },
  added(name: string, before: unknown, accumulator: unknown): unknown {
    refusePromise('add', name, accumulator)
    // One that begins with `undefined` may stay so.
    if (accumulator === undefined && before !== undefined) {
      throw returnedNothing(`The aggregate "${name}"`, 'add(accumulator, value) must return the accumulator.')
    }
    return accumulator
  },
  merged(name: string, into: unknown, other: unknown, accumulator: unknown): unknown {
    refusePromise('merge', name, accumulator)
    if (accumulator === undefined && (into !== undefined || other !== undefined)) {
      throw returnedNothing(`The aggregate "${name}"`, 'merge(into, other) must return the accumulator.')
    }
    return accumulator
  },
  result(name: string, result: unknown): unknown {
    refusePromise('result', name, result)
    return result
  },
  refusePromise,
}

function refusePromise(call: string, name: string, returned: unknown): void {
  if (isPromise(returned)) throw promiseRefusal(`${name}.${call}`, returned)
}

/** The error of a function that should have returned something. */
export function returnedNothing(what: string, hint: string): MillraceError {
  return new MillraceError('USER_FUNCTION_FAILED', `${what} returned undefined.`, { hint })
}
