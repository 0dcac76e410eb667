/** The end of a run in a few lines: how it ended, how much, what was lost, where the output is. */
import type { PhysicalPlan } from '@millrace/core'
import { describeRecovery } from '@millrace/runtime'
import { textWidth } from '../text/fit-text.ts'
import { formatDuration, formatExact } from '../text/format-quantity.ts'
import type { Paint } from '../text/paint.ts'
import type { RunResult } from './job-runner-port.ts'
import { lostRecords, userCounts } from './lost-records.ts'
import { planOutputs } from './plan-outputs.ts'

const ENDINGS = {
  FINISHED: ['good', 'finished'],
  FAILED: ['bad', 'failed'],
  CANCELED: ['warning', 'cancelled'],
  SUSPENDED: ['warning', 'suspended'],
} as const

/** Indent of what has no room behind its place on a line. */
const CONTINUED = '              '

/** `width`: of the terminal, when it is read there; in a log lines stay whole. */
export function renderSummary(
  result: RunResult,
  plan: PhysicalPlan,
  paint: Paint,
  width = Number.POSITIVE_INFINITY,
): readonly string[] {
  const { final, savepoint } = result
  const [tone, ending] = ENDINGS[result.state]
  const read = recordsRead(plan, result)
  const elapsedMs = final.atMs - final.startedAtMs
  // Counters begin again with every attempt, so after a restart there is no rate of the whole run.
  const rate = elapsedMs > 0 && final.attempt === 0 ? ` (${formatExact(Math.round((read / elapsedMs) * 1_000))}/s)` : ''
  return [
    `${plan.jobName} ${paint(tone, ending)} after ${formatDuration(elapsedMs)}`,
    `  read        ${formatExact(read)} records${rate}${final.attempt > 0 ? ' in the last attempt' : ''}`,
    `  checkpoints ${final.checkpointsCompleted} completed, ${final.checkpointsFailed} failed`,
    ...(final.attempt > 0 ? [`  restarts    ${final.attempt}; all counters are those of the last attempt`] : []),
    ...(final.lastRecovery === undefined ? [] : [`  recovered   ${describeRecovery(final.lastRecovery)}`]),
    ...lostRecords(plan, final).map(
      ({ operator, reason, records }) =>
        `  ${paint('warning', reason.padEnd(11))} ${formatExact(records)} records in "${operator}"`,
    ),
    ...userCounts(plan, final).map(
      ({ operator, counter, count }) => `  counted     ${counter}: ${formatExact(count)} in "${operator}"`,
    ),
    ...(savepoint === undefined ? [] : [`  savepoint   ${savepoint}`]),
    ...planOutputs(plan).flatMap(({ uid, sink, place, guarantee }) => {
      const where = `  output      ${place ?? sink}`
      const what = `(${place === undefined ? '' : `${sink}, `}${uid}, ${guarantee})`
      const whole = `${where}  ${what}`
      return textWidth(whole) <= width ? [whole] : [where, `${CONTINUED}${what}`]
    }),
  ]
}

function recordsRead(plan: PhysicalPlan, { final }: RunResult): number {
  const sources = new Set(plan.vertices.filter((vertex) => vertex.isSource).map((vertex) => vertex.id))
  return final.tasks.reduce((sum, task) => sum + (sources.has(task.vertex) ? task.metrics.numRecordsIn : 0), 0)
}
