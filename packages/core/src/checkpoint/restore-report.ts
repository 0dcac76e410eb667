/**
 * What a restore found, by uid: which steps go on with their state, which start empty, and which state nobody asks for,
 * with the names that may have been meant. In words, for refusals and for what is said at the start.
 */
import { nearestName } from '@millrace/api'

export interface RestoreReport {
  /** Uids with state in the checkpoint that the job has too. */
  readonly matched: readonly string[]
  /** Uids with state that the job does not have; only with `allowNonRestoredState`. */
  readonly dropped: readonly string[]
  /** Steps of the job that keep state and that the checkpoint knows nothing of; they start empty. */
  readonly fresh: readonly string[]
}

/** Uids that are shown of one kind; the others are counted. */
const SHOWN_MAX = 20

/** State without a step, each with the nearest uid of the steps that have no state there. */
export function describeUnmatched(uids: readonly string[], free: readonly string[]): string {
  return listed(uids, (uid) => {
    const near = nearestName(uid, free)
    return near === undefined ? `"${uid}"` : `"${uid}" (did you mean "${near}"?)`
  })
}

/** One line: what goes on and what starts empty. */
export function describeMatched({ matched, fresh }: Pick<RestoreReport, 'matched' | 'fresh'>): string {
  const found = matched.length === 0 ? 'No step matched by uid' : `Matched by uid: ${listed(matched, quoted)}`
  return fresh.length === 0 ? found : `${found}; without state there, so empty: ${listed(fresh, quoted)}`
}

function listed(uids: readonly string[], describe: (uid: string) => string): string {
  const shown = uids.slice(0, SHOWN_MAX).map(describe).join(', ')
  return uids.length > SHOWN_MAX ? `${shown} and ${uids.length - SHOWN_MAX} more` : shown
}

function quoted(uid: string): string {
  return `"${uid}"`
}
