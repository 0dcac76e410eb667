/** What happened to a running job, as lines that stay in the terminal or log. */
import type { PhysicalPlan } from '@millrace/core'
import { renderError } from '../error/render-error.ts'
import { describeCheckpoint } from '../progress/render-progress.ts'
import { formatDuration } from '../text/format-quantity.ts'
import type { Paint } from '../text/paint.ts'
import type { RunEvent } from './job-runner-port.ts'

/** No lines for what the progress display shows anyway: states and checkpoints that completed. */
export function renderEvent(
  event: Exclude<RunEvent, { kind: 'printed' }>,
  plan: PhysicalPlan,
  paint: Paint,
): readonly string[] {
  switch (event.kind) {
    case 'state':
      return []
    case 'message':
      return [event.level === 'warning' ? `${paint('warning', 'warning')} ${event.text}` : event.text]
    case 'rest': {
      const why = event.takenPort === undefined ? '' : ` (port ${event.takenPort} is taken)`
      return [`REST server at ${event.url}${why}`]
    }
    case 'checkpoint': {
      const { checkpoint } = event
      if (checkpoint.outcome === 'failed') return [`${paint('warning', 'warning')} ${describeCheckpoint(checkpoint)}`]
      return checkpoint.kind === 'savepoint' ? [describeCheckpoint(checkpoint)] : []
    }
    case 'failure': {
      // The last one is the job's error, which the summary shows in full.
      if (event.restartInMs === undefined) return []
      const vertex = plan.vertices.find(({ id }) => id === event.task?.vertex)
      const where = vertex === undefined ? '' : ` in "${vertex.name}", subtask ${event.task?.subtask}`
      return [
        ...renderError(event.error, paint),
        paint('warning', `The job failed${where} and restarts in ${formatDuration(event.restartInMs)}.`),
      ]
    }
  }
}
