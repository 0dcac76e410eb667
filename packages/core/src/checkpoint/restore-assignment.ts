/**
 * Deals the state of a checkpoint out to the subtasks of a plan, at any parallelism: key groups by their range, entries
 * round robin, committables to their operator. Checks first that the state belongs to this job.
 *
 * Invariant: every key group, entry and committable of a matched operator goes to exactly one place; nothing of an
 * unmatched one is dropped unless that was allowed in so many words.
 */
import { MillraceError, type NodeSpec, type PlainValue } from '@millrace/api'
import { subtaskOfKeyGroup } from '../key/key-group.ts'
import type { PhysicalPlan, PlanStep, PlanVertex } from '../plan/physical-plan.ts'
import type { TableDescriptor } from '../state/table-descriptor.ts'
import { takesInFlightOf } from './in-flight.ts'
import type { CheckpointManifest, InFlightSnapshot, KeyGroupSnapshot, OperatorSnapshot } from './manifest.ts'
import { describeMatched, describeUnmatched, type RestoreReport } from './restore-report.ts'

export interface RestoreAssignment {
  readonly checkpointId: number
  readonly lineage: string
  /** All input had been processed and flushed: commit what is pending, run nothing. */
  readonly isFinal: boolean
  /** By vertex id, then subtask. */
  readonly vertices: ReadonlyMap<string, readonly SubtaskRestore[]>
  /** By operator uid: what sinks have to commit (again) before the job goes on. */
  readonly committables: ReadonlyMap<string, readonly PlainValue[]>
  readonly report: RestoreReport
}

/** What one subtask starts from. */
export interface SubtaskRestore {
  readonly operators: readonly OperatorRestore[]
  /** Its input had ended and was processed: it only forwards the end and barriers. */
  readonly finished: boolean
}

export interface OperatorRestore {
  readonly uid: string
  readonly tables: readonly TableDescriptor[]
  readonly keyGroups: readonly KeyGroupSnapshot[]
  readonly entries: readonly PlainValue[]
  /** Of which this subtask works off its part before it reads anything (`selectInFlight`). */
  readonly inFlight: readonly InFlightSnapshot[]
}

export interface RestoreOptions {
  /** State that no step of the job asks for is left behind. */
  readonly allowNonRestoredState: boolean
  /** The manifest's file, for errors. */
  readonly file: string
  /** Of a checkpoint whose input was drained: its tasks count as not finished, and sources go on where they stood. */
  readonly readsOn?: boolean
}

const KINDS_WITHOUT_KEYED_STATE: ReadonlySet<string> = new Set([
  'source',
  'map',
  'filter',
  'flatMap',
  'process',
  'sink',
] satisfies NodeSpec['kind'][])

/** Throws `CHECKPOINT_OTHER_JOB` when state would be lost or read by the wrong step. */
export function assignRestore(
  manifest: CheckpointManifest,
  plan: PhysicalPlan,
  options: RestoreOptions,
): RestoreAssignment {
  const stored = new Map(manifest.operators.map((operator) => [operator.uid, operator]))
  const steps = plan.vertices.flatMap((vertex) => vertex.steps.map((step) => ({ vertex, step })))
  const uids = steps.map(({ step }) => step.uid)
  const unmatched = manifest.operators.filter((operator) => hasState(operator) && !uids.includes(operator.uid))
  const fresh = steps
    .filter(({ step }) => (step.kind === 'source' || holdsKeyedState(step)) && !stored.has(step.uid))
    .map(({ step }) => step.uid)
  const report: RestoreReport = {
    matched: uids.filter((uid) => stored.has(uid)),
    dropped: unmatched.map((operator) => operator.uid),
    fresh,
  }
  if (unmatched.length > 0 && !options.allowNonRestoredState) throw unmatchedState(manifest, report, uids, options)
  const vertices = new Map<string, readonly SubtaskRestore[]>()
  const committables = new Map<string, readonly PlainValue[]>()
  for (const vertex of plan.vertices) {
    const operators = vertex.steps.map((step) => stored.get(step.uid)).filter((operator) => operator !== undefined)
    for (const operator of operators) {
      checkFits(operator, vertex, options)
      checkInFlight(operator, vertex, plan, options)
      if (operator.committables.length > 0) committables.set(operator.uid, operator.committables)
    }
    const finished =
      options.readsOn === true
        ? new Array<boolean>(vertex.parallelism).fill(false)
        : finishedSubtasks(vertex, operators, inputsOf(vertex, plan, vertices))
    vertices.set(vertex.id, restoreVertex(vertex, operators, finished))
  }
  return {
    checkpointId: manifest.checkpointId,
    lineage: manifest.lineage,
    isFinal: manifest.isFinal,
    vertices,
    committables,
    report,
  }
}

/** The subtasks that one edge brings records from, and whether each subtask has one sender only. */
interface Input {
  readonly isForward: boolean
  readonly senders: readonly SubtaskRestore[]
}

/** The plan lists a vertex after those that it reads from. */
function inputsOf(
  vertex: PlanVertex,
  plan: PhysicalPlan,
  restored: ReadonlyMap<string, readonly SubtaskRestore[]>,
): readonly Input[] {
  return plan.edges
    .filter(({ to }) => to === vertex.id)
    .map(({ from, partitioning }) => ({
      isForward: partitioning.kind === 'forward',
      senders: restored.get(from) ?? [],
    }))
}

/**
 * Per subtask whether it had finished and stays so: after a change of parallelism a sender that has not finished may
 * reach subtasks that it did not reach before.
 */
