import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateFunction,
  count,
  MillraceError,
  max,
  RejectedInput,
  type SourceBatch,
  sum,
  type WatermarkGenerator,
} from '@millrace/api'
import fc from 'fast-check'
import { SourceLoop, type SourceLoopOptions } from '../../src/chain/source-loop.ts'
import { STAGE_BYTES_MAX, StageInbox } from '../../src/chain/stage-inbox.ts'
import {
  BATCH_RECORDS_MAX,
  type FusedStep,
  NO_TIMESTAMP,
  type OperatorOutput,
  type RecordBatch,
  type SourceInput,
} from '../../src/index.ts'
import { CombiningOutput } from '../combine/combining-output.ts'
import { combined } from '../operator/operator-nodes.ts'

interface Row {
  readonly record: unknown
  readonly timestamp: number
}

const map = (name: string, map: (record: never) => unknown): FusedStep => ({
  uid: `${name}-uid`,
  name,
  spec: { kind: 'map', map: map as never },
})
const filter = (name: string, filter: (record: never) => boolean): FusedStep => ({
  uid: `${name}-uid`,
  name,
  spec: { kind: 'filter', filter: filter as never },
})

const rejected = (raw: string): RejectedInput =>
  new RejectedInput('deadLetter', { raw, file: 'f', line: 1, column: 1, reason: 'bad' })

/** Takes records one by one while it has room, or whole batches. */
class Output implements OperatorOutput {
  readonly rows: Row[] = []
  room = Number.POSITIVE_INFINITY
  readonly pushBatch?: (batch: RecordBatch) => void

  constructor(takesBatches: boolean) {
    if (takesBatches) {
      this.pushBatch = ({ records, timestamps }) => {
        records.forEach((record, i) => void this.rows.push({ record, timestamp: timestamps[i] as number }))
      }
    }
  }

  get isFull(): boolean {
    return this.room <= 0
  }

  emit(record: unknown, timestamp: number): void {
    assert.ok(!this.isFull, 'emitted into a full output')
    this.room--
    this.rows.push({ record, timestamp })
  }
}

/** Notes what it is shown. */
class Marks implements WatermarkGenerator<unknown> {
  readonly seen: Row[] = []
  onRecord(timestamp: number, record: unknown): void {
    this.seen.push({ record, timestamp })
  }
  current(): number {
    return 0
  }
  snapshot(): null {
    return null
  }
  restore(): void {}
}

function open(output: OperatorOutput, options: Partial<SourceLoopOptions> = {}) {
  const letters: string[] = []
  const loop = new SourceLoop({
    uid: 'source',
    subtask: 3,
    developmentMode: false,
    steps: [],
    output,
    timestamp: undefined,
    onRejected: ({ letter }) => void letters.push(letter.raw),
    refuseTimestamp: (timestamp) => {
      throw new RangeError(`no time: ${String(timestamp)}`)
    },
    describe: (call, cause) => ({ call, cause }),
    ...options,
  })
  return { loop, letters }
}

const listed = (records: unknown[], more: Partial<SourceBatch<unknown>> = {}): SourceInput => ({
  records,
  end: true,
  ...more,
})
const computed = (compute: (index: number) => unknown, first: number, stride: number, count: number): SourceInput => ({
  compute,
  name: 'generate',
  first,
  stride,
  count,
  end: true,
})

const boom = new Error('boom')
const thrower = (): never => {
  throw boom
}

const step: fc.Arbitrary<FusedStep> = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map((n) => map(`+${n}`, (record: number) => record + n)),
  fc.integer({ min: 2, max: 5 }).map((n) => filter(`%${n}`, (record: number) => record % n !== 0)),
)

function byArrays(steps: readonly FusedStep[], rows: readonly Row[]): Row[] {
  let left = [...rows]
  for (const { spec } of steps) {
    left =
      spec.kind === 'map'
        ? left.map(({ record, timestamp }) => ({ record: spec.map(record as never), timestamp }))
        : left.filter(({ record }) => spec.filter(record as never))
  }
  return left
}

