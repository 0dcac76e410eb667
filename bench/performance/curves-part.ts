/** The part of the page with the curves: what a record costs over one setting, as a table and a picture each. */
import type { FailedRun, Run } from '../comparison.ts'
import { CURVES, type CurveName } from '../curves/curve.ts'
import { CURVE_SUITE } from '../curves/measure-curve.ts'
import { windowStandingsOf } from '../curves/window-standing.ts'
import { differencesOf, runningCpuSeconds, workloadOf } from '../runs-in-turn.ts'
import { median } from '../statistics.ts'
import { drawChart, type Panel } from './chart.ts'
import { count, emphasised, failureText, provenance, table } from './markdown.ts'
import { type Measurement, measurementsOf } from './measurement.ts'
import type { Session } from './parse-lines.ts'
import { PEERS } from './regroup-runs.ts'

interface Kind {
  readonly title: string
  readonly xLabel: string
  xOf(run: Run | FailedRun): number | undefined
  panelOf(run: Run | FailedRun): string
}

const KINDS: Readonly<Record<CurveName, Kind>> = {
  keys: { title: 'Number of keys', xLabel: 'keys', xOf: ({ keys }) => keys, panelOf: nameOf },
  windows: {
    title: 'Size ÷ slide',
    xLabel: 'windows of a record (size ÷ slide)',
    xOf: ({ sizeMs, slideMs }) => (sizeMs === undefined || slideMs === undefined ? undefined : sizeMs / slideMs),
    panelOf: (run) => `${nameOf(run)}, ${count(run.keys ?? 0)} keys`,
  },
  parallelism: { title: 'Parallelism', xLabel: 'slots', xOf: ({ parallelism }) => parallelism, panelOf: nameOf },
  width: { title: 'Record width', xLabel: 'fields of a record', xOf: ({ fields }) => fields, panelOf: nameOf },
}

/** What sides cost at a place on the same records, in ns of CPU for a record. */
interface CurvePoint {
  readonly panel: string
  readonly x: number
  readonly events: number
  /** NaN: it failed. */
  readonly nsBySide: ReadonlyMap<string, number>
}

export interface CurvesPart {
  readonly text: string
  /** SVG by curve. */
  readonly pictures: ReadonlyMap<CurveName, string>
}

/** Of each curve the last measurement. `pictureOf`: the link to its picture. Undefined when no session measured one. */
export function renderCurvesPart(
  sessions: readonly Session[],
  pictureOf: (curve: CurveName) => string,
): CurvesPart | undefined {
  const texts: string[] = []
  const pictures = new Map<CurveName, string>()
  for (const curve of CURVES) {
    const isOfCurve = ({ suite }: Run | FailedRun): boolean => suite === CURVE_SUITE + curve
    const own = sessions
      .map((session) => ({
        ...session,
        runs: session.runs.filter(isOfCurve),
        failedRuns: session.failedRuns.filter(isOfCurve),
      }))
      .filter(({ runs, failedRuns }) => runs.length + failedRuns.length > 0)
    const last = measurementsOf(own).at(-1)
    if (last === undefined) continue
    const points = curvePoints(KINDS[curve], last.sessions)
    texts.push(renderCurve(curve, last, points, pictureOf(curve)))
    pictures.set(curve, drawCurve(curve, points))
  }
  return texts.length === 0 ? undefined : { text: texts.join('\n\n'), pictures }
}

/** By panel, then by place, then by number of records. What several sessions have is that of the last one. */
function curvePoints({ xOf, panelOf }: Kind, sessions: readonly Session[]): readonly CurvePoint[] {
  const points = new Map<string, CurvePoint>()
  for (const { runs, failedRuns } of sessions) {
    for (const [place, ofPlace] of Map.groupBy([...runs, ...failedRuns], (run) => placeOf(run))) {
      const [first] = ofPlace as [Run | FailedRun]
      const bySide = Map.groupBy(ofPlace, ({ peer }) => peer)
      const nsBySide = new Map([...bySide].map(([peer, ofSide]) => [peer, nsOf(ofSide)]))
      points.set(place, { panel: panelOf(first), x: xOf(first) ?? Number.NaN, events: first.events, nsBySide })
    }
  }
  const panels = [...new Set([...points.values()].map(({ panel }) => panel))]
  return [...points.values()]
    .filter(({ x }) => x > 0)
    .toSorted((a, b) => panels.indexOf(a.panel) - panels.indexOf(b.panel) || a.x - b.x || a.events - b.events)

  function placeOf(run: Run | FailedRun): string {
    return JSON.stringify([panelOf(run), xOf(run), run.events])
  }
}

