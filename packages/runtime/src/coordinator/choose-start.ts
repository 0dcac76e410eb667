/**
 * Where a job starts: fresh, from the newest checkpoint of its folder, or from one that was named. Decided once per
 * process, before the coordinator, by what the folder holds and what was asked for. Of the folder nothing goes here but
 * left-overs; what the decision means for it is done by `claim`, when the start is accepted.
 */
import { resolve, sep } from 'node:path'
import { type FileSystem, MillraceError } from '@millrace/api'
import { beginFuture, type CheckpointManifest, type Future, type TypedConfig } from '@millrace/core'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import {
  FileCheckpointStorage,
  type OpenedSnapshot,
  openSnapshot,
} from '../checkpoint-storage/file-checkpoint-storage.ts'
import { isOfNewerVersion } from '../checkpoint-storage/storage-errors.ts'
import type { RandomSource } from '../clock/clock.ts'
import { type FolderHistory, futureBehind, futuresFrom, historyOf, isNewestOf, refuseGivenUp } from './chosen-future.ts'
import { type ClaimedSnapshot, claimSnapshot, finishDiscarding, snapshotFolderOf } from './claimed-snapshot.ts'
import type { RestoredCheckpoint } from './coordinator-ports.ts'
import { damagedNewest, nothingWhole } from './damaged-start.ts'
import { beginBehind, refuseNewer } from './given-up-checkpoints.ts'
import { type Lineage, type LineageOrigin, readLineage, writeLineage } from './lineage-file.ts'
import { adviseOnDamage, findNewestWhole, requireWhole } from './newest-whole.ts'

export type RestoreRequest =
  | { readonly kind: 'none' }
  /** The newest checkpoint of the job's folder; none is a fresh start, a damaged one an error. */
  | ({ readonly kind: 'latest' } & RestoreChoices)
  /** As `latest`, but where that is damaged the newest that is not, read to its last byte; what is newer is given up. */
  | ({ readonly kind: 'newest-whole' } & RestoreChoices)
  | ({
      readonly kind: 'path'
      readonly path: string
      /** Who owns it from then on; default NO_CLAIM. */
      readonly claimMode?: ClaimMode
    } & RestoreChoices)

/** `execution.state-recovery.claim-mode`. */
export type ClaimMode = 'NO_CLAIM' | 'CLAIM'

export interface RestoreChoices {
  /** Gives up output and checkpoints that are newer than the restored one. */
  readonly discardNewer: boolean
  readonly allowNonRestoredState: boolean
}

export interface StartSurroundings {
  readonly storage: CheckpointStorage
  readonly files: FileSystem
  /** Of `storage`. */
  readonly folder: string
  readonly jobName: string
  readonly random: RandomSource
  /** Locks another checkpoint folder; throws `CHECKPOINT_FOLDER_LOCKED`. */
  lock(folder: string): Promise<{ release(): Promise<void> }>
  /** Says something to the user. */
  report(message: string): void
}

export interface ChosenStart {
  readonly restored: RestoredCheckpoint | undefined
  /** The checkpoint of the folder that this history was started from by its name; it stays its owner's. */
  readonly unclaimedId: number | undefined
  /** What was restored, when it lies outside the folder and is the job's now. */
  readonly claimed: ClaimedSnapshot | undefined
  readonly existing: readonly CheckpointManifest[]
  readonly lineage: string
  /** Through which futures of that history its checkpoints come. */
  readonly futures: readonly Future[]
  readonly firstCheckpointId: number
  /**
   * Makes the folder this history's, durably, and removes the checkpoints that are given up. Not done before the job is about to
   * write: a start that is refused must leave the history before to be resumed. May be called again when it has thrown.
   */
  claim(): Promise<void>
}

/** What a folder holds when a job starts in it. */
interface FolderContents extends FolderHistory {
  readonly whole: readonly CheckpointManifest[]
  /** 0 for none. */
  readonly newestId: number
  /** The file says what the folder is about; else its newest checkpoint does. */
  readonly isLineageStored: boolean
}

