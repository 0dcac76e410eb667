/**
 * Files of the local store: appended to, read at places, and gone with the process, however that ends. Where the
 * system allows it (not on Windows) a file has no name any more from the moment it is open, so nothing is left behind
 * by a process or a thread that was killed: the system frees the space when the last handle is closed.
 *
 * No byte here is meant to outlive the process; what is durable is in checkpoints.
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '@millrace/api'

export interface StoreFile {
  /** Writes the first `length` bytes of `bytes` at the end, which is at `atBytes`. Throws what the system says: the log knows what that means. */
  append(bytes: Uint8Array, length: number, atBytes: number): void
  /** Reads up to `length` bytes to the beginning of `into`; returns how many there were. Throws `DISK_FAILED`. */
  read(into: Uint8Array, length: number, atBytes: number): number
  /** Takes it off the disk. */
  close(): void
}

/** Where a store makes its files. */
export interface StoreFolder {
  /** For messages. */
  readonly path: string
  create(): StoreFile
}

let created = 0

/** A folder of the machine that others may use too. */
export class NodeStoreFolder implements StoreFolder {
  readonly path: string
  readonly #prefix: string

  /** `prefix`: of the names of files, for as long as they have one; no other thread may use it. */
  constructor(path: string, prefix: string) {
    this.path = path
    this.#prefix = prefix
  }

  create(): StoreFile {
    return new NodeStoreFile(this.path, `${this.#prefix}-${created++}`)
  }
}

class NodeStoreFile implements StoreFile {
  readonly #handle: number
  readonly #folder: string
  /** Of a file whose name could not be taken away while it is open. */
  readonly #leftover: string | undefined

  constructor(folder: string, name: string) {
    const path = join(folder, name)
    this.#folder = folder
    this.#handle = makeFile(folder, path)
    this.#leftover = removeName(path) ? undefined : path
  }

  append(bytes: Uint8Array, length: number, atBytes: number): void {
    for (let done = 0; done < length; ) {
      done += writeSync(this.#handle, bytes, done, length - done, atBytes + done)
    }
  }

  read(into: Uint8Array, length: number, atBytes: number): number {
    try {
      let done = 0
      while (done < length) {
        const count = readSync(this.#handle, into, done, length - done, atBytes + done)
        if (count === 0) break
        done += count
      }
      return done
    } catch (cause) {
      throw fileFailed(this.#folder, 'read', cause)
    }
  }

  close(): void {
    closeSync(this.#handle)
    if (this.#leftover !== undefined) removeName(this.#leftover)
  }
}

function removeName(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch {
    // Windows does not take the name of an open file away; then `close` does.
    return false
  }
}

function makeFile(folder: string, path: string): number {
  try {
    return openSync(path, 'wx+', 0o600)
  } catch (cause) {
    throw fileFailed(folder, 'made', cause)
  }
}

const NEED = 'A store takes about twice the bytes of the state of its subtask'
const GOES_ON = 'The job goes on from its last checkpoint, for which nothing in there is needed.'

/**
 * `DISK_FAILED` for bytes that could not be written behind `heldBytes` that the store has already: what is full, how much is needed, what to do. What a
 * store's folder says itself stays.
 */
export function notWritten(folder: string, neededBytes: number, heldBytes: number, cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause
  if (!isFull(cause)) return fileFailed(folder, 'written', cause)
  return new MillraceError(
    'DISK_FAILED',
    `There is no room in ${folder} for another ${sizeText(neededBytes)} of the local state store of a subtask, which holds ${sizeText(heldBytes)} there.`,
    {
      details: { folder, neededBytes, heldBytes },
      hint: `Make room there, or name folders on larger disks in io.tmp.dirs. ${NEED}. ${GOES_ON}`,
      cause,
    },
  )
}

function fileFailed(folder: string, what: string, cause: unknown): MillraceError {
  return new MillraceError(
    'DISK_FAILED',
    `A file of the local state store in ${folder} could not be ${what}: ${cause instanceof Error ? cause.message : cause}`,
    {
      details: { folder },
      hint: isFull(cause)
        ? `Make room there, or name folders on larger disks in io.tmp.dirs. ${NEED}. ${GOES_ON}`
        : 'Choose another folder with io.tmp.dirs.',
      cause,
    },
  )
}

/** Of the disk, or of what this user may have on it. */
function isFull(cause: unknown): boolean {
  const { code } = cause as { readonly code?: unknown }
  return code === 'ENOSPC' || code === 'EDQUOT'
}

function sizeText(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}
