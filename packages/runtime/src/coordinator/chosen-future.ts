/**
 * In which future of its history a job goes on, and which snapshots it may not go on from: those of a future that was given
 * up, whose output is gone from where the job writes.
 */
import { MillraceError } from '@millrace/api'
import { areSameFutures, beginFuture, type CheckpointManifest, type Future, partingOf } from '@millrace/core'
import type { ListedCheckpoint } from '../checkpoint-storage/checkpoint-storage.ts'
import type { RandomSource } from '../clock/clock.ts'
import type { Lineage } from './lineage-file.ts'

/** What a checkpoint folder says of the history that it is about. */
export interface FolderHistory {
  readonly folder: string
  readonly listed: readonly ListedCheckpoint[]
  readonly lineage: Lineage | undefined
}

/** What a checkpoint knows of the history that its folder is about: all but the snapshot that it was started from by name. */
export function historyOf(newest: CheckpointManifest | undefined): Lineage | undefined {
  return newest && { id: newest.lineage, origin: undefined, futures: newest.futures ?? [] }
}

/** The next future, behind this checkpoint. */
export function futureBehind(
  { checkpointId, futures = [] }: CheckpointManifest,
  random: RandomSource,
): readonly Future[] {
  return beginFuture(futures, { id: random.hex(16), after: checkpointId })
}

/**
 * In which futures a job goes on from this checkpoint. The last one of the file was announced before anything was given up for
 * it: where a checkpoint is there that it was to give up, it has not begun.
 */
export function futuresFrom(manifest: CheckpointManifest, lineage: Lineage | undefined): readonly Future[] {
  const { checkpointId, futures = [] } = manifest
  const last = lineage?.futures.at(-1)
  if (lineage === undefined || last === undefined) return futures
  const isOnlyAnnounced = checkpointId > last.after && !futures.some(({ id }) => id === last.id)
  return isOnlyAnnounced ? futures : lineage.futures
}

/** Whether nothing is given up by a start from this snapshot: it holds what the folder's newest checkpoint does. */
export function isNewestOf(history: FolderHistory, manifest: CheckpointManifest): boolean {
  const { lineage } = history
  const newest = newestOf(history)
  if (lineage?.id !== manifest.lineage || newest?.checkpointId !== manifest.checkpointId) return false
  return areSameFutures(manifest.futures ?? [], futuresOf(history))
}

/** Throws `CHECKPOINT_OTHER_JOB` for a snapshot that does not lie where the folder came through. */
export function refuseGivenUp(path: string, manifest: CheckpointManifest, history: FolderHistory): void {
  const { folder, lineage } = history
  // Of another history the sinks know nothing, and treat it so.
  if (lineage?.id !== manifest.lineage) return
  const { checkpointId, futures = [] } = manifest
  const known = futuresOf(history)
  const newestId = newestOf(history)?.checkpointId ?? 0
  const after = partingOf({ checkpointId, futures }, { newestId, futures: known })
  if (after === undefined) return
  const [own, other] = [nameOf(known), nameOf(futures)]
  throw new MillraceError(
    'CHECKPOINT_OTHER_JOB',
    `${path} (checkpoint ${checkpointId}) is of another future of the job than ${folder}: it is of ${other}, the folder of ${own}, and they parted after checkpoint ${after}. What the job had written between checkpoints ${after} and ${checkpointId} is not in its outputs any more`,
    {
      details: { folder, path, checkpointId, partedAfter: after, future: other, folderFuture: own },
      hint: `Go on with --resume, or from a snapshot that is no newer than checkpoint ${after}. Where this one is to be run all the same, give it an execution.checkpointing.dir and outputs of its own.`,
    },
  )
}

/** Through which futures the folder came. */
function futuresOf(history: FolderHistory): readonly Future[] {
  const newest = newestOf(history)
  if (newest?.state === 'whole') return futuresFrom(newest.manifest, history.lineage)
  return history.lineage?.futures ?? []
}

/** Of this history, or damaged, so that nobody knows of which. */
function newestOf({ listed, lineage }: FolderHistory): ListedCheckpoint | undefined {
  return listed.findLast((each) => each.state === 'damaged' || each.manifest.lineage === lineage?.id)
}

function nameOf(futures: readonly Future[]): string {
  const last = futures.at(-1)
  return last === undefined ? 'the first one' : `${last.id} (begun after checkpoint ${last.after})`
}
