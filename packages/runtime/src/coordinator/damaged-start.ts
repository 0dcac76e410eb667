/** What a start says that finds its checkpoints damaged, or written by a newer version: which, and what to do instead. */
import { MillraceError } from '@millrace/api'
import { isOfNewerVersion } from '../checkpoint-storage/storage-errors.ts'
import type { LineageOrigin } from './lineage-file.ts'

export function damagedNewest(path: string, problem: Error, hint: string): MillraceError {
  // It is whole for who can read it: giving it up is the second best.
  if (isOfNewerVersion(problem)) {
    const message = `The newest checkpoint ${path} cannot be read: ${problem.message}`
    const advice = `${hintOf(problem)} To give it up instead: ${hint}`.trim()
    return new MillraceError('CHECKPOINT_NEWER_VERSION', message, { details: { path }, hint: advice, cause: problem })
  }
  const message = `The newest checkpoint ${path} is damaged: ${problem.message}`
  return new MillraceError('CHECKPOINT_DAMAGED', message, { details: { path }, hint, cause: problem })
}

export function nothingWhole(
  folder: string,
  unusable: readonly { readonly path: string; readonly problem: Error }[],
  origin: LineageOrigin | undefined,
): MillraceError {
  const problems = unusable.map(({ path, problem }) => `${path}: ${problem.message}`)
  const newer = unusable.find(({ problem }) => isOfNewerVersion(problem))
  const instead =
    origin === undefined
      ? 'Restore a savepoint with -s <savepoint>, or start fresh without --resume-from.'
      : `The job was started from ${origin.path}: go back to that with -s ${origin.path} --discard-newer.`
  const code = newer === undefined ? 'CHECKPOINT_DAMAGED' : 'CHECKPOINT_NEWER_VERSION'
  return new MillraceError(code, `No checkpoint in ${folder} can be restored. ${problems.join(' ')}`, {
    details: { folder },
    hint: newer === undefined ? instead : `${hintOf(newer.problem)} Or: ${instead}`.trim(),
    cause: (newer ?? unusable[0])?.problem,
  })
}

function hintOf(problem: Error): string {
  return problem instanceof MillraceError ? (problem.hint ?? '') : ''
}
