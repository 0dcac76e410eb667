import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LineError, parseLines } from '../../../bench/performance/parse-lines.ts'
import { ABOUT, runLine, textOf } from './run-line.ts'

describe('the lines of the benchmark', () => {
  it('belong to the machine before them', () => {
    const [one, two] = [runLine({ peer: 'millrace', cpuSeconds: 2 }), runLine({ peer: 'loop', cpuSeconds: 3 })]
    const sessions = parseLines('runs', `${textOf(ABOUT, one)}\n${textOf({ ...ABOUT, commit: null }, two)}`)
    assert.deepEqual(
      sessions.map(({ about, runs }) => [about.commit, runs]),
      [
        ['abc1234', [one]],
        [null, [two]],
      ],
    )
  })

  const run = runLine({ peer: 'millrace', cpuSeconds: 2 })
  const refused: readonly [string, string, RegExp][] = [
    ['that are not JSON', 'CPU s', /^runs:2: not JSON: CPU s/],
    ['that are no object', '[1]', /^runs:2: not an object/],
    ['of another kind', '{"codec":"bids"}', /^runs:2: not a line that npm run bench -- --json writes: {"codec"/],
    ['without a figure', textOf({ ...run, cpuSeconds: undefined as never }), /^runs:2: cpuSeconds must be a number/],
    [
      'of a peer that there is not',
      textOf({ ...run, peer: 'storm' }),
      /^runs:2: there is no peer storm. There are millr/,
    ],
    ['of a suite that there is not', textOf({ ...run, suite: 'curve-age' }), /^runs:2: there is no suite curve-age/],
    ['without a workload', textOf({ ...run, shape: undefined as never }), /^runs:2: a run needs a shape or a query/],
    ['of latency without times', '{"latency":"chain"}', /^runs:2: parallelism must be a number/],
    ['of a failure without what failed', '{"failure":"gone"}', /^runs:2: not a line that npm run bench/],
    ['of a failure without a message', '{"failure":1,"peer":"loop"}', /^runs:2: failure must be a string/],
    ['of a latency that failed', '{"failure":"gone","latency":"chain"}', /^runs:2: parallelism must be a number/],
    ['of pauses without times', '{"pauses":"chain"}', /^runs:2: events must be a number/],
    ['of a cost without figures', '{"cost":"restore"}', /^runs:2: keys must be a number/],
    ['of a cost that there is not', '{"cost":"lunch"}', /^runs:2: not a line that npm run bench/],
  ]
  for (const [what, line, message] of refused) {
    it(`are refused: ${what}`, () => {
      assert.throws(
        () => parseLines('runs', textOf(ABOUT) + line),
        (error) => error instanceof LineError && message.test(error.message),
      )
    })
  }

  it('are refused without a machine', () => {
    assert.throws(() => parseLines('runs', textOf(run)), /runs:1: a line about the machine must come first/)
  })
})
