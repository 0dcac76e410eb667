/**
 * Everything that comes before the tasks of an attempt: what they start from, the sinks' targets, and output that the
 * restored checkpoint had prepared.
 *
 * What it keeps: the checkpoint folder becomes this history's only when sources and sinks are known to fit; restored output
 * is committed before any writer is opened; after a cancel nothing more is begun.
 */
import {
  assignRestore,
  type CheckpointManifest,
  checkStoredStates,
  describeMatched,
  describeUnmatched,
  type PhysicalPlan,
  type RestoreReport,
} from '@millrace/core'
import type { CoordinatorOptions, RestoredCheckpoint } from './coordinator-ports.ts'
import type { ExecutionStart } from './execution.ts'
import type { SinkTargets } from './sink-targets.ts'
import { enumerateSplits, withFreshSources } from './source-splits.ts'

/** `done`: there is nothing left to run; its output is committed. */
export type PreparedStart = { readonly kind: 'run'; readonly start: ExecutionStart } | { readonly kind: 'done' }

export interface AttemptSurroundings {
  isCanceled(): boolean
  /** The job was to end with this checkpoint. */
  endsWith(checkpointId: number): boolean
}

/** The input of a job that ended by itself has no splits left. */
function hasUnreadInput(manifest: CheckpointManifest, plan: PhysicalPlan): boolean {
  const sources = new Set(plan.vertices.flatMap(({ steps, isSource }) => (isSource ? [steps[0]?.uid] : [])))
  return manifest.operators.some(({ uid, entries }) => sources.has(uid) && entries.length > 0)
}

export class AttemptStart {
  readonly #options: CoordinatorOptions
  readonly #targets: SinkTargets
  readonly #surroundings: AttemptSurroundings
  #hasClaimed = false

  constructor(options: CoordinatorOptions, targets: SinkTargets, surroundings: AttemptSurroundings) {
    this.#options = options
    this.#targets = targets
    this.#surroundings = surroundings
  }

  /** The checkpoint folder is about this job's history. */
  get hasClaimed(): boolean {
    return this.#hasClaimed
  }

  /** `undefined`: the job was cancelled meanwhile. */
  async prepare(restored: RestoredCheckpoint | undefined, attempt: number): Promise<PreparedStart | undefined> {
    const { plan, observer } = this.#options
    const start = restored === undefined ? await this.#freshStart() : await this.#restoreStart(restored, attempt === 0)
    if (!this.#hasClaimed) {
      await this.#targets.check(restored?.manifest)
      await this.#options.claim()
      this.#hasClaimed = true
    }
    if (this.#surroundings.isCanceled()) return undefined
    await this.#targets.prepare(restored?.manifest, attempt === 0)
    if (this.#surroundings.isCanceled()) return undefined
    if (restored !== undefined) {
      // Before any writer is opened: a writer may end transactions that it finds open under its name.
      await this.#targets.commit(restored.manifest)
      const { isFinal, checkpointId } = restored.manifest
      if (isFinal && hasUnreadInput(restored.manifest, plan)) {
        const text = `Checkpoint ${checkpointId} was drained: its input counts as ended, and what was not read stays unread.`
        observer.onMessage('warning', text)
      }
      if (isFinal || this.#surroundings.endsWith(checkpointId)) return { kind: 'done' }
    }
    return this.#surroundings.isCanceled() ? undefined : { kind: 'run', start }
  }

  async #freshStart(): Promise<ExecutionStart> {
    const splits = await enumerateSplits(this.#options)
    return { checkpointId: undefined, folder: undefined, vertices: splits }
  }

  async #restoreStart({ manifest, file, folder }: RestoredCheckpoint, isFirst: boolean): Promise<ExecutionStart> {
    const { plan, graph, allowNonRestoredState } = this.#options
    const { report, vertices: restored } = assignRestore(manifest, plan, { allowNonRestoredState, file })
    const unread = checkStoredStates(manifest, graph, file)
    if (isFirst) this.#tellRestored(report, unread)
    const vertices = await withFreshSources(restored, report.fresh, this.#options)
    return { checkpointId: manifest.checkpointId, folder, vertices }
  }

  #tellRestored(report: RestoreReport, unread: ReturnType<typeof checkStoredStates>): void {
    const { observer } = this.#options
    observer.onMessage('info', describeMatched(report))
    if (report.dropped.length > 0) {
      observer.onMessage('warning', `State left behind: ${describeUnmatched(report.dropped, report.fresh)}`)
    }
    for (const { operator, state, nearest } of unread) {
      const hint = nearest === undefined ? '' : ` (is it what is "${nearest}" now?)`
      observer.onMessage('warning', `Operator "${operator}" does not use its stored state "${state}"${hint}`)
    }
  }
}
