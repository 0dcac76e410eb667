/**
 * A file system that ends the process at one step of its operations, see `kill-point.ts`. All others pass through as
 * they are. Only made when a kill point is set.
 */
import { posix } from 'node:path'
import type { FileFacts, FileSystem, FolderEntry, ReadableFile, WritableFile } from '@millrace/api'
import { type KillMoment, type KillOperation, type KillPoint, killThisProcess } from '../slot/kill-point.ts'

type NameChange = 'created' | 'renamed' | 'removed'

export class KillingFileSystem implements FileSystem {
  readonly #files: FileSystem
  readonly #point: KillPoint
  readonly #path: RegExp
  readonly #left: Int32Array
  readonly #die: () => void
  /** By folder: what its next sync makes durable. */
  readonly #unsynced = new Map<string, Set<NameChange>>()

  /** `die`: what happens at the step. */
  constructor(files: FileSystem, point: KillPoint, die: () => void = killThisProcess) {
    this.#files = files
    this.#point = point
    this.#path = new RegExp(point.path)
    this.#left = new Int32Array(point.left)
    this.#die = die
  }

  openRead(path: string): Promise<ReadableFile> {
    return this.#around(['open-read'], path, () => this.#files.openRead(path))
  }

  async create(path: string, options?: { readonly exclusive?: boolean }): Promise<WritableFile> {
    const file = await this.#around(['create'], path, () => this.#files.create(path, options))
    this.#note(path, 'created')
    return new KillingFile(file, {
      around: (operation, act) => this.#around([operation], path, act),
      isDueWithin: () => this.#isDue('within', ['write'], path),
      die: this.#die,
    })
  }

  makeFolder(path: string): Promise<void> {
    return this.#around(['make-folder'], path, () => this.#files.makeFolder(path))
  }

  list(path: string): Promise<readonly FolderEntry[]> {
    return this.#files.list(path)
  }

  stat(path: string): Promise<FileFacts | undefined> {
    return this.#files.stat(path)
  }

  async rename(from: string, to: string): Promise<void> {
    const isNext = this.#unsynced.get(posix.dirname(to))?.has('renamed') === true
    const operations: KillOperation[] = isNext ? ['rename', 'rename-next'] : ['rename']
    await this.#around(operations, from, async () => {
      await this.#files.rename(from, to)
      this.#note(to, 'renamed')
    })
  }

  async remove(path: string): Promise<boolean> {
    return this.#around(['remove'], path, async () => {
      const wasThere = await this.#files.remove(path)
      if (wasThere) this.#note(path, 'removed')
      return wasThere
    })
  }

  removeFolder(path: string): Promise<void> {
    return this.#around(['remove-folder'], path, () => this.#files.removeFolder(path))
  }

  syncFolder(path: string): Promise<void> {
    const folder = posix.normalize(path)
    const changes = [...(this.#unsynced.get(folder) ?? [])]
    this.#unsynced.delete(folder)
    const operations = changes.map((change): KillOperation => `sync-${change}`)
    return this.#around(operations, path, () => this.#files.syncFolder(path))
  }

  async #around<T>(operations: readonly KillOperation[], path: string, act: () => Promise<T>): Promise<T> {
    if (this.#isDue('before', operations, path)) this.#die()
    const result = await act()
    if (this.#isDue('after', operations, path)) this.#die()
    return result
  }

  #isDue(moment: KillMoment, operations: readonly KillOperation[], path: string): boolean {
    const { moment: wanted, operation } = this.#point
    if (moment !== wanted || (operation !== 'any' && !operations.includes(operation)) || !this.#path.test(path))
      return false
    return Atomics.sub(this.#left, 0, 1) === 1
  }

  #note(path: string, change: NameChange): void {
    const folder = posix.dirname(posix.normalize(path))
    const changes = this.#unsynced.get(folder) ?? new Set()
    changes.add(change)
    this.#unsynced.set(folder, changes)
  }
}

interface FileSteps {
  around<T>(operation: KillOperation, act: () => Promise<T>): Promise<T>
  isDueWithin(): boolean
  die(): void
}

class KillingFile implements WritableFile {
  readonly #file: WritableFile
  readonly #steps: FileSteps

  constructor(file: WritableFile, steps: FileSteps) {
    this.#file = file
    this.#steps = steps
  }

  get path(): string {
    return this.#file.path
  }

  get lengthBytes(): number {
    return this.#file.lengthBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#steps.isDueWithin()) {
      await this.#file.write(bytes.subarray(0, bytes.length >> 1))
      this.#steps.die()
    }
    await this.#steps.around('write', () => this.#file.write(bytes))
  }

  sync(): Promise<void> {
    return this.#steps.around('sync', () => this.#file.sync())
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
