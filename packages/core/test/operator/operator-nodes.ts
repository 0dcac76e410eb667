/** Steps of a graph as the tests of operators need them, and aggregates that show every misuse of an accumulator. */
import {
  type AggregateFunction,
  type AggregateParts,
  ascending,
  buildGraph,
  collect,
  collection,
  count,
  type DataStream,
  defineJob,
  type JobDefinition,
  type LogicalNode,
  tumbling as millisecondWindows,
  type NodeSpec,
  type WindowAssigner,
  type WindowSpec,
} from '@millrace/api'

export function nodeOf(spec: NodeSpec): LogicalNode {
  return {
    id: 1,
    spec,
    inputs: [],
    name: 'step',
    uid: 'step',
    uidIsDerived: false,
    parallelism: undefined,
    slotSharingGroup: 'default',
    chain: 'always',
  }
}

type Row = { readonly key: string; readonly value: number }

/** The one aggregate that a job makes of several. */
export function combined(parts: AggregateParts<Row>): WindowSpec['aggregate'] {
  return aggregateOf((rows) => rows.keyBy('key').aggregate(parts, { uid: 'aggregate' }))
}

/** The aggregate that a job makes of a function for `reduce` on windows. */
export function windowedReduce(reduce: (a: unknown, b: unknown) => unknown): WindowSpec['aggregate'] {
  return aggregateOf((rows) =>
    rows
      .map((row): unknown => row)
      .keyBy(() => 'a')
      .window(millisecondWindows({ size: '10 ms' }))
      .reduce(reduce, { uid: 'reduce' }),
  )
}

function aggregateOf(steps: (rows: DataStream<Row>) => DataStream<unknown>): WindowSpec['aggregate'] {
  const job = defineJob({
    name: 'aggregates',
    build(env) {
      const rows = env.from(collection<Row>([]), { uid: 'rows', watermarks: ascending(({ value }) => value) })
      steps(rows).to(collect('out'), { uid: 'out' })
    },
  }) as JobDefinition
  for (const { spec } of buildGraph(job, {}).nodes) if ('aggregate' in spec) return spec.aggregate
  throw new Error('the graph has no aggregate')
}

/** All values that came, sorted; the accumulator is changed in place. */
export const collectMergeable: AggregateFunction<{ value: number }, number[], string> = {
  name: 'collect',
  create: () => [],
  add(accumulator, { value }) {
    accumulator.push(value)
    return accumulator
  },
  result: (accumulator) => accumulator.toSorted((a, b) => a - b).join(','),
  merge(into, other) {
    into.push(...other)
    return into
  },
}

const { merge: _, ...withoutMerge } = collectMergeable
export const collectSingly: AggregateFunction<{ value: number }, number[], string> = withoutMerge

/** The sum of all values in an object that is changed in place and given out as it is. */
export const sumInPlace: AggregateFunction<{ value: number }, { n: number }, { n: number }> = {
  name: 'sumInPlace',
  create: () => ({ n: 0 }),
  add(accumulator, { value }) {
    accumulator.n += value
    return accumulator
  },
  result: (accumulator) => accumulator,
  merge(into, other) {
    into.n += other.n
    return into
  },
}

/** All values as a list; `merge` takes over its second argument, or parts of it, whenever it can. */
export const collectGreedily: AggregateFunction<{ value: number }, { items: { value: number }[] }, string> = {
  name: 'collectGreedily',
  create: () => ({ items: [] }),
  add(accumulator, { value }) {
    accumulator.items.push({ value })
    return accumulator
  },
  result: ({ items }) =>
    items
      .map(({ value }) => value)
      .sort((a, b) => a - b)
      .join(','),
  merge(into, other) {
    if (into.items.length === 0) return other
    into.items.push(...other.items)
    return into
  },
}

/** The number of values per parity; `merge` takes over the counts that it does not have. */
export const countGreedily: AggregateFunction<{ value: number }, Map<number, { n: number }>, string> = {
  name: 'countGreedily',
  create: () => new Map(),
  add(counts, { value }) {
    const count = counts.get(value % 2)
    if (count === undefined) counts.set(value % 2, { n: 1 })
    else count.n++
    return counts
  },
  result: (counts) =>
    [...counts]
      .sort(([a], [b]) => a - b)
      .map(([parity, { n }]) => `${parity}:${n}`)
      .join(','),
  merge(into, other) {
    for (const [parity, count] of other) {
      const known = into.get(parity)
      if (known === undefined) into.set(parity, count)
      else known.n += count.n
    }
    return into
  },
}