/** Where the job starts, from what the folder holds and what was asked for. */
export async function chooseStart(request: RestoreRequest, surroundings: StartSurroundings): Promise<ChosenStart> {
  const { storage, files, folder } = surroundings
  const listed = await storage.listCheckpoints()
  const whole = listed.flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
  const stored = await readLineage(files, folder)
  const contents: FolderContents = {
    folder,
    listed,
    whole,
    newestId: listed.at(-1)?.checkpointId ?? 0,
    lineage: stored ?? historyOf(whole.at(-1)),
    isLineageStored: stored !== undefined,
  }
  switch (request.kind) {
    case 'path':
      return startFromPath(request, contents, surroundings)
    case 'latest':
      return startFromLatest(request, contents, surroundings)
    case 'newest-whole':
      return startFromNewestWhole(request, contents, surroundings)
    case 'none':
      return startFresh(contents, surroundings)
  }
}

async function startFromPath(
  request: RestoreRequest & { kind: 'path' },
  contents: FolderContents,
  surroundings: StartSurroundings,
): Promise<ChosenStart> {
  const { listed, whole, newestId, lineage } = contents
  const { storage, files, folder, jobName, random } = surroundings
  const opened = await openSnapshot(files, request.path)
  const { manifest } = opened
  refuseGivenUp(request.path, manifest, contents)
  const isOwn = manifest.kind === 'checkpoint' && resolve(opened.folder) === resolve(folder)
  const newer = listed
    .map(({ checkpointId }) => checkpointId)
    .filter((id) => id > manifest.checkpointId && (isOwn || whole.length > 0))
  refuseNewer(request, newer, folder)
  const named = new FileCheckpointStorage(files, opened.folder)
  await named.checkFiles(manifest)
  // What is given up for it cannot be taken back.
  if (request.discardNewer) await requireWhole(named, manifest)
  const givesUpNothing = !request.discardNewer && isNewestOf(contents, manifest)
  const futures = givesUpNothing ? futuresFrom(manifest, lineage) : futureBehind(manifest, random)
  const isClaimed = request.claimMode === 'CLAIM'
  const origin: LineageOrigin = {
    path: request.path,
    checkpointId: manifest.checkpointId,
    ...(isClaimed ? { claimMode: 'CLAIM' } : {}),
  }
  await storage.removeLeftovers()
  surroundings.report(
    `Starting "${jobName}" from ${nameOf(manifest)} in ${request.path}${isClaimed ? ', which the job owns from now on' : ''}`,
  )
  // What is not the job's may go at any time, so that its segments are read as those of another folder: nothing builds on them.
  const place = { file: opened.manifestFile, folder: isOwn && isClaimed ? undefined : opened.folder }
  const restored = { manifest, ...place, isNamed: true }
  return {
    restored,
    unclaimedId: isOwn && !isClaimed ? manifest.checkpointId : undefined,
    claimed: isClaimed && !isOwn ? await claim(opened, surroundings) : undefined,
    existing: whole.filter(({ checkpointId }) => !newer.includes(checkpointId)),
    lineage: manifest.lineage,
    futures,
    firstCheckpointId: Math.max(newestId, manifest.checkpointId) + 1,
    claim: () => beginBehind(newer, { id: manifest.lineage, origin, futures }, contents, surroundings),
  }
}

