/** The progress of a job as one plain line, for logs. */
import { formatClock, formatCount, formatInstant, formatPercent } from '../text/format-quantity.ts'
import type { ProgressSnapshot } from './progress-snapshot.ts'

export function renderStatusLine(snapshot: ProgressSnapshot): string {
  const sources = snapshot.operators.filter((operator) => operator.isSource)
  const read = sources.reduce((sum, operator) => sum + operator.recordsIn, 0)
  const perSecond = sources.reduce((sum, operator) => sum + operator.recordsInPerSecond, 0)
  const watermark = Math.min(Number.POSITIVE_INFINITY, ...snapshot.operators.map((operator) => operator.watermarkMs))
  const pressed = snapshot.operators.filter((operator) => operator.backPressured > 0.5)
  const { input, lastCheckpoint } = snapshot
  return [
    `${formatClock(snapshot.elapsedMs)} ${snapshot.state}`,
    ...(snapshot.attempt > 0 ? [`attempt ${snapshot.attempt + 1}`] : []),
    `${formatCount(read)} records read${Number.isNaN(perSecond) ? '' : `, ${formatCount(perSecond)}/s`}`,
    ...(input === undefined ? [] : [formatPercent(input.ratio)]),
    ...(input?.leftMs === undefined || input.ratio >= 1 ? [] : [`${formatClock(input.leftMs)} left`]),
    `watermark ${formatInstant(watermark)}`,
    lastCheckpoint === undefined ? 'no checkpoint yet' : `checkpoint ${lastCheckpoint.id}`,
    ...(pressed.length > 0 ? [`back-pressured: ${pressed.map((operator) => operator.name).join(', ')}`] : []),
    ...(snapshot.lostRecords > 0 ? [`${formatCount(snapshot.lostRecords)} late or skipped`] : []),
  ].join('  ')
}
