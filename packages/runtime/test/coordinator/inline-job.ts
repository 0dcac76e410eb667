/** Runs a job as `runJob` does, but on this thread and on a disk in memory. */
import type { FileSystem, JobDefinition } from '@millrace/api'
import { buildGraph } from '@millrace/api'
import { compilePlan, findTopUserFrame, parseConfig } from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { type Clock, SystemClock, SystemRandom } from '../../src/clock/clock.ts'
import { chooseStart, planSettingsOf, type RestoreRequest } from '../../src/coordinator/choose-start.ts'
import { coordinatorConfigOf } from '../../src/coordinator/coordinator-config.ts'
import type {
  CheckpointReport,
  FailureReport,
  JobOutcome,
  StopAfterCheckpoints,
} from '../../src/coordinator/coordinator-ports.ts'
import { JobCoordinator } from '../../src/coordinator/job-coordinator.ts'
import type { JobState } from '../../src/coordinator/job-facts.ts'
import type { SlotMemory } from '../../src/slot/slot-environment.ts'
import { type CreateSlotBackend, createSegmentsInMemory, InlineSlots } from './inline-slots.ts'

export const FOLDER = 'checkpoints'
export const LATEST: RestoreRequest = { kind: 'latest', discardNewer: false, allowNonRestoredState: false }

export const memoryDisk = (): FileSystem => new SimulatedDisk({ random: Math.random }).mount()

export interface InlineJobOptions {
  readonly files?: FileSystem
  readonly configuration?: Readonly<Record<string, string>>
  readonly restore?: RestoreRequest
  readonly stopAfter?: StopAfterCheckpoints
  readonly clock?: Clock
  readonly memory?: () => SlotMemory
  readonly createBackend?: CreateSlotBackend
  readonly snapshotBytesMax?: number
  /** Before it runs. */
  onStart?(coordinator: JobCoordinator): void
  onCheckpoint?(report: CheckpointReport, coordinator: JobCoordinator): void
  onState?(state: JobState, coordinator: JobCoordinator): void
}

export interface InlineJob {
  readonly outcome: JobOutcome
  readonly coordinator: JobCoordinator
  readonly slots: InlineSlots
  readonly states: string[]
  readonly messages: string[]
  readonly failures: FailureReport[]
}

export async function runInline(job: JobDefinition, options: InlineJobOptions = {}): Promise<InlineJob> {
  const { files = memoryDisk(), restore = { kind: 'none' }, clock = new SystemClock() } = options
  const configuration = {
    'execution.checkpointing.interval': '10 ms',
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.delay': '1 ms',
    'restart-strategy.fixed-delay.attempts': '3',
    ...options.configuration,
  }
  const config = parseConfig([{ source: 'test', pairs: configuration }])
  const states: string[] = []
  const messages: string[] = []
  const failures: FailureReport[] = []
  const random = new SystemRandom()
  const graph = buildGraph(job, {})
  const storage = new FileCheckpointStorage(files, FOLDER)
  await storage.open()
  const report = (message: string): void => void messages.push(message)
  const lock = async () => ({ release: async () => {} })
  const start = await chooseStart(restore, {
    storage,
    files,
    folder: FOLDER,
    jobName: graph.jobName,
    random,
    lock,
    report,
  })
  const planSettings = planSettingsOf(config, start.restored?.manifest)
  const { memory, snapshotBytesMax } = options
  const isOnSegments = config.get('state.backend.type') === 'segments'
  const createBackend = options.createBackend ?? (isOnSegments ? createSegmentsInMemory : undefined)
  const slots = new InlineSlots({ job, planSettings, files, clock, memory, createBackend, snapshotBytesMax })
  const coordinator: JobCoordinator = new JobCoordinator({
    jobId: random.hex(32),
    graph,
    plan: compilePlan(graph, planSettings),
    config: coordinatorConfigOf(config, configuration),
    clock,
    random,
    files,
    launcher: slots,
    storage,
    checkpointFolder: FOLDER,
    ...start,
    discardNewer: restore.kind !== 'none' && restore.discardNewer,
    allowNonRestoredState: restore.kind !== 'none' && restore.allowNonRestoredState,
    stopAfter: options.stopAfter,
    observer: {
      onState: (state) => {
        states.push(state)
        options.onState?.(state, coordinator)
      },
      onMessage: (_level, text) => void messages.push(text),
      onFailure: (failure) => void failures.push(failure),
      onCheckpoint: (report) => options.onCheckpoint?.(report, coordinator),
      onPrinted: () => {},
    },
    findUserFrame: (error) => findTopUserFrame((error.cause ?? error).stack, () => false),
  })
  options.onStart?.(coordinator)
  return { outcome: await coordinator.run(), coordinator, slots, states, messages, failures }
}
