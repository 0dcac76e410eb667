/**
 * Which future of a job's history a checkpoint belongs to. Going back to an older checkpoint begins another future behind it:
 * what had come after is given up, with its output. A savepoint that was taken there before stays whole, and yet the job
 * must not go on from it: the outputs lack what it builds on, and hold something else in that place. Pure.
 *
 * The very first future of a history has no name. A list of futures says through which ones something came, oldest first; each
 * began behind a later checkpoint than the one before.
 */
import type { CheckpointId } from '../channel/stream-element.ts'

export interface Future {
  /** 16 hex digits. */
  readonly id: string
  /** It began behind this checkpoint of the future before it; 0: at the very start. */
  readonly after: CheckpointId
}

/** The oldest are forgotten: who goes back that often does not go back that far. */
export const FUTURES_MAX = 32

/** `futures`: those of the checkpoint that the next one begins behind. */
export function beginFuture(futures: readonly Future[], next: Future): readonly Future[] {
  return [...futures, next].slice(-FUTURES_MAX)
}

export function areSameFutures(one: readonly Future[], other: readonly Future[]): boolean {
  return one.length === other.length && one.every(({ id }, index) => other[index]?.id === id)
}

/**
 * Behind which checkpoint a snapshot and the folder of its history parted; `undefined`: the folder came through the snapshot, or
 * the snapshot goes on where the folder has ended. `newestId`: the newest checkpoint in the folder, 0 for none.
 */
export function partingOf(
  snapshot: { readonly checkpointId: CheckpointId; readonly futures: readonly Future[] },
  folder: { readonly newestId: CheckpointId; readonly futures: readonly Future[] },
): CheckpointId | undefined {
  const shared = snapshot.futures.findLastIndex(({ id }) => folder.futures.some((known) => known.id === id))
  const sharedId = snapshot.futures[shared]?.id
  const left = snapshot.futures[shared + 1]?.after
  const turned = folder.futures[folder.futures.findIndex(({ id }) => id === sharedId) + 1]?.after
  if (turned !== undefined) return turned < snapshot.checkpointId ? turned : undefined
  return left !== undefined && left < folder.newestId ? left : undefined
}
