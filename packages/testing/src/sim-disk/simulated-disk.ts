/**
 * A disk that behaves as badly as a disk may: nothing is durable before it is synced, and a crash keeps any part of the
 * rest. Driven from outside: every operation takes effect when the scheduler completes it, randomness is given, and
 * faults are chosen by a function. The same random source and schedule give the same run.
 *
 * A process sees the disk through a mount. `killProcess` ends all mounts and keeps what they wrote (the page cache
 * outlives a process); `crash` also loses what was not synced. Operations under way at that moment may have happened,
 * in part or not at all, and are never answered.
 */
import {
  FileError,
  type FileErrorKind,
  type FileFacts,
  type FileSystem,
  type FolderEntry,
  type ReadableFile,
  type WritableFile,
} from '@millrace/api'
import { FileNode, FolderNode, type Node } from './disk-tree.ts'

export type DiskOperationKind =
  | 'open-read'
  | 'read'
  | 'create'
  | 'write'
  | 'sync'
  | 'close'
  | 'make-folder'
  | 'list'
  | 'stat'
  | 'rename'
  | 'remove'
  | 'remove-folder'
  | 'sync-folder'

export interface DiskOperation {
  readonly kind: DiskOperationKind
  readonly path: string
}

/** An operation that was asked for and has not ended. */
export interface DiskFlight {
  /** Lets it take effect, or fail by `fault`, and answers it. */
  complete(): void
  /** Its caller has died: it may have happened, in part or not at all, and is never answered. */
  abandon(): void
}

export interface SimulatedDiskOptions {
  /** In [0, 1). */
  readonly random: () => number
  /** Called for every operation, which takes effect when its flight is ended. Default: soon, in order. */
  readonly schedule?: (operation: DiskOperation, flight: DiskFlight) => void
  /** Asked when an operation takes effect; what it returns is thrown. */
  readonly fault?: (operation: DiskOperation) => FileErrorKind | undefined
  /** Asked when a sync takes effect: it says that it is done, and nothing is any more durable than before. */
  readonly isLie?: (operation: DiskOperation) => boolean
  /** Bytes of all files; what does not fit is refused with `no-space`. Default: no limit. `setCapacity` changes it. */
  readonly capacityBytes?: number
  /** For modification times; default: always 0. */
  readonly now?: () => number
}

export interface MountOptions {
  /** After the end of its process an operation is never answered (`hang`, the default) or fails (`reject`). */
  readonly afterDeath?: 'hang' | 'reject'
}

interface Flight {
  /** What may have happened of it when the process ended. */
  readonly applyPart: () => void
}

