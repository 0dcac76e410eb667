/** A job as its overview, its entry in lists and its detail show it. Pure: a look in, JSON out. */
import { createHash } from 'node:crypto'
import type { PlanEdge, PlanVertex } from '@millrace/core'
import type { JobState, SubtaskFacts } from '@millrace/runtime'
import type { JobLook } from '../served-job.ts'
import { ioMetrics } from './io-metrics.ts'
import { countStates, decideVertexState, isEndedJob, JOB_STATES, type Span, vertexSpan } from './state-counts.ts'

/** `/jobs` */
export function jobIdsJson(looks: readonly JobLook[]): object {
  return { jobs: looks.map(({ history }) => ({ id: history.jobId, status: history.state })) }
}

/** `/jobs/overview` */
export function jobsOverviewJson(looks: readonly JobLook[]): object {
  return { jobs: looks.map(jobOverviewJson) }
}

function jobOverviewJson({ history, plan, reading }: JobLook): object {
  const counts = countStates(history.subtasks.map(({ state }) => state))
  return {
    jid: history.jobId,
    name: plan.jobName,
    jobType: 'STREAMING',
    schedulerType: 'Default',
    ...jobSpan(history, reading.atMs),
    state: history.state,
    'last-modification': lastChangeMs(history.changes, history.subtasks),
    tasks: {
      running: counts.RUNNING,
      canceling: counts.CANCELING,
      canceled: counts.CANCELED,
      total: history.subtasks.length,
      created: counts.CREATED,
      scheduled: counts.SCHEDULED,
      deploying: counts.DEPLOYING,
      reconciling: counts.RECONCILING,
      finished: counts.FINISHED,
      initializing: counts.INITIALIZING,
      failed: counts.FAILED,
    },
    'pending-operators': 0,
  }
}

/** `/jobs/:jobid` */
export function jobDetailJson(look: JobLook): object {
  const { history, plan, reading } = look
  const vertices = plan.vertices.map((vertex) => vertexJson(vertex, look))
  const stateOf = new Map(history.changes.map(({ state, atMs }) => [state as string, atMs]))
  return {
    jid: history.jobId,
    'application-id': history.jobId,
    name: plan.jobName,
    isStoppable: false,
    state: history.state,
    'job-type': 'STREAMING',
    schedulerType: 'Default',
    ...jobSpan(history, reading.atMs),
    maxParallelism: -1,
    now: reading.atMs,
    timestamps: Object.fromEntries(JOB_STATES.map((state) => [state, stateOf.get(state) ?? 0])),
    vertices,
    'status-counts': countStates(vertices.map(({ status }) => status)),
    plan: {
      jid: history.jobId,
      name: plan.jobName,
      type: 'STREAMING',
      // Flink lists them from the sinks backwards.
      nodes: plan.vertices.toReversed().map((vertex) => nodeJson(vertex, plan.edges)),
    },
    'pending-operators': 0,
  }
}

interface EndedAs {
  readonly startedAtMs: number
  readonly state: JobState
  readonly changes: readonly { readonly state: JobState; readonly atMs: number }[]
}

/** −1: it has not ended. */
export function jobSpan({ startedAtMs, state, changes }: EndedAs, nowMs: number): Span {
  const endMs = isEndedJob(state) ? (changes.at(-1)?.atMs ?? nowMs) : -1
  return { 'start-time': startedAtMs, 'end-time': endMs, duration: (endMs < 0 ? nowMs : endMs) - startedAtMs }
}

function lastChangeMs(changes: readonly { readonly atMs: number }[], subtasks: readonly SubtaskFacts[]): number {
  const times = [...changes.map(({ atMs }) => atMs), ...subtasks.flatMap(({ timestamps }) => Object.values(timestamps))]
  return times.reduce((latest, atMs) => Math.max(latest, atMs), 0)
}

function vertexJson(vertex: PlanVertex, { history, reading }: JobLook) {
  const subtasks = history.subtasks.filter(({ vertexId }) => vertexId === vertex.id)
  const states = subtasks.map(({ state }) => state)
  return {
    id: vertex.id,
    // Flink's is an id too; the same group gives the same one.
    slotSharingGroupId: createHash('md5').update(vertex.slotSharingGroup).digest('hex'),
    name: vertex.name,
    maxParallelism: vertex.maxParallelism,
    parallelism: vertex.parallelism,
    status: decideVertexState(states),
    ...vertexSpan(subtasks, reading.atMs),
    tasks: countStates(states),
    metrics: ioMetrics(reading.tasks.filter(({ id }) => id.vertexId === vertex.id)),
  }
}

const SHIP_STRATEGIES: Readonly<Record<PlanEdge['partitioning']['kind'], string>> = {
  forward: 'FORWARD',
  rebalance: 'REBALANCE',
  hash: 'HASH',
}

function nodeJson(vertex: PlanVertex, edges: readonly PlanEdge[]): object {
  const inputs = edges
    .filter(({ to }) => to === vertex.id)
    .map(({ from, partitioning }, num) => ({
      id: from,
      num,
      exchange: 'pipelined_bounded',
      ship_strategy: SHIP_STRATEGIES[partitioning.kind],
    }))
  return {
    id: vertex.id,
    operator: '',
    parallelism: vertex.parallelism,
    operator_strategy: '',
    description: describeSteps(vertex),
    optimizer_properties: {},
    ...(inputs.length === 0 ? {} : { inputs }),
  }
}

/** HTML with entities: the dashboard puts it into its page as it is. */
function describeSteps({ steps }: PlanVertex): string {
  return steps
    .map(({ name }, index) => `${'   '.repeat(Math.max(0, index - 1))}${index === 0 ? '' : '+- '}${asHtml(name)}<br/>`)
    .join('')
}

function asHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
