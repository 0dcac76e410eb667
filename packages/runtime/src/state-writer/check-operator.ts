/**
 * Whether state can be given to an operator of a job, checked before any input is read: it exists, holds keyed state, and a
 * function that state is made with is that of the job. Pure.
 */
import { type LogicalGraph, MillraceError, nearestName } from '@millrace/api'
import { type CheckpointManifest, type DeclaredTable, declaredTables } from '@millrace/core'
import type { OperatorState } from './operator-state.ts'

/** Throws `STATE_NOT_FOUND`, and `STATE_MISREAD` for a function that is not the job's. */
export function checkOperator(
  uid: string,
  state: OperatorState | 'remove',
  graph: LogicalGraph,
  before: CheckpointManifest | undefined,
): void {
  const known = state === 'remove' ? (before?.operators ?? []).map((one) => one.uid) : graph.nodes.map((one) => one.uid)
  if (!known.includes(uid)) {
    const nearest = nearestName(uid, known)
    const where = state === 'remove' ? 'the savepoint to begin with' : `the job "${graph.jobName}"`
    throw new MillraceError('STATE_NOT_FOUND', `There is no operator "${uid}" in ${where}`, {
      details: { operator: uid },
      hint: nearest === undefined ? `It has ${known.join(', ')}.` : `Did you mean "${nearest}"?`,
    })
  }
  if (state === 'remove') return
  const declared = tablesOf(uid, graph)
  if (declared.length === 0) {
    throw new MillraceError('STATE_NOT_FOUND', `The operator "${uid}" holds no keyed state, so none can be written`, {
      details: { operator: uid },
      hint: 'Sources and sinks start fresh where a savepoint does not name them.',
    })
  }
  if (state.kind === 'records') checkStates(uid, state, graph, declared)
}

/** The function that the states were taken from must be that of the job. */
function checkStates(
  uid: string,
  { states }: OperatorState & { readonly kind: 'records' },
  graph: LogicalGraph,
  declared: readonly DeclaredTable[],
): void {
  const spec = graph.nodes.find((node) => node.uid === uid)?.spec
  if (spec?.kind !== 'keyedProcess') {
    throw new MillraceError('STATE_MISREAD', `"${uid}" is a ${spec?.kind}, whose state cannot be made of records`, {
      details: { operator: uid },
      hint: 'Write its stored entries: storedEntries(…).',
    })
  }
  const own = declaredTables(uid, { ...spec, fn: { ...spec.fn, state: states } })
  const form = (tables: readonly DeclaredTable[]): string[] =>
    tables.map(({ descriptor }) => JSON.stringify(descriptor)).sort()
  const [given, asked] = [form(own), form(declared)]
  const wrong = own.find(({ descriptor }) => !asked.includes(JSON.stringify(descriptor)))
  if (wrong === undefined && given.length === asked.length) return
  const names =
    wrong === undefined ? 'it lacks states' : `state "${wrong.descriptor.name}" is another one or none there`
  throw new MillraceError(
    'STATE_MISREAD',
    `The function given for "${uid}" declares other state than the job: ${names}`,
    {
      details: { operator: uid, ...(wrong === undefined ? {} : { state: wrong.descriptor.name }) },
      hint: 'Give bootstrapState the function that the job uses.',
    },
  )
}

/** Which tables the operator of a job stores; none where it has no keyed state. */
export function tablesOf(uid: string, graph: LogicalGraph): readonly DeclaredTable[] {
  const node = graph.nodes.find((candidate) => candidate.uid === uid)
  return node === undefined ? [] : declaredTables(uid, node.spec)
}