export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions
  readonly #root = new FolderNode()
  readonly #flights = new Set<Flight>()
  #generation = 0
  #operations = 0
  #capacityBytes: number | undefined

  constructor(options: SimulatedDiskOptions) {
    this.#options = options
    this.#capacityBytes = options.capacityBytes
  }

  /** The disk as the running process sees it. */
  mount(options: MountOptions = {}): FileSystem {
    return new MountedDisk(this, this.#generation, options)
  }

  /** Ends every mount. What they wrote stays. */
  killProcess(): void {
    const flights = [...this.#flights]
    this.#flights.clear()
    this.#generation++
    for (const flight of flights) if (this.#options.random() < 0.5) flight.applyPart()
  }

  /** Power off and on: ends every mount and loses any part of what was not synced. */
  crash(): void {
    this.killProcess()
    this.#root.afterCrash(this.#options.random)
  }

  /** Operations that took effect so far. */
  get operations(): number {
    return this.#operations
  }

  /** Every file with its bytes, by path; for assertions. */
  contents(): ReadonlyMap<string, Uint8Array> {
    const all = new Map<string, Uint8Array>()
    const walk = (folder: FolderNode, prefix: string): void => {
      for (const [name, node] of [...folder.entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (node.kind === 'file') all.set(`${prefix}${name}`, node.current)
        else walk(node, `${prefix}${name}/`)
      }
    }
    walk(this.#root, '')
    return all
  }

  /** Flips the bits of one byte of a file. */
  corrupt(path: string, offset: number): void {
    this.fileAt(path).corrupt(offset)
  }

  isCurrent(generation: number): boolean {
    return generation === this.#generation
  }

  get now(): number {
    return this.#options.now?.() ?? 0
  }

  get random(): () => number {
    return this.#options.random
  }

  /** Runs one operation of a mount through scheduler and faults. */
  perform<T>(mount: MountedDisk, operation: DiskOperation, effect: Effect<T>): Promise<T> {
    if (!this.isCurrent(mount.generation)) return mount.dead(operation)
    return new Promise<T>((resolve, reject) => {
      const flight: Flight = { applyPart: effect.applyPart ?? (() => attemptQuietly(effect.apply)) }
      this.#flights.add(flight)
      const complete = (): void => {
        if (!this.#flights.delete(flight)) {
          if (!this.isCurrent(mount.generation)) mount.dead(operation).catch(reject)
          return
        }
        this.#operations++
        try {
          const kind = this.#options.fault?.(operation)
          if (kind !== undefined) {
            effect.onFault?.()
            throw new FileError(kind, operation.path, `${operation.path}: injected ${kind} at ${operation.kind}`)
          }
          resolve(effect.apply())
        } catch (error) {
          reject(error)
        }
      }
      const abandon = (): void => {
        if (this.#flights.delete(flight) && this.#options.random() < 0.5) flight.applyPart()
      }
      if (this.#options.schedule === undefined) queueMicrotask(complete)
      else this.#options.schedule(operation, { complete, abandon })
    })
  }

  isLie(operation: DiskOperation): boolean {
    return this.#options.isLie?.(operation) === true
  }

  /** From now on; what is there stays. `undefined`: no limit. */
  setCapacity(bytes: number | undefined): void {
    this.#capacityBytes = bytes
  }

  /** Bytes that still find room. */
  get roomBytes(): number {
    if (this.#capacityBytes === undefined) return Number.POSITIVE_INFINITY
    let used = 0
    for (const content of this.contents().values()) used += content.length
    return Math.max(0, this.#capacityBytes - used)
  }

  nodeAt(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of partsOf(path)) node = node?.kind === 'folder' ? node.entries.get(name) : undefined
    return node
  }

  fileAt(path: string): FileNode {
    const node = this.nodeAt(path)
    if (node?.kind !== 'file') throw new FileError('not-found', path, `${path}: no such file`)
    return node
  }

  folderAt(path: string): FolderNode {
    const node = this.nodeAt(path)
    if (node?.kind !== 'folder') throw new FileError('not-found', path, `${path}: no such folder`)
    return node
  }

  /** The folder that holds a path, and its name in it. */
  placeOf(path: string): { readonly folder: FolderNode; readonly name: string } {
    const parts = partsOf(path)
    const name = parts.at(-1)
    if (name === undefined) throw new FileError('io', path, `${path}: not a name`)
    return { folder: this.folderAt(parts.slice(0, -1).join('/')), name }
  }

  makeFolders(path: string): void {
    let folder = this.#root
    for (const name of partsOf(path)) {
      const known = folder.entries.get(name)
      if (known?.kind === 'file') throw new FileError('exists', path, `${path}: ${name} is a file`)
      const next = known ?? new FolderNode()
      if (known === undefined) folder.change([{ folder, name, node: next }])
      folder = next
    }
  }
}

interface Effect<T> {
  readonly apply: () => T
  /** What an unanswered operation may leave; default: all of it. */
  readonly applyPart?: () => void
  /** What a failed one leaves; default: nothing. */
  readonly onFault?: () => void
}

class MountedDisk implements FileSystem {
  readonly disk: SimulatedDisk
  readonly generation: number
  readonly #options: MountOptions

  constructor(disk: SimulatedDisk, generation: number, options: MountOptions) {
    this.disk = disk
    this.generation = generation
    this.#options = options
  }

  dead(operation: DiskOperation): Promise<never> {
    if (this.#options.afterDeath !== 'reject') return new Promise(() => {})
    return Promise.reject(new FileError('io', operation.path, `${operation.path}: the process of this mount has ended`))
  }

  openRead(path: string): Promise<ReadableFile> {
    return this.#perform('open-read', path, {
      apply: () => new SimulatedReadableFile(this, path, this.disk.fileAt(path)),
    })
  }

  create(path: string, options: { readonly exclusive?: boolean } = {}): Promise<WritableFile> {
    const apply = (): WritableFile => {
      const { folder, name } = this.disk.placeOf(path)
      const known = folder.entries.get(name)
      if (known?.kind === 'folder' || (known !== undefined && options.exclusive === true)) {
        throw new FileError('exists', path, `${path}: exists`)
      }
      const node = known ?? new FileNode(this.disk.now)
      if (known === undefined) folder.change([{ folder, name, node }])
      else node.empty()
      return new SimulatedWritableFile(this, path, node)
    }
    return this.#perform('create', path, { apply })
  }

  makeFolder(path: string): Promise<void> {
    return this.#perform('make-folder', path, { apply: () => this.disk.makeFolders(path) })
  }

  list(path: string): Promise<readonly FolderEntry[]> {
    const apply = (): readonly FolderEntry[] =>
      [...this.disk.folderAt(path).entries]
        .map(([name, node]): FolderEntry => ({ name, kind: node.kind }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    return this.#perform('list', path, { apply })
  }

  stat(path: string): Promise<FileFacts | undefined> {
    const apply = (): FileFacts | undefined => {
      const node = this.disk.nodeAt(path)
      if (node === undefined) return undefined
      if (node.kind === 'folder') return { kind: 'folder', sizeBytes: 0, modifiedMs: 0 }
      return { kind: 'file', sizeBytes: node.current.length, modifiedMs: node.modifiedMs }
    }
    return this.#perform('stat', path, { apply })
  }

  rename(from: string, to: string): Promise<void> {
    const apply = (): void => {
      const source = this.disk.placeOf(from)
      const target = this.disk.placeOf(to)
      const node = source.folder.entries.get(source.name)
      if (node === undefined) throw new FileError('not-found', from, `${from}: no such file`)
      if (from === to) return
      source.folder.change([
        { ...source, node: undefined },
        { ...target, node },
      ])
    }
    return this.#perform('rename', from, { apply })
  }

  remove(path: string): Promise<boolean> {
    const apply = (): boolean => {
      if (this.disk.nodeAt(path) === undefined) return false
      this.disk.fileAt(path)
      const { folder, name } = this.disk.placeOf(path)
      folder.change([{ folder, name, node: undefined }])
      return true
    }
    return this.#perform('remove', path, { apply })
  }

  removeFolder(path: string): Promise<void> {
    const apply = (): void => {
      if (this.disk.nodeAt(path) === undefined) return
      if (this.disk.folderAt(path).entries.size > 0) throw new FileError('exists', path, `${path}: not empty`)
      const { folder, name } = this.disk.placeOf(path)
      folder.change([{ folder, name, node: undefined }])
    }
    return this.#perform('remove-folder', path, { apply })
  }

  syncFolder(path: string): Promise<void> {
    return this.#perform('sync-folder', path, { apply: () => this.disk.folderAt(path).sync() })
  }

  #perform<T>(kind: DiskOperationKind, path: string, effect: Effect<T>): Promise<T> {
    return this.disk.perform(this, { kind, path }, effect)
  }
}

class SimulatedReadableFile implements ReadableFile {
  readonly path: string
  readonly #mount: MountedDisk
  readonly #node: FileNode

  constructor(mount: MountedDisk, path: string, node: FileNode) {
    this.#mount = mount
    this.path = path
    this.#node = node
  }

  read(into: Uint8Array, positionBytes: number): Promise<number> {
    const apply = (): number => {
      const bytes = this.#node.current.subarray(positionBytes, positionBytes + into.length)
      into.set(bytes)
      return bytes.length
    }
    return this.#mount.disk.perform(this.#mount, { kind: 'read', path: this.path }, { apply })
  }

  sizeBytes(): Promise<number> {
    const apply = (): number => this.#node.current.length
    return this.#mount.disk.perform(this.#mount, { kind: 'stat', path: this.path }, { apply })
  }

  close(): Promise<void> {
    return this.#mount.disk.perform(this.#mount, { kind: 'close', path: this.path }, { apply: () => {} })
  }
}

class SimulatedWritableFile implements WritableFile {
  readonly path: string
  readonly #mount: MountedDisk
  readonly #node: FileNode
  #lengthBytes = 0

  constructor(mount: MountedDisk, path: string, node: FileNode) {
    this.#mount = mount
    this.path = path
    this.#node = node
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  write(bytes: Uint8Array): Promise<void> {
    const { disk } = this.#mount
    const append = (part: Uint8Array): void => {
      this.#node.append(part)
      this.#node.modifiedMs = disk.now
      this.#lengthBytes += part.length
    }
    const appendPart = (): void => append(bytes.subarray(0, Math.floor(disk.random() * (bytes.length + 1))))
    const apply = (): void => {
      // As a disk does: what fits is written, and nobody is told of it.
      const { roomBytes } = disk
      append(bytes.length > roomBytes ? bytes.subarray(0, roomBytes) : bytes)
      if (bytes.length > roomBytes) {
        throw new FileError('no-space', this.path, `${this.path}: no space left on the simulated disk`)
      }
    }
    const operation: DiskOperation = { kind: 'write', path: this.path }
    return disk.perform(this.#mount, operation, { apply, applyPart: appendPart, onFault: appendPart })
  }

  sync(): Promise<void> {
    const { disk } = this.#mount
    const operation: DiskOperation = { kind: 'sync', path: this.path }
    const effect: Effect<void> = {
      apply: () => {
        if (!disk.isLie(operation)) this.#node.sync()
      },
      onFault: () => this.#node.failSync(disk.random),
    }
    return disk.perform(this.#mount, operation, effect)
  }

  close(): Promise<void> {
    return this.#mount.disk.perform(this.#mount, { kind: 'close', path: this.path }, { apply: () => {} })
  }
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.')
}

function attemptQuietly(apply: () => unknown): void {
  try {
    apply()
  } catch {
    // It failed, and nobody is left to be told.
  }
}
