/**
 * A job whose snapshots come in many pieces: checkpoints, incremental ones over them, a savepoint that is moved, restored at
 * another parallelism, and read without the job.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  collect,
  defineJob,
  type FileSystem,
  generator,
  type JobDefinition,
  keyedProcess,
  type,
  valueState,
} from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage, openSnapshot } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import type { RestoreRequest } from '../../src/coordinator/choose-start.ts'
import { SavedState } from '../../src/state-reader/saved-state.ts'
import { writeSavepoint } from '../../src/state-writer/write-savepoint.ts'
import { FOLDER, type InlineJob, runInline } from './inline-job.ts'

const KEYS = 600
const RECORDS = 12_000
const SNAPSHOT_BYTES_MAX = 4_096

interface Visit {
  readonly key: number
}

interface Count {
  readonly key: number
  readonly n: number
}

const count = keyedProcess({
  state: { count: valueState<{ n: number; text: string }>() },
  emits: type<Count>(),
  onRecord({ key }: Visit, ctx) {
    const n = (ctx.state.count.get()?.n ?? 0) + 1
    ctx.state.count.set({ n, text: textOf(key) })
    ctx.emit({ key, n })
  },
})

const job = defineJob({
  name: 'visits',
  build: (env) => {
    env
      .from(generator({ records: RECORDS, perSecond: 10_000, generate: (index): Visit => ({ key: index % KEYS }) }), {
        uid: 'visits',
      })
      .keyBy('key')
      .process(count, { uid: 'count' })
      .to(collect('counts'), { uid: 'out' })
  },
}) as JobDefinition

function textOf(key: number): string {
  return `text of ${key} `.padEnd(60, '.')
}

interface Life {
  readonly parallelism: number
  readonly snapshotBytesMax?: number
  readonly restore?: RestoreRequest
  /** Takes checkpoints and a savepoint on the way, and is cancelled; else it runs to its end. */
  readonly isCancelled: boolean
}

