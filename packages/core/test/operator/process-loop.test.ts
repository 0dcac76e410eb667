import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type KeyedProcessFunction, MillraceError, type SideOutputs, type } from '@millrace/api'
import { OperatorHarness } from '@millrace/testing'
import fc from 'fast-check'
import { createOperator, hashKey, type OperatorOutput } from '../../src/index.ts'
import { nodeOf } from './operator-nodes.ts'

// biome-ignore lint/suspicious/noExplicitAny: functions of every kind of record
type AnyFunction = KeyedProcessFunction<any, any, any, any, SideOutputs>

const specOf = (fn: AnyFunction) =>
  nodeOf({ kind: 'keyedProcess', key: { kind: 'field', field: 'key' }, fn: { emits: type(), ...fn } as never })

/** Collects, and is full with `room` records until it is emptied. */
class RoomyOutput implements OperatorOutput {
  readonly taken: unknown[] = []
  readonly #room: number
  #waiting = 0

  constructor(room: number) {
    this.#room = room
  }

  emit(record: unknown, timestamp: number): void {
    this.taken.push([record, timestamp])
    this.#waiting++
  }

  get isFull(): boolean {
    return this.#waiting >= this.#room
  }

  empty(): void {
    this.#waiting = 0
  }
}

describe('the loop of a keyed process function', () => {
  for (const hasSide of [false, true]) {
    it(`begins no call while an output is full, and goes on where it was, with side outputs ${hasSide}`, () => {
      const anyRow = fc.record(
        { key: fc.integer({ min: 0, max: 4 }), gives: fc.integer({ min: 0, max: 3 }) },
        { noNullPrototype: true },
      )
      fc.assert(
        fc.property(
          fc.array(anyRow, { maxLength: 60 }),
          fc.integer({ min: 1, max: 5 }),
          fc.integer({ min: 1, max: 20 }),
          fc.boolean(),
          (rows, room, units, withHashes) => {
            const main = new RoomyOutput(room)
            const side = new RoomyOutput(room)
            const fn: AnyFunction = {
              ...(hasSide ? { sideOutputs: { odd: {} } } : {}),
              onRecord({ key, gives }: { key: number; gives: number }, ctx) {
                assert.ok(!main.isFull && !side.isFull, 'called while an output is full')
                assert.equal(ctx.key, key)
                for (let i = 0; i < gives; i++) ctx.emit([key, i, ctx.timestamp])
                if (hasSide && key % 2 === 1) ctx.emitTo('odd', key)
              },
            }
            const { host } = new OperatorHarness(createOperator(specOf(fn)))
            const operator = createOperator(specOf(fn))
            operator.open({ ...host, output: main, sideOutput: () => side, state: host.state })
            const batch = {
              records: rows,
              timestamps: rows.map((_, i) => i * 10),
              keyHashes: withHashes ? rows.map(({ key }) => hashKey(key)) : undefined,
            }
            for (let next = 0; next < rows.length; ) {
              const budget = { units }
              const after = operator.processBatch(batch, next, budget)
              assert.equal(budget.units, units - (after - next))
              assert.ok(budget.units === 0 || after === rows.length || main.isFull || side.isFull)
              next = after
              main.empty()
              side.empty()
            }
            const expected = rows.flatMap(({ key, gives }, at) =>
              Array.from({ length: gives }, (_, i) => [[key, i, at * 10], at * 10]),
            )
            assert.deepEqual(main.taken, expected)
            const odd = rows.flatMap(({ key }, at) => (key % 2 === 1 ? [[key, at * 10]] : []))
            assert.deepEqual(side.taken, hasSide ? odd : [])
          },
        ),
      )
    })
  }

  it('lets an error through with its step, and what was emitted before it', () => {
    const cause = new Error('boom')
    const fn: AnyFunction = {
      onRecord({ key }: { key: string }, ctx) {
        if (key === 'bad') throw cause
        ctx.emit(key)
      },
    }
    const harness = new OperatorHarness(createOperator(specOf(fn)))
    assert.throws(
      () =>
        harness.processBatch({
          records: ['a', 'bad', 'c'].map((key) => ({ key })),
          timestamps: [1, 2, 3],
          keyHashes: undefined,
        }),
      (error) => error instanceof MillraceError && error.details.uid === 'operator' && error.cause === cause,
    )
    assert.deepEqual(harness.output, [{ record: 'a', timestamp: 1 }])
  })
})
