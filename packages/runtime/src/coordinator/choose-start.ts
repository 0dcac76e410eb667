/**
 * Where a job starts: fresh, from the newest checkpoint of its folder, or from one that was named. Decided once per
 * process, before the coordinator, by what the folder holds and what was asked for.
 */
import { resolve } from 'node:path'
import { type FileSystem, MillraceError } from '@millrace/api'
import type { CheckpointManifest, TypedConfig } from '@millrace/core'
import { type FileCheckpointStorage, latestWhole, openSnapshot } from '../checkpoint-storage/file-checkpoint-storage.ts'
import type { RandomSource } from '../clock/clock.ts'
import type { RestoredCheckpoint } from './coordinator-ports.ts'
import { readLineage, writeLineage } from './lineage-file.ts'

export type RestoreRequest =
  | { readonly kind: 'none' }
  /** The newest checkpoint of the job's folder; none is a fresh start, a damaged one an error. */
  | ({ readonly kind: 'latest' } & RestoreChoices)
  | ({ readonly kind: 'path'; readonly path: string } & RestoreChoices)

export interface RestoreChoices {
  /** Gives up output and checkpoints that are newer than the restored one. */
  readonly discardNewer: boolean
  readonly allowNonRestoredState: boolean
}

export interface StartSurroundings {
  readonly storage: FileCheckpointStorage
  readonly files: FileSystem
  /** Of `storage`. */
  readonly folder: string
  readonly jobName: string
  readonly random: RandomSource
  /** Says something to the user. */
  report(message: string): void
}

export interface ChosenStart {
  readonly restored: RestoredCheckpoint | undefined
  readonly existing: readonly CheckpointManifest[]
  readonly lineage: string
  readonly firstCheckpointId: number
}

/** Where the job starts, from what the folder holds and what was asked for. Changes the folder only as was asked. */
export async function chooseStart(request: RestoreRequest, surroundings: StartSurroundings): Promise<ChosenStart> {
  const { storage, files, folder, jobName, random } = surroundings
  const listed = await storage.listCheckpoints()
  const newestId = listed.at(-1)?.checkpointId ?? 0
  const lineage = await readLineage(files, folder)
  const whole = listed.flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
  if (request.kind === 'path') {
    const opened = await openSnapshot(files, request.path)
    const isOwn = opened.manifest.kind === 'checkpoint' && resolve(opened.folder) === resolve(folder)
    const newer = listed.filter(
      ({ checkpointId }) => checkpointId > opened.manifest.checkpointId && (isOwn || whole.length > 0),
    )
    const existing = await giveUpNewer(
      request,
      newer.map(({ checkpointId }) => checkpointId),
      whole,
      storage,
      folder,
    )
    await writeLineage(files, folder, opened.manifest.lineage)
    await storage.removeLeftovers()
    const restored = { manifest: opened.manifest, file: opened.manifestFile, folder: isOwn ? undefined : opened.folder }
    return start(restored, existing, opened.manifest.lineage, newestId)
  }
  if (request.kind === 'latest') {
    const newest = listed.at(-1)
    if (newest !== undefined && newest.state === 'damaged')
      throw damagedNewest(newest.path, newest.problem, latestWhole(listed)?.path)
    const manifest =
      newest?.state === 'whole' && (lineage === undefined || newest.manifest.lineage === lineage)
        ? newest.manifest
        : undefined
    if (manifest !== undefined) {
      // A checkpoint whose rename a crash could still undo must not be built on.
      await files.syncFolder(`${folder}/chk-${manifest.checkpointId}`)
      await files.syncFolder(folder)
      await storage.removeLeftovers()
      const restored = { manifest, file: `${folder}/chk-${manifest.checkpointId}/_metadata`, folder: undefined }
      surroundings.report(`Resuming "${jobName}" from checkpoint ${manifest.checkpointId} in ${folder}`)
      return start(restored, whole, manifest.lineage, newestId)
    }
    surroundings.report(
      newest === undefined
        ? `There is no checkpoint in ${folder}: "${jobName}" starts fresh`
        : `${folder} holds checkpoint ${newest.checkpointId} of an earlier run, the last run wrote none: "${jobName}" starts fresh`,
    )
    // What an earlier process began and never checkpointed is still this history: its left-overs are known by it.
    const own = lineage ?? (await newLineage(files, folder, random))
    await storage.removeLeftovers()
    return start(undefined, whole, own, newestId)
  }
  if (newestId > 0) {
    surroundings.report(
      `${folder} holds checkpoint ${newestId} of an earlier run; this is a fresh start (--resume goes on from there)`,
    )
  }
  const own = await newLineage(files, folder, random)
  await storage.removeLeftovers()
  return start(undefined, whole, own, newestId)
}

function start(
  restored: RestoredCheckpoint | undefined,
  existing: readonly CheckpointManifest[],
  lineage: string,
  newestId: number,
): ChosenStart {
  return {
    restored,
    existing,
    lineage,
    firstCheckpointId: Math.max(newestId, restored?.manifest.checkpointId ?? 0) + 1,
  }
}

async function newLineage(files: FileSystem, folder: string, random: RandomSource): Promise<string> {
  const lineage = random.hex(16)
  await writeLineage(files, folder, lineage)
  return lineage
}

/** Checkpoints after the chosen one are another future of the job: it must be given up before a new one begins. */
async function giveUpNewer(
  choices: RestoreChoices & { readonly path: string },
  newer: readonly number[],
  whole: readonly CheckpointManifest[],
  storage: FileCheckpointStorage,
  folder: string,
): Promise<readonly CheckpointManifest[]> {
  if (newer.length === 0) return whole
  if (!choices.discardNewer) {
    throw new MillraceError(
      'CHECKPOINT_OTHER_JOB',
      `${folder} holds newer checkpoints than ${choices.path}: ${newer.map((id) => `chk-${id}`).join(', ')}`,
      {
        details: { folder, path: choices.path },
        hint: 'Restore the newest with --resume, choose another execution.checkpointing.dir, or give the newer ones up with --discard-newer.',
      },
    )
  }
  await storage.discard(newer, [])
  const left = (await storage.listCheckpoints()).filter(({ checkpointId }) => newer.includes(checkpointId))
  if (left.length > 0) {
    throw new MillraceError(
      'CHECKPOINT_FOLDER_UNUSABLE',
      `${left.map(({ path }) => path).join(', ')} could not be removed from ${folder}`,
      { details: { folder }, hint: 'Check that the folder can be written.' },
    )
  }
  return whole.filter(({ checkpointId }) => !newer.includes(checkpointId))
}

function damagedNewest(path: string, problem: Error, wholePath: string | undefined): MillraceError {
  return new MillraceError('CHECKPOINT_DAMAGED', `The newest checkpoint ${path} is damaged: ${problem.message}`, {
    details: { path },
    hint:
      wholePath === undefined
        ? 'No older checkpoint is whole. Start fresh without --resume, or restore a savepoint with -s.'
        : `${wholePath} is whole: restore it with -s ${wholePath} --discard-newer.`,
    cause: problem,
  })
}

/** The number of key groups is part of the state: a restore keeps it. */
export function planSettingsOf(
  config: TypedConfig,
  restored: CheckpointManifest | undefined,
): { readonly parallelism: number; readonly maxParallelism?: number } {
  const keyed = restored?.operators.find(({ keyGroups }) => keyGroups.length > 0)
  const maxParallelism = config.get('pipeline.max-parallelism') ?? keyed?.maxParallelism
  const parallelism = config.get('parallelism.default')
  return maxParallelism === undefined ? { parallelism } : { parallelism, maxParallelism }
}
