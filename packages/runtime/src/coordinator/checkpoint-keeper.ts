/**
 * The checkpoints of one job in its folder, as the coordinator sees them: the restore point, storing, retention. Acts
 * through `CheckpointStorage`; which ones go is decided by `decideRetention`.
 */
import { type CheckpointId, type CheckpointManifest, decideRetention, filesOf } from '@millrace/core'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import type { ClaimedSnapshot } from './claimed-snapshot.ts'
import type { CheckpointRetention, JobOutcome, RestoredCheckpoint } from './coordinator-ports.ts'

export interface CheckpointKeeperOptions {
  readonly storage: CheckpointStorage
  readonly retainedMax: number
  readonly restored: RestoredCheckpoint | undefined
  /** Whole checkpoints that are in the folder at the start, of this history or an older one. */
  readonly existing: readonly CheckpointManifest[]
  /** Of this process; what is older is not its to clear away. */
  readonly firstCheckpointId: CheckpointId
  /** A checkpoint of the folder that was restored by its name: it stays its owner's, whatever retention says. */
  readonly unclaimedId: CheckpointId | undefined
  /** A snapshot outside the folder that the job owns: its oldest checkpoint. */
  readonly claimed: ClaimedSnapshot | undefined
}

export class CheckpointKeeper {
  readonly #storage: CheckpointStorage
  readonly #retainedMax: number
  readonly #firstCheckpointId: CheckpointId
  readonly #unclaimedId: CheckpointId | undefined
  /** Until it is removed. */
  #claimed: ClaimedSnapshot | undefined
  /**
   * This process has stored one, or has finished from the one that it found. Until then the newest that is there may turn out to
   * be damaged, so that older ones stay.
   */
  #isNewestProven = false
  #hasGivenUp = false
  #hasEverGivenUp = false
  #latest: RestoredCheckpoint | undefined
  #retained: readonly CheckpointManifest[]
  /** Beyond retention, and perhaps still there: as long as a manifest is, so is what it names. */
  #dropped: readonly CheckpointManifest[] = []
  /** What was removed or could not be is settled one after the other. */
  #removing: Promise<void> = Promise.resolve()

  constructor(options: CheckpointKeeperOptions) {
    this.#storage = options.storage
    this.#retainedMax = options.retainedMax
    this.#firstCheckpointId = options.firstCheckpointId
    this.#unclaimedId = options.unclaimedId
    this.#claimed = options.claimed
    this.#latest = options.restored
    this.#retained = options.existing
  }

  /** What the next attempt starts from. */
  get latest(): RestoredCheckpoint | undefined {
    return this.#latest
  }

  /** Makes a checkpoint exist and the restore point. Returns its path. */
  async store(manifest: CheckpointManifest): Promise<string> {
    const path = await this.#storage.writeManifest(manifest)
    this.#isNewestProven = true
    this.#latest = { manifest, file: `${path}/_metadata`, folder: undefined }
    this.#retained = [...this.#retained, manifest]
    return path
  }

  exportSavepoint(manifest: CheckpointManifest, folder: string): Promise<string> {
    return this.#storage.writeSavepoint(manifest, folder)
  }

  /**
   * A checkpoint was given up: what tasks have stored for it is cleared away at once, since where a disk is full no next one
   * may ever complete; and once more with the next `retain`, for those that were still writing. Nothing from `pendingFrom`
   * on is touched.
   */
  onGivenUp(pendingFrom: CheckpointId): void {
    this.#hasGivenUp = true
    this.#hasEverGivenUp = true
    this.#removing = this.#removing.then(() =>
      this.#storage.removeUnnamedSegments(this.#firstCheckpointId, pendingFrom - 1, this.#namedFiles()),
    )
  }

  /**
   * Removes what is beyond retention and says which checkpoints that are; a pending checkpoint may build on those from
   * `inUseFrom` on.
   */
  retain(inUseFrom: CheckpointId, settledUpTo = this.#latest?.manifest.checkpointId): readonly CheckpointId[] {
    const inUse = new Set(
      this.#retained
        .map(({ checkpointId }) => checkpointId)
        .filter((id) => id >= inUseFrom || id === this.#unclaimedId),
    )
    const retainedMax = this.#isNewestProven ? this.#retainedMax : Number.POSITIVE_INFINITY
    const { keep, drop, deadFiles } = decideRetention({
      checkpoints: this.#retained,
      retainedMax,
      inUse,
    })
    this.#retained = keep
    const ids = drop.map(({ checkpointId }) => checkpointId)
    if (ids.length > 0) {
      this.#dropped = [...this.#dropped, ...drop]
      this.#removing = this.#removing.then(async () => {
        await this.#storage.discard(ids, deadFiles)
        this.#dropped = this.#dropped.filter((manifest) => !drop.includes(manifest))
      })
    }
    const claimedId = this.#claimed?.checkpointId ?? Number.POSITIVE_INFINITY
    if (keep.filter(({ checkpointId }) => checkpointId > claimedId).length >= retainedMax) this.#discardClaimed()
    if (!this.#hasGivenUp || settledUpTo === undefined) return ids
    this.#hasGivenUp = false
    const named = filesOf(keep)
    this.#removing = this.#removing.then(() =>
      this.#storage.removeUnnamedSegments(this.#firstCheckpointId, settledUpTo, named),
    )
    return ids
  }

  /** The job has ended: keeps or removes the checkpoints as configured. One that is suspended is to go on from them. */
  async close(state: JobOutcome['state'], retention: CheckpointRetention): Promise<void> {
    // A task may have stored for a checkpoint that was given up after it was cleared away.
    this.#hasGivenUp = this.#hasEverGivenUp
    if (state === 'FINISHED') this.#isNewestProven = true
    // Nothing is pending any more that could build on a checkpoint beyond retention.
    this.retain(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    await this.#removing
    const isKept =
      state === 'SUSPENDED' ||
      retention === 'RETAIN_ON_CANCELLATION' ||
      (retention === 'DELETE_ON_CANCELLATION' && state !== 'CANCELED')
    if (isKept) return
    this.#discardClaimed()
    await this.#removing
    if (this.#retained.length === 0) return
    const kept = this.#retained.filter(({ checkpointId }) => checkpointId === this.#unclaimedId)
    const gone = this.#retained.filter(({ checkpointId }) => checkpointId !== this.#unclaimedId)
    const live = filesOf(kept)
    await this.#storage.discard(
      gone.map(({ checkpointId }) => checkpointId),
      [...filesOf(gone)].filter((file) => !live.has(file)),
    )
  }

  #namedFiles(): ReadonlySet<string> {
    return filesOf([...this.#retained, ...this.#dropped])
  }

  /** Nothing that is kept needs it: segments of another folder are never named. */
  #discardClaimed(): void {
    const claimed = this.#claimed
    this.#claimed = undefined
    if (claimed !== undefined) this.#removing = this.#removing.then(() => claimed.discard())
  }
}