async function startFromLatest(
  { discardNewer }: RestoreChoices,
  { listed, whole, newestId, lineage, isLineageStored }: FolderContents,
  surroundings: StartSurroundings,
): Promise<ChosenStart> {
  const { storage, files, folder, jobName, report, random } = surroundings
  const newest = listed.at(-1)
  if (newest?.state === 'damaged')
    throw damagedNewest(
      newest.path,
      newest.problem,
      await adviseOnDamage(storage, (manifest) => isOfHistory(manifest, lineage)),
    )
  const origin = lineage?.origin
  if (newest !== undefined && isOfHistory(newest.manifest, lineage)) {
    const { manifest } = newest
    // A checkpoint whose rename a crash could still undo must not be built on.
    await files.syncFolder(`${folder}/chk-${manifest.checkpointId}`)
    await files.syncFolder(folder)
    await storage.removeLeftovers()
    const unclaimedId = ownOriginOf(origin, whole, folder)
    const file = `${folder}/chk-${manifest.checkpointId}/_metadata`
    const restored = {
      manifest,
      file,
      folder: unclaimedId === manifest.checkpointId ? folder : undefined,
      isNamed: manifest.checkpointId === origin?.checkpointId,
    }
    report(`Resuming "${jobName}" from checkpoint ${manifest.checkpointId} in ${folder}`)
    // There may be newer output, of a checkpoint that is not there any more.
    const futures = discardNewer ? futureBehind(manifest, random) : futuresFrom(manifest, lineage)
    return {
      restored,
      unclaimedId,
      claimed: await claimAgain(manifest.lineage, origin, surroundings),
      existing: whole,
      lineage: manifest.lineage,
      futures,
      firstCheckpointId: newestId + 1,
      claim: async () => {
        if (discardNewer || !isLineageStored)
          await writeLineage(files, folder, { id: manifest.lineage, origin, futures })
      },
    }
  }
  if (lineage !== undefined && origin !== undefined) {
    const opened = await openSnapshot(files, origin.path)
    checkIsOrigin(opened.manifest, { ...origin, lineage: lineage.id, folder })
    await storage.removeLeftovers()
    report(`No checkpoint since the start from ${origin.path}: "${jobName}" goes on from there again`)
    const restored = { manifest: opened.manifest, file: opened.manifestFile, folder: opened.folder, isNamed: true }
    const futures = discardNewer ? futureBehind(opened.manifest, random) : futuresFrom(opened.manifest, lineage)
    return {
      restored,
      unclaimedId: undefined,
      claimed: await claimAgain(lineage.id, origin, surroundings),
      existing: whole,
      lineage: lineage.id,
      futures,
      firstCheckpointId: Math.max(newestId, opened.manifest.checkpointId) + 1,
      claim: async () => {
        if (discardNewer) await writeLineage(files, folder, { id: lineage.id, origin, futures })
      },
    }
  }
  report(
    newest === undefined
      ? `There is no checkpoint in ${folder}: "${jobName}" starts fresh`
      : `${folder} holds checkpoint ${newest.checkpointId} of an earlier run, the last run wrote none: "${jobName}" starts fresh`,
  )
  // What an earlier process began and never checkpointed is still this history: its left-overs are known by it.
  return freshStart(lineage, discardNewer ? restartedHistory(lineage, random) : lineage, whole, newestId, surroundings)
}

/** What was skipped is named one by one: nobody shall find out later that output went back in time. */
async function startFromNewestWhole(
  choices: RestoreChoices,
  contents: FolderContents,
  surroundings: StartSurroundings,
): Promise<ChosenStart> {
  const { listed, newestId, lineage } = contents
  const { storage, folder, jobName, report, random } = surroundings
  const { chosen, skipped } = await findNewestWhole(storage, listed, (manifest) => isOfHistory(manifest, lineage))
  if (skipped.length === 0) return startFromLatest(choices, contents, surroundings)
  if (chosen === undefined) throw nothingWhole(folder, skipped, lineage?.origin)
  for (const { path, problem } of skipped) {
    const what = isOfNewerVersion(problem) ? 'was written by a newer version' : 'is damaged'
    report(`${path} ${what} and is given up: ${problem.message}`)
  }
  const { manifest, path } = chosen
  const givenUp = skipped.map(({ checkpointId }) => checkpointId)
  const futures = futureBehind(manifest, random)
  const existing = contents.whole.filter(({ checkpointId }) => !givenUp.includes(checkpointId))
  await storage.removeLeftovers()
  report(`Resuming "${jobName}" from checkpoint ${manifest.checkpointId} in ${folder}, the newest that is whole`)
  const origin = lineage?.origin
  const unclaimedId = ownOriginOf(origin, existing, folder)
  return {
    restored: {
      manifest,
      file: `${path}/_metadata`,
      folder: unclaimedId === manifest.checkpointId ? folder : undefined,
      isNamed: manifest.checkpointId === origin?.checkpointId,
    },
    unclaimedId,
    claimed: await claimAgain(manifest.lineage, origin, surroundings),
    existing,
    lineage: manifest.lineage,
    futures,
    firstCheckpointId: newestId + 1,
    claim: () => beginBehind(givenUp, { id: manifest.lineage, origin, futures }, contents, surroundings),
  }
}

/** Whether a checkpoint belongs to the history that the folder is about, and not to one before. */
function isOfHistory(manifest: CheckpointManifest, lineage: Lineage | undefined): boolean {
  if (lineage === undefined) return true
  return manifest.lineage === lineage.id && manifest.checkpointId >= (lineage.origin?.checkpointId ?? 0)
}

async function startFresh({ whole, newestId }: FolderContents, surroundings: StartSurroundings): Promise<ChosenStart> {
  if (newestId > 0) {
    surroundings.report(
      `${surroundings.folder} holds checkpoint ${newestId} of an earlier run; this is a fresh start (--resume goes on from there)`,
    )
  }
  return freshStart(undefined, undefined, whole, newestId, surroundings)
}

