/**
 * Folders for the databases of one run of a job. RocksDB needs the names of its files, so they are not gone by themselves with a
 * process that is killed: the name of a folder says whose it is, and who makes folders removes first what dead processes have left.
 *
 * Invariant: a folder of a process that may still live is not touched.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '@millrace/api'
import type { ProcessIdentity, ProcessTable } from '../../checkpoint-storage/process-identity.ts'

const PREFIX = 'millrace-rocksdb-'

export interface RunFoldersOptions {
  /** Where folders are made, one in each. */
  readonly parents: readonly string[]
  readonly self: ProcessIdentity
  readonly processes: ProcessTable
  /** Tells this run from others of the process. */
  readonly run: string
  /** What could not be removed. */
  readonly report: (message: string) => void
}

export class RunFolders {
  readonly folders: readonly string[]
  readonly #report: (message: string) => void

  private constructor(folders: readonly string[], report: (message: string) => void) {
    this.folders = folders
    this.#report = report
  }

  /** Throws `DISK_FAILED`. */
  static async create({ parents, self, processes, run, report }: RunFoldersOptions): Promise<RunFolders> {
    const name = nameOf(self, run)
    const made = new RunFolders(
      parents.map((parent) => join(parent, name)),
      report,
    )
    for (const parent of new Set(parents)) await removeLeftovers(parent, processes, report)
    try {
      for (const folder of new Set(made.folders)) await mkdir(folder, { mode: 0o700 })
    } catch (cause) {
      await made.remove()
      throw new MillraceError(
        'DISK_FAILED',
        `A folder of the local state store could not be made: ${cause instanceof Error ? cause.message : cause}`,
        { details: { folders: parents.join(', ') }, hint: 'Choose another folder with io.tmp.dirs.', cause },
      )
    }
    return made
  }

  /** When nothing of the run is at work any more. */
  async remove(): Promise<void> {
    for (const folder of new Set(this.folders)) await remove(folder, this.#report)
  }
}

async function removeLeftovers(
  parent: string,
  processes: ProcessTable,
  report: (message: string) => void,
): Promise<void> {
  let names: readonly string[]
  try {
    names = await readdir(parent)
  } catch (cause) {
    report(`${parent} could not be searched for what dead processes have left: ${messageOf(cause)}`)
    return
  }
  for (const name of names) {
    const owner = ownerOf(name)
    if (owner !== undefined && !(await processes.isAlive(owner))) await remove(join(parent, name), report)
  }
}

async function remove(folder: string, report: (message: string) => void): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  } catch (cause) {
    report(`${folder} could not be removed: ${messageOf(cause)}`)
  }
}

function nameOf({ pid, startedAt, host }: ProcessIdentity, run: string): string {
  return PREFIX + [String(pid), startedAt, host, run].map(encodeURIComponent).join(',')
}

/** Whose a folder is, by its name; `undefined` for what is none of these. */
function ownerOf(name: string): ProcessIdentity | undefined {
  if (!name.startsWith(PREFIX)) return undefined
  const parts = name.slice(PREFIX.length).split(',')
  if (parts.length !== 4) return undefined
  try {
    const [pid, startedAt, host] = parts.map(decodeURIComponent) as [string, string, string]
    return /^[1-9]\d*$/.test(pid) ? { pid: Number(pid), startedAt, host } : undefined
  } catch {
    // No name that was made here.
    return undefined
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
