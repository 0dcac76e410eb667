/**
 * Looks at the checkpoints in a folder, or at one that is named, without changing anything: for people and programs
 * beside a job, which may be running and removing checkpoints meanwhile.
 */
import { type FileSystem, MillraceError } from '@millrace/api'
import {
  type CheckpointContents,
  type CheckpointManifest,
  filesOf,
  segmentsNamedBy,
  takeInventory,
} from '@millrace/core'
import type { ListedCheckpoint } from './checkpoint-storage.ts'
import { FileCheckpointStorage, openSnapshot } from './file-checkpoint-storage.ts'
import { MANIFEST_FILE } from './manifest-file.ts'

export interface InspectedCheckpoints {
  /** The checkpoint folder, or that of the savepoint. */
  readonly folder: string
  /** Whether a single checkpoint or savepoint was named. */
  readonly isNamed: boolean
  /** The named one alone when one was named, else all whole ones; oldest first. */
  readonly contents: readonly CheckpointContents[]
  /** Those that cannot be restored, and why. */
  readonly damaged: readonly Extract<ListedCheckpoint, { state: 'damaged' }>[]
  /** Bytes of all segment files in the folder. */
  readonly fileBytes: number
  readonly files: number
  /** Of them, bytes that no whole checkpoint names: dead within files that are needed, or of unfinished checkpoints. */
  readonly unnamedBytes: number
}

/**
 * `path`: a checkpoint folder, a checkpoint in one (`chk-<n>`), a savepoint, or the `_metadata` of either. Throws
 * `CHECKPOINT_NOT_FOUND` where there is none of these; for one that is named also what makes it unreadable, and for a
 * savepoint `CHECKPOINT_DAMAGED` where bytes of it are missing.
 */
export async function inspectCheckpoints(files: FileSystem, path: string): Promise<InspectedCheckpoints> {
  const isNamed = path.endsWith(MANIFEST_FILE) || (await files.stat(`${path}/${MANIFEST_FILE}`)) !== undefined
  if (!isNamed) return inspectFolder(files, path, undefined)
  const { manifest, folder } = await openSnapshot(files, path)
  if (manifest.kind === 'checkpoint') return inspectFolder(files, folder, manifest.checkpointId)
  await new FileCheckpointStorage(files, folder).checkFiles(manifest)
  const sizes = await Promise.all([...filesOf([manifest])].map((file) => sizeOf(files, `${folder}/${file}`)))
  const fileBytes = sum(sizes)
  return {
    folder,
    isNamed,
    contents: takeInventory([manifest]),
    damaged: [],
    fileBytes,
    files: sizes.length,
    unnamedBytes: fileBytes - namedBytes([manifest]),
  }
}

async function inspectFolder(
  files: FileSystem,
  folder: string,
  checkpointId: number | undefined,
): Promise<InspectedCheckpoints> {
  if ((await files.stat(folder))?.kind !== 'folder') throw await notFound(files, folder)
  const listed = await new FileCheckpointStorage(files, folder).listCheckpoints()
  if (listed.length === 0) throw await notFound(files, folder)
  const manifests = listed.flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
  const segmentFiles = await listFiles(files, `${folder}/shared`)
  const sizes = await Promise.all(segmentFiles.map((name) => sizeOf(files, `${folder}/shared/${name}`)))
  const fileBytes = sum(sizes)
  const contents = takeInventory(manifests)
  const damaged: Extract<ListedCheckpoint, { state: 'damaged' }>[] = []
  for (const each of listed) {
    // One that was removed while it was looked at is not damaged.
    if (each.state === 'damaged' && (await files.stat(`${each.path}/${MANIFEST_FILE}`)) !== undefined)
      damaged.push(each)
  }
  const isAsked = (id: number): boolean => checkpointId === undefined || id === checkpointId
  return {
    folder,
    isNamed: checkpointId !== undefined,
    contents: contents.filter((each) => isAsked(each.checkpointId)),
    damaged: damaged.filter((each) => isAsked(each.checkpointId)),
    fileBytes,
    files: sizes.length,
    unnamedBytes: Math.max(0, fileBytes - namedBytes(manifests)),
  }
}

/** Bytes in files that some manifest names; what several name counts once. */
function namedBytes(manifests: readonly CheckpointManifest[]): number {
  const named = new Map<string, number>()
  for (const { location, lengthBytes } of manifests.flatMap(segmentsNamedBy)) {
    if (location.kind === 'file') named.set(`${location.file} ${location.offsetBytes}`, lengthBytes)
  }
  return sum([...named.values()])
}

async function notFound(files: FileSystem, folder: string): Promise<MillraceError> {
  const inside: string[] = []
  for (const name of await listFolders(files, folder)) {
    const names = await listFolders(files, `${folder}/${name}`)
    if (names.some((each) => each.startsWith('chk-'))) inside.push(`${folder}/${name}`)
  }
  const hint =
    inside.length > 0
      ? `There are checkpoints in ${inside.sort().join(', ')}.`
      : 'Name the checkpoint folder of a job (by default .millrace/<job name>), a chk-<n> in it, or a savepoint.'
  return new MillraceError('CHECKPOINT_NOT_FOUND', `There are no checkpoints in ${folder}`, {
    details: { path: folder },
    hint,
  })
}

async function listFolders(files: FileSystem, folder: string): Promise<readonly string[]> {
  if ((await files.stat(folder))?.kind !== 'folder') return []
  return (await files.list(folder)).flatMap(({ name, kind }) => (kind === 'folder' ? [name] : []))
}

async function listFiles(files: FileSystem, folder: string): Promise<readonly string[]> {
  if ((await files.stat(folder)) === undefined) return []
  return (await files.list(folder)).flatMap(({ name, kind }) => (kind === 'file' ? [name] : []))
}

async function sizeOf(files: FileSystem, path: string): Promise<number> {
  return (await files.stat(path))?.sizeBytes ?? 0
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
