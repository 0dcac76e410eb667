/** A job whose checkpoint folder has no room for a while. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { collect, defineJob, generator, type JobDefinition } from '@millrace/api'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { FOLDER, type InlineJob, runInline } from './inline-job.ts'

const KEYS = 50
const RECORDS = 10_000

interface Sum {
  readonly key: number
  readonly n: number
}

const job = defineJob({
  name: 'full-disk',
  build: (env) => {
    env
      .from(
        generator({ records: RECORDS, perSecond: 20_000, generate: (index): Sum => ({ key: index % KEYS, n: 1 }) }),
        {
          uid: 'numbers',
        },
      )
      .keyBy('key')
      .reduce((a, b) => ({ key: a.key, n: a.n + b.n }), { uid: 'sums' })
      .to(collect('sums'), { uid: 'out' })
  },
}) as JobDefinition

/** Full from the second completed checkpoint on, until so many have failed. */
async function runOnFullDisk(
  failuresUntilRoom: number,
  configuration: Readonly<Record<string, string>>,
  snapshotBytesMax?: number,
): Promise<InlineJob & { readonly disk: SimulatedDisk; readonly reasons: readonly string[] }> {
  const disk = new SimulatedDisk({ random: Math.random })
  const reasons: string[] = []
  let completed = 0
  const run = await runInline(job, {
    files: disk.mount(),
    ...(snapshotBytesMax === undefined ? {} : { snapshotBytesMax }),
    configuration: { 'state.storage.fs.memory-threshold': '1 b', ...configuration },
    onCheckpoint: ({ outcome, reason }) => {
      if (outcome === 'failed') reasons.push(reason ?? '')
      else if (++completed === 2) {
        const used = [...disk.contents().values()].reduce((sum, { length }) => sum + length, 0)
        // Where snapshots come in pieces, some of them fit.
        disk.setCapacity(used + (snapshotBytesMax === undefined ? 30 : 300))
      }
      if (reasons.length >= failuresUntilRoom) disk.setCapacity(undefined)
    },
  })
  return { ...run, disk, reasons }
}

/** Every value of every key once: what is prepared again is not committed twice. */
function assertSums({ outcome }: InlineJob): void {
  assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
  const sums = (outcome.collected.sums as readonly Sum[]).map(({ key, n }) => key * 1_000 + n)
  const each = Array.from({ length: KEYS }, (_, key) =>
    Array.from({ length: RECORDS / KEYS }, (_, n) => key * 1_000 + n + 1),
  )
  assert.deepEqual(
    sums.toSorted((a, b) => a - b),
    each.flat(),
  )
}

async function assertNothingDead(disk: SimulatedDisk): Promise<void> {
  const files = disk.mount()
  const before = [...disk.contents().keys()]
  const storage = new FileCheckpointStorage(files, FOLDER)
  for (const { state } of await storage.listCheckpoints()) assert.equal(state, 'whole')
  assert.deepEqual(await storage.removeLeftovers(), [], `of ${before.join(', ')}`)
}

describe('a full disk', () => {
  it('fails checkpoints and not the job while that is tolerated, says what is full, and goes on when there is room', async () => {
    const run = await runOnFullDisk(5, { 'execution.checkpointing.tolerable-failed-checkpoints': '1000' })
    assertSums(run)
    assert.ok(run.reasons.length >= 5)
    for (const reason of run.reasons) {
      assert.match(reason, /there is no room for checkpoints\/\S+, of which at least \d+ (bytes|kB) were to be written/)
    }
    assert.deepEqual(run.failures, [])
    assert.ok((run.outcome.reading?.statistics.counts.completed ?? 0) > 2)
    await assertNothingDead(run.disk)
  })

  it('fails checkpoints of which some pieces fit, and leaves nothing of them', async () => {
    const run = await runOnFullDisk(5, { 'execution.checkpointing.tolerable-failed-checkpoints': '1000' }, 500)
    assertSums(run)
    assert.ok(run.reasons.length >= 5)
    for (const reason of run.reasons) assert.match(reason, /there is no room for checkpoints\/\S+, of which at least/)
    assert.deepEqual(run.failures, [])
    await assertNothingDead(run.disk)
  })

  it('fails the attempt with the first checkpoint by default, and the job goes on from the last complete one', async () => {
    const run = await runOnFullDisk(2, {})
    assertSums(run)
    assert.deepEqual(
      run.failures.map(({ error }) => error.code),
      ['CHECKPOINT_FAILURES_EXCEEDED', 'CHECKPOINT_FAILURES_EXCEEDED'],
    )
    assert.match(run.failures[0]?.error.message ?? '', /there is no room for/)
    assert.match(run.failures[0]?.error.message ?? '', /^1 checkpoint failed in a row, /)
    assert.match(run.failures[0]?.error.message ?? '', /tolerable-failed-checkpoints/)
    const recoveries = run.outcome.reading?.recoveries ?? []
    assert.deepEqual(
      recoveries.map(({ attempt }) => attempt),
      [1, 2],
    )
    assert.ok(recoveries.every(({ checkpointId, restoredBytes }) => checkpointId === 2 && restoredBytes > 0))
    assert.ok(run.messages.some((message) => /^Recovered from checkpoint 2 in .* decoding \d+ ms/.test(message)))
    await assertNothingDead(run.disk)
  })
})
