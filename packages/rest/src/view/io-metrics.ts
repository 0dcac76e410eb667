/** What went through a task, or through all tasks of a vertex, in the words of Flink's answers. */
import type { TaskReading } from '@millrace/runtime'

export interface IoMetrics {
  readonly 'read-bytes': number
  readonly 'read-bytes-complete': boolean
  readonly 'write-bytes': number
  readonly 'write-bytes-complete': boolean
  readonly 'read-records': number
  readonly 'read-records-complete': boolean
  readonly 'write-records': number
  readonly 'write-records-complete': boolean
  readonly 'accumulated-backpressured-time': number
  readonly 'accumulated-idle-time': number
  readonly 'accumulated-busy-time': number
}

/** Sums over the tasks of this attempt; `…-complete` is false while one of them has no figures. */
export function ioMetrics(tasks: readonly TaskReading[]): IoMetrics {
  const known = tasks.flatMap(({ metrics }) => (metrics === undefined ? [] : [metrics]))
  const complete = known.length === tasks.length
  const sum = (value: (metrics: (typeof known)[number]) => number): number =>
    Math.round(known.reduce((total, metrics) => total + value(metrics), 0))
  return {
    'read-bytes': sum(({ numBytesIn }) => numBytesIn),
    'read-bytes-complete': complete,
    'write-bytes': sum(({ numBytesOut }) => numBytesOut),
    'write-bytes-complete': complete,
    'read-records': sum(({ numRecordsIn }) => numRecordsIn),
    'read-records-complete': complete,
    'write-records': sum(({ numRecordsOut }) => numRecordsOut),
    'write-records-complete': complete,
    'accumulated-backpressured-time': sum(({ backPressuredTimeMs }) => backPressuredTimeMs),
    'accumulated-idle-time': sum(({ idleTimeMs }) => idleTimeMs),
    'accumulated-busy-time': sum(({ busyTimeMs }) => busyTimeMs),
  }
}

export type IoMetric = Exclude<keyof IoMetrics, `${string}-complete`>

export const IO_METRICS: readonly IoMetric[] = [
  'read-bytes',
  'write-bytes',
  'read-records',
  'write-records',
  'accumulated-backpressured-time',
  'accumulated-idle-time',
  'accumulated-busy-time',
]
