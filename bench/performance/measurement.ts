/**
 * Sessions that were measured with the same commit on the same machine stand in one table, as those of one long measurement do,
 * which has a session for each of its steps. Ratios stay within a session.
 */
import type { About } from '../run-lines.ts'
import type { Session } from './parse-lines.ts'

export interface Measurement {
  /** Of the first session; the load is the highest of all. */
  readonly about: About
  readonly dateLast: string
  readonly sessions: readonly Session[]
}

/** In the order of their first sessions. */
export function measurementsOf(sessions: readonly Session[]): readonly Measurement[] {
  return [...Map.groupBy(sessions, ({ about }) => placeOf(about)).values()].map((own) => {
    const [first] = own as [Session]
    const loads = own.flatMap(({ about }) => about.loadAverage ?? [])
    const about = loads.length === 0 ? first.about : { ...first.about, loadAverage: Math.max(...loads) }
    const dateLast = own.reduce((last, { about: { date } }) => (date > last ? date : last), first.about.date)
    return { about, dateLast, sessions: own }
  })
}

function placeOf({ commit, node, cores, processor, memoryBytes, versions }: About): string {
  return JSON.stringify([commit, node, cores, processor, memoryBytes, versions])
}
