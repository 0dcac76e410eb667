/**
 * A checkpoint or savepoint outside the job's own folder that the job was started from with claim mode CLAIM: it is the
 * job's oldest checkpoint, and retention removes it. What lies beside it stays, and so does every file of it that another
 * checkpoint there names.
 *
 * Its folder is locked as long as it may be removed: a job that runs there may still need it.
 */
import { basename } from 'node:path'
import type { FileSystem } from '@millrace/api'
import { type CheckpointId, type CheckpointManifest, filesOf } from '@millrace/core'
import { discardSavepoint, openDiscarded } from '../checkpoint-storage/discard-savepoint.ts'
import { FileCheckpointStorage, folderNamedBy } from '../checkpoint-storage/file-checkpoint-storage.ts'

export interface ClaimedSnapshot {
  readonly checkpointId: CheckpointId
  /** Never rejects: what cannot be removed is told, and stays. */
  discard(): Promise<void>
  /** Ends the lock. Never rejects. */
  release(): Promise<void>
}

export interface ClaimSurroundings {
  readonly files: FileSystem
  /** Throws when somebody else owns the folder. */
  lock(folder: string): Promise<{ release(): Promise<void> }>
  report(message: string): void
}

/** `folder`: what its segments are relative to; for a checkpoint that is a folder of checkpoints. */
export async function claimSnapshot(
  manifest: CheckpointManifest,
  path: string,
  folder: string,
  { files, lock, report }: ClaimSurroundings,
): Promise<ClaimedSnapshot> {
  const held = manifest.kind === 'savepoint' ? undefined : await lock(folder)
  return {
    checkpointId: manifest.checkpointId,
    discard: () =>
      told(report, notRemoved(path), () =>
        manifest.kind === 'savepoint'
          ? discardSavepoint(files, path)
          : discardCheckpoint(manifest, new FileCheckpointStorage(files, folder, { report })),
      ),
    release: () => told(report, `${folder} stays locked until this process ends`, async () => held?.release()),
  }
}

/** Of a savepoint that the job has claimed, and whose removal was interrupted, what is left is removed. Never rejects. */
export async function finishDiscarding(
  {
    path,
    checkpointId,
    lineage,
  }: { readonly path: string; readonly checkpointId: CheckpointId; readonly lineage: string },
  { files, report }: ClaimSurroundings,
): Promise<void> {
  await told(report, notRemoved(path), async () => {
    const folder = folderNamedBy(path)
    const left = await openDiscarded(files, folder)
    // Something else may have been there since.
    if (left?.lineage === lineage && left.checkpointId === checkpointId) await discardSavepoint(files, folder)
  })
}

function notRemoved(path: string): string {
  return `${path}, which the job had claimed, could not be removed`
}

/** What fails is said, and nothing else comes of it. */
async function told(report: (message: string) => void, what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    report(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function discardCheckpoint({ checkpointId }: CheckpointManifest, storage: FileCheckpointStorage): Promise<void> {
  const listed = await storage.listCheckpoints()
  const own = listed.find((each) => each.checkpointId === checkpointId)
  if (own?.state !== 'whole') return
  const others = listed.filter((each) => each !== own)
  const whole = others.flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
  const named = filesOf(whole)
  // What a damaged manifest names cannot be known.
  const dead = whole.length < others.length ? [] : [...filesOf([own.manifest])].filter((file) => !named.has(file))
  await storage.discard([checkpointId], dead)
}

/** `chk-<n>` or the folder of a savepoint, also when its manifest was named. */
export function snapshotFolderOf(manifestFile: string): string {
  return manifestFile.slice(0, -basename(manifestFile).length - 1)
}