/** `known`: the history that the folder is about; `history`: the one that begins or goes on, a new one where it is left out. */
async function freshStart(
  known: Lineage | undefined,
  history: Lineage | undefined,
  existing: readonly CheckpointManifest[],
  newestId: number,
  { storage, files, folder, random }: StartSurroundings,
): Promise<ChosenStart> {
  await storage.removeLeftovers()
  const begun = history ?? { id: random.hex(16), origin: undefined, futures: [] }
  return {
    restored: undefined,
    unclaimedId: undefined,
    claimed: undefined,
    existing,
    lineage: begun.id,
    futures: begun.futures,
    firstCheckpointId: newestId + 1,
    claim: async () => {
      if (begun !== known) await writeLineage(files, folder, begun)
    },
  }
}

/** Whatever there is of its output is given up. */
function restartedHistory(lineage: Lineage | undefined, random: RandomSource): Lineage | undefined {
  return lineage && { ...lineage, futures: beginFuture([], { id: random.hex(16), after: 0 }) }
}

function claim(
  { manifest, manifestFile, folder }: OpenedSnapshot,
  surroundings: StartSurroundings,
): Promise<ClaimedSnapshot> {
  return claimSnapshot(manifest, snapshotFolderOf(manifestFile), folder, surroundings)
}

/** What an earlier process had claimed and not removed yet; something else may be there by now. */
async function claimAgain(
  lineage: string,
  origin: LineageOrigin | undefined,
  surroundings: StartSurroundings,
): Promise<ClaimedSnapshot | undefined> {
  if (origin?.claimMode !== 'CLAIM') return undefined
  const { files, folder } = surroundings
  try {
    const opened = await openSnapshot(files, origin.path)
    const { manifest } = opened
    if (manifest.lineage !== lineage || manifest.checkpointId !== origin.checkpointId) return undefined
    const isOwn = manifest.kind === 'checkpoint' && resolve(opened.folder) === resolve(folder)
    return isOwn ? undefined : await claim(opened, surroundings)
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    if (error.code === 'CHECKPOINT_NOT_FOUND') {
      await finishDiscarding({ ...origin, lineage }, surroundings)
      return undefined
    }
    surroundings.report(`${origin.path}, which the job had claimed, is left where it is: ${error.message}`)
    return undefined
  }
}

/** The id of the origin when it is a checkpoint of the folder itself and was not claimed. */
function ownOriginOf(
  origin: LineageOrigin | undefined,
  whole: readonly CheckpointManifest[],
  folder: string,
): number | undefined {
  if (origin === undefined || origin.claimMode === 'CLAIM') return undefined
  if (!whole.some(({ checkpointId }) => checkpointId === origin.checkpointId)) return undefined
  return resolve(origin.path).startsWith(resolve(folder) + sep) ? origin.checkpointId : undefined
}

function nameOf({ kind, checkpointId }: CheckpointManifest): string {
  return kind === 'savepoint' ? 'the savepoint' : `checkpoint ${checkpointId}`
}

/** Throws when something else lies by now where the job was started from: its state is not what this history begins with. */
function checkIsOrigin(
  { lineage, checkpointId }: CheckpointManifest,
  origin: LineageOrigin & { readonly lineage: string; readonly folder: string },
): void {
  if (lineage === origin.lineage && checkpointId === origin.checkpointId) return
  const { path, folder } = origin
  throw new MillraceError(
    'CHECKPOINT_OTHER_JOB',
    `The job in ${folder} was started from checkpoint ${origin.checkpointId} of its history in ${path} and has taken none since; what is there now is checkpoint ${checkpointId}${lineage === origin.lineage ? '' : ' of another history'}`,
    {
      details: { folder, path, checkpointId, expected: origin.checkpointId },
      hint: `Put back what was in ${path}, or say with -s what the job is to start from.`,
    },
  )
}

/** The number of key groups is part of the state: a restore keeps it. */
export function planSettingsOf(
  config: TypedConfig,
  restored: CheckpointManifest | undefined,
): { readonly parallelism: number; readonly maxParallelism?: number } {
  const keyed = restored?.operators.find(({ keyGroups, inFlight = [] }) => keyGroups.length + inFlight.length > 0)
  const maxParallelism = config.get('pipeline.max-parallelism') ?? keyed?.maxParallelism
  const parallelism = config.get('parallelism.default')
  return maxParallelism === undefined ? { parallelism } : { parallelism, maxParallelism }
}
