/** Checkpoints and savepoints that are asked for while a job runs, and at moments at which none can be taken. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FileSystem, MillraceError } from '@millrace/api'
import type { JobCoordinator } from '../../src/coordinator/job-coordinator.ts'
import { FOLDER, memoryDisk, runInline } from './inline-job.ts'
import {
  checkSegments,
  fullDisk,
  KEYS,
  manifestAt,
  ON_REQUEST_ONLY,
  refusal,
  segmentsOf,
  totals,
  untilRead,
  whileRunning,
} from './requested-snapshots.ts'

function largestTotals(collected: Readonly<Record<string, readonly unknown[]>>): number[] {
  const largest = new Map<number, number>()
  for (const { key, n } of (collected.out ?? []) as { key: number; n: number }[]) {
    largest.set(key, Math.max(n, largest.get(key) ?? 0))
  }
  return [...largest.values()]
}

/** Copies a folder to the disk of another machine. */
async function move(from: FileSystem, folder: string, to: FileSystem, target: string): Promise<void> {
  await to.makeFolder(target)
  for (const { name } of await from.list(folder)) {
    const source = await from.openRead(`${folder}/${name}`)
    const bytes = new Uint8Array((await from.stat(`${folder}/${name}`))?.sizeBytes ?? 0)
    for (let at = 0; at < bytes.length; ) at += await source.read(bytes.subarray(at), at)
    await source.close()
    const copy = await to.create(`${target}/${name}`)
    await copy.write(bytes)
    await copy.close()
    await from.remove(`${folder}/${name}`)
  }
}

describe('a checkpoint on request', () => {
  it('is as configured, incremental, or full', async () => {
    const files = memoryDisk()
    await whileRunning(
      async (job) => {
        await untilRead(job, 100)
        const first = await job.takeCheckpoint({ type: 'configured' })
        assert.deepEqual(first, { checkpointId: 1, externalPath: `${FOLDER}/chk-1` })
        const second = await job.takeCheckpoint({ type: 'incremental' })
        const refers = segmentsOf(await manifestAt(files, second.externalPath))
        assert.ok(refers.some(({ checkpointId }) => checkpointId === 1))
        const third = await job.takeCheckpoint({ type: 'full' })
        const own = segmentsOf(await manifestAt(files, third.externalPath))
        assert.ok(own.length > 0 && own.every(({ checkpointId, kind }) => checkpointId === 3 && kind === 'base'))
        assert.equal(job.statistics.latest.completed?.kind, 'full-checkpoint')
        const fourth = await job.takeCheckpoint({ type: 'configured' })
        assert.ok(
          segmentsOf(await manifestAt(files, fourth.externalPath)).some(({ checkpointId }) => checkpointId === 3),
        )
      },
      { files },
    )
  })

  it('is full whatever was asked for where increments are off', async () => {
    const files = memoryDisk()
    await whileRunning(
      async (job) => {
        await untilRead(job, 100)
        await job.takeCheckpoint({ type: 'incremental' })
        const { externalPath } = await job.takeCheckpoint({ type: 'incremental' })
        assert.ok(segmentsOf(await manifestAt(files, externalPath)).every(({ checkpointId }) => checkpointId === 2))
      },
      { files, configuration: { 'execution.checkpointing.incremental': 'false' } },
    )
  })

  it('that cannot be stored is refused to who asked, and the job goes on as far as failures are tolerated', async () => {
    let isFull = true
    const files = fullDisk((path) => isFull && path.includes(`${FOLDER}/chk-`))
    const { failures } = await whileRunning(
      async (job) => {
        const error = await refusal(job.takeCheckpoint({ type: 'full' }), 'CHECKPOINT_FAILED')
        // Once: not by the storage and by who tracks it.
        assert.match(error.message, /^Checkpoint 1 could not be stored: (?!.*could not be stored)/)
        isFull = false
        assert.equal((await job.takeCheckpoint({ type: 'full' })).checkpointId, 2)
      },
      { files, configuration: { 'execution.checkpointing.tolerable-failed-checkpoints': '1' } },
    )
    assert.deepEqual(failures, [])
  })
})

