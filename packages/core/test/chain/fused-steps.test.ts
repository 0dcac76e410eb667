import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { OperatorHarness } from '@millrace/testing'
import fc from 'fast-check'
import { STAGE_BYTES_MAX, StageInbox } from '../../src/chain/stage-inbox.ts'
import { BATCH_RECORDS_MAX, type FusedStep, FusedSteps, type OperatorOutput } from '../../src/index.ts'

const map = (name: string, map: (record: never) => unknown): FusedStep => ({
  uid: `${name}-uid`,
  name,
  spec: { kind: 'map', map: map as never },
})
const filter = (name: string, keeps: (record: never) => boolean): FusedStep => ({
  uid: `${name}-uid`,
  name,
  spec: { kind: 'filter', filter: keeps as never },
})

function open(steps: readonly FusedStep[], output: OperatorOutput): FusedSteps {
  const operator = new FusedSteps(steps)
  operator.open({ ...new OperatorHarness(new FusedSteps([])).host, output })
  return operator
}

/** Collects, and is full after `room` records until it is emptied. */
class RoomyOutput implements OperatorOutput {
  readonly taken: { record: unknown; timestamp: number }[] = []
  #waiting = 0
  readonly #room: number

  constructor(room: number) {
    this.#room = room
  }

  emit(record: unknown, timestamp: number): void {
    assert.equal(this.isFull, false, 'emitted into a full output')
    this.taken.push({ record, timestamp })
    this.#waiting++
  }

  get isFull(): boolean {
    return this.#waiting >= this.#room
  }

  empty(): void {
    this.#waiting = 0
  }
}

const thrownBy = (work: () => void): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}

const step: fc.Arbitrary<FusedStep> = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map((n) => map(`+${n}`, (record: number) => record + n)),
  fc.integer({ min: 2, max: 5 }).map((n) => filter(`%${n}`, (record: number) => record % n !== 0)),
)

function byArrays(steps: readonly FusedStep[], records: readonly number[]): unknown[] {
  let rows: { record: unknown; timestamp: number }[] = records.map((record, i) => ({ record, timestamp: i * 10 }))
  for (const { spec } of steps) {
    rows =
      spec.kind === 'map'
        ? rows.map(({ record, timestamp }) => ({ record: spec.map(record as never), timestamp }))
        : rows.filter(({ record }) => spec.filter(record as never))
  }
  return rows
}

