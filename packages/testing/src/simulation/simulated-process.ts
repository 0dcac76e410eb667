/** One process that runs a job: takes the lock, chooses the start and runs the coordinator, as `runJob` does. */
import { buildGraph, type ErrorData, type FileSystem, type JobDefinition, toErrorData } from '@millrace/api'
import { compilePlan, parseConfig } from '@millrace/core'
import {
  type Clock,
  type CoordinatorObserver,
  chooseStart,
  coordinatorConfigOf,
  FileCheckpointStorage,
  FolderLock,
  JobCoordinator,
  type JobOutcome,
  type OrderedStore,
  type ProcessIdentity,
  type ProcessTable,
  planSettingsOf,
  type RandomSource,
  type RestoreRequest,
  type SlotSizes,
  type StopAfterCheckpoints,
} from '@millrace/runtime'
import { Life } from './life.ts'
import { SimulatedSlots, type StateBackendType, type StoreSizes } from './simulated-slots.ts'

export interface ProcessStart {
  readonly configuration: Readonly<Record<string, string>>
  readonly restore: RestoreRequest
  readonly stopAfter: StopAfterCheckpoints | undefined
}

export interface ProcessHome {
  readonly job: JobDefinition
  readonly checkpointFolder: string
  readonly random: RandomSource
  readonly sizes: SlotSizes
  readonly encodeStepEntries: number
  readonly snapshotBytesMax: number
  readonly storeSizes: StoreSizes
  readonly database: OrderedStore | undefined
  readonly observer: CoordinatorObserver
  clockOf(life: Life): Clock
  filesOf(life: Life): FileSystem
  chooseBackend(): StateBackendType
  onStoreWriting(): void
  onSwept(type: StateBackendType): void
  abandon(life: Life): void
  /** Whether the process with this number runs. */
  isRunning(pid: number): boolean
}

/** How the process ended by itself. */
export type ProcessEnd =
  | { readonly kind: 'outcome'; readonly outcome: JobOutcome; readonly newestCheckpointId: number }
  /** It did not get as far as a coordinator. */
  | { readonly kind: 'not-started'; readonly error: ErrorData }

export class SimulatedProcess {
  readonly pid: number
  readonly life = new Life()
  readonly start: ProcessStart
  readonly #home: ProcessHome
  #coordinator: JobCoordinator | undefined
  #slots: SimulatedSlots | undefined
  #end: ProcessEnd | undefined

  constructor(pid: number, start: ProcessStart, home: ProcessHome) {
    this.pid = pid
    this.start = start
    this.#home = home
    this.#run().then(
      (end) => {
        this.#end = end
      },
      (error: unknown) => {
        this.#end = { kind: 'not-started', error: toErrorData(error) }
      },
    )
  }

  get end(): ProcessEnd | undefined {
    return this.#end
  }

  get coordinator(): JobCoordinator | undefined {
    return this.#coordinator
  }

  get slots(): SimulatedSlots['slots'] {
    return this.#slots?.slots ?? []
  }

  async #run(): Promise<ProcessEnd> {
    const { checkpointFolder: folder, random, observer, job } = this.#home
    const files = this.#home.filesOf(this.life)
    const clock = this.#home.clockOf(this.life)
    const config = parseConfig([{ source: 'simulation', pairs: this.start.configuration }])
    const graph = buildGraph(job, {})
    const self: ProcessIdentity = { pid: this.pid, startedAt: `start ${this.pid}`, host: 'simulated' }
    const processes: ProcessTable = { isAlive: async ({ pid }) => this.#home.isRunning(pid) }
    const storage = new FileCheckpointStorage(files, folder, {
      owner: { self, processes },
      report: (message) => observer.onMessage('warning', message),
    })
    await storage.open()
    const acquire = (locked: string): Promise<FolderLock> =>
      FolderLock.acquire({
        files,
        folder: locked,
        self,
        processes,
        now: () => clock.now(),
      })
    const lock = await acquire(folder)
    try {
      const report = (message: string): void => observer.onMessage('info', message)
      const { restore, configuration, stopAfter } = this.start
      const start = await chooseStart(restore, {
        storage,
        files,
        folder,
        jobName: graph.jobName,
        random,
        lock: acquire,
        report,
      })
      const planSettings = planSettingsOf(config, start.restored?.manifest)
      const slots = new SimulatedSlots({ ...this.#home, life: this.life, planSettings })
      this.#slots = slots
      const coordinator = new JobCoordinator({
        jobId: random.hex(32),
        graph,
        plan: compilePlan(graph, planSettings),
        config: coordinatorConfigOf(config, configuration),
        clock,
        random,
        files,
        launcher: slots,
        storage,
        checkpointFolder: folder,
        ...start,
        discardNewer: restore.kind !== 'none' && restore.discardNewer,
        allowNonRestoredState: false,
        stopAfter,
        observer,
        // Injected errors are all thrown at the same place and yet are not the same error again.
        findUserFrame: () => undefined,
      })
      this.#coordinator = coordinator
      const outcome = await coordinator.run()
      return { kind: 'outcome', outcome, newestCheckpointId: coordinator.statistics.counts.completed }
    } finally {
      await lock.release()
    }
  }
}