function nsOf(runs: readonly (Run | FailedRun)[]): number {
  return median(runs.map((run) => ('failure' in run ? Number.NaN : (runningCpuSeconds(run) / run.events) * 1e9)))
}

function renderCurve(
  curve: CurveName,
  measurement: Measurement,
  points: readonly CurvePoint[],
  picture: string,
): string {
  const runs = measurement.sessions.flatMap((session) => session.runs)
  const failed = measurement.sessions.flatMap(({ failedRuns }) => failedRuns)
  const { title, xLabel, panelOf } = KINDS[curve]
  const sides = sidesOf(points)
  const rows = points.map(({ panel, x, events, nsBySide }) => [
    panel,
    count(x),
    count(events),
    ...sides.map((side) => nsText(nsBySide.get(side))),
  ])
  const failures = [...failed.map((run) => `${panelOf(run)}, ${run.peer}: ${run.failure}`), ...differencesOf(runs)]
  return [
    `### ${title}`,
    `${provenance(measurement)} ns of CPU for a record, without the start, generator included.`,
    `![CPU for a record over ${xLabel}; the figures are in the table](${picture})`,
    table(['', xLabel, 'events', ...sides], rows),
    ...(curve === 'windows' ? renderManyWindows(measurement.sessions) : []),
    ...failures.map((failure) => `**FAILS**: ${failureText(failure)}`),
  ].join('\n\n')
}

function nsText(ns: number | undefined): string {
  if (ns === undefined) return ''
  return Number.isNaN(ns) ? '**FAILS**' : ns.toFixed(0)
}

function renderManyWindows(sessions: readonly Session[]): readonly string[] {
  const all = sessions.flatMap(({ runs }) => windowStandingsOf(runs))
  const standings = new Map(all.map((one) => [JSON.stringify([one.keys, one.windows, one.against]), one]))
  if (standings.size === 0) return []
  const rows = [...standings.values()].map((one) => [
    count(one.windows),
    count(one.keys),
    one.against,
    count(one.events),
    count(one.liveKeys),
    one.rowsPerEvent.toFixed(1),
    `${one.ratio.toFixed(1)} ×`,
    one.ratioMin === 1 ? 'ahead' : `at least ${one.ratioMin} ×`,
    emphasised(one.verdict),
  ])
  return [
    'Against the peers where a record has many windows: how many times the events in a CPU second, without the start of either. ' +
      'Each peer has as many events as it does in about two minutes, Millrace the same ones; at the fewest the results of all are compared, ' +
      'at the others those of Millrace and that peer.',
    table(['windows', 'keys', 'against', 'events', 'live keys', 'rows for an event', 'ratio', 'goal', 'verdict'], rows),
  ]
}

function drawCurve(curve: CurveName, points: readonly CurvePoint[]): string {
  const { title, xLabel } = KINDS[curve]
  const sides = sidesOf(points)
  const panels = [...Map.groupBy(points, ({ panel }) => panel)].map(([panel, own]): Panel => {
    const series = sides.map((name) => {
      // Where a side was run with several numbers of records, the most: points are by their number.
      const nsByX = new Map(
        own.flatMap(({ x, nsBySide }) => {
          const ns = nsBySide.get(name) ?? 0
          return ns > 0 ? [[x, ns] as const] : []
        }),
      )
      return { name, points: [...nsByX].map(([x, y]) => ({ x, y })) }
    })
    return { title: panel, series: series.filter((one) => one.points.length > 0) }
  })
  return drawChart({ title: `CPU for a record: ${title}`, xLabel, yLabel: 'CPU for a record', panels }, count, time)
}

/** In one order for all curves, Millrace first. */
function sidesOf(points: readonly CurvePoint[]): readonly string[] {
  return [...PEERS.keys()].filter((peer) => points.some(({ nsBySide }) => nsBySide.has(peer)))
}

function nameOf(run: Run | FailedRun): string {
  return workloadOf(run).name
}

/** Of ns. */
function time(ns: number): string {
  if (ns >= 1e9) return `${ns / 1e9} s`
  if (ns >= 1e6) return `${ns / 1e6} ms`
  return ns >= 1e3 ? `${ns / 1e3} µs` : `${ns} ns`
}
