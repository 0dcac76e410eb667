import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { FailureResponse } from '../../src/coordinator/attempt-end.ts'
import type { CoordinatorOptions } from '../../src/coordinator/coordinator-ports.ts'
import { JobStop } from '../../src/coordinator/job-stop.ts'

describe('the response to failures', () => {
  it('counts them by steady time: a jump of the wall clock makes them neither fewer nor more', () => {
    for (const jumpMs of [3_600_000, -3_600_000]) {
      const time = { steadyMs: 0, errorMs: 0 }
      const options = {
        clock: { now: () => time.steadyMs + time.errorMs, monotonicMs: () => time.steadyMs },
        random: { fraction: () => 0.5 },
        observer: { onFailure: () => {}, onMessage: () => {} },
        findUserFrame: () => undefined,
        config: {
          isCheckpointing: true,
          restartStrategy: { type: 'failure-rate', maxFailuresPerInterval: 1, intervalMs: 60_000, delayMs: 1 },
        },
      }
      const response = new FailureResponse(options as unknown as CoordinatorOptions, new JobStop())
      const fail = (steadyMs: number): string => {
        time.steadyMs = steadyMs
        const error = new MillraceError('SLOT_LOST', `slot lost at ${steadyMs}`)
        return response.decide({ kind: 'failed', error, task: undefined, slot: 0 }, false).kind
      }
      assert.equal(fail(1_000), 'restart')
      time.errorMs = jumpMs
      assert.equal(fail(70_000), 'restart', 'the one before is long ago')
      time.errorMs = 0
      assert.equal(fail(71_000), 'end', 'two within a second')
    }
  })
})
