/** A vertex with its subtasks: `/jobs/:jobid/vertices/:vertexid`. Pure. */
import type { PlanVertex } from '@millrace/core'
import { type JobLook, taskManagerIdOf } from '../served-job.ts'
import { IO_METRICS, ioMetrics } from './io-metrics.ts'
import { aggregateJson } from './number-summary.ts'
import { stateDurations, subtaskSpan } from './state-counts.ts'

/** What Flink writes where a subtask has no place yet. */
const UNASSIGNED = '(unassigned)'

export function vertexDetailJson(vertex: PlanVertex, look: JobLook): object {
  const { history, reading, endpoint } = look
  const subtasks = history.subtasks
    .filter(({ vertexId }) => vertexId === vertex.id)
    .map((facts) => {
      const span = subtaskSpan(facts, reading.atMs)
      const tasks = reading.tasks.filter(({ id }) => id.vertexId === vertex.id && id.subtask === facts.subtask)
      return {
        subtask: facts.subtask,
        status: facts.state,
        attempt: facts.attempt,
        endpoint: facts.slot === undefined ? UNASSIGNED : endpoint,
        ...span,
        metrics: ioMetrics(tasks),
        'taskmanager-id': facts.slot === undefined ? UNASSIGNED : taskManagerIdOf(look),
        'status-duration': stateDurations(facts, reading.atMs),
        // Flink says it under both names.
        start_time: span['start-time'],
      }
    })
  const durations = subtasks.map((subtask) => subtask['status-duration'])
  const states = ['CREATED', 'RUNNING', 'INITIALIZING', 'SCHEDULED', 'DEPLOYING'] as const
  return {
    id: vertex.id,
    name: vertex.name,
    parallelism: vertex.parallelism,
    maxParallelism: vertex.maxParallelism,
    now: reading.atMs,
    subtasks,
    aggregated: {
      metrics: Object.fromEntries(
        IO_METRICS.map((metric) => [metric, aggregateJson(subtasks.map(({ metrics }) => metrics[metric]))]),
      ),
      'status-duration': Object.fromEntries(
        states.map((state) => [state, aggregateJson(durations.map((each) => each[state]))]),
      ),
    },
  }
}