/** Returns the folder of the savepoint, if one was taken. */
async function live(
  files: FileSystem,
  { parallelism, snapshotBytesMax, restore, isCancelled }: Life,
): Promise<InlineJob & { readonly savepoint: string | undefined }> {
  let acting: Promise<string> | undefined
  const run = await runInline(job, {
    files,
    ...(restore === undefined ? {} : { restore }),
    ...(snapshotBytesMax === undefined ? {} : { snapshotBytesMax }),
    configuration: {
      'execution.checkpointing.interval': '1 h',
      'execution.checkpointing.num-retained': '3',
      'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
      'state.storage.fs.memory-threshold': '1 b',
      'parallelism.default': String(parallelism),
    },
    onState: (state, coordinator) => {
      if (!isCancelled || state !== 'RUNNING' || acting !== undefined) return
      const read = (): number => coordinator.reading().tasks[0]?.metrics?.numRecordsIn ?? 0
      const until = async (records: number): Promise<void> => {
        while (read() < records) {
          assert.equal(coordinator.facts.state, 'RUNNING', 'it was too quick: what was waited for does not come')
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      const act = async (): Promise<string> => {
        await until(2 * KEYS)
        await coordinator.takeCheckpoint({ type: 'full' })
        // Until all keys have changed.
        await until(read() + KEYS)
        await coordinator.takeCheckpoint({ type: 'incremental' })
        const { externalPath } = await coordinator.takeSavepoint({ targetFolder: 'kept' })
        return externalPath
      }
      acting = act().finally(() => coordinator.cancel())
    },
  })
  return { ...run, savepoint: await acting }
}

/** How many segments of that kind continue another one. */
function continuationsIn({ operators }: CheckpointManifest, kind: 'base' | 'delta'): number {
  const segments = operators.flatMap(({ keyGroups }) => keyGroups.flatMap((group) => group.segments))
  return segments.filter((segment) => segment.kind === kind && segment.isContinuation === true).length
}

async function moveFolder(files: FileSystem, from: string, to: string): Promise<void> {
  await files.makeFolder(to)
  for (const { name } of await files.list(from)) await files.rename(`${from}/${name}`, `${to}/${name}`)
  await files.removeFolder(from)
}

describe('snapshots in many pieces', () => {
  it('restore at another parallelism from where they were moved to, and are read without the job', async () => {
    const files = new SimulatedDisk({ random: Math.random }).mount()
    const first = await live(files, { parallelism: 2, snapshotBytesMax: SNAPSHOT_BYTES_MAX, isCancelled: true })
    assert.equal(first.outcome.state, 'CANCELED', first.outcome.error?.message)
    const storage = new FileCheckpointStorage(files, FOLDER)
    const manifests = (await storage.listCheckpoints()).map((each) =>
      each.state === 'whole' ? each.manifest : assert.fail(String(each.problem)),
    )
    const [full, incremental] = manifests
    assert.ok(full !== undefined && incremental !== undefined)
    assert.ok(continuationsIn(full, 'base') > 10)
    assert.ok(continuationsIn(incremental, 'delta') > 5, 'all keys have changed, so the delta is large too')
    const savepoint = first.savepoint ?? assert.fail('no savepoint')
    await moveFolder(files, savepoint, 'elsewhere/moved')
    const { manifest } = await openSnapshot(files, 'elsewhere/moved')
    assert.ok(continuationsIn(manifest, 'base') > 10)

    await writeSavepoint(files, 'rewritten', job, { operators: {}, from: 'elsewhere/moved' })
    for (const path of [`${FOLDER}/chk-${incremental.checkpointId}`, 'elsewhere/moved', 'rewritten']) {
      const saved = await SavedState.open(files, path)
      const texts = new Map<unknown, string>()
      for await (const { key, value } of saved.entries({ operator: 'count', state: 'count' })) {
        assert.equal(texts.has(key), false, `key ${key} is there once`)
        texts.set(key, (value as { text: string }).text)
      }
      assert.equal(texts.size, KEYS)
      for (const [key, text] of texts) assert.equal(text, textOf(key as number))
    }

    const restore: RestoreRequest = {
      kind: 'path',
      path: 'elsewhere/moved',
      claimMode: 'NO_CLAIM',
      discardNewer: true,
      allowNonRestoredState: false,
    }
    const last = await live(files, { parallelism: 3, restore, isCancelled: false })
    assert.equal(last.outcome.state, 'FINISHED', last.outcome.error?.message)
    const counts = new Map<number, number>()
    for (const { key, n } of last.outcome.collected.counts as readonly Count[]) {
      counts.set(key, Math.max(n, counts.get(key) ?? 0))
    }
    assert.deepEqual(counts, new Map(Array.from({ length: KEYS }, (_, key) => [key, RECORDS / KEYS])))
  })

  it('build incremental ones on what was restored in pieces', async () => {
    const files = new SimulatedDisk({ random: Math.random }).mount()
    await live(files, { parallelism: 2, snapshotBytesMax: SNAPSHOT_BYTES_MAX, isCancelled: true })
    const restore: RestoreRequest = { kind: 'latest', discardNewer: false, allowNonRestoredState: false }
    const again = await live(files, { parallelism: 2, snapshotBytesMax: 700, restore, isCancelled: false })
    assert.equal(again.outcome.state, 'FINISHED', again.outcome.error?.message)
    const storage = new FileCheckpointStorage(files, FOLDER)
    const newest = (await storage.listCheckpoints()).at(-1)
    assert.ok(newest?.state === 'whole' && newest.manifest.isFinal)
    const { operators } = newest.manifest
    const segments = operators.flatMap(({ keyGroups }) => keyGroups.flatMap((group) => group.segments))
    await storage.readSegments(segments)
    assert.deepEqual(await storage.removeLeftovers(), [])
  })
})
