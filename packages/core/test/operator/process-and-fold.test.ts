import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import {
  count,
  countDistinct,
  filtered,
  type KeyedAggregateSpec,
  min,
  type NodeSpec,
  type,
  type WindowSpec,
} from '@millrace/api'
import { createOperator } from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import {
  collectMergeable,
  combined,
  nodeOf,
  nullFromThree,
  sumInPlace,
  tumbling,
  windowNode,
} from './operator-nodes.ts'

const byKey = { kind: 'function', select: ({ key }: { key: unknown }) => key } as const

describe('process', () => {
  const open = (options: OperatorHarnessOptions = {}) =>
    new OperatorHarness(
      createOperator(
        nodeOf({
          kind: 'process',
          fn: {
            emits: type(),
            sideOutputs: { odd: {} },
            onRecord(n: number, ctx) {
              ctx.emit(n)
              if (n % 2 === 1) ctx.emitTo('odd', n)
            },
            onEnd(ctx) {
              ctx.emit(`end at ${ctx.watermark}`)
            },
          },
        }),
      ),
      options,
    )

  it('calls the function per record, and once at the end', () => {
    const harness = open()
    harness.processBatch({ records: [1, 2], timestamps: [5, 6], keyHashes: undefined })
    harness.end()
    harness.end()
    assert.deepEqual(harness.output, [
      { record: 1, timestamp: 5 },
      { record: 2, timestamp: 6 },
      { record: 'end at Infinity', timestamp: Number.NEGATIVE_INFINITY },
    ])
    assert.deepEqual(harness.sideOutput('odd'), [{ record: 1, timestamp: 5 }])
  })

  it('waits while any output is full', () => {
    const harness = open({ outputRoomRecords: 1, unitsPerTurn: 2 })
    harness.processBatch({ records: [1, 2, 3], timestamps: [5, 6, 7], keyHashes: undefined })
    harness.end()
    assert.deepEqual(
      harness.output.map(({ record }) => record),
      [1, 2, 3, 'end at Infinity'],
    )
  })
})

describe('functions that return promises', () => {
  const rejected = () => Promise.reject(new Error('nobody waits for it'))
  const window = windowNode(tumbling(10), collectMergeable)
  const cases: readonly [string, NodeSpec][] = [
    ['onRecord', { kind: 'process', fn: { onRecord: rejected as never } }],
    ['onEnd', { kind: 'process', fn: { onRecord() {}, onEnd: rejected as never } }],
    ['onRecord', { kind: 'keyedProcess', key: byKey, fn: { onRecord: rejected as never } }],
    [
      'onTimer',
      {
        kind: 'keyedProcess',
        key: byKey,
        fn: { onRecord: (_record, ctx) => ctx.timers.eventTime(5), onTimer: rejected as never },
      },
    ],
    ['The reduce function', { kind: 'keyedReduce', key: byKey, reduce: rejected }],
    ['The projection', { kind: 'keyedAggregate', key: byKey, aggregate: collectMergeable, project: rejected }],
    ['The projection', { ...(window.spec as WindowSpec), project: rejected }],
  ]
  for (const [what, spec] of cases) {
    it(`are refused: ${what} of ${spec.kind}`, () => {
      const harness = new OperatorHarness(createOperator(nodeOf(spec)), { name: 'slow' })
      assert.throws(
        () => {
          for (const value of [1, 2]) harness.processRecord({ key: 'a', value }, value)
          harness.end()
        },
        {
          code: 'USER_FUNCTION_FAILED',
          message: `Operator "slow": ${what} returned a promise; its result is used at once`,
        },
      )
      assert.deepEqual(
        harness.output,
        spec.kind === 'keyedReduce' ? [{ record: { key: 'a', value: 1 }, timestamp: 1 }] : [],
      )
    })
  }
})

test('process without emits emits nothing to the main output', () => {
  const fn = { onRecord: (record: unknown, ctx: { emit(record: never): void }) => ctx.emit(record as never) }
  const harness = new OperatorHarness(createOperator(nodeOf({ kind: 'process', fn })))
  assert.throws(() => harness.processRecord(1, 7), { code: 'OPTION_UNKNOWN', message: /declares none/ })
})

describe('keyed reduce', () => {
  const open = (options: OperatorHarnessOptions = {}) =>
    new OperatorHarness(
      createOperator(nodeOf({ kind: 'keyedReduce', key: byKey, reduce: (a, b) => ({ key: a.key, n: a.n + b.n }) })),
      options,
    )

  it('emits the running value of the key, also after a restore', () => {
    const first = open({ outputRoomRecords: 1 })
    const feed = (harness: OperatorHarness, key: unknown, n: number) => harness.processRecord({ key, n }, n)
    feed(first, 'a', 1)
    feed(first, 'b', 2)
    feed(first, 'a', 3)
    assert.deepEqual(
      first.drainOutput().map(({ record }) => record),
      [
        { key: 'a', n: 1 },
        { key: 'b', n: 2 },
        { key: 'a', n: 4 },
      ],
    )
    const second = open({ restore: first.snapshot() })
    feed(second, 'a', 10)
    assert.deepEqual(second.output, [{ record: { key: 'a', n: 14 }, timestamp: 10 }])
  })

  it('refuses a function that returns nothing', () => {
    const node = nodeOf({ kind: 'keyedReduce', key: byKey, reduce: () => undefined })
    const harness = new OperatorHarness(createOperator(node))
    harness.processRecord({ key: 'a', n: 1 }, 1)
    assert.throws(() => harness.processRecord({ key: 'a', n: 2 }, 2), {
      code: 'USER_FUNCTION_FAILED',
      message: /reduce returned undefined/,
    })
  })
})