describe('SourceLoop', () => {
  it('does what array methods do: any records, any time, any steps, any room', () => {
    fc.assert(
      fc.property(
        fc.record({
          steps: fc.array(step, { maxLength: 4 }),
          items: fc.array(fc.oneof({ weight: 5, arbitrary: fc.nat(60) }, fc.constant('bad')), { maxLength: 60 }),
          isComputed: fc.boolean(),
          time: fc.constantFrom('strategy', 'given', 'none'),
          takesBatches: fc.boolean(),
          pieces: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
          room: fc.integer({ min: 1, max: 5 }),
        }),
        ({ steps, items, isComputed, time, takesBatches, pieces, room }) => {
          const output = new Output(takesBatches)
          const marks = new Marks()
          const numbers = items.map((item) => (item === 'bad' ? -7 : item))
          const input = isComputed
            ? computed((index) => numbers[(index - 5) / 3], 5, 3, numbers.length)
            : listed(
                items.map((item) => (item === 'bad' ? rejected('bad') : item)),
                {
                  hasRejected: items.includes('bad'),
                  ...(time === 'given' ? { timestamps: items.map((_, i) => i * 10) } : {}),
                },
              )
          const timestamp = time === 'strategy' ? (record: unknown) => (record as number) * 2 : undefined
          const { loop, letters } = open(output, { steps, timestamp })
          for (let next = 0, turn = 0; next < items.length; turn++) {
            if (!takesBatches) output.room = room
            const to = Math.min(items.length, next + (pieces[turn % pieces.length] as number))
            const after = loop.run(input, next, to, marks)
            assert.ok(after > next && (after === to || output.isFull), `${next} to ${to}: ${after}`)
            next = after
          }
          const rows = (isComputed ? numbers : items).flatMap((record, i): Row[] => {
            if (record === 'bad') return []
            const given = !isComputed && time === 'given' ? i * 10 : NO_TIMESTAMP
            return [{ record, timestamp: time === 'strategy' ? (record as number) * 2 : given }]
          })
          assert.deepEqual(output.rows, byArrays(steps, rows))
          assert.deepEqual(marks.seen, time === 'strategy' ? rows : [])
          assert.equal(letters.length, isComputed ? 0 : items.length - rows.length)
        },
      ),
    )
  })

  it('computes no record before there is room for it', () => {
    const asked: number[] = []
    const output = new Output(false)
    const { loop } = open(output)
    output.room = 2
    const input = computed((index) => asked.push(index), 0, 1, 9)
    assert.equal(loop.run(input, 0, 9, undefined), 2)
    assert.deepEqual(asked, [0, 1])
  })

  it('takes no more than a batch at once, and stops where records that steps made large fill the next stage', () => {
    const small = open(new StageInbox()).loop
    assert.equal(
      small.run(
        computed((index) => index, 0, 1, 9_000),
        0,
        9_000,
        undefined,
      ),
      BATCH_RECORDS_MAX,
    )
    const inbox = new StageInbox()
    const { loop } = open(inbox, { steps: [map('blow up', () => 'x'.repeat(1_048_576))] })
    const input = computed((index) => index, 0, 1, 1_000)
    const next = loop.run(input, 0, 1_000, undefined)
    assert.ok(inbox.isFull && next <= 32, `${next} records of 1 MiB`)
    assert.equal(loop.run(input, next, 1_000, undefined) - next, STAGE_BYTES_MAX / 1_048_576)
  })

  for (const takesBatches of [true, false]) {
    const into = takesBatches ? 'into batches' : 'one by one'
    for (const { call, input, options, marks } of [
      { call: 'compute', input: computed(thrower, 0, 1, 1), options: {}, marks: undefined },
      { call: 'timestamp', input: listed([1]), options: { timestamp: thrower }, marks: new Marks() },
      {
        call: 'watermark',
        input: listed([1]),
        options: { timestamp: () => 1 },
        marks: Object.assign(new Marks(), { onRecord: thrower }),
      },
    ] as const) {
      it(`says that it was the call "${call}" that threw, ${into}`, () => {
        const { loop } = open(new Output(takesBatches), options)
        assert.throws(
          () => loop.run(input, 0, 1, marks),
          (thrown) => {
            assert.deepEqual(thrown, { call, cause: boom })
            return true
          },
        )
      })
    }

    it(`an error of a step names it, ${into}; one of the output is not blamed on a step`, () => {
      const { loop } = open(new Output(takesBatches), { steps: [filter('f', () => true), map('m', thrower)] })
      assert.throws(() => loop.run(listed([1]), 0, 1, undefined), {
        message: 'The map function of "m" threw: boom',
        details: { operator: 'm', uid: 'm-uid', subtask: 3 },
      })
      const failing: OperatorOutput = { isFull: false, emit: thrower, ...(takesBatches ? { pushBatch: thrower } : {}) }
      const sending = open(failing, { steps: [map('m', (record) => record)] }).loop
      assert.throws(() => sending.run(listed([1]), 0, 1, undefined), boom)
      const dropping = open(new Output(takesBatches), { onRejected: thrower }).loop
      assert.throws(() => dropping.run(listed([rejected('x')], { hasRejected: true }), 0, 1, undefined), boom)
    })
  }

  it('refuses promises instead of records, each of them', () => {
    const { loop } = open(new Output(true))
    const input = computed((index) => (index === 2 ? Promise.reject(boom) : index), 0, 1, 3)
    assert.throws(
      () => loop.run(input, 0, 3, undefined),
      ({ call, cause }) => call === 'compute' && /^generate returned a promise/.test((cause as Error).message),
    )
  })

  for (const timestamp of [Number.NaN, Number.POSITIVE_INFINITY, '5', new Date(5), undefined]) {
    it(`refuses the timestamp ${String(timestamp)}`, () => {
      const { loop } = open(new Output(true), { timestamp: () => timestamp as number })
      assert.throws(
        () => loop.run(listed([1]), 0, 1, new Marks()),
        ({ call, cause }) => call === 'timestamp' && cause instanceof RangeError,
      )
    })
  }

  it('freezes what the steps are given in development mode only', () => {
    const change = map('change', (record: { n: number }) => ++record.n)
    const run = (developmentMode: boolean) =>
      open(new Output(true), { steps: [change], developmentMode }).loop.run(listed([{ n: 1 }]), 0, 1, undefined)
    assert.equal(run(false), 1)
    assert.throws(
      () => run(true),
      (error) => error instanceof MillraceError && error.code === 'RECORD_MUTATED',
    )
  })

  it('generated code says in a stack trace whose it is', () => {
    let stack = ''
    const look = map('look', () => {
      stack = new Error('here').stack ?? ''
    })
    const { loop } = open(new Output(true), { steps: [look] })
    loop.run(listed([1]), 0, 1, undefined)
    assert.match(stack, /source-loop\.test\.ts[^\n]*\n[^\n]*millrace:source\/source\+look-uid\/listed/)
  })
})

