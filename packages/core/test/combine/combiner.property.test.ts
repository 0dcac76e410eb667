/**
 * Combined before the exchange or not, windows give the same: against the recomputation of their own tests, with one or
 * two senders, whose partial results leave at any time, with few keys at once, and restored at any parallelism.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogicalNode, WindowSpec } from '@millrace/api'
import {
  Combiner,
  createOperator,
  hashKey,
  keyGroupOf,
  type Operator,
  type RecordBatch,
  subtaskOfKeyGroup,
} from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import fc from 'fast-check'
import {
  collectAsText,
  collectGreedily,
  collectInSets,
  collectMergeable,
  combined,
  sliding,
  windowNode,
} from '../operator/operator-nodes.ts'
import { lastOf, MAX_PARALLELISM, play, type Shape, shapes, steps, WindowRun } from '../operator/window-run.ts'

interface Sending {
  readonly senders: number
  readonly keysMax: number
  /** Records after which a sender's partial results leave, as by the buffer timeout; and how many come together. */
  readonly flushEvery: number
  readonly batchRecords: number
}

const sendings: fc.Arbitrary<Sending> = fc.record({
  senders: fc.integer({ min: 1, max: 2 }),
  keysMax: fc.constantFrom(1, 2, 100),
  flushEvery: fc.constantFrom(1, 3, 1_000),
  batchRecords: fc.constantFrom(1, 4),
})

class Sender {
  readonly combiner: Combiner
  readonly #sending: Sending
  #batch: { records: unknown[]; timestamps: number[] } = { records: [], timestamps: [] }
  #records = 0

  constructor(node: LogicalNode, sending: Sending, give: (batch: RecordBatch, keyGroup: number) => void) {
    this.#sending = sending
    const spec = node.spec as WindowSpec
    this.combiner = new Combiner({
      spec,
      key: spec.key,
      receiver: node,
      subtask: 0,
      developmentMode: false,
      keysMax: sending.keysMax,
      output: {
        single: (record, timestamp) => {
          const keyGroup = keyGroupOf((record as { key: string }).key, MAX_PARALLELISM)
          give(
            { records: [record], timestamps: [timestamp], keyHashes: [hashKey((record as { key: string }).key)] },
            keyGroup,
          )
        },
        beginPartials: () => {},
        partial: (key, keyHash, sliceEnd, columns, number) => {
          const accumulators = columns.map((column) => [column[number]])
          give(
            { records: [key], timestamps: [sliceEnd], keyHashes: [keyHash], accumulators },
            keyGroupOf(key, MAX_PARALLELISM),
          )
        },
        endPartials: () => {},
      },
    })
  }

  record(record: unknown, at: number): void {
    this.#batch.records.push(record)
    this.#batch.timestamps.push(at)
    if (this.#batch.records.length >= this.#sending.batchRecords) this.#take()
    if (++this.#records % this.#sending.flushEvery === 0) this.flush()
  }

  watermark(to: number): void {
    this.#take()
    this.combiner.advanceWatermark(to)
  }

  flush(): void {
    this.#take()
    this.combiner.flush()
    assert.ok(this.combiner.isEmpty)
  }

  #take(): void {
    const { records, timestamps } = this.#batch
    this.#batch = { records: [], timestamps: [] }
    if (records.length > 0) this.combiner.take(records, timestamps)
  }
}

class CombiningRun extends WindowRun {
  readonly #node: LogicalNode
  readonly #sending: Sending
  readonly #operators: Operator[]
  #senders: Sender[] = []
  readonly #hasOneSenderPerKey: boolean
  #next = 0

  constructor(node: LogicalNode, sending: Sending, hasOneSenderPerKey: boolean, options: OperatorHarnessOptions) {
    const operators: Operator[] = []
    super((more) => {
      const operator = createOperator(node)
      operators.push(operator)
      return new OperatorHarness(operator, { maxParallelism: MAX_PARALLELISM, ...options, ...more })
    })
    this.#node = node
    this.#sending = sending
    this.#hasOneSenderPerKey = hasOneSenderPerKey
    this.#operators = operators
    this.#openSenders()
  }

  override record(key: string, timestamp: number, value: number): void {
    // Which of two senders is first is not what is tested; where each record shows, a key has only one.
    const at = this.#hasOneSenderPerKey ? key.charCodeAt(0) : this.#next++
    const sender = this.#senders[at % this.#senders.length] as Sender
    sender.record({ key, value }, timestamp)
  }

  override watermark(to: number): void {
    for (const sender of this.#senders) sender.watermark(to)
    super.watermark(to)
  }

  override restart(parallelism: number, options: { readonly sendsWatermarkAgain: boolean }): void {
    for (const sender of this.#senders) sender.flush()
    this.#operators.length = 0
    this.#senders = []
    super.restart(parallelism, options)
  }

  protected override afterRestore(): void {
    this.#openSenders()
    const restored = this.#operators.map(({ restoredEventTime }) => restoredEventTime ?? Number.NEGATIVE_INFINITY)
    for (const { combiner } of this.#senders) combiner.restoreEventTime(Math.max(...restored))
  }

  override collectLate(): void {
    for (const sender of this.#senders) sender.flush()
    super.collectLate()
  }

  #openSenders(): void {
    this.#senders = Array.from(
      { length: this.#sending.senders },
      () =>
        new Sender(this.#node, this.#sending, (batch, keyGroup) => {
          const subtask = subtaskOfKeyGroup(keyGroup, this.harnesses.length, MAX_PARALLELISM)
          this.harnesses[subtask]?.processBatch(batch)
        }),
    )
  }
}

const limits = fc.record({
  outputRoomRecords: fc.constantFrom(1, Number.POSITIVE_INFINITY),
  unitsPerTurn: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
  deltasMax: fc.nat(3),
})

const values = collectMergeable
const oneOfParts: WindowSpec['aggregate'] = {
  ...combined({ values }),
  result: ([one]: unknown[]) => values.result(one as number[]),
}

for (const [form, aggregate] of [
  ['arrays', collectMergeable],
  ['sets', collectInSets],
  ['text', collectAsText],
  ['objects that merge takes over', collectGreedily],
  ['parts', oneOfParts],
] as const) {
  const runOf = (shape: Shape, sending: Sending, options: OperatorHarnessOptions) =>
    new CombiningRun(
      windowNode(sliding(shape.sizeMs, shape.slideMs, shape.offsetMs), aggregate, shape.latenessMs),
      sending,
      // A late record that is not too late updates the result at once.
      shape.latenessMs > 0,
      options,
    )

  describe(`windows of combined records against a recomputation, ${form}`, () => {
    it('give the same results, late records and updates, however often restored', () => {
      fc.assert(
        fc.property(shapes, steps, sendings, limits, (shape, list, sending, options) => {
          const run = runOf(shape, sending, options)
          const expected = play(shape, list, run, true)
          assert.deepEqual(run.results.sort(), expected.results.sort())
          assert.deepEqual(run.late.sort(), expected.late.sort())
        }),
        { numRuns: 200 },
      )
    })

    it('end in the same when the watermark comes back late after a restore', () => {
      fc.assert(
        fc.property(shapes, steps, sendings, limits, (shape, list, sending, options) => {
          const run = runOf(shape, sending, options)
          const expected = play(shape, list, run, false)
          assert.deepEqual(lastOf(run.results), lastOf(expected.results))
          assert.deepEqual(run.late.sort(), expected.late.sort())
        }),
        { numRuns: 200 },
      )
    })
  })
}
