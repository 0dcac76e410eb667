/** How a job ends when it is asked to, at the moments at which that meets something else. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { collect, defineJob, generator, type JobDefinition, MillraceError } from '@millrace/api'
import type { JobCoordinator } from '../../src/coordinator/job-coordinator.ts'
import { FOLDER, LATEST, memoryDisk, runInline } from './inline-job.ts'
import { checkpointsOf, diskWith, isManifest, NO_PERIODIC_CHECKPOINTS, Numbers, upTo } from './numbers-job.ts'
import { untilRead } from './requested-snapshots.ts'

describe('the end of a job', () => {
  for (const { name, ask, savepoint } of [
    { name: 'a stop', ask: (job: JobCoordinator) => job.stop(), savepoint: undefined },
    { name: 'a savepoint', ask: (job: JobCoordinator) => job.stop('FINISHED', 'savepoint'), savepoint: 'savepoint' },
  ]) {
    it(`${name} while the final checkpoint is stored: it finishes`, async () => {
      const numbers = new Numbers()
      let coordinator: JobCoordinator | undefined
      const files = diskWith(async (path) => {
        if (isManifest(path) && coordinator?.statistics.history[0]?.isFinal) ask(coordinator)
      })
      const { outcome } = await runInline(numbers.job(200), {
        files,
        configuration: NO_PERIODIC_CHECKPOINTS,
        onStart: (own) => {
          coordinator = own
        },
      })
      assert.deepEqual([outcome.state, outcome.error, outcome.savepoint], ['FINISHED', undefined, savepoint])
      assert.deepEqual(numbers.committed, upTo(200))
    })

    it(`${name} while the output of the final checkpoint is committed: it finishes`, async () => {
      const numbers = new Numbers()
      let coordinator: JobCoordinator | undefined
      numbers.beforeCommit = async () => {
        if (coordinator !== undefined) ask(coordinator)
      }
      const { outcome, coordinator: ended } = await runInline(numbers.job(200), {
        configuration: NO_PERIODIC_CHECKPOINTS,
        onStart: (own) => {
          coordinator = own
        },
      })
      assert.deepEqual([outcome.state, outcome.error, outcome.savepoint], ['FINISHED', undefined, savepoint])
      assert.equal(ended.statistics.counts.total, 1, 'no further checkpoint')
      assert.deepEqual(numbers.committed, upTo(200))
    })
  }

  it('a failure before the savepoint of a stop is a failure as any other, and the savepoint comes later', async () => {
    const numbers = new Numbers()
    numbers.refusals.set('savepoint', new Error('one glitch'))
    const { outcome, failures, messages } = await runInline(numbers.job(2_000), {
      stopAfter: { checkpoints: 2, savepointFolder: 'savepoint' },
    })
    assert.deepEqual([outcome.state, outcome.savepoint], ['FINISHED', 'savepoint'], outcome.error?.message)
    assert.equal(failures.length, 1)
    assert.ok(messages.some((text) => text.startsWith('The job failed before its savepoint was taken')))
    assert.deepEqual(numbers.committed, upTo(numbers.committed.length))
  })

  it('a failure after the savepoint of a stop exists: the next attempt commits what it holds and ends', async () => {
    const numbers = new Numbers()
    let hasFailed = false
    numbers.beforeCommit = async () => {
      if (hasFailed) return
      hasFailed = true
      throw new Error('one glitch')
    }
    let answer: Promise<{ externalPath: string }> | undefined
    const { outcome, failures, coordinator } = await runInline(numbers.job(2_000), {
      configuration: NO_PERIODIC_CHECKPOINTS,
      onState: (state, job) => {
        if (state !== 'RUNNING') return
        const read = (): number => job.reading().tasks[0]?.metrics?.numRecordsIn ?? 0
        const stop = async () => {
          while (read() < 50) await new Promise((resolve) => setImmediate(resolve))
          return job.stopWithSavepoint({ targetFolder: 'kept', drain: false })
        }
        answer = stop()
      },
    })
    assert.deepEqual([outcome.state, failures.length], ['FINISHED', 1], outcome.error?.message)
    assert.equal(outcome.savepoint, (await answer)?.externalPath)
    assert.equal(coordinator.statistics.counts.total, 1, 'nothing was processed after it')
    assert.ok(numbers.committed.length >= 50 && numbers.committed.length < 2_000, `${numbers.committed.length}`)
    assert.deepEqual(numbers.committed, upTo(numbers.committed.length))
  })

  it('a failure while the user stops it cancels it all the same', async () => {
    const numbers = new Numbers()
    const { outcome, messages } = await runInline(numbers.job(1_000_000), {
      onCheckpoint: (_report, coordinator) => {
        numbers.refusals.set('checkpoint', new Error('one glitch'))
        coordinator.stop()
      },
    })
    assert.deepEqual([outcome.state, outcome.error], ['CANCELED', undefined])
    assert.ok(messages.some((text) => text.startsWith('The job failed while it was stopped')))
  })

  it('a resume after the end says that all was read, and reads nothing', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    assert.equal((await runInline(numbers.job(50, 100_000), { files })).outcome.state, 'FINISHED')
    const { outcome, messages } = await runInline(numbers.job(50, 100_000), { files, restore: LATEST })
    assert.equal(outcome.state, 'FINISHED')
    assert.match(messages.join('\n'), /^Checkpoint \d+ is final, all input was read: /m)
    assert.deepEqual(numbers.committed, upTo(50))
  })

  it('a cancellation that comes when the end is settled is told so, and changes nothing', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    const answers: unknown[] = []
    const { outcome, states, coordinator } = await runInline(numbers.job(1_000_000), {
      files,
      configuration: { 'execution.checkpointing.externalized-checkpoint-retention': 'DELETE_ON_CANCELLATION' },
      onCheckpoint: (_report, running) => running.stop('SUSPENDED'),
      onState: (state, ending) => {
        if (state === 'SUSPENDED') answers.push(ending.cancel())
      },
    })
    coordinator.stop()
    answers.push(coordinator.cancel())
    assert.deepEqual([outcome.state, answers, states.at(-1)], ['SUSPENDED', ['SUSPENDED', 'SUSPENDED'], 'SUSPENDED'])
    assert.equal(coordinator.facts.state, 'SUSPENDED')
    assert.equal((await checkpointsOf(files)).length, 1)
  })

  it('a cancellation when the output of a stop with savepoint is committed comes too late: it finishes', async () => {
    const numbers = new Numbers()
    const answers: unknown[] = []
    const { outcome, states } = await runInline(numbers.job(1_000_000), {
      stopAfter: { checkpoints: 1, savepointFolder: 'savepoint' },
      onState: (state, coordinator) => {
        if (state === 'FINISHED') answers.push(coordinator.cancel())
      },
    })
    assert.deepEqual([outcome.state, outcome.savepoint, answers], ['FINISHED', 'savepoint', ['FINISHED']])
    assert.ok(!states.includes('CANCELLING'), states.join())
  })

  it('a savepoint that cannot be written is an error of its own: the checkpoint stands, and is resumed', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    await files.makeFolder('savepoint')
    await (await files.create('savepoint/other')).close()
    const { outcome } = await runInline(numbers.job(2_000), {
      files,
      stopAfter: { checkpoints: 2, savepointFolder: 'savepoint' },
    })
    assert.deepEqual([outcome.state, outcome.error?.code], ['FAILED', 'SAVEPOINT_FAILED'])
    assert.match(outcome.error?.message ?? '', /savepoint: it is not empty/)
    assert.equal(outcome.reading?.statistics.latest.completed?.id, 3)
    const resumed = await runInline(numbers.job(2_000, 100_000), { files, restore: LATEST })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    assert.deepEqual(numbers.committed, upTo(2_000))
  })

  it('a savepoint that is asked for while checkpoints overtake each other: barriers leave in order', async () => {
    const { promise: thirdIsComplete, resolve } = Promise.withResolvers<void>()
    const reasons: string[] = []
    const files = diskWith(async (path) => {
      if (path.includes('shared/2-')) await thirdIsComplete
      // Long enough for the next one to be overdue when this one is complete.
      if (isManifest(path)) await new Promise((resolve) => setTimeout(resolve, 30))
    })
    const counting = defineJob({
      name: 'counting',
      build: (env) => {
        env
          .from(generator({ records: 6_000, perSecond: 2_000, generate: (index) => ({ key: index % 10 }) }), {
            uid: 'in',
          })
          .keyBy('key')
          .reduce((first) => first, { uid: 'first' })
          .to(collect('out'), { uid: 'out' })
      },
    }) as JobDefinition
    const { outcome } = await runInline(counting, {
      files,
      configuration: {
        'execution.checkpointing.max-concurrent-checkpoints': '2',
        'execution.checkpointing.tolerable-failed-checkpoints': '100',
        'state.storage.fs.memory-threshold': '1 b',
      },
      stopAfter: { checkpoints: 2, savepointFolder: 'savepoint' },
      onCheckpoint: ({ id, reason }) => {
        if (reason !== undefined) reasons.push(reason)
        if (id === 3) resolve()
      },
    })
    assert.deepEqual([outcome.state, outcome.savepoint], ['FINISHED', 'savepoint'], outcome.error?.message)
    assert.deepEqual(
      reasons.filter((reason) => reason.includes('overtook')),
      [],
    )
  })

  it('an observer that throws fails the attempt, and checkpoints go on after it', async () => {
    const numbers = new Numbers()
    let reports = 0
    let running: Promise<void> | undefined
    const { outcome, failures } = await runInline(numbers.job(1_000_000), {
      onCheckpoint: () => {
        if (++reports === 1) throw new Error('nobody looks')
      },
      onState: (state, job) => {
        if (state === 'RUNNING')
          running ??= untilRead(job, 500)
            .then(() => job.cancel())
            .then(() => {})
      },
    })
    await running
    assert.deepEqual([outcome.state, failures.map(({ error }) => error.message)], ['CANCELED', ['nobody looks']])
    assert.ok(reports > 2, `${reports} reports`)
  })

  it('the statistics tell of the savepoint and of checkpoints that are gone', async () => {
    const { outcome } = await runInline(new Numbers().job(2_000), {
      stopAfter: { checkpoints: 2, savepointFolder: 'savepoint' },
    })
    const { latest, history } = outcome.reading?.statistics ?? {}
    assert.deepEqual([latest?.savepoint?.kind, latest?.savepoint?.externalPath], ['savepoint', 'savepoint'])
    assert.deepEqual(
      history?.map(({ id, discarded }) => `${id} ${discarded}`),
      ['3 false', '2 true', '1 true'],
    )
  })

  it('a cancel while sinks are prepared waits for them, and nothing is committed afterwards', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    await runInline(numbers.job(1_000_000), { files, onCheckpoint: (_report, coordinator) => coordinator.cancel() })
    const { commits } = numbers
    let busy = 0
    let coordinator: JobCoordinator | undefined
    numbers.beforePrepareTarget = async () => {
      busy++
      coordinator?.cancel()
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      busy--
    }
    const { outcome } = await runInline(numbers.job(1_000_000), {
      files,
      restore: LATEST,
      onStart: (own) => {
        coordinator = own
      },
    })
    assert.deepEqual([outcome.state, outcome.isStuck, busy, numbers.commits], ['CANCELED', false, 0, commits])
  })

  it('a checkpoint that was being stored when its attempt ended does not keep later ones from being dropped', async () => {
    const numbers = new Numbers()
    let coordinator: JobCoordinator | undefined
    let manifests = 0
    const files = diskWith(async (path) => {
      if (isManifest(path) && ++manifests === 2) await coordinator?.killSlot(0)
    })
    const counts: number[] = []
    const { outcome } = await runInline(numbers.job(1_000), {
      files,
      onStart: (own) => {
        coordinator = own
      },
      onCheckpoint: async () => void counts.push((await checkpointsOf(files)).length),
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.ok(counts.length > 8, `${counts.length} checkpoints`)
    // The one that is kept, the one that replaces it, and one that is about to be removed.
    assert.ok(Math.max(...counts) <= 3, counts.join(' '))
    assert.deepEqual(numbers.committed, upTo(1_000))
  })

  it('a start that a sink refuses leaves the run before to be resumed', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    await runInline(numbers.job(1_000), {
      files,
      onCheckpoint: (_report, coordinator) => coordinator.cancel(),
    })
    numbers.checkTarget = async () => {
      throw new MillraceError('SINK_FOLDER_IN_USE', 'there is output of another run')
    }
    const refused = await runInline(numbers.job(1_000), { files })
    assert.deepEqual([refused.outcome.state, refused.outcome.error?.code], ['FAILED', 'SINK_FOLDER_IN_USE'])
    numbers.checkTarget = async () => {}
    const resumed = await runInline(numbers.job(1_000, 100_000), { files, restore: LATEST })
    assert.equal(resumed.outcome.reading?.statistics.counts.restored, 1)
    assert.deepEqual(numbers.committed, upTo(1_000))
  })

  it('a checkpoint that was restored by its name stays', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    await runInline(numbers.job(1_000_000), { files, onCheckpoint: (_report, coordinator) => coordinator.cancel() })
    const [named] = await checkpointsOf(files)
    const path = `${FOLDER}/${named}`
    const restore = { kind: 'path', path, discardNewer: true, allowNonRestoredState: false } as const
    let completed = 0
    await runInline(numbers.job(1_000_000), {
      files,
      restore,
      onCheckpoint: (_report, coordinator) => {
        if (++completed === 3) coordinator.cancel()
      },
    })
    assert.deepEqual(
      [(await checkpointsOf(files)).length, (await checkpointsOf(files)).includes(named ?? '')],
      [2, true],
    )
  })
})
