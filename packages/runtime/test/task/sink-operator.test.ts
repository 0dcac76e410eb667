import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { MillraceError, type PlainValue, type Sink, type SinkWriter } from '@millrace/api'
import { SinkOperator } from '../../src/task/sink-operator.ts'

type Write = (records: readonly unknown[], timestamps: readonly number[]) => void | Promise<void>

function open(write: Write, batchRecordsMax?: number, prepare?: () => Promise<never>) {
  const told: unknown[] = []
  const writer: SinkWriter<unknown> = {
    write,
    prepare: prepare ?? (async (checkpointId, reason) => ({ states: [reason], committables: [checkpointId] })),
    close: async () => void told.push('closed'),
  }
  const operator = new SinkOperator(
    { batchRecordsMax } as Sink<unknown>,
    writer,
    'Out (1/1)',
    () => told.push('settled'),
    (error) => told.push(error),
  )
  return { operator, told }
}

const batchOf = (...records: unknown[]) => ({ records, timestamps: records.map((_, i) => i), keyHashes: undefined })

describe('SinkOperator', () => {
  it('hands on as much at once as the sink takes', () => {
    const written: unknown[] = []
    const { operator } = open((records, timestamps) => void written.push([records, timestamps]), 2)
    const budget = { units: 10 }
    assert.equal(operator.processBatch(batchOf('a', 'b', 'c'), 0, budget), 3)
    assert.deepEqual(written, [
      [
        ['a', 'b'],
        [0, 1],
      ],
      [['c'], [2]],
    ])
    assert.deepEqual([budget.units, operator.recordsIn], [7, 3])
  })

  it('takes nothing while a write is under way, and wakes its task after it', async () => {
    const writes: (() => void)[] = []
    const { operator, told } = open(() => new Promise<void>((resolve) => void writes.push(resolve)), 1)
    const batch = batchOf('a', 'b')
    assert.equal(operator.processBatch(batch, 0, { units: 10 }), 1)
    assert.equal(operator.isBusy, true)
    assert.equal(operator.processBatch(batch, 1, { units: 10 }), 1)
    assert.equal(operator.finish(), false)
    writes[0]?.()
    await setImmediate()
    assert.deepEqual([operator.isBusy, told], [false, ['settled']])
    assert.equal(operator.processBatch(batch, 1, { units: 10 }), 2)
    writes[1]?.()
    await setImmediate()
    assert.equal(operator.finish(), true)
  })

  it('writes nothing while it prepares', async () => {
    const written: unknown[] = []
    const { operator } = open((records) => void written.push(...records))
    const prepared = operator.prepare(7, 'savepoint')
    assert.equal(operator.isBusy, true)
    assert.equal(operator.processBatch(batchOf('a'), 0, { units: 10 }), 0)
    assert.deepEqual(await prepared, { states: ['savepoint'], committables: [7] satisfies PlainValue[] })
    assert.equal(operator.processBatch(batchOf('a'), 0, { units: 10 }), 1)
    assert.deepEqual(written, ['a'])
  })

  it('names itself in what goes wrong', async () => {
    const isNamed = (what: RegExp) => (error: unknown) =>
      error instanceof MillraceError &&
      error.code === 'SINK_WRITE_FAILED' &&
      error.details.operator === 'Out (1/1)' &&
      what.test(error.message)
    const now = open(() => {
      throw new Error('disk full')
    })
    assert.throws(() => now.operator.processBatch(batchOf(1), 0, { units: 1 }), isNamed(/could not write: disk full/))
    const later = open(() => Promise.reject(new Error('disk full')))
    later.operator.processBatch(batchOf(1), 0, { units: 1 })
    await setImmediate()
    assert.ok(isNamed(/could not write: disk full/)(later.told[0]))
    const preparing = open(
      () => {},
      1,
      () => Promise.reject(new Error('no')),
    )
    await assert.rejects(preparing.operator.prepare(1, 'checkpoint'), isNamed(/could not prepare: no/))
    const own = new MillraceError('SINK_DATA_LOSS', 'lost')
    const coded = open(() => {
      throw own
    })
    assert.throws(
      () => coded.operator.processBatch(batchOf(1), 0, { units: 1 }),
      (error) => error === own,
    )
  })

  it('closes its writer', async () => {
    const { operator, told } = open(() => {})
    await operator.closeWriter()
    assert.deepEqual(told, ['closed'])
  })
})
