/**
 * The port through which connectors and checkpoint storage reach files. The runtime gives the machine's disk; the
 * fault simulation gives one that loses unsynced writes and renames, tears, delays and fails.
 *
 * Durability contract: bytes are durable after `sync()` of their file; a created, renamed or removed name is durable
 * after `syncFolder` of the folder that holds it. Paths are `/`-separated and absolute or relative to the job's
 * working folder.
 */
export interface FileSystem {
  /** Opens an existing file for reading. Throws `FileError` with kind `not-found` when there is none. */
  openRead(path: string): Promise<ReadableFile>
  /** Creates a file for appending, or with `exclusive` throws kind `exists`; without it an existing file is emptied. */
  create(path: string, options?: { readonly exclusive?: boolean }): Promise<WritableFile>
  /** Makes a folder and its parents; existing ones are fine. */
  makeFolder(path: string): Promise<void>
  /** The names in a folder with their kinds, sorted by name. Throws kind `not-found` when the folder is missing. */
  list(path: string): Promise<readonly FolderEntry[]>
  /** Facts of a file or folder, or `undefined` when there is none. */
  stat(path: string): Promise<FileFacts | undefined>
  /** Renames atomically; replaces an existing file. Throws kind `not-found` when `from` is missing. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file; missing is fine. Returns whether there was one. */
  remove(path: string): Promise<boolean>
  /** Removes an empty folder; missing is fine. */
  removeFolder(path: string): Promise<void>
  /** Makes creations, renames and removals in a folder durable. */
  syncFolder(path: string): Promise<void>
}

export interface FolderEntry {
  readonly name: string
  readonly kind: 'file' | 'folder'
}

export interface FileFacts {
  readonly kind: 'file' | 'folder'
  readonly sizeBytes: number
  readonly modifiedMs: number
}

export interface ReadableFile {
  readonly path: string
  /** Reads up to `into.length` bytes at a position; returns how many, 0 at the end of the file. */
  read(into: Uint8Array, positionBytes: number): Promise<number>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

export interface WritableFile {
  readonly path: string
  /** Bytes written so far. */
  readonly lengthBytes: number
  /** Appends all bytes; the array may be used again once the promise has resolved. */
  write(bytes: Uint8Array): Promise<void>
  /** Makes all written bytes durable. After it has failed once, the file must be given up. */
  sync(): Promise<void>
  close(): Promise<void>
}

export type FileErrorKind = 'not-found' | 'exists' | 'no-space' | 'denied' | 'io'

/** What a `FileSystem` throws. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly kind: FileErrorKind
  readonly path: string

  constructor(kind: FileErrorKind, path: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.kind = kind
    this.path = path
  }
}
