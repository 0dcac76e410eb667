/** Opens an input file, with what goes wrong there and in later reads as errors that name the file. */
import { FileError, type FileSystem, type ReadableFile } from '@millrace/api'
import { notFound, unreadable } from './input-files.ts'

/** Throws `INPUT_NOT_FOUND` or `INPUT_UNREADABLE`. */
export async function openInput(files: FileSystem, path: string): Promise<ReadableFile> {
  try {
    return await files.openRead(path)
  } catch (cause) {
    if (cause instanceof FileError && cause.kind === 'not-found') {
      throw notFound(path, `The input "${path}" does not exist any more`)
    }
    throw unreadable(path, cause)
  }
}

/** Fills `into` from a position as far as the file goes; returns how many bytes. Throws `INPUT_UNREADABLE`. */
export async function readFully(file: ReadableFile, into: Uint8Array, positionBytes: number): Promise<number> {
  let filled = 0
  try {
    while (filled < into.length) {
      const count = await file.read(into.subarray(filled), positionBytes + filled)
      if (count === 0) break
      filled += count
    }
  } catch (cause) {
    throw unreadable(file.path, cause)
  }
  return filled
}
