/** A job whose process is told to end: it is suspended and goes on later, whatever it was doing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JobCoordinator } from '../../src/coordinator/job-coordinator.ts'
import { LATEST, memoryDisk, runInline } from './inline-job.ts'
import { checkpointsOf, diskWith, isManifest, NO_PERIODIC_CHECKPOINTS, Numbers, upTo } from './numbers-job.ts'

describe('a job that is suspended', () => {
  for (const how of ['stop', 'cancel'] as const) {
    it(`suspended by ${how}: its checkpoints stay although they go with a cancelled job, and it is resumed`, async () => {
      const numbers = new Numbers()
      const files = memoryDisk()
      const configuration = {
        'execution.checkpointing.externalized-checkpoint-retention': 'DELETE_ON_CANCELLATION',
      }
      const { outcome, states } = await runInline(numbers.job(2_000), {
        files,
        configuration,
        onCheckpoint: (_report, coordinator) => coordinator[how]('SUSPENDED'),
      })
      assert.deepEqual([outcome.state, outcome.error], ['SUSPENDED', undefined])
      assert.ok(!states.includes('CANCELLING'), states.join())
      assert.equal((await checkpointsOf(files)).length, 1)
      const resumed = await runInline(numbers.job(2_000, 100_000), { files, configuration, restore: LATEST })
      assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
      assert.deepEqual(numbers.committed, upTo(2_000))
    })
  }

  for (const how of ['stop', 'cancel'] as const) {
    it(`cancelled while it is suspended by ${how}: the user has the last word`, async () => {
      const numbers = new Numbers()
      const files = memoryDisk()
      const answers: unknown[] = []
      const { outcome, states } = await runInline(numbers.job(1_000_000), {
        files,
        configuration: { 'execution.checkpointing.externalized-checkpoint-retention': 'DELETE_ON_CANCELLATION' },
        onCheckpoint: (_report, coordinator) => {
          coordinator[how]('SUSPENDED')
          answers.push(coordinator.cancel())
          // Nor does a signal that comes then make it a suspension again.
          coordinator.stop('SUSPENDED')
          coordinator.cancel('SUSPENDED')
        },
      })
      assert.deepEqual([outcome.state, answers[0], states.at(-2)], ['CANCELED', undefined, 'CANCELLING'])
      assert.deepEqual(await checkpointsOf(files), [])
    })
  }

  it('a signal while a savepoint to stop with is taken: when that fails, the job is suspended', async () => {
    const numbers = new Numbers()
    let coordinator: JobCoordinator | undefined
    let hasFailed = false
    const files = diskWith(async (path) => {
      if (!isManifest(path) || hasFailed) return
      hasFailed = true
      coordinator?.stop('SUSPENDED')
      throw new Error('one glitch')
    })
    let answer: Promise<void> | undefined
    const { outcome, messages, failures } = await runInline(numbers.job(4_000), {
      files,
      configuration: NO_PERIODIC_CHECKPOINTS,
      onStart: (own) => {
        coordinator = own
      },
      onState: (state, job) => {
        if (state !== 'RUNNING') return
        const read = (): number => job.reading().tasks[0]?.metrics?.numRecordsIn ?? 0
        const stop = async (): Promise<unknown> => {
          while (read() < 50) await new Promise((resolve) => setImmediate(resolve))
          return job.stopWithSavepoint({ targetFolder: 'kept', drain: false })
        }
        answer = assert.rejects(stop(), { code: 'SAVEPOINT_FAILED' })
      },
    })
    await answer
    assert.deepEqual([outcome.state, outcome.error, failures], ['SUSPENDED', undefined, []])
    assert.ok(messages.some((text) => text.startsWith('The savepoint failed, and the job is ended, as was asked')))
    assert.ok(numbers.committed.length >= 50 && numbers.committed.length < 4_000, `${numbers.committed.length}`)
    assert.deepEqual(numbers.committed, upTo(numbers.committed.length), 'by a last checkpoint')
    const resumed = await runInline(numbers.job(4_000, 100_000), { files, restore: LATEST })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    assert.deepEqual(numbers.committed, upTo(4_000))
  })

  for (const { signals, endsAs } of [
    { signals: ['SUSPENDED'], endsAs: 'SUSPENDED' },
    { signals: ['CANCELED', 'SUSPENDED'], endsAs: 'CANCELED' },
  ] as const) {
    const askedFor = signals.join(', then ')
    it(`asked to be ${askedFor} while a savepoint to stop with is taken, and its attempt fails: it is ${endsAs}`, async () => {
      const numbers = new Numbers()
      let checkpoints = 0
      const { outcome, messages } = await runInline(numbers.job(4_000), {
        onCheckpoint: (_report, coordinator) => {
          if (++checkpoints > 1) return
          numbers.refusals.set('savepoint', new Error('one glitch'))
          coordinator.stop('FINISHED', 'savepoint')
          for (const signal of signals) coordinator.stop(signal)
        },
      })
      assert.deepEqual([outcome.state, outcome.error], [endsAs, undefined])
      assert.ok(messages.some((text) => text.startsWith('The job failed before its savepoint was taken')))
    })
  }

  it('a signal while the final checkpoint is stored: when that fails, the job is suspended', async () => {
    const numbers = new Numbers()
    let coordinator: JobCoordinator | undefined
    let hasFailed = false
    const files = diskWith(async (path) => {
      if (!isManifest(path) || hasFailed || !coordinator?.statistics.history[0]?.isFinal) return
      hasFailed = true
      coordinator.stop('SUSPENDED')
      throw new Error('one glitch')
    })
    const { outcome, failures } = await runInline(numbers.job(200), {
      files,
      configuration: NO_PERIODIC_CHECKPOINTS,
      onStart: (own) => {
        coordinator = own
      },
    })
    assert.deepEqual([outcome.state, outcome.error, failures, hasFailed], ['SUSPENDED', undefined, [], true])
    const resumed = await runInline(numbers.job(200, 100_000), { files, restore: LATEST })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    assert.deepEqual(numbers.committed, upTo(200))
  })

  it('a signal while a savepoint to stop with is taken: when that is, the job finishes', async () => {
    const numbers = new Numbers()
    let checkpoints = 0
    const { outcome } = await runInline(numbers.job(4_000), {
      onCheckpoint: (_report, coordinator) => {
        if (++checkpoints > 1) return
        coordinator.stop('FINISHED', 'savepoint')
        coordinator.stop('SUSPENDED')
      },
    })
    assert.deepEqual([outcome.state, outcome.savepoint], ['FINISHED', 'savepoint'], outcome.error?.message)
    assert.deepEqual(numbers.committed, upTo(numbers.committed.length))
  })

  it('a failure while it is suspended suspends it all the same', async () => {
    const numbers = new Numbers()
    const { outcome } = await runInline(numbers.job(1_000_000), {
      onCheckpoint: (_report, coordinator) => {
        numbers.refusals.set('checkpoint', new Error('one glitch'))
        coordinator.stop('SUSPENDED')
      },
    })
    assert.deepEqual([outcome.state, outcome.error], ['SUSPENDED', undefined])
  })

  it('a savepoint that is asked for while it is suspended is refused, with what to do', async () => {
    const numbers = new Numbers()
    let asked: Promise<unknown> | undefined
    await runInline(numbers.job(1_000_000), {
      onCheckpoint: (_report, coordinator) => {
        coordinator.stop('SUSPENDED')
        asked ??= assert.rejects(coordinator.takeSavepoint({ targetFolder: 'kept' }), {
          code: 'SAVEPOINT_FAILED',
          message: /its process is being ended/,
        })
      },
    })
    await asked
    assert.ok(asked !== undefined)
  })
})
