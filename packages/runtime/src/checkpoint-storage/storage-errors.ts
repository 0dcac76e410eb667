/** What checkpoint storage says when it cannot do its work: which file, what happened, what to try. */
import { FileError, MillraceError } from '@millrace/api'

/**
 * A checkpoint that could not be stored. Where there is no room the message says how much was to be written where: a full
 * disk is the one failure that a user ends by himself.
 */
export function writeFailed(checkpointId: number, file: string, bytes: number, cause: unknown): MillraceError {
  const isFull = cause instanceof FileError && cause.kind === 'no-space'
  const problem = isFull
    ? `there is no room for ${file}, of which at least ${sizeText(bytes)} were to be written`
    : messageOf(cause)
  return new MillraceError('CHECKPOINT_FAILED', `Checkpoint ${checkpointId} could not be stored: ${problem}`, {
    details: { checkpointId, file, bytes, isFull },
    hint: isFull
      ? 'Make room on the disk of the checkpoint folder, or name a folder on another one with execution.checkpointing.dir.'
      : 'Check that the checkpoint folder can be written and that its disk has room.',
    cause,
  })
}

/** `bytes`: of its segments. */
export function savepointFailed(folder: string, checkpointId: number, bytes: number, cause: unknown): MillraceError {
  const isFull = cause instanceof FileError && cause.kind === 'no-space'
  const problem = isFull ? `there is no room for its ${sizeText(bytes)}` : messageOf(cause)
  return new MillraceError('SAVEPOINT_FAILED', `The savepoint in ${folder} could not be written: ${problem}`, {
    details: { folder, checkpointId, bytes, isFull },
    hint: 'Name a new or empty folder on a disk with room.',
    cause,
  })
}

/** Neither this checkpoint nor the one before may be gone on from: the process has to look again. */
export function outcomeUnknown(folder: string, checkpointId: number, cause: unknown): MillraceError {
  return new MillraceError(
    'CHECKPOINT_FOLDER_UNUSABLE',
    `Whether checkpoint ${checkpointId} exists is not known: its manifest could neither be made durable nor removed`,
    {
      details: { folder, checkpointId },
      hint: 'Repair the disk of the checkpoint folder and start again with --resume.',
      cause,
    },
  )
}

export function damaged(place: string, problem: string, cause?: unknown): MillraceError {
  return new MillraceError('CHECKPOINT_DAMAGED', `The checkpoint in ${place} is damaged: ${problem}`, {
    details: { place },
    hint: 'Restore from another checkpoint or savepoint with -s.',
    ...(cause === undefined ? {} : { cause }),
  })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function sizeText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`
  return bytes < 10_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${Math.round(bytes / 1_000_000)} MB`
}

/** It is whole, for who can read it. */
export function isOfNewerVersion(problem: Error): boolean {
  return problem instanceof MillraceError && problem.code === 'CHECKPOINT_NEWER_VERSION'
}
