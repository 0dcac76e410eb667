import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { JobStop, strongerEnd } from '../../src/coordinator/job-stop.ts'
import type { CompletedSnapshot } from '../../src/coordinator/snapshot-request.ts'

const failed = new MillraceError('SAVEPOINT_FAILED', 'there is no room')

describe('what a job ends as', () => {
  it('is a cancellation where one was asked for, whichever came first', () => {
    assert.equal(strongerEnd(undefined, 'SUSPENDED'), 'SUSPENDED')
    assert.equal(strongerEnd('SUSPENDED', 'SUSPENDED'), 'SUSPENDED')
    assert.equal(strongerEnd('SUSPENDED', 'CANCELED'), 'CANCELED')
    assert.equal(strongerEnd('CANCELED', 'SUSPENDED'), 'CANCELED')
  })

  it('is nothing before somebody asks', () => {
    const stop = new JobStop()
    assert.deepEqual([stop.endState, stop.unfinishedState, stop.settledAs], [undefined, undefined, undefined])
    assert.equal(stop.isCanceled, false)
  })

  it('of a stop with a last checkpoint: what is asked for meanwhile is added to it', () => {
    const stop = new JobStop()
    stop.begin({ endState: 'SUSPENDED' })
    stop.add('SUSPENDED')
    assert.equal(stop.unfinishedState, 'SUSPENDED')
    stop.add('CANCELED')
    stop.add('SUSPENDED')
    assert.deepEqual([stop.unfinishedState, stop.isCanceled], ['CANCELED', false])
  })

  it('of a stop with a savepoint: the savepoint goes before, and what is asked for meanwhile comes when it fails', async () => {
    const stop = new JobStop()
    const waiting = Promise.withResolvers<CompletedSnapshot>()
    stop.begin({ endState: 'FINISHED', waiting })
    stop.add('SUSPENDED')
    assert.deepEqual([stop.endState, stop.unfinishedState], ['FINISHED', undefined])
    stop.giveUp(failed)
    await assert.rejects(waiting.promise, failed)
    assert.deepEqual([stop.endState, stop.unfinishedState], ['SUSPENDED', 'SUSPENDED'])
    stop.begin({ endState: 'SUSPENDED' })
    stop.giveUp(failed)
    assert.equal(stop.endState, undefined, 'once')
  })

  it('at once: the most explicit of all that was asked for', () => {
    for (const before of ['begin', 'add', 'behind'] as const) {
      const stop = new JobStop()
      if (before === 'begin') stop.begin({ endState: 'CANCELED' })
      if (before === 'behind') stop.begin({ endState: 'FINISHED' })
      if (before !== 'begin') stop.add('CANCELED')
      stop.cancel('SUSPENDED')
      assert.deepEqual([stop.endState, stop.isCanceled], ['CANCELED', true], before)
    }
    const stop = new JobStop()
    stop.cancel('SUSPENDED')
    stop.add('CANCELED')
    assert.equal(stop.endState, 'CANCELED')
  })

  it('is settled once', () => {
    const stop = new JobStop()
    stop.settle('FINISHED')
    stop.settle('SUSPENDED')
    assert.equal(stop.settledAs, 'FINISHED')
  })
})
