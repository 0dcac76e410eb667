import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { StageInbox } from '../../src/chain/stage-inbox.ts'
import { OperatorChain, type OperatorOutput } from '../../src/index.ts'
import { FiringOperator } from './firing-operator.ts'

interface StageSpec {
  readonly firings: number
  readonly timers?: number[]
}

/** Takes what leaves the chain, in order; full after `room` records until it is emptied. */
class Tail implements OperatorOutput {
  readonly seen: string[] = []
  room: number
  #waiting = 0

  constructor(room: number) {
    this.room = room
  }

  emit(record: unknown): void {
    this.seen.push(String(record))
    this.#waiting++
  }

  get isFull(): boolean {
    return this.#waiting >= this.room
  }

  empty(): void {
    this.#waiting = 0
  }

  onWatermark(timestamp: number): void {
    this.seen.push(`watermark ${timestamp}`)
  }

  onEnd(): void {
    this.seen.push('end')
  }
}

function open(specs: readonly StageSpec[], tail: Tail) {
  const inboxes = specs.map(() => new StageInbox())
  const operators = specs.map((spec, index) => {
    const output = inboxes[index + 1] ?? tail
    return new FiringOperator({ ...spec, name: 'abc'.charAt(index), output })
  })
  const stages = operators.map((operator, index) => ({ operator, outputs: [inboxes[index + 1] ?? tail] }))
  return { chain: new OperatorChain(stages, inboxes, tail), operators }
}

const batchOf = (...records: unknown[]) => ({ records, timestamps: records.map(() => 0), keyHashes: undefined })

type Element = { readonly records: readonly number[] } | { readonly watermark: number }

/** What leaves a stage when nothing ever ends a call. */
function leaves(spec: StageSpec, name: string, elements: readonly string[]): string[] {
  return elements.flatMap((element) => {
    if (element !== 'end' && !/^watermark \d+$/.test(element)) return [`${name}(${element})`]
    return [...Array.from({ length: spec.firings }, (_, i) => `${name} ${element} ${i}`), element]
  })
}

const element: fc.Arbitrary<Element> = fc.oneof(
  fc.record({ records: fc.array(fc.nat(99), { maxLength: 6 }) }),
  fc.record({ watermark: fc.nat(99) }),
)

