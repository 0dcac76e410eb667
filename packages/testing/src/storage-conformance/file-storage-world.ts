/** A world of `FileCheckpointStorage` over any file system, for the conformance suite of checkpoint storage. */
import { FileError, type FileSystem } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import { type CheckpointStorage, FileCheckpointStorage, openSnapshot } from '@millrace/runtime'
import { MortalFileSystem } from './mortal-file-system.ts'
import type { LifeOptions, StorageLife, StorageWorld } from './storage-world.ts'

export interface FileStorageWorldOptions {
  /** The file system as a process that begins finds it. What the one before had not synced may be lost. */
  mount(): FileSystem
  /** For looking into it and damaging it; nothing of it counts as an operation of a process. Default: as `mount`. */
  readonly outside?: () => FileSystem
  /** A folder of it, for everything; need not exist. */
  readonly root: string
  setCapacity?(bytes: number | undefined): void
  end?(): Promise<void>
}

export class FileStorageWorld implements StorageWorld {
  readonly #options: FileStorageWorldOptions
  readonly #violations: string[] = []
  readonly setCapacity?: (bytes: number | undefined) => void
  #life: MortalFileSystem | undefined
  #lives = 0

  constructor(options: FileStorageWorldOptions) {
    this.#options = options
    if (options.setCapacity !== undefined) this.setCapacity = (bytes) => options.setCapacity?.(bytes)
  }

  async begin(options: LifeOptions = {}): Promise<StorageLife> {
    this.#life?.die()
    const life = new MortalFileSystem(this.#options.mount(), options)
    this.#life = life
    const self = { pid: ++this.#lives, startedAt: 'once', host: 'world' }
    const processes = { isAlive: async ({ pid }: { readonly pid: number }) => pid === this.#lives }
    return {
      storage: new FileCheckpointStorage(life, `${this.#options.root}/checkpoints`, { owner: { self, processes } }),
      ended: life.ended,
      operations: () => life.operations,
    }
  }

  async contents(): Promise<ReadonlyMap<string, Uint8Array>> {
    const files = this.#outside()
    const all = new Map<string, Uint8Array>()
    const walk = async (folder: string): Promise<void> => {
      for (const { name, kind } of await files.list(folder)) {
        const path = `${folder}/${name}`
        if (kind === 'folder') await walk(path)
        else all.set(path, await bytesOf(files, path))
      }
    }
    if ((await files.stat(this.#options.root)) !== undefined) await walk(this.#options.root)
    return all
  }

  async overwrite(name: string, bytes: Uint8Array | undefined): Promise<void> {
    const files = this.#outside()
    if (bytes === undefined) {
      if (!(await files.remove(name))) throw new FileError('not-found', name, `${name}: nothing to remove`)
      return
    }
    const file = await files.create(name)
    await file.write(bytes)
    await file.sync()
    await file.close()
  }

  async openSavepoint(path: string): Promise<{ manifest: CheckpointManifest; storage: CheckpointStorage }> {
    const files = this.#outside()
    const { manifest, folder } = await openSnapshot(files, path)
    return { manifest, storage: new FileCheckpointStorage(files, folder) }
  }

  violations(): readonly string[] {
    return [...this.#violations, ...(this.#life?.violations ?? [])]
  }

  async end(): Promise<void> {
    this.#life?.die()
    await this.#options.end?.()
  }

  #outside(): FileSystem {
    return (this.#options.outside ?? this.#options.mount)()
  }
}

async function bytesOf(files: FileSystem, path: string): Promise<Uint8Array> {
  const file = await files.openRead(path)
  try {
    const bytes = new Uint8Array(await file.sizeBytes())
    for (let at = 0; at < bytes.length; ) at += await file.read(bytes.subarray(at), at)
    return bytes
  } finally {
    await file.close()
  }
}
