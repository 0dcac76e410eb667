/**
 * A disk in memory that forgets what was not made durable: on `crash`, every file keeps what was synced and perhaps some
 * of the rest, every folder the names that it had at its last sync or, as luck will have it, those that it has now.
 */

import { posix } from 'node:path'
import {
  FileError,
  type FileFacts,
  type FileSystem,
  type FolderEntry,
  type ReadableFile,
  type WritableFile,
} from '@millrace/api'

interface FileNode {
  readonly kind: 'file'
  bytes: Uint8Array
  length: number
  syncedLength: number
}
interface FolderNode {
  readonly kind: 'folder'
  names: Map<string, Node>
  durable: Map<string, Node>
}
type Node = FileNode | FolderNode

export class MemoryFileSystem implements FileSystem {
  readonly #root: FolderNode = newFolder()
  /** The most bytes that one read gives. */
  readBytesMax = Number.POSITIVE_INFINITY
  openReads = 0
  /** Called before each operation that changes something; what it throws, the operation throws. */
  onChange: (operation: string, path: string) => void = () => {}

  /** Puts a durable file there. */
  put(path: string, content: Uint8Array | string): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    const folder = this.#makeFolders(posix.dirname(path), true)
    const node: FileNode = { kind: 'file', bytes, length: bytes.length, syncedLength: bytes.length }
    folder.names.set(posix.basename(path), node)
    folder.durable.set(posix.basename(path), node)
  }

  text(path: string): string {
    const node = this.#find(path)
    if (node?.kind !== 'file') throw new Error(`no file ${path}`)
    return Buffer.from(node.bytes.subarray(0, node.length)).toString('utf8')
  }

  names(path: string): string[] {
    const node = this.#find(path)
    return node?.kind === 'folder' ? [...node.names.keys()].sort() : []
  }

  /** `random` gives numbers in [0, 1). */
  crash(random: () => number = () => 0): void {
    crashFolder(this.#root, random)
  }

  async openRead(path: string): Promise<ReadableFile> {
    const node = this.#find(path)
    if (node?.kind !== 'file') throw new FileError('not-found', path, `no file ${path}`)
    this.openReads++
    return {
      path,
      read: async (into, position) => {
        const length = Math.max(0, Math.min(into.length, node.length - position, this.readBytesMax))
        into.set(node.bytes.subarray(position, position + length))
        return length
      },
      sizeBytes: async () => node.length,
      close: async () => {
        this.openReads--
      },
    }
  }

  async create(path: string, options: { readonly exclusive?: boolean } = {}): Promise<WritableFile> {
    this.onChange('create', path)
    const folder = this.#find(posix.dirname(path))
    if (folder?.kind !== 'folder') throw new FileError('not-found', path, `no folder for ${path}`)
    if (options.exclusive === true && folder.names.has(posix.basename(path))) {
      throw new FileError('exists', path, `${path} exists`)
    }
    const node: FileNode = { kind: 'file', bytes: new Uint8Array(64), length: 0, syncedLength: 0 }
    folder.names.set(posix.basename(path), node)
    return {
      path,
      get lengthBytes() {
        return node.length
      },
      write: async (bytes) => {
        this.onChange('write', path)
        if (node.length + bytes.length > node.bytes.length) {
          const larger = new Uint8Array(2 * (node.length + bytes.length))
          larger.set(node.bytes.subarray(0, node.length))
          node.bytes = larger
        }
        node.bytes.set(bytes, node.length)
        node.length += bytes.length
      },
      sync: async () => {
        this.onChange('sync', path)
        node.syncedLength = node.length
      },
      close: async () => {},
    }
  }

  async makeFolder(path: string): Promise<void> {
    this.onChange('makeFolder', path)
    this.#makeFolders(path, false)
  }

  async list(path: string): Promise<readonly FolderEntry[]> {
    const node = this.#find(path)
    if (node?.kind !== 'folder') throw new FileError('not-found', path, `no folder ${path}`)
    return [...node.names].map(([name, { kind }]) => ({ name, kind })).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async stat(path: string): Promise<FileFacts | undefined> {
    const node = this.#find(path)
    if (node === undefined) return undefined
    return { kind: node.kind, sizeBytes: node.kind === 'file' ? node.length : 0, modifiedMs: 0 }
  }

  async rename(from: string, to: string): Promise<void> {
    this.onChange('rename', from)
    const node = this.#find(from)
    const source = this.#find(posix.dirname(from))
    const target = this.#find(posix.dirname(to))
    if (node === undefined || source?.kind !== 'folder' || target?.kind !== 'folder') {
      throw new FileError('not-found', from, `no file ${from}`)
    }
    source.names.delete(posix.basename(from))
    target.names.set(posix.basename(to), node)
  }

  async remove(path: string): Promise<boolean> {
    this.onChange('remove', path)
    const folder = this.#find(posix.dirname(path))
    return folder?.kind === 'folder' && folder.names.delete(posix.basename(path))
  }

  async removeFolder(path: string): Promise<void> {
    await this.remove(path)
  }

  async syncFolder(path: string): Promise<void> {
    this.onChange('syncFolder', path)
    const folder = this.#find(path)
    if (folder?.kind !== 'folder') throw new FileError('not-found', path, `no folder ${path}`)
    folder.durable = new Map(folder.names)
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of segments(path)) node = node?.kind === 'folder' ? node.names.get(name) : undefined
    return node
  }

  #makeFolders(path: string, durable: boolean): FolderNode {
    let folder = this.#root
    for (const name of segments(path)) {
      let node = folder.names.get(name)
      if (node === undefined) {
        node = newFolder()
        folder.names.set(name, node)
        if (durable) folder.durable.set(name, node)
      }
      if (node.kind !== 'folder') throw new FileError('exists', path, `${path} is a file`)
      folder = node
    }
    return folder
  }
}

function newFolder(): FolderNode {
  return { kind: 'folder', names: new Map(), durable: new Map() }
}

function segments(path: string): string[] {
  return posix
    .normalize(path)
    .split('/')
    .filter((name) => name !== '' && name !== '.')
}

function crashFolder(folder: FolderNode, random: () => number): void {
  if (random() < 0.5) folder.names = new Map(folder.durable)
  folder.durable = new Map(folder.names)
  for (const node of folder.names.values()) {
    if (node.kind === 'folder') crashFolder(node, random)
    else {
      node.length = node.syncedLength + Math.floor(random() * (node.length - node.syncedLength + 1))
      node.bytes = node.bytes.slice(0, Math.max(64, node.length))
      node.syncedLength = node.length
    }
  }
}
