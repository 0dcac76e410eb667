/** Every record that went nowhere, by operator and reason: what the end of a run must say. */
import type { PhysicalPlan } from '@millrace/core'
import type { JobReading, TaskFigures } from './job-runner-port.ts'

export interface LostRecords {
  readonly operator: string
  readonly reason: LossReason
  readonly records: number
}

export type LossReason = 'late' | 'skipped' | 'discarded'

const METRICS: readonly (readonly [LossReason, keyof TaskFigures & `num${string}`])[] = [
  ['late', 'numLateRecordsDropped'],
  ['skipped', 'numRecordsSkipped'],
  ['discarded', 'numRecordsDiscarded'],
]

/** In the order of the plan; only what happened. */
export function lostRecords(plan: PhysicalPlan, reading: JobReading): readonly LostRecords[] {
  return plan.vertices.flatMap((vertex) =>
    METRICS.flatMap(([reason, metric]) => {
      const records = reading.tasks
        .filter((task) => task.vertex === vertex.id)
        .reduce((sum, task) => sum + task.metrics[metric], 0)
      return records === 0 ? [] : [{ operator: vertex.name, reason, records }]
    }),
  )
}

export interface UserCount {
  readonly operator: string
  readonly counter: string
  readonly count: number
}

/** Names under which connectors count what the task's own metrics say too. */
const COUNTED_ABOVE = /\.(?:numRecordsSkipped|numRecordsDiscarded|numLateRecordsDropped)$/

/** What the job's own code, its operators and connectors counted, summed over subtasks; only what happened. */
export function userCounts(plan: PhysicalPlan, reading: JobReading): readonly UserCount[] {
  return plan.vertices.flatMap((vertex) => {
    const counts = new Map<string, number>()
    for (const task of reading.tasks) {
      if (task.vertex !== vertex.id) continue
      for (const [name, count] of Object.entries(task.metrics.userCounters)) {
        counts.set(name, (counts.get(name) ?? 0) + count)
      }
    }
    return [...counts]
      .filter(([counter, count]) => count !== 0 && !COUNTED_ABOVE.test(counter))
      .map(([counter, count]) => ({ operator: vertex.name, counter, count }))
  })
}