function finishedSubtasks(
  vertex: PlanVertex,
  operators: readonly OperatorSnapshot[],
  inputs: readonly Input[],
): readonly boolean[] {
  return Array.from({ length: vertex.parallelism }, (_, subtask) => {
    const areInputsFinished = inputs.every(({ isForward, senders }) =>
      isForward ? senders[subtask]?.finished === true : senders.every(({ finished }) => finished),
    )
    return areInputsFinished && isFinished(vertex, operators, subtask)
  })
}

function restoreVertex(
  vertex: PlanVertex,
  operators: readonly OperatorSnapshot[],
  finished: readonly boolean[],
): readonly SubtaskRestore[] {
  const subtasks = Array.from({ length: vertex.parallelism }, (_, subtask) => subtask)
  // A finished subtask runs nothing, so entries (source splits above all) go to the others.
  const takers = subtasks.filter((subtask) => !finished[subtask])
  const dealtTo = takers.length > 0 ? takers : subtasks
  return subtasks.map((subtask) => ({
    operators: operators.map(({ uid, parallelism, tables, keyGroups, entries, inFlight = [] }) => ({
      uid,
      tables,
      keyGroups: keyGroups.filter(
        ({ keyGroup }) => subtaskOfKeyGroup(keyGroup, vertex.parallelism, vertex.maxParallelism) === subtask,
      ),
      entries: entries.filter((_, i) => dealtTo[i % dealtTo.length] === subtask),
      inFlight: inFlight.filter((each) => takesInFlightOf(each.subtask, parallelism, { ...vertex, subtask })),
    })),
    finished: finished[subtask] ?? false,
  }))
}

/**
 * A subtask is finished when each of its steps was. At another parallelism subtasks have no counterparts, so then only
 * when all had finished; the others find out by themselves that no split is left for them.
 */
function isFinished(vertex: PlanVertex, operators: readonly OperatorSnapshot[], subtask: number): boolean {
  if (operators.length < vertex.steps.length) return false
  return operators.every(({ finishedSubtasks, parallelism }) => {
    if (finishedSubtasks.length === parallelism) return true
    return parallelism === vertex.parallelism && finishedSubtasks.includes(subtask)
  })
}

function checkFits(operator: OperatorSnapshot, vertex: PlanVertex, options: RestoreOptions): void {
  const details = { file: options.file, operator: operator.uid }
  const hasInFlight = (operator.inFlight ?? []).length > 0
  if ((operator.keyGroups.length > 0 || hasInFlight) && operator.maxParallelism !== vertex.maxParallelism) {
    throw new MillraceError(
      'CHECKPOINT_OTHER_JOB',
      `"${operator.uid}" was stored with maximum parallelism ${operator.maxParallelism} and now has ${vertex.maxParallelism}`,
      {
        details,
        hint: `Set pipeline.max-parallelism to ${operator.maxParallelism}: it cannot change while there is keyed state.`,
      },
    )
  }
  const isKeyed = vertex.steps.some((step) => step.uid === operator.uid && holdsKeyedState(step))
  if (operator.keyGroups.length > 0 && !isKeyed) {
    throw new MillraceError(
      'CHECKPOINT_OTHER_JOB',
      `"${operator.uid}" has keyed state in ${options.file}, but cannot hold any now`,
      {
        details,
        hint: 'Give the changed step another uid and restore with --allow-non-restored-state, which leaves the old state behind.',
      },
    )
  }
}

/** Records in flight can only be taken up where they were going, by the exchange that they were in. */
function checkInFlight(
  operator: OperatorSnapshot,
  vertex: PlanVertex,
  plan: PhysicalPlan,
  options: RestoreOptions,
): void {
  const { uid, inFlight = [] } = operator
  const senders = plan.edges
    .filter(({ to }) => to === vertex.id)
    .map(({ from, fromStep }) => plan.vertices.find(({ id }) => id === from)?.steps[fromStep]?.uid)
  const isFirst = vertex.steps[0]?.uid === uid
  const lost = inFlight.flatMap(({ from }) => from).filter((from) => !isFirst || !senders.includes(from))
  if (lost.length === 0) return
  throw new MillraceError(
    'CHECKPOINT_OTHER_JOB',
    `${options.file} holds records in flight from "${lost[0]}" to "${uid}", between which the job has no exchange now`,
    {
      details: { file: options.file, operator: uid, from: lost[0] },
      hint: 'Restore with the steps as they were, stop with a savepoint, which holds no records in flight, and go on from that.',
    },
  )
}

function holdsKeyedState(step: PlanStep): boolean {
  return !KINDS_WITHOUT_KEYED_STATE.has(step.kind)
}

function hasState(operator: OperatorSnapshot): boolean {
  const { keyGroups, entries, committables, inFlight = [] } = operator
  return keyGroups.length + entries.length + committables.length + inFlight.length > 0
}

function unmatchedState(
  manifest: CheckpointManifest,
  report: RestoreReport,
  uids: readonly string[],
  options: RestoreOptions,
): MillraceError {
  const free = uids.filter((uid) => !report.matched.includes(uid))
  return new MillraceError(
    'CHECKPOINT_OTHER_JOB',
    `${options.file} holds state of ${describeUnmatched(report.dropped, free)}, which the job does not have. ${describeMatched(report)}`,
    {
      details: { file: options.file, job: manifest.jobName, operators: report.dropped.join(', ') },
      hint: 'Give the steps the uids that they had, or leave their state behind with --allow-non-restored-state.',
    },
  )
}