describe('OperatorChain', () => {
  it('lets elements out in order, whatever ends its turns', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ firings: fc.nat(4) }), { minLength: 1, maxLength: 3 }),
        fc.array(element, { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (specs, elements, room, budgets) => {
          const tail = new Tail(room)
          const { chain } = open(specs, tail)
          const given: string[] = []
          const work = (): void => {
            for (let turns = 0; !chain.isDrained; turns++) {
              assert.ok(turns < 10_000, 'stuck')
              const progress = chain.step({ units: budgets.next().value as number })
              assert.ok(chain.isDrained || progress !== 'idle')
              if (progress === 'blocked') assert.ok(tail.isFull)
              tail.empty()
            }
            assert.equal(chain.step({ units: 1 }), 'idle')
            assert.equal(chain.queuedRecords, 0)
          }
          elements.forEach((next, index) => {
            if ('records' in next) {
              given.push(...next.records.map(String))
              chain.pushBatch(batchOf(...next.records))
            } else {
              given.push(`watermark ${next.watermark}`)
              chain.pushWatermark(next.watermark)
            }
            if (index % 3 === 0) work()
          })
          given.push('end')
          chain.pushEnd()
          work()
          assert.equal(chain.isEnded, true)
          const expected = specs.reduce((from, spec, index) => leaves(spec, 'abc'.charAt(index), from), given)
          assert.deepEqual(tail.seen, expected)
        },
      ),
    )
  })

  it('gives back what its head has not begun: worked off later it leaves in the same order, once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.array(fc.nat(99), { minLength: 1, maxLength: 8 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        fc.infiniteStream(fc.boolean()),
        (stages, batches, room, budgets, takes) => {
          const specs = Array.from({ length: stages }, () => ({ firings: 0 }))
          const tail = new Tail(room)
          const { chain } = open(specs, tail)
          const waiting = batches.map((records) => batchOf(...records))
          for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
            chain.pushBatch(batch)
            while (!chain.isDrained) {
              chain.step({ units: budgets.next().value as number })
              tail.empty()
              const rest = takes.next().value === true ? chain.takeBack() : undefined
              if (rest !== undefined) waiting.unshift(rest as ReturnType<typeof batchOf>)
            }
          }
          const records = batches.flat().map(String)
          assert.deepEqual(
            tail.seen,
            specs.reduce((from, spec, index) => leaves(spec, 'abc'.charAt(index), from), records),
          )
        },
      ),
    )
  })

  it('keeps the record that its head may have half done, and what is no batch', () => {
    const { chain } = open([{ firings: 0 }], new Tail(2))
    assert.equal(chain.takeBack(), undefined)
    chain.pushBatch(batchOf(1, 2, 3, 4))
    assert.equal(chain.step({ units: 10 }), 'blocked')
    assert.deepEqual(chain.takeBack()?.records, [4])
    assert.equal(chain.takeBack(), undefined)
    const { chain: fresh } = open([{ firings: 1 }], new Tail(10))
    fresh.pushBatch(batchOf(1, 2))
    assert.deepEqual(fresh.takeBack()?.records, [1, 2])
    assert.equal(fresh.isDrained, true)
    fresh.pushWatermark(1)
    assert.equal(fresh.takeBack(), undefined)
  })

  it('says idle, more, blocked and waiting', () => {
    const tail = new Tail(2)
    const { chain, operators } = open([{ firings: 0 }, { firings: 0 }], tail)
    assert.equal(chain.step({ units: 10 }), 'idle')
    chain.pushBatch(batchOf(1, 2, 3))
    assert.equal(chain.step({ units: 1 }), 'more')
    assert.equal(chain.step({ units: 50 }), 'blocked')
    assert.equal(chain.isDrained, false)
    tail.empty()
    const [, last] = operators as [FiringOperator, FiringOperator]
    last.isWaiting = true
    assert.equal(chain.step({ units: 50 }), 'waiting')
    last.isWaiting = false
    assert.equal(chain.step({ units: 50 }), 'idle')
    assert.equal(chain.isDrained, true)
  })

  it('is drained only when a watermark that waits has left', () => {
    const tail = new Tail(10)
    const { chain, operators } = open([{ firings: 0 }], tail)
    const [only] = operators as [FiringOperator]
    only.isWaiting = true
    chain.pushWatermark(5)
    assert.equal(chain.step({ units: 10 }), 'waiting')
    assert.equal(chain.isDrained, false)
    only.isWaiting = false
    assert.equal(chain.step({ units: 10 }), 'idle')
    assert.deepEqual(tail.seen, ['watermark 5'])
  })

  it('stops a stage while any of its outputs is full', () => {
    const tail = new Tail(10)
    const side = new Tail(1)
    const operator = new FiringOperator({ name: 'a', output: tail, firings: 0 })
    const chain = new OperatorChain([{ operator, outputs: [tail, side] }], [new StageInbox()], tail)
    side.emit('late')
    chain.pushBatch(batchOf(1))
    assert.equal(chain.step({ units: 10 }), 'blocked')
    side.empty()
    assert.equal(chain.step({ units: 10 }), 'idle')
  })

  it('has no room for another batch while its head is full', () => {
    const { chain } = open([{ firings: 0 }], new Tail(10))
    assert.equal(chain.hasRoom, true)
    chain.pushBatch(batchOf(...Array.from({ length: 1_024 }, (_, i) => i)))
    assert.equal(chain.hasRoom, false)
  })

  describe('processing-time timers', () => {
    it('fire between elements, not in the middle of one', () => {
      const tail = new Tail(100)
      const { chain } = open([{ firings: 3, timers: [5, 6, 20] }], tail)
      chain.pushWatermark(1)
      assert.equal(chain.step({ units: 2 }), 'more')
      assert.equal(chain.advanceProcessingTime(10, { units: 10 }), false)
      assert.equal(chain.step({ units: 10 }), 'idle')
      assert.equal(chain.nextProcessingTimeMs(), 5)
      assert.equal(chain.advanceProcessingTime(10, { units: 1 }), false)
      assert.equal(chain.advanceProcessingTime(10, { units: 10 }), true)
      assert.equal(chain.nextProcessingTimeMs(), 20)
      assert.deepEqual(tail.seen.slice(-3), ['watermark 1', 'a timer 5', 'a timer 6'])
    })

    it('wait for room', () => {
      const tail = new Tail(1)
      const { chain } = open([{ firings: 0, timers: [5] }], tail)
      tail.emit('before')
      assert.equal(chain.advanceProcessingTime(10, { units: 10 }), false)
      tail.empty()
      assert.equal(chain.advanceProcessingTime(10, { units: 10 }), true)
    })

    it('pass the stages behind', () => {
      const tail = new Tail(100)
      const { chain } = open([{ firings: 0, timers: [5] }, { firings: 0 }], tail)
      assert.equal(chain.advanceProcessingTime(5, { units: 10 }), true)
      assert.equal(chain.step({ units: 10 }), 'idle')
      assert.deepEqual(tail.seen, ['b(a timer 5)'])
    })

    it('do not fire after the end has passed', () => {
      const tail = new Tail(100)
      const { chain } = open([{ firings: 0, timers: [5] }], tail)
      chain.pushEnd()
      chain.step({ units: 10 })
      assert.equal(chain.nextProcessingTimeMs(), undefined)
      assert.equal(chain.advanceProcessingTime(10, { units: 10 }), true)
      assert.deepEqual(tail.seen, ['end'])
    })
  })

  it('without stages it hands control elements on and takes no records', () => {
    const tail = new Tail(100)
    const chain = new OperatorChain([], [], tail)
    chain.pushWatermark(1)
    chain.pushEnd()
    assert.deepEqual(tail.seen, ['watermark 1', 'end'])
    assert.equal(chain.isEnded, true)
    assert.throws(() => chain.pushBatch(batchOf(1)), /without stages/)
  })

  it('closes its operators', () => {
    const { chain, operators } = open([{ firings: 0 }, { firings: 0 }], new Tail(1))
    chain.close()
    assert.ok(operators.every(({ isClosed }) => isClosed))
  })
})
