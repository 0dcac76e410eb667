/** Retained checkpoints as a table: what each holds, wrote and refers to, and what goes with it. Pure. */
import type { CheckpointContents, SharedBytes } from '@millrace/core'
import { type InspectedCheckpoints, isOfNewerVersion } from '@millrace/runtime'
import { asOneLine } from '../text/fit-text.ts'
import { formatBytes, formatDuration, formatInstant } from '../text/format-quantity.ts'
import type { Paint } from '../text/paint.ts'
import { renderTable, type TableColumn } from '../text/table.ts'

const COLUMNS: readonly TableColumn<CheckpointContents>[] = [
  { title: 'id', align: 'right', cell: ({ checkpointId }) => String(checkpointId) },
  { title: 'kind', align: 'left', cell: kindOf },
  { title: 'completed', align: 'left', cell: ({ completedAtMs }) => formatInstant(completedAtMs) },
  {
    title: 'took',
    align: 'right',
    cell: ({ triggeredAtMs, completedAtMs }) => formatDuration(completedAtMs - triggeredAtMs),
  },
  { title: 'state', align: 'right', cell: ({ stateBytes }) => formatBytes(stateBytes) },
  { title: 'written', align: 'right', cell: ({ ownBytes }) => formatBytes(ownBytes) },
  {
    title: 're-used',
    align: 'right',
    cell: ({ reused }) => (reused.length === 0 ? '–' : formatBytes(bytesOf(reused))),
  },
  { title: 'of', align: 'left', cell: ({ reused }) => numbersOf(reused) },
  { title: 'frees', align: 'right', cell: ({ freedBytes }) => formatBytes(freedBytes) },
  { title: 'needed by', align: 'left', cell: ({ neededBy }) => numbersOf(neededBy) },
]

export function renderCheckpoints(inspected: InspectedCheckpoints, paint: Paint): readonly string[] {
  const { folder, contents, damaged, files, fileBytes, unnamedBytes } = inspected
  const job = contents[0]?.jobName
  const title = `${contents[0]?.kind === 'savepoint' ? 'Savepoint' : 'Checkpoints'} in ${asOneLine(folder)}`
  const unnamed = unnamedBytes > 0 ? `, ${formatBytes(unnamedBytes)} of it named by none` : ''
  return [
    `${paint('strong', title)}${job === undefined ? '' : `  job "${asOneLine(job)}"`}`,
    `${files} segment file${files === 1 ? '' : 's'}, ${formatBytes(fileBytes)}${unnamed}`,
    '',
    ...renderTable(COLUMNS, contents, paint),
    ...damaged.map(
      ({ checkpointId, problem }) =>
        `${paint('bad', isOfNewerVersion(problem) ? 'newer version' : 'damaged')} ${checkpointId}: ${asOneLine(problem.message)}`,
    ),
  ]
}

function kindOf({ kind, isFinal, reused }: CheckpointContents): string {
  if (kind === 'savepoint') return 'savepoint'
  if (isFinal) return 'final'
  return reused.length > 0 ? 'incremental' : 'full'
}

function bytesOf(shared: readonly SharedBytes[]): number {
  return shared.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** `38, 40, 41`; of many the first and the last. */
export function numbersOf(shared: readonly SharedBytes[]): string {
  const ids = shared.map(({ checkpointId }) => checkpointId)
  if (ids.length === 0) return '–'
  return ids.length <= IDS_MAX ? ids.join(', ') : `${ids[0]} … ${ids.at(-1)} (${ids.length})`
}

const IDS_MAX = 4
