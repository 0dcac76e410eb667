/**
 * Makes pending parts visible: renames them and makes the renames durable. Committing again is fine, before and after a
 * crash: a part under its final name is done. A part under neither name is data loss, never success.
 */

import { posix } from 'node:path'
import { FileError, type FileSystem, MillraceError, type SinkCommitter } from '@millrace/api'
import type { PartCommittable, PendingPart } from './part-file.ts'

export class PartFileCommitter implements SinkCommitter<PartCommittable> {
  readonly #files: FileSystem
  #columns: readonly string[] | undefined

  constructor(files: FileSystem) {
    this.#files = files
  }

  async commit(committables: readonly PartCommittable[]): Promise<void> {
    // Before the first rename: a wrong order of columns must not become visible.
    for (const committable of committables) if (committable.kind === 'part') this.#checkColumns(committable)
    const folders = new Set<string>()
    for (const committable of committables) {
      if (committable.kind === 'part') await this.#commitPart(committable)
      folders.add(committable.folder)
    }
    // Also when all was renamed before: that run may have ended before its renames were durable.
    for (const folder of folders) await attempt(folder, () => this.#files.syncFolder(folder))
    for (const committable of committables) {
      if (committable.kind !== 'superseded') continue
      const path = posix.join(committable.folder, committable.temporary)
      await attempt(path, () => this.#files.remove(path))
    }
  }

  async close(): Promise<void> {}

  async #commitPart({ folder, temporary, final, lengthBytes }: PendingPart): Promise<void> {
    const from = posix.join(folder, temporary)
    const to = posix.join(folder, final)
    const pending = await attempt(from, () => this.#files.stat(from))
    if (pending === undefined) {
      if ((await attempt(to, () => this.#files.stat(to))) !== undefined) return
      throw lost(to, `neither it nor its pending file "${temporary}" exists`)
    }
    if (pending.sizeBytes !== lengthBytes) {
      throw lost(to, `its pending file "${temporary}" has ${pending.sizeBytes} bytes instead of ${lengthBytes}`)
    }
    await attempt(to, () => this.#files.rename(from, to))
  }

  /** Each writer derives the columns from its own first record; only here do all of them meet. */
  #checkColumns({ columns, final }: PendingPart): void {
    if (columns === undefined) return
    this.#columns ??= columns
    if (columns.join('\n') === this.#columns.join('\n')) return
    throw new MillraceError(
      'OPTION_INVALID',
      `The records of two subtasks have different columns: ${this.#columns.join(', ')} and ${columns.join(', ')}`,
      { details: { file: final }, hint: 'Name the columns: csvSink(folder, { columns: [...] }).' },
    )
  }
}

function lost(path: string, reason: string): MillraceError {
  return new MillraceError('SINK_DATA_LOSS', `The prepared part "${path}" is lost: ${reason}`, {
    details: { file: path },
    hint: 'Something outside this job removed or changed it; restore an older checkpoint with --discard-newer.',
  })
}

async function attempt<R>(path: string, act: () => Promise<R>): Promise<R> {
  try {
    return await act()
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    const reason = cause instanceof FileError ? cause.message : String(cause)
    throw new MillraceError('SINK_COMMIT_FAILED', `"${path}" could not be committed: ${reason}`, {
      details: { file: path },
      cause,
    })
  }
}
