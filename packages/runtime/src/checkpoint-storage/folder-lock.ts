/**
 * One process per checkpoint folder: a file `LOCK` that says who owns it. It is taken over only from an owner that is
 * known to be dead: same machine, and no process with that id and start time. The start time tells a process from a
 * later one with the same id.
 *
 * Invariant: a file here is removed by its living owner, or by the one process that holds the guard of that file
 * (`LOCK.takeover` for `LOCK`) and has seen under it that the owner is dead. So nobody removes a lock that another one
 * has taken over in between. The guard of a process that died while it held it is removed by the same rule, under a
 * guard of its own (`LOCK.takeover.takeover`).
 */
import { FileError, type FileSystem, MillraceError } from '@millrace/api'
import { readWholeFile } from './durable-files.ts'
import { type ProcessIdentity, type ProcessTable, parseIdentity } from './process-identity.ts'
import { openSealedText, sealText } from './sealed-text.ts'

export const LOCK_FILE = 'LOCK'
const MAGIC = 'MILLRACE-LOCK'
/** A file without a name that is older than this has no owner: it died between making the file and writing its name. */
const NAMELESS_AGE_MAX_MS = 10_000
/** Who was slower to write its name may already have been taken for dead, and does not rely on its file. */
const NAMING_MAX_MS = NAMELESS_AGE_MAX_MS / 2
const ATTEMPTS_MAX = 3
const GUARD_SUFFIX = '.takeover'
/** Each guard in a guard is of one more process that died while it took over. */
const GUARDS_MAX = 8

export interface LockOptions {
  readonly files: FileSystem
  readonly folder: string
  readonly self: ProcessIdentity
  readonly processes: ProcessTable
  /** Wall clock, epoch ms. */
  now(): number
}

export class FolderLock {
  readonly #options: LockOptions

  private constructor(options: LockOptions) {
    this.#options = options
  }

