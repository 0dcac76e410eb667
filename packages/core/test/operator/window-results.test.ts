import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { count, type WindowSpec } from '@millrace/api'
import { BATCH_RECORDS_MAX, type OperatorHost } from '@millrace/core'
import { ProjectedResults, type WindowResultsOptions } from '../../src/operator/window-results.ts'
import { CombiningOutput } from '../combine/combining-output.ts'
import { collectMergeable, combined, sliding, windowNode } from './operator-nodes.ts'

const ROWS = 3_000
const ready = 9

/** Results of `ROWS` keys that go into a combiner by `parity`; `value` is what is counted. */
function open(project: WindowSpec['project'], aggregate: WindowSpec['aggregate']) {
  const output = new CombiningOutput({ aggregate, field: 'parity' })
  const spec = { ...(windowNode(sliding(20, 10), count()).spec as WindowSpec), project }
  const host: Partial<OperatorHost> = { uid: 'counts', output }
  const results = new ProjectedResults({
    host: host as OperatorHost,
    spec,
    areContentsKept: true,
    progress: { isAhead: false } as WindowResultsOptions['progress'],
    refire: {} as WindowResultsOptions['refire'],
  })
  const numbers = Float64Array.from({ length: ROWS }, (_, i) => i)
  const rows = {
    keys: Array.from(numbers),
    wholeUntil: new Float64Array(ROWS).fill(ready),
    whole: { width: 0, numbers, get: (row: number) => numbers[row] as number },
  }
  results.begin(0, 8)
  return { output, results, rows }
}

const byParity: WindowSpec['project'] = (value, { key }) => ({ parity: (key as number) % 2, value })

describe('results of a window that are combined', () => {
  it('all go into the combiner in their order, up to the first that is not ready', () => {
    const { output, results, rows } = open(byParity, combined({ n: count(), all: collectMergeable }))
    rows.wholeUntil[2_500] = ready - 1
    assert.equal(results.emitReady(rows, 7, ROWS, ready - 1), 2_500)
    assert.equal(results.emitReady(rows, 2_500, ROWS, ready - 1), 2_500)
    assert.equal(results.emitReady(rows, 2_501, 2_600, ready - 1), 2_600)
    assert.equal(results.emitReady(rows, 2_600, 2_600, ready - 1), 2_600)
    output.combining().flush()
    const expected = new Map<number, number[]>([
      [1, []],
      [0, []],
    ])
    for (let i = 7; i < 2_600; i++) if (i !== 2_500) expected.get(i % 2)?.push(i)
    assert.deepEqual(
      output.out,
      [...expected].map(([parity, all]) => [parity, 10, all, all.length]),
    )
  })

  it('behind those that came one by one', () => {
    const { output, results, rows } = open(byParity, combined({ all: collectMergeable }))
    results.emit(1, 100)
    results.emitReady(rows, 1, 2, 0)
    results.emit(1, 101)
    results.emitReady(rows, 3, 4, 0)
    output.combining().flush()
    assert.deepEqual(output.out, [[1, 10, [100, 1, 101, 3]]])
  })

  it('are looked through one in a batch', () => {
    const { output, results, rows } = open(byParity, combined({ n: count() }))
    results.emitReady(rows, 0, ROWS, 0)
    assert.deepEqual(output.batches, [1, 1, 1])
    const bad: WindowSpec['project'] = (value, { key }) => ({
      parity: 1,
      value: (key as number) === BATCH_RECORDS_MAX ? () => 1 : value,
    })
    const refused = open(bad, combined({ n: count() }))
    assert.throws(() => refused.results.emitReady(refused.rows, 0, ROWS, 0), { code: 'VALUE_NOT_ENCODABLE' })
  })

  it('stop where the output has no room', () => {
    const { output, results, rows } = open(byParity, combined({ n: count() }))
    output.isFull = true
    assert.equal(results.emitReady(rows, 3, ROWS, 0), 3)
    output.isFull = false
    const filling: WindowSpec['project'] = (value, projected) => {
      filled.output.isFull = projected.key === 5
      return byParity(value, projected)
    }
    const filled = open(filling, combined({ n: count() }))
    assert.equal(filled.results.emitReady(filled.rows, 0, ROWS, 0), 6)
  })
})
