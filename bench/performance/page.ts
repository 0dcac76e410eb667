/** docs/performance.md: which of its parts are generated, and putting new ones in. What was written by hand is left as it is. */
import { CURVES, type CurveName } from '../curves/curve.ts'
import type { Workload } from '../workload.ts'
import { renderComparisonPart } from './comparison-part.ts'
import { renderCostsPart } from './costs-part.ts'
import { renderCurvesPart } from './curves-part.ts'
import { renderLatencyPart } from './latency-part.ts'
import type { Session } from './parse-lines.ts'

export const PARTS = ['comparison', 'large-state', 'latency', 'curves', 'costs'] as const
export type PartName = (typeof PARTS)[number]

export interface Generated {
  /** Those that the sessions have figures for. */
  readonly parts: ReadonlyMap<PartName, string>
  /** Text of files by their names; they belong beside the page. */
  readonly pictures: ReadonlyMap<string, string>
}

/** A page whose markers are missing, double or not closed. */
export class MarkerError extends Error {}

export function generate(sessions: readonly Session[]): Generated {
  const curves = renderCurvesPart(sessions, pictureName)
  const all: readonly (readonly [PartName, string | undefined])[] = [
    ['comparison', renderComparisonPart(sessions, (workload) => !isLargeState(workload))],
    ['large-state', renderComparisonPart(sessions, isLargeState)],
    ['latency', renderLatencyPart(sessions)],
    ['curves', curves?.text],
    ['costs', renderCostsPart(sessions)],
  ]
  return {
    parts: new Map(all.filter((part): part is readonly [PartName, string] => part[1] !== undefined)),
    pictures: new Map([...(curves?.pictures ?? [])].map(([curve, svg]) => [pictureName(curve), svg])),
  }
}

function isLargeState({ name }: Workload): boolean {
  return name === 'large-state'
}

/** All names that pictures may have. */
export const PICTURES: readonly string[] = CURVES.map(pictureName)

function pictureName(curve: CurveName): string {
  return `performance-${curve}.svg`
}

const END = '<!-- end -->'

/** Parts that are not given stay. Throws `MarkerError` when a part has no place, or more than one. */
export function replaceParts(page: string, parts: ReadonlyMap<PartName, string>): string {
  let replaced = page
  for (const [name, text] of parts) {
    const begin = `<!-- generated: ${name} -->`
    const [before = '', behind, ...more] = replaced.split(begin)
    if (behind === undefined || more.length > 0) throw new MarkerError(`The page must have ${begin} once`)
    const end = behind.indexOf(END)
    const next = behind.indexOf('<!-- generated: ')
    if (end < 0 || (next >= 0 && next < end)) throw new MarkerError(`${begin} has no ${END}`)
    replaced = `${before}${begin}\n\n${text}\n\n${behind.slice(end)}`
  }
  return replaced
}
