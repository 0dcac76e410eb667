/** Copies a part that was open at a checkpoint, to its recorded length, into a new file to go on with. */

import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import { FileError, type FileSystem, MillraceError, type ReadableFile, type WritableFile } from '@millrace/api'
import type { OpenPartState } from './part-file.ts'

const CHUNK_BYTES = 256 * 1024

/** Throws `SINK_DATA_LOSS` when the part is gone, shorter than recorded, or holds other bytes. */
export async function copyOpenPart(files: FileSystem, state: OpenPartState, to: string): Promise<WritableFile> {
  const from = posix.join(state.folder, state.temporary)
  const source = await openSource(files, state, from)
  try {
    const target = await files.create(to, { exclusive: true })
    const chunk = new Uint8Array(CHUNK_BYTES)
    let sum = 0
    while (target.lengthBytes < state.lengthBytes) {
      const wanted = chunk.subarray(0, Math.min(CHUNK_BYTES, state.lengthBytes - target.lengthBytes))
      const length = await source.read(wanted, target.lengthBytes)
      if (length === 0) {
        await target.close()
        throw lost(state, from, `it has only ${target.lengthBytes} of ${state.lengthBytes} bytes`)
      }
      const bytes = wanted.subarray(0, length)
      sum = crc32(bytes, sum)
      await target.write(bytes)
    }
    if (sum !== state.crc32) {
      await target.close()
      throw lost(state, from, 'it holds other bytes than were written')
    }
    return target
  } finally {
    await source.close()
  }
}

/** Whether a file begins with the bytes that were recorded of a part. */
export async function holdsRecorded(files: FileSystem, path: string, state: OpenPartState): Promise<boolean> {
  const file = await files.openRead(path)
  try {
    const chunk = new Uint8Array(CHUNK_BYTES)
    let sum = 0
    for (let at = 0; at < state.lengthBytes; ) {
      const length = await file.read(chunk.subarray(0, Math.min(CHUNK_BYTES, state.lengthBytes - at)), at)
      if (length === 0) return false
      sum = crc32(chunk.subarray(0, length), sum)
      at += length
    }
    return sum === state.crc32
  } finally {
    await file.close()
  }
}

async function openSource(files: FileSystem, state: OpenPartState, path: string): Promise<ReadableFile> {
  try {
    return await files.openRead(path)
  } catch (cause) {
    if (cause instanceof FileError && cause.kind === 'not-found') throw lost(state, path, 'it is gone')
    throw cause
  }
}

function lost({ lengthBytes }: OpenPartState, path: string, reason: string): MillraceError {
  return new MillraceError(
    'SINK_DATA_LOSS',
    `The part "${path}", open at the restored checkpoint, is lost: ${reason}`,
    {
      details: { file: path, lengthBytes },
      hint: 'Restore a checkpoint whose parts are all there, or start fresh into another folder.',
    },
  )
}
