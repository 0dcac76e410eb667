/**
 * Lays the progress of a job out as lines. Pure. No line is wider than the width; a narrow terminal loses columns
 * before it loses figures, a low one loses operators, the least loaded first.
 */
import type { CheckpointReading, JobState } from '../run/job-runner-port.ts'
import { asOneLine, cutText, padText, textWidth } from '../text/fit-text.ts'
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatInstant,
  formatPercent,
} from '../text/format-quantity.ts'
import { type Paint, plainPaint, type Tone } from '../text/paint.ts'
import type { InputProgress, OperatorProgress, ProgressSnapshot } from './progress-snapshot.ts'

export interface RenderOptions {
  readonly paint?: Paint
  /** Default: as many as there is to say. */
  readonly linesMax?: number
}

/** Lines that are there whatever the number of operators: title, table head, input, checkpoint. */
const FIXED_LINES = 4

export function renderProgress(
  snapshot: ProgressSnapshot,
  width: number,
  { paint = plainPaint, linesMax = Number.POSITIVE_INFINITY }: RenderOptions = {},
): string[] {
  const lines = [
    renderTitle(snapshot, width, paint),
    ...renderOperators(snapshot, width, paint, Math.max(1, linesMax - FIXED_LINES)),
    ...(snapshot.input === undefined ? [] : [renderInput(snapshot.input, width, paint)]),
    renderCheckpoints(snapshot, width, paint),
  ]
  return lines.slice(0, Math.max(1, linesMax))
}

const STATE_TONES: Partial<Record<JobState, Tone>> = {
  RUNNING: 'good',
  FINISHED: 'good',
  FAILED: 'bad',
  FAILING: 'bad',
  RESTARTING: 'warning',
  CANCELLING: 'warning',
}

function renderTitle(snapshot: ProgressSnapshot, width: number, paint: Paint): string {
  return joinPieces(
    [
      { text: asOneLine(snapshot.jobName), tone: 'strong' },
      { text: snapshot.state, tone: STATE_TONES[snapshot.state] },
      { text: formatClock(snapshot.elapsedMs) },
      ...(snapshot.attempt > 0 ? [{ text: `attempt ${snapshot.attempt + 1}`, tone: 'warning' as const }] : []),
      ...(snapshot.lostRecords > 0
        ? [{ text: `${formatCount(snapshot.lostRecords)} late or skipped`, tone: 'warning' as const }]
        : []),
    ],
    width,
    paint,
  )
}

interface Column {
  readonly title: string
  readonly columns: number
  /** The one with the lowest rank leaves first. */
  readonly rank: number
  readonly cell: (operator: OperatorProgress, nowMs: number) => string
  readonly tone?: (operator: OperatorProgress) => Tone | undefined
}

const COLUMNS: readonly Column[] = [
  { title: 'par', columns: 4, rank: 2, cell: (operator) => String(operator.parallelism) },
  { title: 'in', columns: 6, rank: 4, cell: (operator) => formatCount(operator.recordsIn) },
  { title: 'in/s', columns: 6, rank: 6, cell: (operator) => formatCount(operator.recordsInPerSecond) },
  {
    title: 'out',
    columns: 6,
    rank: 3,
    cell: (operator) => (operator.isSink && operator.recordsOut === 0 ? '' : formatCount(operator.recordsOut)),
  },
  {
    title: 'out/s',
    columns: 6,
    rank: 7,
    cell: (operator) => (operator.isSink && operator.recordsOut === 0 ? '' : formatCount(operator.recordsOutPerSecond)),
  },
  {
    title: 'busy',
    columns: 6,
    rank: 9,
    cell: (operator) => (operator.isFinished ? 'done' : formatPercent(operator.busy)),
    tone: (operator) => (operator.isFinished ? 'good' : operator.busy >= 0.9 ? 'warning' : undefined),
  },
  {
    title: 'backpr',
    columns: 6,
    rank: 8,
    cell: (operator) => (operator.isFinished ? '' : formatPercent(operator.backPressured)),
    // Flink's bounds: up to 10 % is none, above 50 % is high.
    tone: (operator) => (operator.backPressured > 0.5 ? 'bad' : operator.backPressured > 0.1 ? 'warning' : undefined),
  },
  { title: 'watermark', columns: 19, rank: 5, cell: (operator) => formatInstant(operator.watermarkMs) },
  {
    title: 'lag',
    columns: 9,
    rank: 1,
    cell: (operator, nowMs) =>
      Number.isFinite(operator.watermarkMs) ? formatDuration(nowMs - operator.watermarkMs) : '',
  },
]

const GAP = '  '
const NAME_COLUMNS_MIN = 12
/** Columns of figures leave before names become shorter than this. */
const NAME_COLUMNS_KEPT = 20
const NAME_COLUMNS_MAX = 60

