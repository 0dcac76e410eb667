/** A job whose state is on a local disk that becomes full. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { collect, defineJob, type FileSystem, generator, type JobDefinition } from '@millrace/api'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { SegmentsStateBackend } from '../../src/state/segments/segments-state-backend.ts'
import { NodeStoreFolder, type StoreFile, type StoreFolder } from '../../src/state/segments/store-file.ts'
import { FOLDER, type InlineJob, LATEST, memoryDisk, runInline } from './inline-job.ts'
import type { CreateSlotBackend } from './inline-slots.ts'

const KEYS = 500
const RECORDS = 20_000
const tmp = mkdtempSync(join(tmpdir(), 'millrace-full-local-disk-'))
after(() => rmSync(tmp, { recursive: true }))

interface Sum {
  readonly key: number
  readonly n: number
}

const job = defineJob({
  name: 'full-local-disk',
  build: (env) => {
    env
      .from(
        generator({ records: RECORDS, perSecond: 40_000, generate: (index): Sum => ({ key: index % KEYS, n: 1 }) }),
        { uid: 'numbers' },
      )
      .keyBy('key')
      .reduce((a, b) => ({ key: a.key, n: a.n + b.n }), { uid: 'sums' })
      .to(collect('sums'), { uid: 'out' })
  },
}) as JobDefinition

/** A folder on a disk that takes so many bytes, and says as the system does when there is no room. */
class SmallFolder implements StoreFolder {
  readonly path = tmp
  readonly #folder: StoreFolder
  #usedBytes = 0
  #capacityBytes = Number.POSITIVE_INFINITY

  constructor(name: string) {
    this.#folder = new NodeStoreFolder(tmp, name)
  }

  /** From now on there is room for so much more. */
  setRoom(bytes: number): void {
    this.#capacityBytes = this.#usedBytes + bytes
  }

  create(): StoreFile {
    const file = this.#folder.create()
    let size = 0
    return {
      append: (bytes, length, atBytes) => {
        if (this.#usedBytes + length > this.#capacityBytes) {
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
        }
        file.append(bytes, length, atBytes)
        size += length
        this.#usedBytes += length
      },
      read: (into, length, atBytes) => file.read(into, length, atBytes),
      close: () => {
        file.close()
        this.#usedBytes -= size
      },
    }
  }
}

interface Run extends InlineJob {
  readonly files: FileSystem
  readonly completed: number
}

/** Full from the second completed checkpoint on, until the job restarts. */
async function runOnFullDisk(name: string, configuration: Readonly<Record<string, string>>): Promise<Run> {
  const files = memoryDisk()
  const folder = new SmallFolder(name)
  let completed = 0
  const run = await runInline(job, {
    files,
    configuration,
    createBackend: backendIn(folder),
    onCheckpoint: ({ outcome }) => {
      if (outcome === 'completed' && ++completed === 2) folder.setRoom(10)
    },
    onState: (state) => {
      if (state === 'RESTARTING') folder.setRoom(Number.POSITIVE_INFINITY)
    },
  })
  return { ...run, files, completed }
}

function backendIn(folder: StoreFolder): CreateSlotBackend {
  return (keyGroups, maxParallelism, clock) =>
    new SegmentsStateBackend({
      keyGroups,
      maxParallelism,
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      folder,
      cacheBytes: () => 16 * 1024,
    })
}

/** Every value of every key; of runs that follow each other, where the later one commits once more what the last checkpoint had prepared. */
function assertSums(outcomes: readonly InlineJob['outcome'][]): void {
  const sums = outcomes.map(({ collected }) => ((collected.sums ?? []) as readonly Sum[]).map(numberOf))
  for (const own of sums) assert.equal(new Set(own).size, own.length, 'no value twice in a run')
  const found = [...new Set(sums.flat())].toSorted((a, b) => a - b)
  const each = Array.from({ length: KEYS }, (_, key) =>
    Array.from({ length: RECORDS / KEYS }, (_, n) => key * 1_000 + n + 1),
  )
  assert.deepEqual(found, each.flat())
}

function numberOf({ key, n }: Sum): number {
  return key * 1_000 + n
}

describe('a full disk under the local state store', () => {
  it('fails the job with what is full, how much is needed and what to do; its checkpoints stay whole', async () => {
    const run = await runOnFullDisk('failed', { 'restart-strategy.type': 'none' })
    const { state, error } = run.outcome
    assert.equal(state, 'FAILED')
    assert.equal(error?.code, 'DISK_FAILED')
    assert.ok(error?.message.includes(`There is no room in ${tmp} for another `), error?.message)
    assert.match(error?.message ?? '', /which holds \d+ KiB there/)
    assert.match(error?.hint ?? '', /Make room there, or name folders on larger disks in io\.tmp\.dirs/)
    assert.equal(error?.details?.folder, tmp)
    const storage = new FileCheckpointStorage(run.files, FOLDER)
    const states = (await storage.listCheckpoints()).map((each) => each.state)
    assert.ok(states.length > 0 && states.every((each) => each === 'whole'), states.join())
    const folder = new SmallFolder('resumed')
    const resumed = await runInline(job, { files: run.files, restore: LATEST, createBackend: backendIn(folder) })
    assert.equal(resumed.outcome.state, 'FINISHED', resumed.outcome.error?.message)
    assertSums([run.outcome, resumed.outcome])
    const stateful = resumed.outcome.reading?.tasks.find(({ metrics }) => (metrics?.stateEntries ?? 0) > 0)
    const { stateCacheBytes = 0, stateCacheMisses = 0, stateDiskBytes = 0 } = stateful?.metrics ?? {}
    assert.ok(stateCacheBytes > 0 && stateCacheMisses > 0 && stateDiskBytes > 0, 'shown for the task whose state it is')
  })

  it('fails the attempt where restarts are allowed, and the job goes on from its last checkpoint', async () => {
    const run = await runOnFullDisk('restarted', {})
    assert.equal(run.outcome.state, 'FINISHED', run.outcome.error?.message)
    assert.deepEqual(
      run.failures.map(({ error }) => error.code),
      ['DISK_FAILED'],
    )
    assertSums([run.outcome])
    assert.ok(run.completed > 2)
    const [recovery] = run.outcome.reading?.recoveries ?? []
    assert.ok((recovery?.checkpointId ?? 0) >= 2)
  })
})
