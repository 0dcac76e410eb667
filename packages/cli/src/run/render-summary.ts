/** The end of a run in a few lines: how it ended, how much, what was lost, where the output is. */
import type { PhysicalPlan } from '@millrace/core'
import { formatDuration, formatExact } from '../text/format-quantity.ts'
import type { Paint } from '../text/paint.ts'
import type { RunResult } from './job-runner-port.ts'
import { lostRecords, userCounts } from './lost-records.ts'
import { planOutputs } from './plan-outputs.ts'

const ENDINGS = {
  FINISHED: ['good', 'finished'],
  FAILED: ['bad', 'failed'],
  CANCELED: ['warning', 'cancelled'],
} as const

export function renderSummary(result: RunResult, plan: PhysicalPlan, paint: Paint): readonly string[] {
  const { final, savepoint } = result
  const [tone, ending] = ENDINGS[result.state]
  const read = recordsRead(plan, result)
  const elapsedMs = final.atMs - final.startedAtMs
  // Counters begin again with every attempt, so after a restart there is no rate of the whole run.
  const rate = elapsedMs > 0 && final.attempt === 0 ? ` (${formatExact(Math.round((read / elapsedMs) * 1_000))}/s)` : ''
  return [
    `${plan.jobName} ${paint(tone, ending)} after ${formatDuration(elapsedMs)}`,
    `  read        ${formatExact(read)} records${rate}`,
    `  checkpoints ${final.checkpointsCompleted} completed, ${final.checkpointsFailed} failed`,
    ...(final.attempt > 0 ? [`  restarts    ${final.attempt}; counters are those of the last attempt`] : []),
    ...lostRecords(plan, final).map(
      ({ operator, reason, records }) =>
        `  ${paint('warning', reason.padEnd(11))} ${formatExact(records)} records in "${operator}"`,
    ),
    ...userCounts(plan, final).map(
      ({ operator, counter, count }) => `  counted     ${counter}: ${formatExact(count)} in "${operator}"`,
    ),
    ...(savepoint === undefined ? [] : [`  savepoint   ${savepoint}`]),
    ...planOutputs(plan).map(
      ({ uid, sink, place, guarantee }) =>
        `  output      ${place ?? sink}  (${place === undefined ? '' : `${sink}, `}${uid}, ${guarantee})`,
    ),
  ]
}

function recordsRead(plan: PhysicalPlan, { final }: RunResult): number {
  const sources = new Set(plan.vertices.filter((vertex) => vertex.isSource).map((vertex) => vertex.id))
  return final.tasks.reduce((sum, task) => sum + (sources.has(task.vertex) ? task.metrics.numRecordsIn : 0), 0)
}
