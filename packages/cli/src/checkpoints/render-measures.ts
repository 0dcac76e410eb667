/**
 * Where the time of one checkpoint went, per task and subtask, as its tasks measured it: of the one that was named, else
 * of the newest. Pure.
 */
import type { CheckpointContents, SubtaskRecord } from '@millrace/core'
import type { InspectedCheckpoints } from '@millrace/runtime'
import { asOneLine } from '../text/fit-text.ts'
import { formatBytes, formatDuration } from '../text/format-quantity.ts'
import type { Paint } from '../text/paint.ts'
import { renderTable, type TableColumn } from '../text/table.ts'

/** A task as a whole, or one of its subtasks. */
interface Row {
  readonly name: string
  readonly subtasks: readonly SubtaskRecord[]
}

const COLUMNS: readonly TableColumn<Row>[] = [
  { title: 'task', align: 'left', cell: ({ name }) => name },
  longest('start delay', ({ startDelayMs }) => startDelayMs),
  longest('alignment', ({ alignmentDurationMs }) => alignmentDurationMs),
  longest('sync', ({ syncDurationMs }) => syncDurationMs),
  longest('async', ({ asyncDurationMs }) => asyncDurationMs),
  longest('end to end', ({ endToEndDurationMs }) => endToEndDurationMs),
  total('written', ({ checkpointedBytes }) => checkpointedBytes),
  total('state', ({ stateBytes }) => stateBytes),
  total('processed', ({ processedBytes }) => processedBytes),
  total('in flight', ({ persistedBytes }) => persistedBytes),
  { title: 'barrier', align: 'left', cell: barrierOf },
]

/** Of one task all subtasks are shown; of a task with one subtask the task alone. */
export function renderMeasures({ contents }: InspectedCheckpoints, paint: Paint): readonly string[] {
  const newest = contents.at(-1)
  if (newest === undefined || newest.measures.length === 0) return []
  const title = newest.kind === 'savepoint' ? 'Tasks of the savepoint' : `Tasks of checkpoint ${newest.checkpointId}`
  return ['', paint('strong', title), ...renderTable(COLUMNS, rowsOf(newest), paint)]
}

function rowsOf({ measures }: CheckpointContents): readonly Row[] {
  return measures.flatMap(({ name, subtasks }) => {
    const whole = { name: asOneLine(name), subtasks }
    if (subtasks.length === 1) return [whole]
    return [
      whole,
      ...subtasks.map((subtask) => ({ name: `  ${subtask.subtask + 1}/${subtasks.length}`, subtasks: [subtask] })),
    ]
  })
}

/** Subtasks work side by side, so that of a task is the longest of theirs. */
function longest(title: string, of: (subtask: SubtaskRecord) => number): TableColumn<Row> {
  return { title, align: 'right', cell: ({ subtasks }) => formatDuration(Math.max(...subtasks.map(of))) }
}

function total(title: string, of: (subtask: SubtaskRecord) => number): TableColumn<Row> {
  return {
    title,
    align: 'right',
    cell: ({ subtasks }) => formatBytes(subtasks.reduce((sum, each) => sum + of(each), 0)),
  }
}

function barrierOf({ subtasks }: Row): string {
  const unaligned = subtasks.filter(({ isUnaligned }) => isUnaligned === true).length
  if (unaligned === 0) return 'aligned'
  return unaligned === subtasks.length ? 'unaligned' : `unaligned in ${unaligned}`
}
