/**
 * Who has asked the simulated disk for what. Operations wait here until the simulation completes them, in any order;
 * those of a life that has ended are never answered.
 */
import type { FileFacts, FileSystem, FolderEntry, ReadableFile, WritableFile } from '@millrace/api'
import type { DiskFlight, DiskOperation } from '../sim-disk/simulated-disk.ts'
import type { Life } from './life.ts'

export interface WaitingOperation {
  readonly operation: DiskOperation
  readonly flight: DiskFlight
  readonly life: Life
}

export class DiskTraffic {
  #waiting: WaitingOperation[] = []
  #asking: Life | undefined

  get waiting(): readonly WaitingOperation[] {
    return this.#waiting
  }

  /** For the options of `SimulatedDisk`. */
  readonly schedule = (operation: DiskOperation, flight: DiskFlight): void => {
    if (this.#asking === undefined) throw new Error(`${operation.kind} of ${operation.path} is nobody's`)
    this.#waiting.push({ operation, flight, life: this.#asking })
  }

  complete(index: number): WaitingOperation {
    const [operation] = this.#waiting.splice(index, 1) as [WaitingOperation]
    operation.flight.complete()
    return operation
  }

  /** The life has ended: what it had under way may have happened, once, now. */
  abandon(life: Life): void {
    const own = this.#waiting.filter((waiting) => waiting.life === life)
    this.#waiting = this.#waiting.filter((waiting) => waiting.life !== life)
    for (const { flight } of own) flight.abandon()
  }

  /** All processes have ended, and the disk itself has settled what was under way. */
  forget(): void {
    this.#waiting = []
  }

  /** The disk as one life sees it. */
  filesOf(life: Life, mount: FileSystem): FileSystem {
    return new LifeFiles(this, life, mount)
  }

  ask<T>(life: Life, act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!life.isAlive) return
      this.#asking = life
      const answer = act()
      this.#asking = undefined
      answer.then(
        (value) => {
          if (life.isAlive) resolve(value)
        },
        (error: unknown) => {
          if (life.isAlive) reject(error)
        },
      )
    })
  }
}

class LifeFiles implements FileSystem {
  readonly #traffic: DiskTraffic
  readonly #life: Life
  readonly #mount: FileSystem

  constructor(traffic: DiskTraffic, life: Life, mount: FileSystem) {
    this.#traffic = traffic
    this.#life = life
    this.#mount = mount
  }

  async openRead(path: string): Promise<ReadableFile> {
    const file = await this.#ask(() => this.#mount.openRead(path))
    return {
      path,
      read: (into, positionBytes) => this.#ask(() => file.read(into, positionBytes)),
      sizeBytes: () => this.#ask(() => file.sizeBytes()),
      close: () => this.#ask(() => file.close()),
    }
  }

  async create(path: string, options?: { readonly exclusive?: boolean }): Promise<WritableFile> {
    const file = await this.#ask(() => this.#mount.create(path, options))
    return {
      path,
      get lengthBytes() {
        return file.lengthBytes
      },
      write: (bytes) => this.#ask(() => file.write(bytes)),
      sync: () => this.#ask(() => file.sync()),
      close: () => this.#ask(() => file.close()),
    }
  }

  makeFolder(path: string): Promise<void> {
    return this.#ask(() => this.#mount.makeFolder(path))
  }
  list(path: string): Promise<readonly FolderEntry[]> {
    return this.#ask(() => this.#mount.list(path))
  }
  stat(path: string): Promise<FileFacts | undefined> {
    return this.#ask(() => this.#mount.stat(path))
  }
  rename(from: string, to: string): Promise<void> {
    return this.#ask(() => this.#mount.rename(from, to))
  }
  remove(path: string): Promise<boolean> {
    return this.#ask(() => this.#mount.remove(path))
  }
  removeFolder(path: string): Promise<void> {
    return this.#ask(() => this.#mount.removeFolder(path))
  }
  syncFolder(path: string): Promise<void> {
    return this.#ask(() => this.#mount.syncFolder(path))
  }

  #ask<T>(act: () => Promise<T>): Promise<T> {
    return this.#traffic.ask(this.#life, act)
  }
}
