/**
 * Which checkpoint is whole down to its last byte: what a damaged one is answered with, and what `--resume-from newest-whole`
 * takes. Listing looks at manifests and at the lengths of files; here every segment is read and its checksum compared, so
 * it takes as long as reading the state does.
 */
import { type ErrorData, MillraceError } from '@millrace/api'
import { type CheckpointManifest, type SegmentRef, segmentsNamedBy } from '@millrace/core'
import type { CheckpointStorage, ListedCheckpoint } from '../checkpoint-storage/checkpoint-storage.ts'

type Whole = Extract<ListedCheckpoint, { state: 'whole' }>
type Damaged = Extract<ListedCheckpoint, { state: 'damaged' }>

export interface NewestWhole {
  /** `undefined`: none of them is. */
  readonly chosen: Whole | undefined
  /** Newer ones and why they are passed over, newest first. */
  readonly skipped: readonly Damaged[]
}

const PORTION_BYTES = 8_388_608

/** Of those listed; `isCandidate` says which whole ones may be taken at all, others are passed by. */
export async function findNewestWhole(
  storage: CheckpointStorage,
  listed: readonly ListedCheckpoint[],
  isCandidate: (manifest: CheckpointManifest) => boolean = () => true,
): Promise<NewestWhole> {
  const skipped: Damaged[] = []
  for (const checkpoint of listed.toReversed()) {
    if (checkpoint.state === 'damaged') {
      skipped.push(checkpoint)
      continue
    }
    if (!isCandidate(checkpoint.manifest)) continue
    const problem = await findDamage(storage, checkpoint.manifest)
    if (problem === undefined) return { chosen: checkpoint, skipped }
    const { checkpointId, path } = checkpoint
    skipped.push({ state: 'damaged', checkpointId, path, problem })
  }
  return { chosen: undefined, skipped }
}

/** What to do about a damaged checkpoint of this folder: which older one is whole, and what to type. */
export async function adviseOnDamage(
  storage: CheckpointStorage,
  isCandidate: (manifest: CheckpointManifest) => boolean,
): Promise<string> {
  const { chosen } = await findNewestWhole(storage, await storage.listCheckpoints(), isCandidate)
  return chosen === undefined
    ? `No checkpoint in ${storage.folder} is whole. Restore a savepoint with -s <savepoint>, or start fresh without --resume.`
    : `${chosen.path} is whole, every byte of it was read. To go on from it, run the same command with --resume-from newest-whole in place of --resume or -s; or with -s ${chosen.path} --discard-newer. Either gives up what is newer, with its output.`
}

/** The error of a job that failed, with that advice where a checkpoint was damaged. */
export async function withAdviceOnDamage(
  error: ErrorData,
  storage: CheckpointStorage,
  lineage: string,
): Promise<ErrorData> {
  if (error.code !== 'CHECKPOINT_DAMAGED' && error.code !== 'BYTES_DAMAGED') return error
  try {
    return { ...error, hint: await adviseOnDamage(storage, (manifest) => manifest.lineage === lineage) }
  } catch {
    // The folder cannot even be listed: the first error says more than this one would.
    return error
  }
}

/** Reads it to its last byte. Throws `CHECKPOINT_DAMAGED`. */
export async function requireWhole(storage: CheckpointStorage, manifest: CheckpointManifest): Promise<void> {
  const problem = await findDamage(storage, manifest)
  if (problem !== undefined) throw problem
}

async function findDamage(storage: CheckpointStorage, manifest: CheckpointManifest): Promise<Error | undefined> {
  try {
    for (const portion of portionsOf(manifest)) await storage.readSegments(portion)
    return undefined
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'CHECKPOINT_DAMAGED') return error
    throw error
  }
}

function* portionsOf(manifest: CheckpointManifest): Generator<readonly SegmentRef[]> {
  let portion: SegmentRef[] = []
  let bytes = 0
  for (const ref of segmentsNamedBy(manifest)) {
    portion.push(ref)
    bytes += ref.lengthBytes
    if (bytes < PORTION_BYTES) continue
    yield portion
    portion = []
    bytes = 0
  }
  if (portion.length > 0) yield portion
}
