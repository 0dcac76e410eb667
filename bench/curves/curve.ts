/** The curves: what a record costs over one setting, and the runs that give its points. */
import type { Workload, WorkloadSettings } from '../workload.ts'

export const CURVES = ['keys', 'windows', 'parallelism', 'width'] as const
export type CurveName = (typeof CURVES)[number]

export interface Point {
  readonly workload: Workload
  readonly settings: WorkloadSettings
}

const KEYS = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
const WINDOWS = [1, 10, 60, 360, 3_600]
const WINDOW_KEYS = [1_000, 100_000]
const PARALLELISM = [1, 2, 4]
const FIELDS = [3, 10, 30, 60]

const EVENTS_PER_SECOND = 10_000
const SLIDE_MS = 1_000
const SIZE_MS_MIN = 10_000
/** Each key comes at least so often, or it would not be live. */
const EVENTS_PER_KEY = 2
/** Records times windows of a record, for each record that was asked for: more would take engines without slices hours. */
const WINDOWS_PER_EVENT = 18
const EVENTS_MIN = 2_000

export function pointsOf(curve: CurveName, events: number): readonly Point[] {
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
      return WINDOW_KEYS.flatMap((keys) =>
        WINDOWS.map((windows) =>
          point('sliding', {
            events: Math.max(EVENTS_MIN, Math.min(events, Math.round((events * WINDOWS_PER_EVENT) / windows))),
            parallelism: 1,
            keys,
            sizeMs: windows * SLIDE_MS,
            slideMs: SLIDE_MS,
          }),
        ),
      )
    case 'parallelism':
      return ['chain', 'exchange', 'keyed-tumbling', 'running-sum'].flatMap((shape) =>
        PARALLELISM.map((parallelism) => point(shape, { events, parallelism })),
      )
    case 'width':
      return FIELDS.map((fields) => point('wide', { events, parallelism: 1, fields }))
  }
}

function point(name: string, settings: WorkloadSettings): Point {
  return { workload: { kind: 'shape', name }, settings }
}
