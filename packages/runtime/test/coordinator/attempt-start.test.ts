import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { FOLDER, memoryDisk, runInline } from './inline-job.ts'
import { checkpointsOf, Numbers } from './numbers-job.ts'

describe('the start of an attempt', () => {
  it('what another run has left in the outputs is dealt with by the first that gets as far', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    await runInline(numbers.job(1_000_000), { files, onCheckpoint: (_report, coordinator) => coordinator.cancel() })
    const [named] = await checkpointsOf(files)
    const seen: (readonly boolean[])[] = []
    numbers.beforePrepareTarget = async ({ firstAttempt, discardNewer }) => {
      seen.push([firstAttempt, discardNewer])
      if (seen.length <= 2) throw new MillraceError('SINK_WRITE_FAILED', `glitch ${seen.length}`)
    }
    let completed = 0
    const { outcome, failures } = await runInline(numbers.job(1_000_000), {
      files,
      restore: { kind: 'path', path: `${FOLDER}/${named}`, discardNewer: true, allowNonRestoredState: false },
      onCheckpoint: (_report, coordinator) => {
        if (++completed === 1) void coordinator.killSlot(0)
        else if (seen.length === 4) coordinator.cancel()
      },
    })
    assert.deepEqual([outcome.state, failures.length], ['CANCELED', 3])
    assert.deepEqual(seen, [
      [true, true],
      [true, true],
      [true, true],
      [false, false],
    ])
  })

  it('that is refused leaves newer checkpoints that it was to give up, and one that is not removes them', async () => {
    const numbers = new Numbers()
    const files = memoryDisk()
    const configuration = { 'execution.checkpointing.num-retained': '3' }
    let completed = 0
    await runInline(numbers.job(1_000_000), {
      files,
      configuration,
      onCheckpoint: (_report, coordinator) => {
        if (++completed === 3) coordinator.cancel()
      },
    })
    const before = await checkpointsOf(files)
    assert.equal(before.length, 3)
    const restore = {
      kind: 'path',
      path: `${FOLDER}/${before[0]}`,
      discardNewer: true,
      allowNonRestoredState: false,
    } as const
    numbers.checkTarget = async () => {
      throw new MillraceError('SINK_FOLDER_IN_USE', 'there is output of another run')
    }
    const refused = await runInline(numbers.job(1_000_000), { files, configuration, restore })
    assert.deepEqual([refused.outcome.state, refused.outcome.error?.code], ['FAILED', 'SINK_FOLDER_IN_USE'])
    assert.deepEqual(await checkpointsOf(files), before)
    numbers.checkTarget = async () => {}
    const accepted = await runInline(numbers.job(1_000_000), {
      files,
      configuration,
      restore,
      onState: (state, coordinator) => {
        if (state === 'RUNNING') coordinator.cancel()
      },
    })
    assert.equal(accepted.outcome.state, 'CANCELED')
    assert.deepEqual(await checkpointsOf(files), before.slice(0, 1))
  })
})
