/**
 * A sink that keeps how long each row was on its way: from when it was due to when the sink's writer has it. The histogram is
 * what the sink writes, exactly-once: prepared at each barrier, committed with the checkpoint, and delivered to the caller.
 */
import type { Sink } from '@millrace/api'
import { type HistogramData, LatencyHistogram } from './latency-histogram.ts'
import { monotonicMs } from './monotonic-clock.ts'

export const LATENCY_CHANNEL = 'latency'
/** Counts all rows, those of the warm-up too. */
export const LATENCY_ROWS = 'latency-rows'

export interface Stamped {
  /** By `monotonicMs`. */
  readonly dueMs: number
}

type Committable = { readonly id: string; readonly histogram: HistogramData }

/**
 * `warmUpMs`: rows that were due so soon after the first one are counted only. So are those that come before they are due, which is
 * what the end of the input makes of the last windows.
 */
export function latencySink<Row extends Stamped>(warmUpMs: number): Sink<Row, never, Committable> {
  return {
    kind: 'latency',
    options: {},
    guarantee: 'exactly-once',
    async openWriter({ subtask, count }) {
      const histogram = new LatencyHistogram()
      let fromMs: number | undefined
      return {
        write(rows) {
          const nowMs = monotonicMs()
          count(LATENCY_ROWS, rows.length)
          for (let i = 0; i < rows.length; i++) {
            const { dueMs } = rows[i] as Row
            // Another split may have begun a moment before.
            fromMs ??= warmUpMs === 0 ? 0 : dueMs + warmUpMs
            if (dueMs >= fromMs && dueMs <= nowMs) histogram.record(nowMs - dueMs)
          }
        },
        async prepare(checkpointId) {
          const committable = { id: `${subtask} ${checkpointId}`, histogram: histogram.toData() }
          histogram.clear()
          return { states: [], committables: [committable] }
        },
        close: async () => {},
      }
    },
    async openCommitter({ deliver }) {
      return {
        async commit(committables) {
          for (const { id, histogram } of committables) deliver?.(LATENCY_CHANNEL, id, [histogram])
        },
        close: async () => {},
      }
    },
  }
}