interface Keyed {
  readonly key: unknown
  readonly at: number
  readonly value: number
}

const atOf = (record: unknown) => (record as Keyed).at
const counts = combined({ n: count() })

describe('SourceLoop into a combiner', () => {
  const keyed: fc.Arbitrary<Keyed> = fc.record({
    key: fc.oneof(fc.constantFrom(0, -0, 7, 2 ** 40, 'a', null, [1, 'x']), fc.integer({ min: -3, max: 3 })),
    at: fc.integer({ min: 0, max: 45 }),
    value: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(2 ** 53 - 1)),
  })

  for (const [form, aggregate] of [
    ['numbers', counts],
    ['what stops being numbers', combined({ n: count(), big: sum('value') })],
    ['what begins as none', combined({ most: max((row) => (row.value > 0 ? row.value : null)), n: count() })],
  ] as const) {
    it(`gives what a combiner gives that takes batches, ${form}: any records, any steps, some late`, () => {
      fc.assert(
        fc.property(
          fc.array(keyed, { maxLength: 60 }),
          fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
          fc.array(fc.integer({ min: -1, max: 40 }), { minLength: 1 }),
          fc.constantFrom(1, 2, 100),
          fc.boolean(),
          (items, pieces, watermarks, keysMax, isComputed) => {
            const steps = [
              filter('positive', ({ at }: Keyed) => at % 7 !== 0),
              map('later', (record: Keyed) => ({ ...record, value: record.value - 1 })),
            ]
            const output = new CombiningOutput({ aggregate, keysMax })
            const { loop } = open(output, { steps, timestamp: atOf })
            const input = isComputed ? computed((index) => items[index / 2], 0, 2, items.length) : listed(items)
            const plain = new CombiningOutput({ aggregate, keysMax })
            for (let next = 0, turn = 0; next < items.length; turn++) {
              const to = Math.min(items.length, next + (pieces[turn % pieces.length] as number))
              const rows = byArrays(
                steps,
                items.slice(next, to).map((record) => ({ record, timestamp: record.at })),
              )
              assert.equal(loop.run(input, next, to, new Marks()), to)
              for (const row of rows) plain.combiner.take([row.record], [row.timestamp])
              assert.equal(output.combiner.recordsCombined, plain.combiner.recordsCombined)
              const watermark = watermarks[turn % watermarks.length] as number
              for (const { combiner } of [output, plain]) combiner.advanceWatermark(watermark)
              next = to
            }
            for (const { combiner } of [output, plain]) combiner.flush()
            assert.deepEqual(output.out, plain.out)
          },
        ),
      )
    })
  }

  it('makes a batch up to the first record that is left, and of the others none', () => {
    const output = new CombiningOutput({ aggregate: counts })
    const { loop } = open(output, { steps: [filter('from 5 on', ({ value }: Keyed) => value >= 5)], timestamp: atOf })
    const input = computed((value) => ({ key: 1, at: 1, value }), 0, 1, 1_000)
    assert.equal(loop.run(input, 0, 1_000, new Marks()), 1_000)
    assert.deepEqual(output.batches, [0, 0, 2])
    output.combiner.flush()
    assert.deepEqual(output.out, [[1, 10, 995]])
  })

  it('refuses records that no channel could carry, though none travels, and whatever is dropped before', () => {
    const steps = [
      filter('last', ({ value }: Keyed) => value === 900),
      map('bad', () => ({ key: 1, at: 1, f: () => 1 })),
    ]
    const { loop } = open(new CombiningOutput({ aggregate: counts }), { steps, timestamp: atOf })
    const input = computed((value) => ({ key: 1, at: 1, value }), 0, 1, 1_000)
    assert.throws(() => loop.run(input, 0, 1_000, new Marks()), { code: 'VALUE_NOT_ENCODABLE' })
  })

  it('takes a bounded number of records at once', () => {
    const { loop } = open(new CombiningOutput({ aggregate: counts }), { timestamp: atOf })
    const input = computed((value) => ({ key: 1, at: 1, value }), 0, 1, 9_000)
    assert.equal(loop.run(input, 0, 9_000, new Marks()), BATCH_RECORDS_MAX)
  })

  it('errors of key, aggregate and steps say whose they are and of which record', () => {
    const failingAt = (index: number, record: unknown) =>
      computed((i) => (i === index ? record : { key: 1, at: 1, value: i }), 0, 1, 100)
    const run = (input: SourceInput, options: Partial<SourceLoopOptions> = {}, aggregate = counts) =>
      open(new CombiningOutput({ aggregate }), { timestamp: atOf, ...options }).loop.run(input, 0, 100, new Marks())
    assert.throws(() => run(failingAt(40, { at: 1, colour: 'red' })), {
      code: 'KEY_INVALID',
      message: /keyBy\('key'\) for "Counts"/,
    })
    const add = (n: number, { value }: Keyed) => {
      if (value === 40) throw boom
      return n + 1
    }
    const failing = combined({ n: { ...count(), add } as AggregateFunction<unknown, number, number> })
    assert.throws(() => run(failingAt(-1, {}), {}, failing), {
      message: 'User code of operator "Counts" threw: boom',
      details: { operator: 'Counts', uid: 'counts', subtask: 0 },
    })
    const throwing = map('m', (record: Keyed) => (record.value === 40 ? thrower() : record))
    assert.throws(() => run(failingAt(-1, {}), { steps: [throwing] }), {
      message: 'The map function of "m" threw: boom',
    })
  })

  it('lets go of accumulators that may have grown large', () => {
    const keepAll: AggregateFunction<{ value: number }, string[], number> = {
      name: 'keepAll',
      create: () => [],
      add: (all, { value }) => [...all, `${value} ${'x'.repeat(100_000)}`],
      result: (all) => all.length,
      merge: (into, other) => [...into, ...other],
    }
    const output = new CombiningOutput({ aggregate: combined({ all: keepAll }) })
    const { loop } = open(output, { timestamp: () => 1 })
    const input = computed((value) => ({ key: 1, value, text: `${value} ${'x'.repeat(100_000)}` }), 0, 1, 100_000)
    for (let next = 0; output.out.length === 0; ) {
      assert.ok(next < 2_000, `${next} records of 100 kB`)
      next = loop.run(input, next, next + 100, new Marks())
    }
  })
})
