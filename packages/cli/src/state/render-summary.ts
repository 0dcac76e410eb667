/** What a checkpoint or savepoint holds, by operator and state. Pure. */
import type { OperatorSummary, SavedStateSummary, StateSummary } from '@millrace/runtime'
import { asOneLine } from '../text/fit-text.ts'
import { formatBytes, formatDuration, formatExact, formatInstant } from '../text/format-quantity.ts'
import type { Paint } from '../text/paint.ts'
import { renderTable, type TableColumn } from '../text/table.ts'
import { short } from './render-entry.ts'

interface Row {
  readonly operator: OperatorSummary
  readonly summary: StateSummary
}

const COLUMNS: readonly TableColumn<Row>[] = [
  { title: 'operator', align: 'left', cell: ({ operator }) => asOneLine(operator.operator.uid) },
  { title: 'state', align: 'left', cell: ({ summary }) => asOneLine(summary.state.name) },
  { title: 'kind', align: 'left', cell: ({ summary }) => kindOf(summary) },
  { title: 'entries', align: 'right', cell: ({ summary }) => formatExact(summary.entries) },
  { title: 'keys', align: 'right', cell: ({ summary }) => formatExact(summary.keys) },
  { title: 'bytes', align: 'right', cell: ({ summary }) => formatBytes(summary.bytes) },
  { title: 'oldest', align: 'left', cell: ({ summary }) => oldestOf(summary) },
  { title: 'expired', align: 'right', cell: ({ summary }) => expiredOf(summary) },
]

export function renderStateSummary(
  { checkpoint, operators }: SavedStateSummary,
  path: string,
  paint: Paint,
): readonly string[] {
  const { kind, jobName, checkpointId, completedAtMs } = checkpoint
  const title = `${kind === 'savepoint' ? 'Savepoint' : 'Checkpoint'} ${checkpointId}`
  const rows = operators.flatMap((operator) => operator.states.map((summary) => ({ operator, summary })))
  return [
    `${paint('strong', title)} in ${asOneLine(path)}  job "${asOneLine(jobName)}", ${formatInstant(completedAtMs)}`,
    '',
    ...(rows.length === 0 ? ['No keyed state.'] : renderTable(COLUMNS, rows, paint)),
    ...rows.flatMap(renderLargest),
    ...operators.flatMap(renderOthers),
  ]
}

function renderLargest({ operator, summary: { state, largestKeys } }: Row): readonly string[] {
  // Tables of the engine may hold an entry for each key group, under no key.
  if (largestKeys.every(({ key }) => key === null)) return []
  const keys = largestKeys.map(({ key, bytes, entries }) => {
    const many = entries === 1 ? '' : `, ${formatExact(entries)} entries`
    return `${short(key)} ${formatBytes(bytes)}${many}`
  })
  return ['', `${asOneLine(`${operator.operator.uid}/${state.name}`)}: largest keys`, ...keys.map((key) => `  ${key}`)]
}

function renderOthers({ operator, entries, committables, inFlight }: OperatorSummary): readonly string[] {
  const parts = [
    ...(entries === 0 ? [] : [`${formatExact(entries)} not keyed (positions, writers)`]),
    ...(committables === 0 ? [] : [`${formatExact(committables)} waiting to be committed`]),
    ...(inFlight === 0 ? [] : [`${formatExact(inFlight)} in flight to it, not in its state yet`]),
  ]
  return parts.length === 0 ? [] : ['', `${asOneLine(operator.uid)}: ${parts.join(', ')}`]
}

function kindOf({ state: { kind, version, ttlMs } }: StateSummary): string {
  const name = kind === 'namespaced' ? 'by time' : kind
  return `${name}${version === 1 ? '' : ` v${version}`}${ttlMs === undefined ? '' : `, ttl ${formatDuration(ttlMs)}`}`
}

function oldestOf({ oldestWrittenAtMs, timeMin }: StateSummary): string {
  const oldest = oldestWrittenAtMs ?? timeMin
  return oldest === undefined ? '–' : formatInstant(oldest)
}

function expiredOf({ state, expired }: StateSummary): string {
  return state.ttlMs === undefined ? '–' : formatExact(expired)
}