describe('keyed aggregate', () => {
  it('emits the projected result of the key', () => {
    const harness = new OperatorHarness(
      createOperator(
        nodeOf({
          kind: 'keyedAggregate',
          key: byKey,
          aggregate: collectMergeable,
          project: (values, { key }) => `${key}: ${values}`,
        }),
      ),
    )
    for (const [key, value] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      harness.processRecord({ key, value }, 1)
    assert.deepEqual(
      harness.output.map(({ record }) => record),
      ['a: 1', 'b: 2', 'a: 1,3'],
    )
  })

  const aggregateNode = (aggregate: KeyedAggregateSpec['aggregate']) =>
    nodeOf({ kind: 'keyedAggregate', key: byKey, aggregate, project: (result) => result })

  it('takes null for an accumulator like any other', () => {
    const harness = new OperatorHarness(createOperator(aggregateNode(nullFromThree)))
    for (const value of [1, 2, 4]) harness.processRecord({ key: 'a', value }, 1)
    assert.deepEqual(
      harness.output.map(({ record }) => record),
      [1, null, null],
    )
  })

  it('shows a key in one form, however its records write it', () => {
    const project: KeyedAggregateSpec['project'] = ({ n }, { key }) => `${JSON.stringify(key)} ${n}`
    const harness = new OperatorHarness(
      createOperator(nodeOf({ kind: 'keyedAggregate', key: byKey, aggregate: combined({ n: count() }), project })),
    )
    for (const key of [{ a: 1, b: 2 }, { b: 2, a: 1 }, 0, -0, [-0], [0]]) harness.processRecord({ key, value: 1 }, 1)
    assert.deepEqual(
      harness.output.map(({ record }) => record),
      ['{"a":1,"b":2} 1', '{"a":1,"b":2} 2', '0 1', '0 2', '[0] 1', '[0] 2'],
    )
  })

  for (const [name, aggregate, message] of [
    ['alone', { ...collectMergeable, add: () => undefined }, /"collect" returned no accumulator/],
    ['among others', combined({ own: { ...collectMergeable, add: () => undefined } }), /"own" returned undefined/],
  ] as const) {
    it(`refuses an aggregate that returns no accumulator, ${name}`, () => {
      const harness = new OperatorHarness(createOperator(aggregateNode(aggregate as never)))
      assert.throws(() => harness.processRecord({ key: 'a', value: 1 }, 1), { code: 'USER_FUNCTION_FAILED', message })
    })
  }

  for (const developmentMode of [false, true]) {
    it(`what it has emitted stays as it was though add changes the accumulator, development mode ${developmentMode}`, () => {
      const harness = new OperatorHarness(
        createOperator(
          nodeOf({
            kind: 'keyedAggregate',
            key: byKey,
            aggregate: combined({ total: sumInPlace, records: count() }),
            project: ({ total, records }) => ({ seen: [total, { total }], records }),
          }),
        ),
        { developmentMode },
      )
      for (const value of [1, 3, 5]) harness.processRecord({ key: 'a', value }, 1)
      assert.deepEqual(
        harness.output.map(({ record }) => record),
        [
          { seen: [{ n: 1 }, { total: { n: 1 } }], records: 1 },
          { seen: [{ n: 4 }, { total: { n: 4 } }], records: 2 },
          { seen: [{ n: 9 }, { total: { n: 9 } }], records: 3 },
        ],
      )
    })
  }

  it('counts different values as before after a restore at any time', () => {
    const isSmall = ({ value }: { value: number }) => value < 5
    const aggregate = combined({
      all: countDistinct('value'),
      small: filtered(countDistinct('value'), isSmall),
      smallest: filtered(min('value'), isSmall),
      texts: countDistinct(({ value }) => `value ${value}`),
    })
    const values = [7, 3, 7, 3, 9, 4, 3, 12, 4]
    const expected = values.map((_, last) => {
      const seen = new Set(values.slice(0, last + 1))
      const small = [...seen].filter((value) => value < 5)
      const smallest = small.length === 0 ? undefined : Math.min(...small)
      return { all: seen.size, small: small.length, smallest, texts: seen.size }
    })
    for (let cut = 0; cut <= values.length; cut++) {
      const first = new OperatorHarness(createOperator(aggregateNode(aggregate)))
      for (const value of values.slice(0, cut)) first.processRecord({ key: 'a', value }, 1)
      const second = new OperatorHarness(createOperator(aggregateNode(aggregate)), { restore: first.snapshot() })
      // What comes after the snapshot is not in it.
      first.processRecord({ key: 'a', value: 1 }, 1)
      for (const value of values.slice(cut)) second.processRecord({ key: 'a', value }, 1)
      const seen = [...first.output.slice(0, cut), ...second.output].map(({ record }) => record)
      assert.deepEqual(seen, expected, `restored after ${cut}`)
    }
  })

  it('gives results on as they are that hold nothing of the accumulator, whatever they are', () => {
    class Stats {
      readonly n: number
      constructor(n: number) {
        this.n = n
      }
    }
    const stats = { ...sumInPlace, result: ({ n }: { n: number }) => new Stats(n) }
    const harness = new OperatorHarness(
      createOperator(
        nodeOf({
          kind: 'keyedAggregate',
          key: byKey,
          aggregate: combined({ stats }),
          project: ({ stats }) => stats,
        }),
      ),
    )
    harness.processRecord({ key: 'a', value: 1 }, 1)
    assert.ok(harness.output[0]?.record instanceof Stats)
  })
})

describe('createOperator', () => {
  it('refuses steps that are no operators of their own', () => {
    assert.throws(() => createOperator(nodeOf({ kind: 'map', map: (n) => n })), { code: 'INTERNAL' })
  })
})
