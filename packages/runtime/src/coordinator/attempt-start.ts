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
  type StoredStates,
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

/** What a job could still read that goes on from a final checkpoint. */
interface InputLeft {
  /** Its input was drained. That of a job that ended by itself has no splits left. */
  readonly isUnread: boolean
  /** Sources that it knows nothing of, by uid: they begin at their start. */
  readonly newSources: readonly string[]
}

function inputLeft(manifest: CheckpointManifest, plan: PhysicalPlan): InputLeft {
  const sources = plan.vertices.flatMap(({ steps, isSource }) => (isSource ? [steps[0]?.uid ?? ''] : []))
  const stored = new Map(manifest.operators.map(({ uid, entries }) => [uid, entries]))
  return {
    isUnread: sources.some((uid) => (stored.get(uid) ?? []).length > 0),
    newSources: sources.filter((uid) => !stored.has(uid)),
  }
}

export class AttemptStart {
  readonly #options: CoordinatorOptions
  readonly #targets: SinkTargets
  readonly #surroundings: AttemptSurroundings
  #hasClaimed = false
  /** What another run has left in the outputs is dealt with: what is found there from now on is this run's own. */
  #hasPrepared = false

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
  async prepare(restored: RestoredCheckpoint | undefined): Promise<PreparedStart | undefined> {
    // Not the number of the attempt: one that fails before its sinks are prepared leaves that to the next.
    const isFirst = !this.#hasPrepared
    const start = restored === undefined ? await this.#freshStart() : await this.#restoreStart(restored, isFirst)
    if (!this.#hasClaimed) {
      await this.#targets.check(restored?.manifest)
      await this.#options.claim()
      this.#hasClaimed = true
    }
    if (this.#surroundings.isCanceled()) return undefined
    await this.#targets.prepare(restored?.manifest, isFirst)
    this.#hasPrepared = true
    if (this.#surroundings.isCanceled()) return undefined
    if (restored !== undefined) {
      // Before any writer is opened: a writer may end transactions that it finds open under its name.
      await this.#targets.commit(restored.manifest)
      const { isFinal, checkpointId } = restored.manifest
      if (isFinal && !this.#readsOn(restored)) return { kind: 'done' }
      if (this.#surroundings.endsWith(checkpointId)) return { kind: 'done' }
    }
    return this.#surroundings.isCanceled() ? undefined : { kind: 'run', start }
  }

  async #freshStart(): Promise<ExecutionStart> {
    const splits = await enumerateSplits(this.#options)
    return { checkpointId: undefined, folder: undefined, vertices: splits }
  }

  /** As in Flink: whoever names a snapshot that was drained wants more than what is pending in it. */
  #readsOn({ manifest, isNamed }: RestoredCheckpoint): boolean {
    const { isUnread, newSources } = inputLeft(manifest, this.#options.plan)
    return isNamed === true && manifest.isFinal && (isUnread || newSources.length > 0)
  }

  async #restoreStart(from: RestoredCheckpoint, isFirst: boolean): Promise<ExecutionStart> {
    const { manifest, file, folder } = from
    const { plan, graph, allowNonRestoredState } = this.#options
    const readsOn = this.#readsOn(from)
    const { report, vertices: restored } = assignRestore(manifest, plan, { allowNonRestoredState, file, readsOn })
    const states = checkStoredStates(manifest, graph, { allowNonRestoredState, file })
    if (isFirst) {
      this.#tellRestored(report, states)
      if (manifest.isFinal) this.#tellFinal(manifest, readsOn)
    }
    const vertices = await withFreshSources(restored, report.fresh, this.#options)
    return { checkpointId: manifest.checkpointId, folder, vertices }
  }

  /** A start that reads nothing must not look like one that has found nothing to do. */
  #tellFinal(manifest: CheckpointManifest, readsOn: boolean): void {
    const { plan, observer } = this.#options
    const what = manifest.kind === 'savepoint' ? 'The savepoint' : `Checkpoint ${manifest.checkpointId}`
    const left = inputLeft(manifest, plan)
    if (!left.isUnread && left.newSources.length === 0) {
      observer.onMessage('info', `${what} is final, all input was read: this start commits what is pending, and ends.`)
      return
    }
    observer.onMessage('warning', `${what} ${readsOn ? describeReadOn(left) : describeUnread(left)}`)
  }

  #tellRestored(report: RestoreReport, { unread, changedAggregates }: StoredStates): void {
    const { observer } = this.#options
    observer.onMessage('info', describeMatched(report))
    if (report.dropped.length > 0) {
      observer.onMessage('warning', `State left behind: ${describeUnmatched(report.dropped, report.fresh)}`)
    }
    for (const { operator, state, nearest } of unread) {
      const hint = nearest === undefined ? '' : ` (is it what is "${nearest}" now?)`
      observer.onMessage('warning', `Operator "${operator}" does not use its stored state "${state}"${hint}`)
    }
    for (const { operator, added, dropped } of changedAggregates) {
      if (dropped.length > 0) {
        observer.onMessage(
          'warning',
          `State left behind: ${namesOf(dropped)} of the aggregates of operator "${operator}"`,
        )
      }
      if (added.length > 0) {
        const text = `Operator "${operator}" did not have ${namesOf(added)} before: for keys and windows that it knows too, they begin with what comes now`
        observer.onMessage('warning', text)
      }
    }
  }
}

function describeReadOn({ isUnread, newSources }: InputLeft): string {
  const goesOn = isUnread ? ['reads on where its sources stood'] : []
  const begins = newSources.length === 0 ? [] : [`reads ${namesOf(newSources)}, new since then, from the start`]
  const ended = isUnread
    ? 'was drained: windows and event-time timers have fired as if the input had ended there'
    : 'is final, all its input was read: windows and event-time timers have fired'
  return `${ended}. The job ${[...goesOn, ...begins].join(', and ')}; further records of windows that have fired are late.`
}

function describeUnread({ isUnread, newSources }: InputLeft): string {
  const unread = isUnread ? ['what was not read before the drain stays unread'] : []
  const ignored = newSources.length === 0 ? [] : [`${namesOf(newSources)}, new since then, is not begun`]
  const ended = isUnread ? 'was drained' : 'is final'
  return `${ended}: its input counts as ended. This start commits what is pending and reads nothing; ${[...unread, ...ignored].join(', and ')}. To read on, name it with -s.`
}

function namesOf(list: readonly string[]): string {
  return list.map((name) => `"${name}"`).join(', ')
}