function renderOperators(snapshot: ProgressSnapshot, width: number, paint: Paint, rowsMax: number): readonly string[] {
  const { shown, hidden } = chooseOperators(snapshot.operators, rowsMax)
  const longest = Math.max(NAME_COLUMNS_MIN, ...shown.map((operator) => textWidth(asOneLine(operator.name))))
  const columns = chooseColumns(width - Math.min(longest, NAME_COLUMNS_KEPT))
  const figuresWidth = columns.reduce((sum, column) => sum + GAP.length + column.columns, 0)
  const nameColumns = Math.max(0, Math.min(longest, NAME_COLUMNS_MAX, width - figuresWidth))
  const head = [
    padText('operator', nameColumns, 'left'),
    ...columns.map(({ title, columns }) => padText(title, columns, 'right')),
  ]
  return [
    paint('faint', head.join(GAP)),
    ...shown.map((operator) =>
      [
        padText(asOneLine(operator.name), nameColumns, 'left'),
        ...columns.map((column) => {
          const cell = padText(column.cell(operator, snapshot.nowMs), column.columns, 'right')
          const tone = column.tone?.(operator)
          return tone === undefined ? cell : paint(tone, cell)
        }),
      ].join(GAP),
    ),
    ...(hidden > 0 ? [paint('faint', cutText(`… and ${hidden} more`, width))] : []),
  ]
}

/** The most loaded operators, in the order of the plan. */
function chooseOperators(operators: readonly OperatorProgress[], rowsMax: number) {
  if (operators.length <= rowsMax) return { shown: operators, hidden: 0 }
  const rows = Math.max(0, rowsMax - 1)
  const load = ({ busy, backPressured }: OperatorProgress) => busy + backPressured
  const kept = new Set(operators.toSorted((a, b) => load(b) - load(a)).slice(0, rows))
  return { shown: operators.filter((operator) => kept.has(operator)), hidden: operators.length - rows }
}

function chooseColumns(width: number): readonly Column[] {
  let columns = COLUMNS
  const needed = () => columns.reduce((sum, column) => sum + GAP.length + column.columns, 0)
  while (columns.length > 0 && needed() > width) {
    const lowest = Math.min(...columns.map((column) => column.rank))
    columns = columns.filter((column) => column.rank !== lowest)
  }
  return columns
}

const BAR_COLUMNS_MAX = 40

function renderInput({ ratio, leftMs }: InputProgress, width: number, paint: Paint): string {
  const label = 'input '
  const left = ratio >= 1 ? 'read' : leftMs === undefined ? '' : `${formatClock(leftMs)} left`
  const figures = ` ${formatPercent(ratio).padStart(5)}  ${left}`.trimEnd()
  const columns = Math.min(BAR_COLUMNS_MAX, width - label.length - figures.length)
  if (columns < 5) return cutText(`${label.trim()}${figures}`, width)
  const filled = Math.max(0, Math.min(columns, Math.floor(ratio * columns)))
  return `${label}${paint('good', '█'.repeat(filled))}${paint('faint', '░'.repeat(columns - filled))}${figures}`
}

function renderCheckpoints(snapshot: ProgressSnapshot, width: number, paint: Paint): string {
  const { lastCheckpoint: last, checkpointsCompleted, checkpointsFailed } = snapshot
  if (last === undefined) return cutText('checkpoint none yet', width)
  return joinPieces(
    [
      { text: describeCheckpoint(last), tone: last.outcome === 'failed' ? 'warning' : undefined },
      // The last reading of a job is taken just before its last checkpoint is given up.
      { text: `${formatDuration(Math.max(0, snapshot.nowMs - last.endedAtMs))} ago` },
      { text: `${checkpointsCompleted} completed` },
      ...(checkpointsFailed > 0 ? [{ text: `${checkpointsFailed} failed`, tone: 'warning' as const }] : []),
    ],
    width,
    paint,
  )
}

/** `checkpoint 12 took 31 ms, 1.2 MiB`. */
export function describeCheckpoint(checkpoint: CheckpointReading): string {
  const what = `${checkpoint.kind} ${checkpoint.id}`
  const took = formatDuration(checkpoint.durationMs)
  if (checkpoint.outcome === 'completed') return `${what} took ${took}, ${formatBytes(checkpoint.bytes)}`
  return `${what} failed after ${took}${checkpoint.reason === undefined ? '' : `: ${asOneLine(checkpoint.reason)}`}`
}

interface Piece {
  readonly text: string
  readonly tone?: Tone | undefined
}

/** Pieces side by side, as many as fit; the last that does is cut. */
function joinPieces(pieces: readonly Piece[], width: number, paint: Paint): string {
  let line = ''
  let used = 0
  for (const { text, tone } of pieces) {
    const gap = line === '' ? '' : GAP
    const cut = cutText(text, width - used - gap.length)
    if (cut === '') break
    line += gap + (tone === undefined ? cut : paint(tone, cut))
    used += gap.length + textWidth(cut)
  }
  return line
}
