/**
 * A file system that dies: after so many operations, or when it is told to, nothing of it happens and nothing is answered
 * any more, as for a process that was killed. It can fail one operation before. A write during which it dies is done by
 * half. Over a real disk it stands for a kill, over a `SimulatedDisk` that crashes then also for a loss of power.
 */
import {
  FileError,
  type FileFacts,
  type FileSystem,
  type FolderEntry,
  type ReadableFile,
  type WritableFile,
} from '@millrace/api'
import type { LifeOptions } from './storage-world.ts'

export class MortalFileSystem implements FileSystem {
  readonly ended: Promise<void>
  /** Files of which a sync failed and which were then written, synced or renamed all the same. */
  readonly violations: string[] = []
  readonly #files: FileSystem
  readonly #options: LifeOptions
  readonly #givenUp = new Set<string>()
  #operations = 0
  #isDead = false
  #end: () => void = () => {}

  constructor(files: FileSystem, options: LifeOptions = {}) {
    this.#files = files
    this.#options = options
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  get operations(): number {
    return this.#operations
  }

  die(): void {
    this.#isDead = true
    this.#end()
  }

  openRead(path: string): Promise<ReadableFile> {
    return this.perform(path, async () => {
      const file = await this.#files.openRead(path)
      return {
        path,
        read: (into, positionBytes) => this.perform(path, () => file.read(into, positionBytes)),
        sizeBytes: () => this.perform(path, () => file.sizeBytes()),
        close: () => this.#close(file),
      }
    })
  }

  create(path: string, options?: { readonly exclusive?: boolean }): Promise<WritableFile> {
    return this.perform(path, async () => {
      this.#expectUsable(path)
      return new MortalFile(this, await this.#files.create(path, options))
    })
  }

  makeFolder(path: string): Promise<void> {
    return this.perform(path, () => this.#files.makeFolder(path))
  }

  list(path: string): Promise<readonly FolderEntry[]> {
    return this.perform(path, () => this.#files.list(path))
  }

  stat(path: string): Promise<FileFacts | undefined> {
    return this.perform(path, () => this.#files.stat(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.perform(from, () => {
      this.#expectUsable(from)
      return this.#files.rename(from, to)
    })
  }

  remove(path: string): Promise<boolean> {
    return this.perform(path, () => this.#files.remove(path))
  }

  removeFolder(path: string): Promise<void> {
    return this.perform(path, () => this.#files.removeFolder(path))
  }

  syncFolder(path: string): Promise<void> {
    return this.perform(path, () => this.#files.syncFolder(path))
  }

  /** One operation. `half`: what is done of it when the process dies in its place. */
  async perform<T>(path: string, act: () => Promise<T>, half?: () => Promise<unknown>): Promise<T> {
    if (this.#isDead) return await new Promise(() => {})
    const number = this.#operations++
    if (number >= (this.#options.operationsMax ?? Number.POSITIVE_INFINITY)) {
      this.#isDead = true
      await half?.()
      this.#end()
      return await new Promise(() => {})
    }
    if (number === this.#options.failsAt) {
      await half?.()
      throw new FileError('io', path, `${path}: operation ${number} was made to fail`)
    }
    const result = await act()
    // Done, but nobody hears of it.
    if (this.#isDead) return await new Promise(() => {})
    return result
  }

  giveUp(path: string): void {
    this.#givenUp.add(path)
  }

  #expectUsable(path: string): void {
    if (this.#givenUp.has(path)) this.violations.push(`${path} was used again after a sync of it had failed`)
  }

  /** Also of a process that died: the world goes on. */
  async #close(file: { close(): Promise<void> }): Promise<void> {
    await file.close()
    if (this.#isDead) await new Promise(() => {})
  }
}

class MortalFile implements WritableFile {
  readonly #life: MortalFileSystem
  readonly #file: WritableFile
  #hasFailed = false

  constructor(life: MortalFileSystem, file: WritableFile) {
    this.#life = life
    this.#file = file
  }

  get path(): string {
    return this.#file.path
  }

  get lengthBytes(): number {
    return this.#file.lengthBytes
  }

  write(bytes: Uint8Array): Promise<void> {
    const half = (): Promise<void> => this.#file.write(bytes.subarray(0, bytes.length >> 1))
    return this.#life.perform(this.path, () => this.#file.write(bytes), half)
  }

  async sync(): Promise<void> {
    if (this.#hasFailed) this.#life.violations.push(`${this.path} was synced again after a sync of it had failed`)
    try {
      await this.#life.perform(this.path, () => this.#file.sync())
    } catch (error) {
      this.#hasFailed = true
      this.#life.giveUp(this.path)
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