describe('FusedSteps', () => {
  it('does what array methods do, with any room and any budget', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 5 }),
        fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 20 }),
        (steps, records, room, units) => {
          const output = new RoomyOutput(room)
          const operator = open(steps, output)
          const batch = { records, timestamps: records.map((_, i) => i * 10), keyHashes: undefined }
          let next = 0
          while (next < records.length) {
            const budget = { units }
            const after = operator.processBatch(batch, next, budget)
            assert.equal(budget.units, units - (after - next))
            assert.ok(after > next || output.isFull)
            next = after
            output.empty()
          }
          assert.deepEqual(output.taken, byArrays(steps, records))
        },
      ),
    )
  })

  it('does the same into the inbox of a next stage', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 5 }),
        fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 400 }),
        fc.integer({ min: 1, max: 500 }),
        (steps, records, units) => {
          const inbox = new StageInbox()
          const operator = open(steps, inbox)
          const batch = { records, timestamps: records.map((_, i) => i * 10), keyHashes: undefined }
          for (let next = 0; next < records.length; ) {
            const after = operator.processBatch(batch, next, { units })
            assert.equal(after, Math.min(records.length, next + units))
            next = after
          }
          const rows: unknown[] = []
          for (let first = inbox.first; first?.kind === 'batch'; first = inbox.first) {
            const { records: taken, timestamps } = first.batch
            taken.forEach((record, i) => void rows.push({ record, timestamp: timestamps[i] }))
            inbox.shift()
          }
          assert.deepEqual(rows, byArrays(steps, records))
        },
      ),
    )
  })

  it('stops where records that it made large fill the next stage', () => {
    const inbox = new StageInbox()
    const operator = open([map('blow up', () => 'x'.repeat(1_048_576))], inbox)
    const records = Array.from({ length: BATCH_RECORDS_MAX }, (_, i) => i)
    const batch = { records, timestamps: records, keyHashes: undefined }
    let next = operator.processBatch(batch, 0, { units: 10_000 })
    assert.ok(inbox.isFull && next <= 32, `${next} records of 1 MiB`)
    inbox.shift()
    const before = next
    next = operator.processBatch(batch, next, { units: 10_000 })
    assert.equal(next - before, STAGE_BYTES_MAX / 1_048_576)
  })

  for (const { name, steps, message, uid } of [
    {
      name: 'a map in the middle',
      steps: [
        map('first', (n) => n),
        filter('second', () => true),
        map('third', () => {
          throw new Error('boom')
        }),
        map('fourth', (n) => n),
      ],
      message: 'The map function of "third" threw: boom',
      uid: 'third-uid',
    },
    {
      name: 'a filter that throws no error',
      steps: [
        filter('only', () => {
          throw 'a text'
        }),
      ],
      message: 'The filter function of "only" threw: a text',
      uid: 'only-uid',
    },
  ]) {
    for (const output of [new RoomyOutput(10), new StageInbox()]) {
      it(`an error names its step: ${name}, into ${output.constructor.name}`, () => {
        const operator = open(steps, output)
        assert.throws(
          () => operator.processBatch({ records: [1], timestamps: [1], keyHashes: undefined }, 0, { units: 9 }),
          (error) =>
            error instanceof MillraceError &&
            error.code === 'USER_FUNCTION_FAILED' &&
            error.message === message &&
            error.details.uid === uid &&
            error.cause !== undefined,
        )
      })
    }
  }

  it('refuses promises, which the next step would take for records, and a filter for yes', () => {
    const isOdd = (n: number) => n % 2 === 1
    const odd = async (n: number) => isOdd(n)
    const failing = (n: number) => (n === 3 ? Promise.reject(new Error('nobody waits for it')) : n)
    const cases = [
      [map('slow', odd), /^The map function of "slow" returned a promise/, 0],
      // Also when only some results are promises.
      [map('failing', failing), /^The map function of "failing" returned a promise/, 2],
      [filter('slow', odd as never), /^The filter function of "slow" returned a promise/, 0],
      [
        // biome-ignore lint/suspicious/noThenProperty: a promise of another make
        filter('thenable', (() => ({ then() {} })) as never),
        /^The filter function of "thenable" returned a promise/,
        0,
      ],
    ] as const
    for (const [step, message, emitted] of cases) {
      const output = new RoomyOutput(10)
      const operator = open([step, map('next', (record) => record)], output)
      const batch = { records: [1, 2, 3], timestamps: [1, 2, 3], keyHashes: undefined }
      assert.throws(
        () => operator.processBatch(batch, 0, { units: 9 }),
        (error) =>
          error instanceof MillraceError &&
          error.code === 'USER_FUNCTION_FAILED' &&
          message.test(error.message) &&
          error.details.uid === step.uid,
      )
      assert.equal(output.taken.length, emitted)
    }
  })

  it('freezes what a map gives, in development mode only, and names the step that changes it', () => {
    const seen: unknown[] = []
    const steps = [
      map('make', (n: number) => ({ n })),
      filter('change', (record: { n: number }) => {
        seen.push(record.n)
        return ++record.n > 0
      }),
    ]
    const batch = { records: [1], timestamps: [1], keyHashes: undefined }
    const { host } = new OperatorHarness(new FusedSteps([]))
    const run = (developmentMode: boolean) => {
      const operator = new FusedSteps(steps)
      operator.open({ ...host, developmentMode, output: new StageInbox() })
      operator.processBatch(batch, 0, { units: 9 })
    }
    run(false)
    assert.throws(() => run(true), {
      code: 'RECORD_MUTATED',
      message: /^Operator "change" changed a value/,
      details: { operator: 'change', uid: 'change-uid', subtask: 0 },
    })
    assert.deepEqual(seen, [1, 1])
  })

  it('hands records on as they are when it has no steps', () => {
    const output = new RoomyOutput(10)
    const record = { a: 1 }
    open([], output).processBatch({ records: [record], timestamps: [7], keyHashes: undefined }, 0, { units: 9 })
    assert.equal(output.taken[0]?.record, record)
  })

  for (const { name, give } of [
    {
      name: 'one by one',
      give: (cause: Error) => ({
        isFull: false,
        emit: () => {
          throw cause
        },
      }),
    },
    {
      name: 'as a batch',
      give: (cause: Error) => ({
        isFull: false,
        emit: () => {},
        pushBatch: () => {
          throw cause
        },
      }),
    },
  ]) {
    it(`an error of the output is not blamed on a step: ${name}`, () => {
      const cause = new Error('a key function of the next exchange')
      const operator = open([map('m', (record: number) => record)], give(cause))
      const batch = { records: [1], timestamps: [0], keyHashes: undefined }
      assert.equal(
        thrownBy(() => operator.processBatch(batch, 0, { units: 10 })),
        cause,
      )
    })
  }
})
