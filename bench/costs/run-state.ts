/** One measurement of `state-cost.ts` as a process: `run-state.ts <cost> <keys> <parallelism> <checkpoints> <seconds>`. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hashKey, keyGroupOfHash, MANIFEST_VERSION, SegmentLedger, type TableDescriptor } from '@millrace/core'
import {
  bundleJob,
  FileCheckpointStorage,
  HeapStateBackend,
  inspectCheckpoints,
  NodeFileSystem,
  type RunningJob,
  runJob,
} from '@millrace/runtime'
import { runLatencyJob } from '../latency/latency-run.ts'
import { costOfProcess, cpuSecondsOfProcess } from '../measured-process.ts'
import { median } from '../statistics.ts'
import type { ChurnCost, IncrementalCost, RestoreCost, SnapshotsCost } from './state-cost.ts'
import { measureStoreMemory } from './store-memory.ts'
import { unalignedCost } from './unaligned-cost.ts'

const POLL_MS = 5
const SNAPSHOT_RECORDS_PER_SECOND = 200_000
const SNAPSHOT_EVERY_MS = 10_000

const [name = '', keys = 0, parallelism = 1, checkpoints = 0, seconds = 20] = process.argv
  .slice(2)
  .map((word, index) => (index === 0 ? word : Number(word))) as [string, number, number, number, number]
const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
try {
  const measures: Readonly<Record<string, () => Promise<object>>> = {
    ...{ restore, incremental, churn, snapshots, memory },
    unaligned: () => unalignedCost(folder, parallelism),
  }
  const figures = await measures[name]?.()
  if (figures === undefined) throw new Error(`There is no cost ${name}`)
  console.log(JSON.stringify({ cost: name, ...figures, ...costOfProcess() }))
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function restore(): Promise<Omit<RestoreCost, 'cost' | keyof ReturnType<typeof costOfProcess>>> {
  const { bundlePath } = await bundleJob(fileURLToPath(new URL('../jobs/kept-state.ts', import.meta.url)))
  const start = (isResumed: boolean): RunningJob =>
    runJob({
      bundlePath,
      params: { keys: `${keys}`, splits: `${parallelism}` },
      configuration: {
        'execution.checkpointing.dir': folder,
        'execution.checkpointing.interval': '1 h',
        'execution.checkpointing.timeout': '1 h',
        'parallelism.default': `${parallelism}`,
        'restart-strategy.type': 'none',
      },
      restore: isResumed ? { kind: 'latest', discardNewer: false, allowNonRestoredState: false } : { kind: 'none' },
    })
  const first = start(false)
  await until(first, () => recordsOf(first) >= keys)
  first.stop()
  await expectEnd(first)
  const cpuBefore = cpuSecondsOfProcess()
  const beforeMs = performance.now()
  const second = start(true)
  await until(second, () => second.reading()?.recoveries.at(-1)?.firstRecordMs !== undefined)
  const restoreCpuSeconds = cpuSecondsOfProcess() - cpuBefore
  const restoreWallMs = performance.now() - beforeMs
  const recovery = second.reading()?.recoveries.at(-1)
  second.cancel()
  await expectEnd(second)
  if (recovery === undefined) throw new Error('The job told no recovery')
  const { restoredBytes, deployMs, readMs, decodeMs } = recovery
  return { keys, parallelism, stateBytes: restoredBytes, restoreCpuSeconds, restoreWallMs, deployMs, readMs, decodeMs }
}

/** State and storage alone, as a task uses them: what a barrier costs on its way is the same with every size. */
async function incremental(): Promise<Omit<IncrementalCost, 'cost' | keyof ReturnType<typeof costOfProcess>>> {
  const groups = 128
  const storage = new FileCheckpointStorage(new NodeFileSystem(), folder)
  await storage.open()
  const backend = new HeapStateBackend({
    keyGroups: { first: 0, last: groups - 1 },
    maxParallelism: groups,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  const descriptor: TableDescriptor = { operatorUid: 'kept', name: 'kept', kind: 'value', version: 1, ttlMs: undefined }
  const table = backend.valueTable<readonly number[]>(descriptor)
  const put = (key: number, count: number): void => {
    const hash = hashKey(key)
    backend.setCurrentKey(key, keyGroupOfHash(hash, groups), hash)
    table.put([count, key % 1_000])
  }
  const ledger = new SegmentLedger([])
  const take = async (id: number, kind: 'base' | 'delta'): Promise<{ bytes: number; ms: number }> => {
    const startMs = performance.now()
    const snapshot = backend.beginSnapshot(id, ledger.decide(id, kind === 'base' ? 'full-checkpoint' : 'checkpoint'))
    const target = { checkpointId: id, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 20_480 }
    const writing = storage.beginSegments(target)
    const places: { operatorUid: string; keyGroup: number }[] = []
    let bytes = 0
    let isWriting = false
    const writeFinished = async (): Promise<void> => {
      const pieces = snapshot.takePieces()
      for (const { operatorUid, keyGroup } of pieces) places.push({ operatorUid, keyGroup })
      const taken = pieces.reduce((sum, piece) => sum + piece.bytes.length, 0)
      bytes += taken
      isWriting = true
      await writing.write(pieces)
      snapshot.release(taken)
      isWriting = false
    }
    // As a task does it: what is finished is written while the rest is encoded, one write at a time.
    let written: Promise<void> = Promise.resolve()
    while (!snapshot.encode(10)) {
      if (!isWriting) written = writeFinished()
      await setImmediate()
    }
    await written
    await writeFinished()
    const refs = await writing.finish()
    const stored = places.map((place, at) => ({ ...place, ref: refs[at] as (typeof refs)[0] }))
    const chains = ledger.chainsOf(id, stored)
    await storage.writeManifest({
      version: MANIFEST_VERSION,
      jobName: 'incremental',
      lineage: '0'.repeat(16),
      checkpointId: id,
      kind: 'checkpoint',
      triggeredAtMs: 0,
      completedAtMs: 0,
      isFinal: false,
      operators: chains.map(({ operatorUid, keyGroups }) => ({
        uid: operatorUid,
        name: operatorUid,
        parallelism: 1,
        maxParallelism: groups,
        tables: [descriptor],
        keyGroups,
        entries: [],
        committables: [],
        finishedSubtasks: [],
      })),
    })
    const ms = performance.now() - startMs
    backend.onCheckpointComplete(id)
    ledger.onComplete(id)
    return { bytes, ms }
  }
  for (let key = 0; key < keys; key++) put(key, 1)
  const full: { bytes: number; ms: number }[] = []
  const changed: { bytes: number; ms: number }[] = []
  for (let id = 1; id <= 8; id++) {
    if (id % 4 === 1) {
      full.push(await take(id, 'base'))
      continue
    }
    // All over the table, and others each time.
    for (let key = id; key < keys; key += 100) put(key, id)
    changed.push(await take(id, 'delta'))
  }
  const of = (list: readonly { bytes: number; ms: number }[], what: 'bytes' | 'ms') =>
    median(list.map((each) => each[what]))
  return {
    keys,
    fullBytes: of(full, 'bytes'),
    fullMs: of(full, 'ms'),
    incrementalBytes: of(changed, 'bytes'),
    incrementalMs: of(changed, 'ms'),
  }
}

async function churn(): Promise<Omit<ChurnCost, 'cost' | keyof ReturnType<typeof costOfProcess>>> {
  const { bundlePath } = await bundleJob(fileURLToPath(new URL('../jobs/churn.ts', import.meta.url)))
  let deadFiles = 0
  /** Runs until so many more checkpoints are complete, and looks at the folder as a next start would. */
  const go = async (isResumed: boolean, more: number): Promise<number> => {
    let completed = 0
    const job = runJob({
      bundlePath,
      params: {},
      configuration: {
        'execution.checkpointing.dir': folder,
        'execution.checkpointing.interval': '1 ms',
        'restart-strategy.type': 'none',
      },
      restore: isResumed ? { kind: 'latest', discardNewer: false, allowNonRestoredState: false } : { kind: 'none' },
      observer: { onCheckpoint: ({ outcome }) => void (outcome === 'completed' && completed++) },
    })
    await until(job, () => completed >= more)
    job.stop()
    await expectEnd(job)
    const looks: number[] = []
    for (let look = 0; look < 9; look++) {
      const startMs = performance.now()
      const storage = new FileCheckpointStorage(new NodeFileSystem(), folder)
      await storage.open()
      await storage.listCheckpoints()
      deadFiles += (await storage.removeLeftovers()).length
      looks.push(performance.now() - startMs)
    }
    return median(looks)
  }
  const startMsEarly = await go(false, Math.min(100, checkpoints))
  const startMsLate = await go(true, Math.max(0, checkpoints - 100))
  const { contents, fileBytes, unnamedBytes, files } = await inspectCheckpoints(new NodeFileSystem(), folder)
  if (contents.length === 0) throw new Error('There is no checkpoint')
  const liveBytes = fileBytes - unnamedBytes
  return { checkpoints, heldBytes: fileBytes, liveBytes, files, deadFiles, startMsEarly, startMsLate }
}

async function snapshots(): Promise<Omit<SnapshotsCost, 'cost' | keyof ReturnType<typeof costOfProcess>>> {
  const perSecond = Math.min(SNAPSHOT_RECORDS_PER_SECOND, keys)
  // Keys come by chance: after twice as many records seven of eight have state.
  const warmUpMs = Math.ceil(((keys * 2) / perSecond) * 1_000)
  const run = (checkpointEveryMs: number) =>
    runLatencyJob({
      job: 'keyed',
      parallelism,
      perSecond,
      bufferTimeoutMs: 10,
      warmUpMs,
      durationMs: seconds * 1_000,
      checkpointEveryMs,
      keys,
    })
  const without = await run(3_600_000)
  const withThem = await run(SNAPSHOT_EVERY_MS)
  if (withThem.backlogMs > 1_000) throw new Error(`The job does not keep up with ${perSecond} records per second`)
  return {
    keys,
    perSecond,
    checkpoints: withThem.checkpoints,
    p99Ms: withThem.p99Ms,
    p999Ms: withThem.p999Ms,
    maxMs: withThem.maxMs,
    p99MsWithout: without.p99Ms,
    maxMsWithout: without.maxMs,
  }
}

async function memory(): Promise<object> {
  return { keys, ...(await measureStoreMemory(keys, folder)) }
}

function recordsOf(job: RunningJob): number {
  return (job.reading()?.tasks ?? []).reduce((sum, { id, metrics }) => {
    const isSource = job.reading()?.tasks[0]?.id.vertexId === id.vertexId
    return sum + (isSource ? (metrics?.numRecordsOut ?? 0) : 0)
  }, 0)
}

/** Until it is so, or the job has ended, which is then found by who asks for its end. */
async function until(job: RunningJob, isSo: () => boolean): Promise<void> {
  let hasEnded = false
  void job.outcome.then(() => {
    hasEnded = true
  })
  while (!isSo() && !hasEnded) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

async function expectEnd(job: RunningJob): Promise<void> {
  const { state, error } = await job.outcome
  if (state !== 'CANCELED') throw new Error(`The job ended ${state}: ${error?.code} ${error?.message}`)
}
