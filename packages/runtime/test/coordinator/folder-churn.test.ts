/**
 * What a checkpoint folder holds after many checkpoints of a job whose keys come and go: not more than twice what the
 * retained checkpoints need, and no file that none of them names. `npm run bench -- --costs churn` does the same at full size.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineJob, generator, type JobDefinition, keyedProcess, print, type, valueState } from '@millrace/api'
import { filesOf } from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { FOLDER, runInline } from './inline-job.ts'

const CHECKPOINTS = 300
const LIVE_KEYS = 400

test(`after ${CHECKPOINTS} checkpoints the folder holds at most twice what the retained ones name, and no dead file`, async () => {
  const disk = new SimulatedDisk({ random: Math.random })
  // A key is written for a while and then gone, and others take its place; some are there for good.
  const churn = keyedProcess({
    state: { value: valueState<{ n: number; text: string }>() },
    emits: type<never>(),
    onRecord(record: { key: number; isLast: boolean }, ctx) {
      if (record.isLast) ctx.state.value.clear()
      else ctx.state.value.set({ n: (ctx.state.value.get()?.n ?? 0) + 1, text: 'x'.repeat(Math.abs(record.key) % 90) })
    },
  })
  const job = defineJob({
    name: 'churn',
    build: (env) => {
      env
        .from(
          generator({
            perSecond: 100_000,
            generate: (index) => {
              const isStable = index % 10 === 0
              const key = isStable ? -1 - (index % LIVE_KEYS) : Math.floor(index / 8) % 1_000_000
              return { key, isLast: !isStable && index % 8 === 7 }
            },
          }),
          { uid: 'numbers' },
        )
        .keyBy('key')
        .process(churn, { uid: 'churn' })
        .to(print(), { uid: 'out' })
    },
  }) as JobDefinition
  let completed = 0
  let filesMost = 0
  const { outcome } = await runInline(job, {
    files: disk.mount(),
    configuration: {
      'execution.checkpointing.interval': '1 ms',
      'execution.checkpointing.num-retained': '2',
      'state.storage.fs.memory-threshold': '1 b',
      'parallelism.default': '2',
    },
    onCheckpoint: ({ outcome }, coordinator) => {
      if (outcome !== 'completed') return
      completed++
      filesMost = Math.max(filesMost, [...disk.contents().keys()].filter((path) => path.endsWith('.seg')).length)
      if (completed === CHECKPOINTS) coordinator.stop('FINISHED')
    },
  })
  assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
  const storage = new FileCheckpointStorage(disk.mount(), FOLDER)
  const manifests = (await storage.listCheckpoints()).flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
  assert.equal(manifests.length, 2)
  const live = new Map<string, number>()
  for (const { operators } of manifests) {
    for (const { location, lengthBytes } of operators.flatMap(({ keyGroups }) =>
      keyGroups.flatMap((group) => group.segments),
    )) {
      if (location.kind === 'file') live.set(`${location.file} ${location.offsetBytes}`, lengthBytes)
    }
  }
  const liveBytes = [...live.values()].reduce((sum, bytes) => sum + bytes, 0)
  const segmentFiles = [...disk.contents()].filter(([path]) => path.endsWith('.seg'))
  const named = filesOf(manifests)
  assert.deepEqual(
    segmentFiles.map(([path]) => path.slice(FOLDER.length + 1)).filter((file) => !named.has(file)),
    [],
    'no file that nobody names',
  )
  const heldBytes = segmentFiles.reduce((sum, [, bytes]) => sum + bytes.length, 0)
  assert.ok(heldBytes <= 2 * liveBytes, `${heldBytes} bytes are held, ${liveBytes} are live`)
  assert.ok(filesMost < 100, `${filesMost} files at once`)
})
