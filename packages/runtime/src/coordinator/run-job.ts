/**
 * Starts a job of a bundle in this process: reads the configuration, locks the checkpoint folder, finds the restore
 * point, and hands over to the coordinator. All choices that depend on what is on disk are made here, once.
 */
import { totalmem } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { buildGraph, type ErrorData, MillraceError, type PlainValue, toErrorData } from '@millrace/api'
import {
  compilePlan,
  findTopUserFrame,
  type PhysicalPlan,
  parseConfig,
  restartStrategyOf,
  slotsNeeded,
  type TypedConfig,
  unusedSettings,
} from '@millrace/core'
import { FileCheckpointStorage } from '../checkpoint-storage/file-checkpoint-storage.ts'
import { FolderLock } from '../checkpoint-storage/folder-lock.ts'
import { SystemProcessTable } from '../checkpoint-storage/process-identity.ts'
import { checkSavepointFolder } from '../checkpoint-storage/savepoint-folder.ts'
import { SystemClock, SystemRandom } from '../clock/clock.ts'
import { KillingFileSystem } from '../file-system/killing-file-system.ts'
import { NodeFileSystem } from '../file-system/node-file-system.ts'
import { loadJob } from '../job-loading/load-job.ts'
import { decideHeapBudgetBytes } from '../slot/heap-budget.ts'
import { KILL_POINT_VARIABLE, parseKillPoint } from '../slot/kill-point.ts'
import { loadRocksdbBinding } from '../state/rocksdb/rocksdb-binding.ts'
import { RunFolders } from '../state/rocksdb/run-folders.ts'
import { chooseStart, planSettingsOf, type RestoreRequest } from './choose-start.ts'
import type { ClaimedSnapshot } from './claimed-snapshot.ts'
import { coordinatorConfigOf } from './coordinator-config.ts'
import type { CoordinatorObserver, JobOutcome, JobReading, StopAfterCheckpoints } from './coordinator-ports.ts'
import { JobCoordinator } from './job-coordinator.ts'
import type { JobHistory } from './job-facts.ts'
import { type EndState, strongerEnd, type UnfinishedState } from './job-stop.ts'
import { withAdviceOnDamage } from './newest-whole.ts'
import type { CheckpointType } from './on-demand-snapshots.ts'
import { slotStateSettingsOf } from './slot-state-settings.ts'
import { refuseSnapshot, type SnapshotPurpose } from './snapshot-refusal.ts'
import type { CompletedSnapshot } from './snapshot-request.ts'
import { ThreadSlotLauncher } from './thread-slot-launcher.ts'

export interface RunJobOptions {
  /** Made by `bundleJob`. */
  readonly bundlePath: string
  /** As the job's schema gave them. */
  readonly params: PlainValue
  /** Configuration as written, `-D` on top of files. */
  readonly configuration: Readonly<Record<string, string>>
  readonly restore: RestoreRequest
  readonly stopAfter?: StopAfterCheckpoints | undefined
  readonly observer?: Partial<CoordinatorObserver>
}

/** What runs, and how it was configured. */
export interface JobDescription {
  readonly plan: PhysicalPlan
  readonly config: TypedConfig
  /** The manifest's file of the checkpoint or savepoint that this process started from. */
  readonly startedFrom?: string | undefined
}