/** The sum of all values up to 2, then null for good. */
export const nullFromThree: AggregateFunction<{ value: number }, number | null, number | null> = {
  name: 'nullFromThree',
  create: () => 0,
  add: (accumulator, { value }) => (accumulator === null || accumulator + value > 2 ? null : accumulator + value),
  result: (accumulator) => accumulator,
}

/** The same with sets, which grow with what they hold. */
export const collectInSets: AggregateFunction<{ value: number }, Set<number>, string> = {
  name: 'collectInSets',
  create: () => new Set(),
  add: (accumulator, { value }) => accumulator.add(value),
  result: (accumulator) => [...accumulator].sort((a, b) => a - b).join(','),
  merge(into, other) {
    for (const value of other) into.add(value)
    return into
  },
}

/** The same as text, which is replaced, not changed; it soon becomes long. */
export const collectAsText: AggregateFunction<{ value: number }, string, string> = {
  name: 'collectAsText',
  create: () => '',
  add: (accumulator, { value }) => `${accumulator}${value}    `,
  result: (accumulator) =>
    accumulator
      .split(/ +/)
      .slice(0, -1)
      .sort((a, b) => Number(a) - Number(b))
      .join(','),
  merge: (into, other) => into + other,
}

type Bits = readonly [count: number, low: number, high: number]

/** The same as bits of numbers only; a value that is taken twice shows in the number of values. Values are below 60. */
export const collectAsBits: AggregateFunction<{ value: number }, Bits, string> = {
  name: 'collectAsBits',
  create: () => [0, 0, 0],
  add: ([count, low, high], { value }) => [
    count + 1,
    value < 30 ? low | (1 << value) : low,
    value < 30 ? high : high | (1 << (value - 30)),
  ],
  result([count, low, high]) {
    const values: number[] = []
    for (let value = 0; value < 60; value++) {
      if (((value < 30 ? low >> value : high >> (value - 30)) & 1) === 1) values.push(value)
    }
    return values.length === count ? values.join(',') : `${values} counted as ${count}`
  },
  merge: (into, other) => [into[0] + other[0], into[1] | other[1], into[2] | other[2]],
}

/** The same as the parts of a combination, whose accumulators the engine keeps apart. */
export const collectInParts: WindowSpec['aggregate'] = (() => {
  const bitsFrom = (first: number): AggregateFunction<{ value: number }, number, number> => ({
    name: 'bits',
    create: () => 0,
    add: (bits, { value }) => (value >= first && value < first + 30 ? bits | (1 << (value - first)) : bits),
    result: (bits) => bits,
    merge: (into, other) => into | other,
  })
  const parts = combined({ count: count(), low: bitsFrom(0), middle: bitsFrom(30) })
  return {
    ...parts,
    result: (accumulators) => {
      const { count, low, middle } = parts.result(accumulators) as Record<'count' | 'low' | 'middle', number>
      return collectAsBits.result([count, low, middle])
    },
  }
})()

/** The same as a number while the values are few and small, as text afterwards. */
export const collectAsNumberOrText: AggregateFunction<{ value: number }, number | string, string> = {
  name: 'collectAsNumberOrText',
  create: () => 0,
  add: (values, { value }) => textWhereMany(`${digits(values)}${String(value).padStart(2, '0')}`),
  result: (values) =>
    (digits(values).match(/../g) ?? [])
      .map(Number)
      .sort((a, b) => a - b)
      .join(','),
  merge: (into, other) => textWhereMany(digits(into) + digits(other)),
}

const digits = (values: number | string): string => (typeof values === 'string' ? values : String(values).slice(1))
const textWhereMany = (text: string): number | string => (text.length > 6 ? text : Number(`1${text}`))

export function tumbling(sizeMs: number, offsetMs = 0): WindowAssigner {
  return { kind: 'tumbling', sizeMs, slideMs: sizeMs, offsetMs }
}

export function sliding(sizeMs: number, slideMs: number, offsetMs = 0): WindowAssigner {
  return { kind: 'sliding', sizeMs, slideMs, offsetMs }
}

export interface WindowResult {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly values: string
}

export function windowNode(
  assigner: WindowAssigner,
  aggregate: WindowSpec['aggregate'],
  allowedLatenessMs = 0,
): LogicalNode {
  return nodeOf({
    kind: 'window',
    key: { kind: 'field', field: 'key' },
    assigner,
    allowedLatenessMs,
    aggregate,
    project: (values, { key, window }): WindowResult => ({ key, start: window.start, end: window.end, values }),
  })
}
