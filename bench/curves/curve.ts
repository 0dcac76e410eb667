/** The curves: what a record costs over one setting, and the runs that give its points. */
import type { PeerName } from '../peer.ts'
import type { Workload, WorkloadSettings } from '../workload.ts'

export const CURVES = ['keys', 'windows', 'parallelism', 'width'] as const
export type CurveName = (typeof CURVES)[number]

export interface Point {
  readonly workload: Workload
  readonly settings: WorkloadSettings
  /** Which peers stand beside Millrace; undefined: all that have it. */
  readonly peers?: readonly PeerName[]
}

const KEYS = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
const WINDOWS = [1, 10, 60, 360, 3_600]
const WINDOW_KEYS = [1_000, 100_000]
const PARALLELISM = [1, 2, 4]
const FIELDS = [3, 10, 30, 60]

/** Of the generators, when nothing else is asked for. */
export const EVENTS_PER_SECOND = 10_000
const SLIDE_MS = 1_000
const SIZE_MS_MIN = 10_000
/** Each key comes at least so often, or it would not be live. */
const EVENTS_PER_KEY = 2
/**
 * How many records a run of a peer has at the most, by windows of a record and keys, so that it takes below two minutes: what has a
 * state for each window of a record, or merges all its slices for each row, would take hours for what others do in seconds. As
 * measured on two shared cores.
 */
const WINDOW_EVENTS_MAX: Readonly<Record<string, Readonly<Partial<Record<PeerName, number>>>>> = {
  '10 1000': { flink: 1_000_000 },
  '10 100000': { flink: 300_000, 'flink-sql': 1_000_000 },
  '60 1000': { flink: 500_000, 'flink-sql': 1_000_000 },
  '60 100000': { flink: 50_000, 'flink-sql': 50_000, jet: 1_000_000, loop: 1_000_000 },
  '360 1000': { flink: 100_000, 'flink-sql': 500_000, jet: 2_000_000, loop: 2_000_000 },
  '360 100000': { flink: 10_000, 'flink-sql': 10_000, jet: 200_000, loop: 200_000 },
  '3600 1000': { flink: 3_000, 'flink-sql': 150, jet: 500_000, loop: 500_000 },
  '3600 100000': { flink: 2_000, 'flink-sql': 150, jet: 50_000, loop: 50_000 },
}
const WINDOW_PEERS: readonly PeerName[] = ['loop', 'flink', 'flink-sql', 'jet']

/** What a curve is asked for. Beside the number of records only those of its points that have this, where it is given. */
export type CurveSettings = Pick<WorkloadSettings, 'events'> &
  Partial<Pick<WorkloadSettings, 'keys' | 'sizeMs' | 'fields'>>

export function pointsOf(curve: CurveName, { events, keys, sizeMs, fields }: CurveSettings): readonly Point[] {
  return allPointsOf(curve, events).filter(
    ({ settings }) =>
      (keys === undefined || keys === settings.keys) &&
      (sizeMs === undefined || sizeMs === settings.sizeMs) &&
      (fields === undefined || fields === settings.fields),
  )
}

function allPointsOf(curve: CurveName, events: number): readonly Point[] {
  switch (curve) {
    case 'keys':
      return KEYS.flatMap((keys) => {
        const enough = Math.max(events, keys * EVENTS_PER_KEY)
        const settings = { events: enough, parallelism: 1, keys }
        // A window has all keys.
        const sizeMs = Math.max(SIZE_MS_MIN, (keys * EVENTS_PER_KEY * 1_000) / EVENTS_PER_SECOND)
        return [point('running-sum', settings), point('keyed-tumbling', { ...settings, sizeMs })]
      })
    case 'windows':
      return WINDOW_KEYS.flatMap((keys) => WINDOWS.flatMap((windows) => windowPoints(windows, keys, events)))
    case 'parallelism':
      return ['chain', 'exchange', 'keyed-tumbling', 'running-sum'].flatMap((shape) =>
        PARALLELISM.map((parallelism) => point(shape, { events, parallelism })),
      )
    case 'width':
      return FIELDS.map((fields) => point('wide', { events, parallelism: 1, fields }))
  }
}

/** One for each number of records that a peer can do: all peers at the fewest, then those with more. Millrace has them all. */
function windowPoints(windows: number, keys: number, events: number): readonly Point[] {
  const most = WINDOW_EVENTS_MAX[`${windows} ${keys}`] ?? {}
  const eventsOf = (peer: PeerName): number => Math.min(events, most[peer] ?? events)
  const numbers = [...new Set(WINDOW_PEERS.map(eventsOf))].toSorted((a, b) => a - b)
  const settings = { parallelism: 1, keys, sizeMs: windows * SLIDE_MS, slideMs: SLIDE_MS }
  return numbers.map((number, index) => ({
    ...point('sliding', { events: number, ...settings }),
    ...(index === 0 ? {} : { peers: WINDOW_PEERS.filter((peer) => eventsOf(peer) === number) }),
  }))
}

function point(name: string, settings: WorkloadSettings): Point {
  return { workload: { kind: 'shape', name }, settings }
}
