/**
 * What the coordinator does with sinks before tasks start: has each target checked and cleaned, then commits what the
 * restored checkpoint prepared. Both happen with no writer alive.
 */
import { type LogicalNode, MillraceError, type Sink, type SinkTargetContext } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import type { CoordinatorOptions } from './coordinator-ports.ts'

interface SinkStep {
  readonly node: LogicalNode
  readonly sink: Sink<unknown>
}

export class SinkTargets {
  readonly #options: CoordinatorOptions
  readonly #collect: (channel: string, id: string, values: readonly unknown[]) => void
  readonly #sinks: readonly SinkStep[]

  constructor(options: CoordinatorOptions, collect: (channel: string, id: string, values: readonly unknown[]) => void) {
    this.#options = options
    this.#collect = collect
    this.#sinks = options.graph.nodes.flatMap((node) =>
      node.spec.kind === 'sink' ? [{ node, sink: node.spec.sink }] : [],
    )
  }

  /** Whether all targets can be used; changes nothing. */
  async check(restored: CheckpointManifest | undefined): Promise<void> {
    for (const { node, sink } of this.#sinks) await sink.checkTarget?.(this.#contextOf(node, restored, true))
  }

  async prepare(restored: CheckpointManifest | undefined, firstAttempt: boolean): Promise<void> {
    for (const { node, sink } of this.#sinks) await sink.prepareTarget?.(this.#contextOf(node, restored, firstAttempt))
  }

  #contextOf(node: LogicalNode, restored: CheckpointManifest | undefined, firstAttempt: boolean): SinkTargetContext {
    const { files, lineage, discardNewer, observer } = this.#options
    const stored = restored?.operators.find(({ uid }) => uid === node.uid)
    return {
      files,
      uid: node.uid,
      lineage,
      restoredCheckpoint: restored?.checkpointId,
      firstAttempt,
      // Given up once, at the start: what a later attempt finds is this run's own.
      discardNewer: discardNewer && firstAttempt,
      pending: stored?.committables ?? [],
      writerStates: stored?.entries ?? [],
      report: (message) => observer.onMessage('info', message),
    }
  }

  /** Commits what `restored` prepared; whether it was committed before does not matter. */
  async commit(restored: CheckpointManifest): Promise<void> {
    for (const { node, sink } of this.#sinks) {
      const committables = restored.operators.find(({ uid }) => uid === node.uid)?.committables ?? []
      if (committables.length === 0) continue
      const committer = await sink.openCommitter?.({
        files: this.#options.files,
        uid: node.uid,
        report: (message) => this.#options.observer.onMessage('info', message),
        deliver: this.#collect,
      })
      if (committer === undefined) {
        throw new MillraceError(
          'CHECKPOINT_OTHER_JOB',
          `The checkpoint has prepared output for "${node.uid}", which has no committer`,
          {
            details: { operator: node.uid },
          },
        )
      }
      try {
        await committer.commit(committables)
      } finally {
        await committer.close()
      }
    }
  }
}