export interface RunningJob {
  /** Never rejects. */
  readonly outcome: Promise<JobOutcome>
  /**
   * Whether the start was accepted: what it restores, its sources and its sinks fit the job, or it tries again. False when the
   * job ended before; then it has changed nothing. Never rejects.
   */
  readonly accepted: Promise<boolean>
  /** `undefined` until the job is loaded. */
  description(): JobDescription | undefined
  /** `undefined` until the job is loaded. */
  reading(): JobReading | undefined
  /** What happened so far; `undefined` until the job is loaded. */
  history(): JobHistory | undefined
  /**
   * Ends without draining: a last checkpoint, its output committed. SUSPENDED: its checkpoints stay, whatever
   * `execution.checkpointing.externalized-checkpoint-retention` says; default CANCELED.
   */
  stop(endState?: UnfinishedState): void
  /** Rejects with a `MillraceError`: `CHECKPOINT_FAILED` and its kin. */
  takeCheckpoint(options: { readonly type: CheckpointType }): Promise<CompletedSnapshot>
  /**
   * Into a folder of its own in `targetFolder`, or in `execution.checkpointing.savepoint-dir`. Rejects with
   * `SAVEPOINT_FAILED`; the job goes on then.
   */
  takeSavepoint(options: { readonly targetFolder: string | undefined }): Promise<CompletedSnapshot>
  /** Ends the job FINISHED with a savepoint, with `drain` after all input was ended; resolves when it has ended. */
  stopWithSavepoint(options: {
    readonly targetFolder: string | undefined
    readonly drain: boolean
  }): Promise<CompletedSnapshot>
  /** Ends at once. Default CANCELED. Returns `undefined`, or, where it comes too late, what the job ends as. */
  cancel(endState?: UnfinishedState): EndState | undefined
  /** Ends a slot as a crash would. */
  killSlot(index: number): Promise<void>
}

/** Starts at once; everything that goes wrong is in the outcome. */
export function runJob(options: RunJobOptions): RunningJob {
  let coordinator: JobCoordinator | undefined
  let description: JobDescription | undefined
  /** Asked for before there was a coordinator. */
  let endsAs: UnfinishedState | undefined
  const accepted = Promise.withResolvers<boolean>()
  const start = async (): Promise<JobOutcome> => {
    const prepared = await prepare(options, () => accepted.resolve(true))
    try {
      coordinator = new JobCoordinator(prepared.options)
      const { plan, restored } = prepared.options
      description = { plan, config: prepared.config, startedFrom: restored?.file }
      if (endsAs !== undefined) coordinator.cancel(endsAs)
      const outcome = await coordinator.run()
      // What still acts in this process must meet no other owner; when the process ends, the lock is anybody's.
      if (!outcome.isStuck) await prepared.release()
      if (outcome.error === undefined) return outcome
      const { storage, lineage } = prepared.options
      return { ...outcome, error: await withAdviceOnDamage(outcome.error, storage, lineage) }
    } catch (error) {
      await prepared.release()
      throw error
    }
  }
  let endedAs: EndState | undefined
  const outcome = start()
    .catch((error: unknown): JobOutcome => failedBeforeStart(error))
    .then((ended) => {
      endedAs = ended.state
      accepted.resolve(false)
      return ended
    })
  const running = (purpose: SnapshotPurpose): JobCoordinator => {
    if (coordinator !== undefined) return coordinator
    const before = {
      state: endedAs ?? 'INITIALIZING',
      isRunning: false,
      isCheckpointing: true,
      ending: undefined,
    } as const
    throw refuseSnapshot(purpose, before)
  }
  return {
    outcome,
    accepted: accepted.promise,
    description: () => description,
    reading: () => coordinator?.reading(),
    history: () => coordinator?.facts.history(),
    stop: (endState = 'CANCELED') => {
      endsAs = strongerEnd(endsAs, endState)
      coordinator?.stop(endState)
    },
    takeCheckpoint: async (options) => running('checkpoint').takeCheckpoint(options),
    takeSavepoint: async (options) => running('savepoint').takeSavepoint(options),
    stopWithSavepoint: async (options) => running('stop').stopWithSavepoint(options),
    cancel: (endState = 'CANCELED') => {
      endsAs = strongerEnd(endsAs, endState)
      return coordinator === undefined ? endedAs : coordinator.cancel(endState)
    },
    killSlot: async (index) => coordinator?.killSlot(index),
  }
}