  /** The folder must exist. Throws `CHECKPOINT_FOLDER_LOCKED`, naming the owner. */
  static async acquire(options: LockOptions): Promise<FolderLock> {
    const lock = new FolderLock(options)
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (await lock.#create(lock.#path)) {
        await lock.#removeForgotten()
        return lock
      }
      await lock.#removeDead(lock.#path, GUARDS_MAX)
    }
    throw lock.#locked('unknown')
  }

  /** Whether the lock still names this process; false when somebody removed it by hand. */
  async isHeld(): Promise<boolean> {
    const owner = await this.#readOwner()
    return typeof owner === 'object' && isSame(owner, this.#options.self)
  }

  /** Gives the folder free; does nothing when it is no longer ours. */
  async release(): Promise<void> {
    if (await this.isHeld()) await this.#options.files.remove(this.#path)
  }

  get #path(): string {
    return `${this.#options.folder}/${LOCK_FILE}`
  }

  /** Makes a file that this process owns; false when there is one already. */
  async #create(path: string): Promise<boolean> {
    const { files, self, now } = this.#options
    try {
      const startedMs = now()
      const file = await files.create(path, { exclusive: true })
      try {
        await file.write(sealText(MAGIC, JSON.stringify(self)))
      } finally {
        await file.close()
      }
      if (now() - startedMs <= NAMING_MAX_MS) return true
    } catch (error) {
      if (error instanceof FileError && error.kind === 'exists') return false
      throw this.#unusable(error)
    }
    throw this.#locked('unknown')
  }

  /**
   * Removes what a dead process left at `path`, if it is still there when it is looked at again under the guard. Throws
   * `CHECKPOINT_FOLDER_LOCKED` when its owner may live, and when another process is removing it.
   */
  async #removeDead(path: string, guardsLeft: number): Promise<void> {
    const dead = await this.#deadOwner(path)
    if (dead === undefined) return
    if (guardsLeft === 0) throw this.#locked('unknown')
    const guard = `${path}${GUARD_SUFFIX}`
    if (!(await this.#create(guard))) {
      await this.#removeDead(guard, guardsLeft - 1)
      if (!(await this.#create(guard))) throw this.#locked('unknown')
    }
    try {
      // That it is dead was found out before this look, so what is still its file now stays so.
      const owner = await this.#readOwner(path)
      if (typeof owner === 'object' && isSame(owner, dead)) await this.#remove(path)
    } finally {
      await this.#remove(guard)
    }
  }

  /** `undefined` when there is no file; throws when its owner may live. */
  async #deadOwner(path: string): Promise<ProcessIdentity | undefined> {
    const owner = await this.#readOwner(path)
    if (owner === 'none') return undefined
    if (owner === 'unknown') throw this.#locked(owner)
    if (!isSame(owner, NOBODY) && (await this.#options.processes.isAlive(owner))) throw this.#locked(owner)
    return owner
  }

  async #readOwner(path = this.#path): Promise<ProcessIdentity | 'none' | 'unknown'> {
    const { files, now } = this.#options
    try {
      const nowMs = now()
      const before = await files.stat(path)
      if (before === undefined) return 'none'
      const owner = parseIdentity(openSealedText(MAGIC, await readWholeFile(files, path)))
      if (owner !== undefined) return owner
      // What was read is of that age only if it is the same file as before and nobody has written to it.
      const after = await files.stat(path)
      const isOld = nowMs - before.modifiedMs >= NAMELESS_AGE_MAX_MS && after?.modifiedMs === before.modifiedMs
      return isOld ? NOBODY : 'unknown'
    } catch (error) {
      if (error instanceof FileError && error.kind === 'not-found') return 'none'
      throw this.#unusable(error)
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#options.files.remove(path)
    } catch (error) {
      throw this.#unusable(error)
    }
  }

  /** Removes the guards of processes that died while they took over; what may be in use stays. */
  async #removeForgotten(): Promise<void> {
    const { files, folder } = this.#options
    const names = await files.list(folder).catch((error: unknown) => {
      throw this.#unusable(error)
    })
    const guards = names.filter(({ name }) => name.startsWith(`${LOCK_FILE}${GUARD_SUFFIX}`))
    // The innermost guard has the longest name and keeps the others from being removed.
    for (const { name } of guards.sort((a, b) => b.name.length - a.name.length)) {
      try {
        await this.#removeDead(`${folder}/${name}`, GUARDS_MAX)
      } catch (error) {
        if (!(error instanceof MillraceError) || error.code !== 'CHECKPOINT_FOLDER_LOCKED') throw error
      }
    }
  }

  #locked(owner: ProcessIdentity | 'unknown'): MillraceError {
    const { folder, self } = this.#options
    const isElsewhere = owner !== 'unknown' && owner.host !== self.host
    const who =
      owner === 'unknown' ? 'another process' : `process ${owner.pid}${isElsewhere ? ` on ${owner.host}` : ''}`
    return new MillraceError('CHECKPOINT_FOLDER_LOCKED', `The checkpoint folder ${folder} belongs to ${who}`, {
      details: { folder, ...(owner === 'unknown' ? {} : { pid: owner.pid, host: owner.host }) },
      hint: isElsewhere
        ? `If that process has ended, remove ${folder}/${LOCK_FILE} and what begins with ${LOCK_FILE}${GUARD_SUFFIX}: from here it cannot be told.`
        : 'Stop that job first, or give this one another name or execution.checkpointing.dir.',
    })
  }

  #unusable(cause: unknown): MillraceError {
    const { folder } = this.#options
    return new MillraceError('CHECKPOINT_FOLDER_UNUSABLE', `The lock in ${folder} cannot be read or written`, {
      details: { folder },
      hint: 'Check the rights on the checkpoint folder and the room on its disk.',
      cause,
    })
  }
}

/** Who left a lock without a name: a process that died while it wrote it. */
const NOBODY: ProcessIdentity = { pid: 0, startedAt: 'never', host: '' }

function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startedAt === b.startedAt && a.host === b.host
}
