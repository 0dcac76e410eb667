/**
 * The file `unfinished-savepoints` in a checkpoint folder: the folders of savepoints that its job is writing. Who is killed meanwhile
 * leaves them half written, in places that nobody else remembers; the next process that owns the checkpoint folder takes them
 * away. Only what says of itself that a dead process was writing it (`savepoint-folder.ts`) is touched.
 */
import { resolve } from 'node:path'
import type { FileSystem } from '@millrace/api'
import { isDiscarded } from './discard-savepoint.ts'
import { readWholeFile, replaceFile } from './durable-files.ts'
import type { ProcessIdentity, ProcessTable } from './process-identity.ts'
import { lookAtSavepoint, removeUnfinished, removeWriting, WRITING_FILE } from './savepoint-folder.ts'
import { openSealedText, sealText } from './sealed-text.ts'
import { messageOf } from './storage-errors.ts'

export const UNFINISHED_FILE = 'unfinished-savepoints'
const MAGIC = 'MILLRACE-SAVEPOINTS'

export interface UnfinishedOptions {
  readonly files: FileSystem
  readonly checkpointFolder: string
  readonly processes: ProcessTable
  report(message: string): void
}

export class UnfinishedSavepoints {
  readonly #options: UnfinishedOptions
  readonly #path: string

  constructor(options: UnfinishedOptions) {
    this.#options = options
    this.#path = `${options.checkpointFolder}/${UNFINISHED_FILE}`
  }

  /** Durable when it resolves: then the savepoint may be begun. */
  async add(folder: string): Promise<void> {
    const others = (await this.#read()).filter((each) => each !== resolve(folder))
    await this.#write([...others, resolve(folder)])
  }

  /** The writing has ended: it is forgotten unless something is left of it. Never rejects. */
  async onEnded(folder: string): Promise<void> {
    const { files, report } = this.#options
    try {
      if ((await lookAtSavepoint(files, folder)).kind === 'unfinished') return
      await this.#write((await this.#read()).filter((each) => each !== resolve(folder)))
    } catch (error) {
      report(`${this.#path} could not be changed: ${messageOf(error)}`)
    }
  }

  /**
   * Takes away what dead processes have left, and returns their folders. What cannot be taken away now is for the next start. Never
   * rejects.
   */
  async clear(): Promise<readonly string[]> {
    const { files, report } = this.#options
    const cleared: string[] = []
    const left: string[] = []
    try {
      await files.remove(`${this.#path}.tmp`)
      const folders = await this.#read()
      if (folders.length === 0) return []
      for (const folder of folders) {
        const state = await this.#clear(folder)
        if (state === 'cleared') cleared.push(folder)
        if (state === 'left') left.push(folder)
      }
      await this.#write(left)
    } catch (error) {
      report(`${this.#path} could not be worked off: ${messageOf(error)}`)
    }
    return cleared
  }

  async #clear(folder: string): Promise<'cleared' | 'left' | 'nothing'> {
    const { files, processes, report } = this.#options
    try {
      const state = await lookAtSavepoint(files, folder)
      if (state.kind === 'whole') await removeWriting(files, folder, report)
      if (state.kind === 'none') await removeBegun(files, folder)
      // Whoever discards it comes back to that.
      if (state.kind !== 'unfinished' || (await isDiscarded(files, folder))) return 'nothing'
      const { writer } = state
      if (writer === undefined || (await processes.isAlive(writer))) {
        report(`What is in ${folder} of a savepoint is left there: ${whoWrites(writer)}`)
        return 'left'
      }
      await removeUnfinished(files, folder)
      await removeIfEmpty(files, folder)
      report(`Removed what a process that was killed had written of a savepoint in ${folder}`)
      return 'cleared'
    } catch (error) {
      report(`What is in ${folder} of a savepoint could not be removed: ${messageOf(error)}`)
      return 'left'
    }
  }

  async #read(): Promise<readonly string[]> {
    const { files, report } = this.#options
    if ((await files.stat(this.#path)) === undefined) return []
    const folders = parseFolders(openSealedText(MAGIC, await readWholeFile(files, this.#path)))
    if (folders !== undefined) return folders
    report(`${this.#path} was damaged: what it named of unfinished savepoints stays where it is`)
    await files.remove(this.#path)
    return []
  }

  async #write(folders: readonly string[]): Promise<void> {
    const { files } = this.#options
    if (folders.length === 0) await files.remove(this.#path)
    else await replaceFile(files, this.#path, sealText(MAGIC, JSON.stringify(folders)))
  }
}

/** For messages about an unfinished savepoint that is left. */
export function whoWrites(writer: ProcessIdentity | undefined): string {
  if (writer === undefined) return `its file ${WRITING_FILE}, which says who writes it, cannot be read`
  return `process ${writer.pid} on ${writer.host} is writing it`
}

export async function removeIfEmpty(files: FileSystem, folder: string): Promise<void> {
  if ((await files.list(folder)).length === 0) await files.removeFolder(folder)
}

/** As far as one gets that dies before it has said who it is. */
async function removeBegun(files: FileSystem, folder: string): Promise<void> {
  if ((await files.stat(folder))?.kind !== 'folder') return
  await files.remove(`${folder}/${WRITING_FILE}.tmp`)
  await removeIfEmpty(files, folder)
}

function parseFolders(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  try {
    const json: unknown = JSON.parse(text)
    return Array.isArray(json) && json.every((each) => typeof each === 'string') ? json : undefined
  } catch {
    return undefined
  }
}
