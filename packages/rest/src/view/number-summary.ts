/** Numbers summed up as Flink does it: averages of whole numbers are cut off, percentiles are interpolated, and JSON's missing NaN is a text. */
import { type NumberSummary, percentileOf } from '@millrace/core'

/** Of checkpoints; a percentile of nothing is the text `NaN`, as Flink's JSON writer puts it. */
export interface StatsJson {
  readonly min: number
  readonly max: number
  readonly avg: number
  readonly p50: number | 'NaN'
  readonly p90: number | 'NaN'
  readonly p95: number | 'NaN'
  readonly p99: number | 'NaN'
  readonly p999: number | 'NaN'
}

export function statsJson(summary: NumberSummary): StatsJson {
  const percentile = (share: number): number | 'NaN' => numberOrNaN(percentileOf(summary, share))
  return {
    ...rangeOf(summary),
    p50: percentile(0.5),
    p90: percentile(0.9),
    p95: percentile(0.95),
    p99: percentile(0.99),
    p999: percentile(0.999),
  }
}

/** Of the subtasks of one checkpoint, where Flink gives no percentiles. */
export function subtaskStatsJson(values: readonly number[]): StatsJson {
  return { ...rangeOf(summaryOf(values)), p50: 'NaN', p90: 'NaN', p95: 'NaN', p99: 'NaN', p999: 'NaN' }
}

/** `alignment_buffered`, which Flink itself fills with zeros only. */
export const NO_STATS: StatsJson = { min: 0, max: 0, avg: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0 }

export interface AggregateJson {
  readonly min: number
  readonly max: number
  readonly avg: number
  readonly sum: number
  readonly median: number
  readonly p25: number
  readonly p75: number
  readonly p95: number
}

/** Of the subtasks of a vertex; whole numbers. */
export function aggregateJson(values: readonly number[]): AggregateJson {
  const summary = summaryOf(values)
  const percentile = (share: number): number => (values.length === 0 ? 0 : Math.trunc(percentileOf(summary, share)))
  return {
    ...rangeOf(summary),
    sum: summary.sum,
    median: percentile(0.5),
    p25: percentile(0.25),
    p75: percentile(0.75),
    p95: percentile(0.95),
  }
}

function rangeOf({ min, max, sum, count }: NumberSummary): { min: number; max: number; avg: number } {
  return { min, max, avg: count === 0 ? 0 : Math.trunc(sum / count) }
}

function summaryOf(values: readonly number[]): NumberSummary {
  return {
    count: values.length,
    min: values.length === 0 ? 0 : Math.min(...values),
    max: values.length === 0 ? 0 : Math.max(...values),
    sum: values.reduce((sum, value) => sum + value, 0),
    samples: values,
  }
}

function numberOrNaN(value: number): number | 'NaN' {
  return Number.isNaN(value) ? 'NaN' : value
}
