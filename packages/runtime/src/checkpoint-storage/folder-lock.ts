/**
 * One process per checkpoint folder: a file `LOCK` that says who owns it. It is taken over only from an owner that is
 * known to be dead: same machine, and no process with that id and start time. The start time tells a process from a
 * later one with the same id.
 */
import { FileError, type FileSystem, MillraceError } from '@millrace/api'
import { readWholeFile } from './durable-files.ts'
import type { ProcessIdentity, ProcessTable } from './process-identity.ts'
import { openSealedText, sealText } from './sealed-text.ts'

export const LOCK_FILE = 'LOCK'
const MAGIC = 'MILLRACE-LOCK'
/** An owner writes its name within this time of making the file; a lock without a name that is older has no owner. */
const NAMELESS_AGE_MAX_MS = 10_000
const ATTEMPTS_MAX = 3
/** `LOCK.<pid>`: a dead owner's lock, moved aside by that process. */
const ASIDE = /^LOCK\.([1-9]\d*)$/

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
      if (await lock.#create()) {
        await lock.#removeForgotten()
        return lock
      }
      const owner = await lock.#readOwner()
      if (owner === 'none') continue
      if (owner === 'unknown') throw lock.#locked(owner)
      if (!isSame(owner, NOBODY) && (await options.processes.isAlive(owner))) throw lock.#locked(owner)
      await lock.#takeAway(owner)
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

  async #create(): Promise<boolean> {
    const { files, self } = this.#options
    try {
      const file = await files.create(this.#path, { exclusive: true })
      try {
        await file.write(sealText(MAGIC, JSON.stringify(self)))
      } finally {
        await file.close()
      }
      return true
    } catch (error) {
      if (error instanceof FileError && error.kind === 'exists') return false
      throw this.#unusable(error)
    }
  }

  async #readOwner(path = this.#path): Promise<ProcessIdentity | 'none' | 'unknown'> {
    const { files, now } = this.#options
    const facts = await files.stat(path)
    if (facts === undefined) return 'none'
    try {
      const owner = parseIdentity(openSealedText(MAGIC, await readWholeFile(files, path)))
      if (owner !== undefined) return owner
    } catch (error) {
      if (error instanceof FileError && error.kind === 'not-found') return 'none'
      throw this.#unusable(error)
    }
    if (now() - facts.modifiedMs < NAMELESS_AGE_MAX_MS) return 'unknown'
    return NOBODY
  }

  /** Moves a dead owner's lock aside. Only one of several processes gets it; who got a living one's puts it back. */
  async #takeAway(dead: ProcessIdentity): Promise<void> {
    const { files, self } = this.#options
    const aside = `${this.#path}.${self.pid}`
    try {
      await files.rename(this.#path, aside)
    } catch (error) {
      if (error instanceof FileError && error.kind === 'not-found') return
      throw this.#unusable(error)
    }
    const moved = await this.#readOwner(aside)
    if (typeof moved === 'object' && isSame(moved, dead)) {
      await files.remove(aside)
      return
    }
    await files.rename(aside, this.#path)
    throw this.#locked(moved === 'none' ? 'unknown' : moved)
  }

  /** Removes what a process left that died between moving a dead lock aside and removing it. */
  async #removeForgotten(): Promise<void> {
    const { files, folder, processes, self } = this.#options
    try {
      for (const { name } of await files.list(folder)) {
        const pid = Number(ASIDE.exec(name)?.[1] ?? 0)
        // Of a living process it is still in use.
        if (pid === 0 || (await processes.isAlive({ pid, startedAt: 'unknown', host: self.host }))) continue
        await files.remove(`${folder}/${name}`)
      }
    } catch (error) {
      throw this.#unusable(error)
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
        ? `If that process has ended, remove ${folder}/${LOCK_FILE}: from here it cannot be told.`
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

function parseIdentity(text: string | undefined): ProcessIdentity | undefined {
  if (text === undefined) return undefined
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json !== 'object' || json === null) return undefined
    const { pid, startedAt, host } = json as Partial<Record<keyof ProcessIdentity, unknown>>
    if (typeof pid !== 'number' || typeof startedAt !== 'string' || typeof host !== 'string') return undefined
    return { pid, startedAt, host }
  } catch {
    return undefined
  }
}

function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startedAt === b.startedAt && a.host === b.host
}
