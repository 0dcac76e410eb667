/** A checkpoint folder on a disk in memory, in which jobs choose their start as they do before they run. */
import { type FileErrorKind, MillraceError } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import { type DiskOperation, SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { type ChosenStart, chooseStart, type RestoreRequest } from '../../src/coordinator/choose-start.ts'
import { manifestOf } from '../checkpoint-storage/checkpoint-samples.ts'

export const FOLDER = 'checkpoints'
export const OWN = 'aaaaaaaaaaaaaaaa'
export const choices = { discardNewer: false, allowNonRestoredState: false }
export const latest = { kind: 'latest', ...choices } as const satisfies RestoreRequest
export const newestWhole: RestoreRequest = { kind: 'newest-whole', ...choices }
export const at = (path: string, discardNewer = false): RestoreRequest => ({
  kind: 'path',
  path,
  ...choices,
  discardNewer,
})
export const fresh = (id: string) => ({ id, origin: undefined, futures: [] })

export interface FolderOptions {
  /** Starts get no further than their choice: they do not own the folder. */
  readonly isRefused?: boolean
  readonly fault?: (operation: DiskOperation) => FileErrorKind | undefined
}

export async function open({ isRefused = false, fault }: FolderOptions = {}) {
  const disk = new SimulatedDisk({ random: Math.random, ...(fault === undefined ? {} : { fault }) })
  const files = disk.mount()
  const storage = new FileCheckpointStorage(files, FOLDER)
  await storage.open()
  const messages: string[] = []
  const locks: string[] = []
  let savepoints = 0
  let random = 0
  return {
    locks,
    disk,
    files,
    storage,
    messages,
    store: (id: number, lineage = OWN): Promise<string> => storage.writeManifest({ ...manifestOf(id, []), lineage }),
    /** A checkpoint as the job writes it that starts so, and its savepoint. */
    save: async (id: number, { lineage, futures }: ChosenStart): Promise<string> => {
      const manifest = { ...manifestOf(id, []), lineage, ...(futures.length === 0 ? {} : { futures }) }
      await storage.writeManifest(manifest)
      return storage.writeSavepoint(manifest, `savepoints/${id}-${++savepoints}`)
    },
    ids: async (): Promise<number[]> => (await storage.listCheckpoints()).map(({ checkpointId }) => checkpointId),
    /** As a job does that gets as far as its sinks. */
    choose: async (request: RestoreRequest) => {
      const start = await chooseStart(request, {
        storage,
        files,
        folder: FOLDER,
        jobName: 'job',
        // The first is all of "f", the next ones end otherwise.
        random: { hex: (digits) => `${'f'.repeat(digits - 2)}${(255 - random++).toString(16)}`, fraction: () => 0 },
        lock: async (folder) => {
          locks.push(folder)
          return { release: async () => void locks.push(`${folder} released`) }
        },
        report: (message) => void messages.push(message),
      })
      if (!isRefused) await start.claim()
      return start
    },
  }
}

export const failsWith = (code: string, hint?: RegExp) => (error: unknown) =>
  error instanceof MillraceError && error.code === code && (hint === undefined || hint.test(error.hint ?? ''))
export const idsOf = (manifests: readonly CheckpointManifest[]): number[] =>
  manifests.map(({ checkpointId }) => checkpointId)