interface Prepared {
  readonly options: ConstructorParameters<typeof JobCoordinator>[0]
  readonly config: TypedConfig
  release(): Promise<void>
}

async function prepare(options: RunJobOptions, onAccepted: () => void): Promise<Prepared> {
  const config = parseConfig([{ source: 'configuration', pairs: options.configuration }])
  const job = await loadJob(options.bundlePath)
  const graph = buildGraph(job, options.params)
  const killPointText = process.env[KILL_POINT_VARIABLE]
  const killPoint = killPointText === undefined ? undefined : parseKillPoint(killPointText)
  const files = killPoint === undefined ? new NodeFileSystem() : new KillingFileSystem(new NodeFileSystem(), killPoint)
  const clock = new SystemClock()
  const random = new SystemRandom()
  const processes = new SystemProcessTable()
  const folder = config.get('execution.checkpointing.dir') ?? join('.millrace', graph.jobName)
  const observer = observerOf(options.observer, onAccepted)
  for (const text of unusedSettings(config)) observer.onMessage('warning', text)
  const self = await processes.self()
  const storage = new FileCheckpointStorage(files, folder, {
    report: (message) => observer.onMessage('warning', message),
    owner: { self, processes },
  })
  await storage.open()
  const acquire = (locked: string): Promise<FolderLock> =>
    FolderLock.acquire({ files, folder: locked, self, processes, now: () => clock.now() })
  const lock = await acquire(folder)
  let claimed: ClaimedSnapshot | undefined
  let runFolders: RunFolders | undefined
  const release = async (): Promise<void> => {
    await runFolders?.remove()
    await claimed?.release()
    try {
      await lock.release()
    } catch (error) {
      // What the job did, or why it could not start, stands; the next process finds a dead owner and takes the lock over.
      observer.onMessage('warning', `${folder} stays locked until this process ends: ${messageOf(error)}`)
    }
  }
  try {
    const restore = restoreOf(options.restore, config)
    const start = await chooseStart(restore, {
      storage,
      files,
      folder,
      jobName: graph.jobName,
      random,
      lock: acquire,
      report: (message) => observer.onMessage('info', message),
    })
    claimed = start.claimed
    if (options.stopAfter !== undefined) await checkSavepointFolder(files, options.stopAfter.savepointFolder)
    const planSettings = planSettingsOf(config, start.restored?.manifest)
    const plan = compilePlan(graph, planSettings)
    checkReplayable(plan, config)
    checkSlots(plan, config)
    const heapBudgetBytes = decideHeapBudgetBytes(config.get('taskmanager.memory.task.heap.size'), {
      memoryBytes: machineMemoryBytes(),
      slots: [...slotsNeeded(plan).values()].reduce((sum, slots) => sum + slots, 0),
    })
    let state = slotStateSettingsOf(config, heapBudgetBytes)
    if (state.type === 'rocksdb') {
      // Before anything runs: it is said once, and not by every slot.
      loadRocksdbBinding()
      runFolders = await RunFolders.create({
        parents: state.folders,
        self,
        processes,
        run: random.hex(12),
        report: (message) => observer.onMessage('warning', message),
      })
      state = { ...state, folders: runFolders.folders }
    }
    const launcher = new ThreadSlotLauncher({
      bundlePath: options.bundlePath,
      params: options.params,
      planSettings,
      heartbeatTimeoutMs: config.get('heartbeat.timeout'),
      heapBudgetBytes,
      state,
      killPoint,
    })
    return {
      config,
      options: {
        jobId: random.hex(32),
        graph,
        plan,
        config: coordinatorConfigOf(config, options.configuration),
        clock,
        random,
        files,
        launcher,
        storage,
        checkpointFolder: folder,
        ...start,
        claim: async () => {
          await start.claim()
          onAccepted()
        },
        discardNewer: restore.kind !== 'none' && restore.discardNewer,
        allowNonRestoredState: restore.kind !== 'none' && restore.allowNonRestoredState,
        stopAfter: options.stopAfter,
        observer,
        findUserFrame: (error) => userFrameOf(error),
      },
      release,
    }
  } catch (error) {
    await release()
    throw error
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What the container allows, or what the machine has. */
function machineMemoryBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/** `execution.state-recovery.*` says in configuration what `-s` says on the command line, which wins. */
function restoreOf(request: RestoreRequest, config: TypedConfig): RestoreRequest {
  const ignoreUnclaimed = config.get('execution.state-recovery.ignore-unclaimed-state')
  const claimMode = config.get('execution.state-recovery.claim-mode')
  if (request.kind !== 'none') {
    const allowNonRestoredState = request.allowNonRestoredState || ignoreUnclaimed
    if (request.kind !== 'path') return { ...request, allowNonRestoredState }
    return { ...request, claimMode: request.claimMode ?? claimMode, allowNonRestoredState }
  }
  const path = config.get('execution.state-recovery.path')
  if (path === undefined) return request
  return { kind: 'path', path, claimMode, discardNewer: false, allowNonRestoredState: ignoreUnclaimed }
}

function checkSlots(plan: PhysicalPlan, config: TypedConfig): void {
  const available = config.get('taskmanager.numberOfTaskSlots')
  const needed = [...slotsNeeded(plan).values()].reduce((sum, slots) => sum + slots, 0)
  if (available === undefined || needed <= available) return
  throw new MillraceError('CONFIG_INVALID_VALUE', `The job needs ${needed} slots and has ${available}`, {
    details: { needed, available },
    hint: 'Raise taskmanager.numberOfTaskSlots, leave it out, or lower the parallelism.',
  })
}

function checkReplayable(plan: PhysicalPlan, config: TypedConfig): void {
  if (config.get('execution.checkpointing.interval') === 0 || restartStrategyOf(config).type === 'none') return
  for (const { steps, isSource } of plan.vertices) {
    const [step] = steps
    if (!isSource || step === undefined || step.facts.replayable !== false) continue
    throw new MillraceError(
      'SOURCE_NOT_REPLAYABLE',
      `The source "${step.name}" cannot go on from a position, so a restart would lose or repeat its records`,
      {
        details: { operator: step.name, uid: step.uid },
        hint: 'Give it resumeFrom, or turn restarts off: -D restart-strategy.type=none.',
      },
    )
  }
}

/** Installed, all packages are in `node_modules`; in the repository they lie beside this one. */
const PACKAGES = fileURLToPath(new URL('../../..', import.meta.url))

function isEngineFile(file: string): boolean {
  if (file.includes('/node_modules/')) return true
  const at = file.indexOf(PACKAGES)
  return at >= 0 && /^(?:connectors\/)?[^/]+\/(?:src|dist|bin)\//.test(file.slice(at + PACKAGES.length))
}

function userFrameOf(error: ErrorData): string | undefined {
  let innermost = error
  while (innermost.cause !== undefined) innermost = innermost.cause
  return findTopUserFrame(innermost.stack, isEngineFile)
}

function observerOf(given: Partial<CoordinatorObserver> | undefined, onAccepted: () => void): CoordinatorObserver {
  return {
    onState: (state, atMs) => {
      // What could not begin and is tried again is not refused: it can be asked about, and cancelled.
      if (state === 'RESTARTING') onAccepted()
      given?.onState?.(state, atMs)
    },
    onMessage: (level, text) => given?.onMessage?.(level, text),
    onFailure: (failure) => given?.onFailure?.(failure),
    onCheckpoint: (report) => given?.onCheckpoint?.(report),
    onPrinted: (line) => given?.onPrinted?.(line),
  }
}

function failedBeforeStart(error: unknown): JobOutcome {
  const data = toErrorData(error)
  return { state: 'FAILED', isStuck: false, error: data, savepoint: undefined, collected: {}, reading: undefined }
}
