/**
 * The machine's disk as a `FileSystem`, over `node:fs/promises`. Failures become `FileError` with the kind that callers
 * decide by; the original error stays as the cause.
 */
import { type FileHandle, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  FileError,
  type FileErrorKind,
  type FileFacts,
  type FileSystem,
  type FolderEntry,
  type ReadableFile,
  type WritableFile,
} from '@millrace/api'

export class NodeFileSystem implements FileSystem {
  async openRead(path: string): Promise<ReadableFile> {
    return new NodeReadableFile(path, await attempt(path, () => open(path, 'r')))
  }

  async create(path: string, options: { readonly exclusive?: boolean } = {}): Promise<WritableFile> {
    return new NodeWritableFile(path, await attempt(path, () => open(path, options.exclusive === true ? 'wx' : 'w')))
  }

  async makeFolder(path: string): Promise<void> {
    await attempt(path, () => makeFolders(path))
  }

  async list(path: string): Promise<readonly FolderEntry[]> {
    const entries = await attempt(path, () => readdir(path, { withFileTypes: true }))
    return entries
      .map((entry): FolderEntry => ({ name: entry.name, kind: entry.isDirectory() ? 'folder' : 'file' }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async stat(path: string): Promise<FileFacts | undefined> {
    const facts = await unlessMissing(path, () => stat(path))
    if (facts === undefined) return undefined
    return { kind: facts.isDirectory() ? 'folder' : 'file', sizeBytes: facts.size, modifiedMs: facts.mtimeMs }
  }

  async rename(from: string, to: string): Promise<void> {
    await attempt(from, () => rename(from, to))
  }

  async remove(path: string): Promise<boolean> {
    return (await unlessMissing(path, () => unlink(path).then(() => true))) ?? false
  }

  async removeFolder(path: string): Promise<void> {
    await unlessMissing(path, () => rmdir(path))
  }

  async syncFolder(path: string): Promise<void> {
    // Windows cannot sync a folder; its entries are journaled.
    if (process.platform === 'win32') return
    const handle = await attempt(path, () => open(path, 'r'))
    try {
      await attempt(path, () => handle.sync())
    } catch (error) {
      if (!isUnsupported(error)) throw error
    } finally {
      await handle.close()
    }
  }
}

class NodeReadableFile implements ReadableFile {
  readonly path: string
  readonly #handle: FileHandle

  constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  async read(into: Uint8Array, positionBytes: number): Promise<number> {
    if (into.length === 0) return 0
    const { bytesRead } = await attempt(this.path, () => this.#handle.read(into, 0, into.length, positionBytes))
    return bytesRead
  }

  async sizeBytes(): Promise<number> {
    return (await attempt(this.path, () => this.#handle.stat())).size
  }

  async close(): Promise<void> {
    await attempt(this.path, () => this.#handle.close())
  }
}

class NodeWritableFile implements WritableFile {
  readonly path: string
  readonly #handle: FileHandle
  #lengthBytes = 0
  /** After a failed sync the system may have dropped the bytes and yet report success the next time. */
  #syncFailure: FileError | undefined

  constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await attempt(this.path, () =>
        this.#handle.write(bytes, at, bytes.length - at, this.#lengthBytes),
      )
      at += bytesWritten
      this.#lengthBytes += bytesWritten
    }
  }

  async sync(): Promise<void> {
    if (this.#syncFailure !== undefined) throw this.#syncFailure
    try {
      await attempt(this.path, () => this.#handle.sync())
    } catch (error) {
      if (error instanceof FileError) this.#syncFailure = error
      throw error
    }
  }

  async close(): Promise<void> {
    await attempt(this.path, () => this.#handle.close())
  }
}

const KINDS: Readonly<Record<string, FileErrorKind>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EEXIST: 'exists',
  ENOTEMPTY: 'exists',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
}

/** Step by step from the first that exists: Node's own recursive `mkdir` never returns where a name cannot be made, as under /proc. */
async function makeFolders(path: string): Promise<void> {
  try {
    return await mkdir(path)
  } catch (error) {
    if (await isFolder(path)) return
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    // Where it is there, somebody else has just made it; or the system says so of names that it does not allow.
    if (!(await isFolder(parent))) await makeFolders(parent)
  }
  try {
    await mkdir(path)
  } catch (error) {
    // Somebody else may have been quicker.
    if (!(await isFolder(path))) throw error
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  )
}

/** Some network and user-space file systems have no sync of folders; their entries are as durable as they get. */
function isUnsupported(error: unknown): boolean {
  const code = error instanceof FileError ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined
  return code === 'EINVAL' || code === 'ENOTSUP' || code === 'EOPNOTSUPP'
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new FileError(KINDS[code ?? ''] ?? 'io', path, `${path}: ${message}`, { cause })
  }
}

async function unlessMissing<T>(path: string, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attempt(path, action)
  } catch (error) {
    if (error instanceof FileError && error.kind === 'not-found') return undefined
    throw error
  }
}
