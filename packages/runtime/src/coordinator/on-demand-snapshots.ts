/**
 * Checkpoints and savepoints that a user asks for while the job runs, each answered with a promise. Savepoints get folders
 * of their own in the one that was named, so that several can be taken into the same.
 */
import { type FileSystem, MillraceError } from '@millrace/api'
import { makeDurableFolder } from '../checkpoint-storage/durable-files.ts'
import type { RandomSource } from '../clock/clock.ts'
import { type JobMoment, refuseSnapshot, type SnapshotPurpose } from './snapshot-refusal.ts'
import type { CompletedSnapshot, SnapshotRequest } from './snapshot-request.ts'

/** As Flink's: `full` writes all state; `incremental` what changed, where `execution.checkpointing.incremental` is on. */
export type CheckpointType = 'configured' | 'full' | 'incremental'

export interface OnDemandOptions {
  readonly files: FileSystem
  readonly random: RandomSource
  readonly jobId: string
  /** `execution.checkpointing.savepoint-dir`. */
  readonly defaultFolder: string | undefined
  moment(): JobMoment
  request(request: SnapshotRequest): void
}

export class OnDemandSnapshots {
  readonly #options: OnDemandOptions

  constructor(options: OnDemandOptions) {
    this.#options = options
  }

  async takeCheckpoint(type: CheckpointType): Promise<CompletedSnapshot> {
    this.refuse('checkpoint')
    return this.#ask(type === 'full' ? 'full-checkpoint' : 'checkpoint', undefined)
  }

  async takeSavepoint(targetFolder: string | undefined): Promise<CompletedSnapshot> {
    this.refuse('savepoint')
    const folder = await this.folderFor(targetFolder)
    // Making the folder took time.
    this.refuse('savepoint')
    return this.#ask('savepoint', folder)
  }

  /** Throws when it cannot be asked for now. */
  refuse(purpose: SnapshotPurpose): void {
    const error = refuseSnapshot(purpose, this.#options.moment())
    if (error !== undefined) throw error
  }

  /** The folder of a new savepoint, whose parent exists from now on. Throws `SAVEPOINT_FAILED`. */
  async folderFor(targetFolder: string | undefined): Promise<string> {
    const { files, random, jobId, defaultFolder } = this.#options
    const target = targetFolder ?? defaultFolder
    if (target === undefined || target === '') {
      throw new MillraceError('SAVEPOINT_FAILED', 'There is no folder for the savepoint', {
        hint: 'Name one, or set execution.checkpointing.savepoint-dir.',
      })
    }
    try {
      await makeDurableFolder(files, target)
    } catch (cause) {
      throw new MillraceError('SAVEPOINT_FAILED', `No savepoint can be written into ${target}`, {
        details: { folder: target },
        hint: 'Name a folder that can be written, on a disk with room.',
        cause,
      })
    }
    return `${target.replace(/(?<=.)\/+$/, '')}/savepoint-${jobId.slice(0, 6)}-${random.hex(12)}`
  }

  #ask(snapshotKind: SnapshotRequest['snapshotKind'], savepointFolder: string | undefined): Promise<CompletedSnapshot> {
    const { promise, resolve, reject } = Promise.withResolvers<CompletedSnapshot>()
    this.#options.request({
      snapshotKind,
      savepointFolder,
      thenStop: false,
      drain: false,
      onAnswer: (answer) => (answer.kind === 'completed' ? resolve(answer.snapshot) : reject(answer.error)),
    })
    return promise
  }
}
