/**
 * Small durable operations on a `FileSystem`: a folder that survives a crash, a file that is there as a whole or not at
 * all, a file read as a whole.
 */
import { FileError, type FileSystem } from '@millrace/api'

/** Makes a folder and its parents and makes their names durable. */
export async function makeDurableFolder(files: FileSystem, path: string): Promise<void> {
  await files.makeFolder(path)
  if (path !== '.' && path !== '/') await makeNamesDurable(files, parentOf(path))
}

/**
 * Makes the names in a folder and the name of the folder itself durable; they may have been made just before their
 * process was killed. A folder that is not ours to sync (`denied`) was there before us.
 */
export async function makeNamesDurable(files: FileSystem, folder: string): Promise<void> {
  for (let at = folder; ; at = parentOf(at)) {
    try {
      await files.syncFolder(at)
    } catch (error) {
      if (!(error instanceof FileError) || error.kind !== 'denied') throw error
      return
    }
    if (at === '.' || at === '/') return
  }
}

/** A small file, as a whole or not at all: it appears by a rename and is durable when that resolves. */
export async function replaceFile(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    const file = await files.create(temporary)
    try {
      await file.write(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await files.rename(temporary, path)
  } catch (error) {
    // Best effort, for a disk that is full; else the next call writes over it.
    await files.remove(temporary).catch(() => false)
    throw error
  }
  await files.syncFolder(parentOf(path))
}

/** All bytes of a file. Throws `FileError`. */
export async function readWholeFile(files: FileSystem, path: string): Promise<Uint8Array> {
  const file = await files.openRead(path)
  try {
    return await readRange(file, 0, await file.sizeBytes())
  } finally {
    await file.close()
  }
}

interface Readable {
  read(into: Uint8Array, positionBytes: number): Promise<number>
}

/** Reads up to `lengthBytes`; fewer when the file ends before. */
export async function readRange(file: Readable, offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(lengthBytes)
  let filled = 0
  while (filled < lengthBytes) {
    const count = await file.read(bytes.subarray(filled), offsetBytes + filled)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}

/** Throws the first failure when all have ended, so that nothing is under way any more. */
export async function allSettled(tasks: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(tasks)) if (outcome.status === 'rejected') throw outcome.reason
}

/** The folder that holds a path; `.` for a bare name. */
export function parentOf(path: string): string {
  const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  const slash = trimmed.lastIndexOf('/')
  if (slash < 0) return '.'
  return slash === 0 ? '/' : trimmed.slice(0, slash)
}
