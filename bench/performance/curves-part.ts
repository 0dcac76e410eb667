/** The part of the page with the curves: what a record costs over one setting, as a table and a picture each. */
import type { Run } from '../comparison.ts'
import { CURVES, type CurveName } from '../curves/curve.ts'
import { CURVE_SUITE } from '../curves/measure-curve.ts'
import type { About } from '../run-lines.ts'
import { runningCpuSeconds } from '../runs-in-turn.ts'
import { median } from '../statistics.ts'
import { drawChart, type Panel } from './chart.ts'
import { count, provenance, table } from './markdown.ts'
import type { Session } from './parse-lines.ts'
import { PEERS, workloadOf } from './regroup-runs.ts'

interface Kind {
  readonly title: string
  readonly xLabel: string
  xOf(run: Run): number | undefined
  panelOf(run: Run): string
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

/** What a side costs at a place, in ns of CPU for a record. */
interface CurvePoint {
  readonly panel: string
  readonly x: number
  readonly events: number
  readonly nsBySide: ReadonlyMap<string, number>
}

export interface CurvesPart {
  readonly text: string
  /** SVG by curve. */
  readonly pictures: ReadonlyMap<CurveName, string>
}

/** Of each curve what was measured last. `pictureOf`: the link to its picture. Undefined when no session measured one. */
export function renderCurvesPart(
  sessions: readonly Session[],
  pictureOf: (curve: CurveName) => string,
): CurvesPart | undefined {
  const texts: string[] = []
  const pictures = new Map<CurveName, string>()
  for (const curve of CURVES) {
    const last = sessions.findLast(({ runs }) => runs.some(({ suite }) => suite === CURVE_SUITE + curve))
    if (last === undefined) continue
    const points = curvePoints(curve, last.runs)
    texts.push(renderCurve(curve, last.about, points, pictureOf(curve)))
    pictures.set(curve, drawCurve(curve, points))
  }
  return texts.length === 0 ? undefined : { text: texts.join('\n\n'), pictures }
}

/** By panel, then by place. */
function curvePoints(curve: CurveName, runs: readonly Run[]): readonly CurvePoint[] {
  const { xOf, panelOf } = KINDS[curve]
  const own = runs.filter(({ suite }) => suite === CURVE_SUITE + curve)
  const panels = Map.groupBy(own, panelOf)
  return [...panels].flatMap(([panel, ofPanel]) =>
    [...Map.groupBy(ofPanel, (run) => `${xOf(run)}`)]
      .map(([x, ofPlace]) => ({
        panel,
        x: Number(x),
        events: ofPlace[0]?.events ?? 0,
        nsBySide: new Map([...Map.groupBy(ofPlace, ({ peer }) => peer)].map(([peer, ofSide]) => [peer, nsOf(ofSide)])),
      }))
      .filter(({ x }) => x > 0)
      .toSorted((a, b) => a.x - b.x),
  )
}

function nsOf(runs: readonly Run[]): number {
  return median(runs.map((run) => (runningCpuSeconds(run) / run.events) * 1e9))
}

function renderCurve(curve: CurveName, about: About, points: readonly CurvePoint[], picture: string): string {
  const { title, xLabel } = KINDS[curve]
  const sides = sidesOf(points)
  const rows = points.map(({ panel, x, events, nsBySide }) => [
    panel,
    count(x),
    count(events),
    ...sides.map((side) => nsBySide.get(side)?.toFixed(0) ?? ''),
  ])
  return [
    `### ${title}`,
    `${provenance(about)} ns of CPU for a record, without the start, generator included.`,
    `![CPU for a record over ${xLabel}; the figures are in the table](${picture})`,
    table(['', xLabel, 'events', ...sides], rows),
  ].join('\n\n')
}

function drawCurve(curve: CurveName, points: readonly CurvePoint[]): string {
  const { title, xLabel } = KINDS[curve]
  const sides = sidesOf(points)
  const panels = [...Map.groupBy(points, ({ panel }) => panel)].map(([panel, own]): Panel => {
    const series = sides.map((name) => ({
      name,
      points: own.flatMap(({ x, nsBySide }) => {
        const y = nsBySide.get(name) ?? 0
        return y > 0 ? [{ x, y }] : []
      }),
    }))
    return { title: panel, series: series.filter((one) => one.points.length > 0) }
  })
  return drawChart({ title: `CPU for a record: ${title}`, xLabel, yLabel: 'CPU for a record', panels }, count, time)
}

/** In one order for all curves, Millrace first. */
function sidesOf(points: readonly CurvePoint[]): readonly string[] {
  return [...PEERS.keys()].filter((peer) => points.some(({ nsBySide }) => nsBySide.has(peer)))
}

function nameOf(run: Run): string {
  return workloadOf(run).name
}

/** Of ns. */
function time(ns: number): string {
  if (ns >= 1e9) return `${ns / 1e9} s`
  if (ns >= 1e6) return `${ns / 1e6} ms`
  return ns >= 1e3 ? `${ns / 1e3} µs` : `${ns} ns`
}