describe('a savepoint on request', () => {
  it('several at once are answered each, in folders of their own', async () => {
    const files = memoryDisk()
    await whileRunning(
      async (job) => {
        const answers = await Promise.all([
          job.takeSavepoint({ targetFolder: 'kept/' }),
          job.takeCheckpoint({ type: 'configured' }),
          job.takeSavepoint({ targetFolder: undefined }),
          job.takeSavepoint({ targetFolder: 'kept' }),
        ])
        assert.deepEqual(new Set(answers.map(({ checkpointId }) => checkpointId)), new Set([1, 2, 3, 4]))
        const [first, checkpoint, second, third] = answers
        assert.match(first.externalPath, /^kept\/savepoint-[0-9a-f]{6}-[0-9a-f]{12}$/)
        assert.match(second.externalPath, /^usual\/savepoint-/)
        assert.notEqual(third.externalPath, first.externalPath)
        for (const { externalPath, checkpointId } of [first, second, third]) {
          const manifest = await manifestAt(files, externalPath)
          assert.deepEqual([manifest.kind, manifest.checkpointId], ['savepoint', checkpointId])
          await checkSegments(files, externalPath)
        }
        assert.equal(checkpoint.externalPath, `${FOLDER}/chk-${checkpoint.checkpointId}`)
        const { latest, history } = job.statistics
        assert.ok(answers.some(({ externalPath }) => externalPath === latest.savepoint?.externalPath))
        assert.equal(history.filter(({ kind }) => kind === 'savepoint').length, 3)
      },
      { files, configuration: { 'execution.checkpointing.savepoint-dir': 'usual' } },
    )
  })

  it('owns all that it names: another machine goes on from it', async () => {
    const files = memoryDisk()
    let path = ''
    await whileRunning(
      async (job) => {
        await untilRead(job, 100)
        // So that a chain of segments would be there to refer to.
        await job.takeCheckpoint({ type: 'configured' })
        await job.takeCheckpoint({ type: 'configured' })
        path = (await job.takeSavepoint({ targetFolder: 'kept' })).externalPath
      },
      { files },
      totals(2_000, 1_000),
    )
    const elsewhere = memoryDisk()
    await move(files, path, elsewhere, 'brought')
    const { outcome, messages } = await runInline(totals(2_000, 100_000), {
      files: elsewhere,
      restore: { kind: 'path', path: 'brought', discardNewer: false, allowNonRestoredState: false },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.ok(messages.some((text) => text.includes('from the savepoint in brought')))
    assert.deepEqual(
      largestTotals(outcome.collected),
      Array.from({ length: KEYS }, () => 2_000 / KEYS),
    )
  })

  it('is no part of retention, and what comes after it builds on its checkpoint', async () => {
    const files = memoryDisk()
    await whileRunning(
      async (job) => {
        await untilRead(job, 100)
        await job.takeCheckpoint({ type: 'configured' })
        const { externalPath } = await job.takeSavepoint({ targetFolder: 'kept' })
        for (let round = 0; round < 3; round++) await job.takeCheckpoint({ type: 'configured' })
        await checkSegments(files, externalPath)
        await checkSegments(files, `${FOLDER}/chk-5`)
        assert.equal(job.statistics.latest.savepoint?.discarded, false)
      },
      { files },
    )
  })

  it('that cannot be written fails for who asked: the job goes on, and nothing is left of it', async () => {
    let isFull = true
    const files = fullDisk((path) => isFull && path.includes('kept/'))
    const { outcome, failures } = await whileRunning(
      async (job) => {
        const error = await refusal(job.takeSavepoint({ targetFolder: 'kept' }), 'SAVEPOINT_FAILED')
        assert.match(error.message, /kept\/savepoint-.* could not be written/)
        for (const { name } of await files.list('kept')) assert.deepEqual(await files.list(`kept/${name}`), [])
        assert.deepEqual(
          [job.statistics.latest.savepoint, job.statistics.latest.completed?.kind],
          [undefined, 'full-checkpoint'],
        )
        isFull = false
        const { externalPath } = await job.takeSavepoint({ targetFolder: 'kept' })
        await checkSegments(files, externalPath)
      },
      { files },
    )
    assert.deepEqual([outcome.state, failures], ['CANCELED', []])
  })

  it('whose checkpoint cannot be stored counts for nobody else, and the job goes on', async () => {
    let isFull = true
    const files = fullDisk((path) => isFull && path.includes(`${FOLDER}/chk-`))
    const { failures } = await whileRunning(
      async (job) => {
        await refusal(job.takeSavepoint({ targetFolder: 'kept' }), 'SAVEPOINT_FAILED')
        isFull = false
        await job.takeSavepoint({ targetFolder: 'kept' })
      },
      { files },
    )
    assert.deepEqual(failures, [])
  })

  it('needs a folder', async () => {
    const files = memoryDisk()
    await (await files.create('file')).close()
    await whileRunning(
      async (job) => {
        const none = await refusal(job.takeSavepoint({ targetFolder: undefined }), 'SAVEPOINT_FAILED')
        assert.match(none.hint ?? '', /execution\.checkpointing\.savepoint-dir/)
        const file = await refusal(job.takeSavepoint({ targetFolder: 'file/below' }), 'SAVEPOINT_FAILED')
        assert.match(file.message, /file\/below/)
        assert.equal(job.statistics.counts.total, 0)
      },
      { files },
    )
  })
})

describe('requests at other moments', () => {
  it('before the tasks run, and after the end', async () => {
    let early: Promise<MillraceError[]> | undefined
    const ask = (job: JobCoordinator): Promise<MillraceError[]> =>
      Promise.all([
        refusal(job.takeCheckpoint({ type: 'full' }), 'CHECKPOINT_FAILED'),
        refusal(job.takeSavepoint({ targetFolder: 'kept' }), 'SAVEPOINT_FAILED'),
        refusal(job.stopWithSavepoint({ targetFolder: 'kept', drain: true }), 'SAVEPOINT_FAILED'),
      ])
    const { coordinator } = await whileRunning(async () => {}, {
      onStart: (job) => {
        early = ask(job)
      },
    })
    for (const { message, hint } of (await early) ?? []) {
      assert.match(message, /not all tasks run, the job is (CREATED|INITIALIZING)/)
      assert.equal(hint, 'Ask again when it is RUNNING.')
    }
    for (const { message } of await ask(coordinator)) assert.match(message, /the job has ended, it is CANCELED/)
  })

  it('while the job restarts, and of an attempt that fails', async () => {
    let asked: Promise<MillraceError> | undefined
    let restarting: Promise<MillraceError> | undefined
    const { outcome } = await runInline(totals(2_000), {
      configuration: { ...ON_REQUEST_ONLY, 'restart-strategy.fixed-delay.attempts': '1' },
      onState: (state, job) => {
        if (state === 'RUNNING' && asked === undefined) {
          asked = refusal(job.takeCheckpoint({ type: 'full' }), 'CHECKPOINT_FAILED')
          void job.killSlot(0)
        }
        if (state === 'RESTARTING')
          restarting = refusal(job.takeSavepoint({ targetFolder: 'kept' }), 'SAVEPOINT_FAILED')
      },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.match((await asked)?.message ?? '', /The attempt failed/)
    assert.match((await restarting)?.message ?? '', /the job is RESTARTING/)
  })

  it('while it is stopped or cancelled', async () => {
    const { outcome } = await whileRunning(async (job) => {
      const stopped = job.stopWithSavepoint({ targetFolder: 'kept', drain: false })
      await new Promise((resolve) => setImmediate(resolve))
      const refused = refusal(job.takeSavepoint({ targetFolder: 'kept' }), 'SAVEPOINT_FAILED')
      const again = refusal(job.stopWithSavepoint({ targetFolder: 'kept', drain: false }), 'SAVEPOINT_FAILED')
      await stopped
      const both = [(await refused).message, (await again).message]
      for (const message of both) assert.match(message, /being stopped with a savepoint already/)
    })
    assert.equal(outcome.state, 'FINISHED')
    await whileRunning(async (job) => {
      const waiting = refusal(job.takeCheckpoint({ type: 'full' }), 'CHECKPOINT_FAILED')
      const stopping = refusal(job.stopWithSavepoint({ targetFolder: 'kept', drain: false }), 'SAVEPOINT_FAILED')
      job.cancel()
      const late = refusal(job.takeCheckpoint({ type: 'full' }), 'CHECKPOINT_FAILED')
      assert.match((await late).message, /being cancelled/)
      assert.match((await waiting).message, /The job ended/)
      assert.match((await stopping).message, /being cancelled|the job has ended/)
    })
  })

  it('of a job without checkpoints', async () => {
    await whileRunning(
      async (job) => {
        const { message, hint } = await refusal(job.takeSavepoint({ targetFolder: 'kept' }), 'SAVEPOINT_FAILED')
        assert.match(message, /without checkpoints/)
        assert.match(hint ?? '', /365 d/)
      },
      { configuration: { 'execution.checkpointing.interval': '0' } },
    )
  })

  it('when all input has ended: the final checkpoint is the answer, also while it is committed', async () => {
    const files = memoryDisk()
    const answers: Promise<{ checkpointId: number; externalPath: string }>[] = []
    const { outcome, coordinator } = await runInline(totals(200, 100_000), {
      files,
      configuration: ON_REQUEST_ONLY,
      onCheckpoint: (_report, job) => {
        answers.push(job.takeCheckpoint({ type: 'full' }))
        answers.push(job.takeSavepoint({ targetFolder: 'kept' }))
      },
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.equal(coordinator.statistics.counts.total, 1)
    const [checkpoint, savepoint] = await Promise.all(answers)
    assert.deepEqual(checkpoint, { checkpointId: 1, externalPath: `${FOLDER}/chk-1` })
    assert.equal((await manifestAt(files, savepoint?.externalPath ?? '')).isFinal, true)
  })
})
