/** The states of jobs and subtasks in Flink's words: which there are, counted, and what the subtasks make of their vertex. */
import type { JobState, SubtaskFacts, SubtaskState } from '@millrace/runtime'

/** All that Flink's answers name; `RECONCILING` does not occur here. */
export const JOB_STATES = [
  'RESTARTING',
  'SUSPENDED',
  'FAILING',
  'FAILED',
  'RUNNING',
  'INITIALIZING',
  'CANCELLING',
  'CREATED',
  'FINISHED',
  'CANCELED',
  'RECONCILING',
] as const satisfies readonly (JobState | 'RECONCILING')[]

export const SUBTASK_STATES = [
  'DEPLOYING',
  'CREATED',
  'CANCELED',
  'CANCELING',
  'FAILED',
  'FINISHED',
  'INITIALIZING',
  'RECONCILING',
  'SCHEDULED',
  'RUNNING',
] as const satisfies readonly (SubtaskState | 'RECONCILING')[]

export function isEndedJob(state: JobState): boolean {
  return state === 'FINISHED' || state === 'FAILED' || state === 'CANCELED' || state === 'SUSPENDED'
}

export function isEndedSubtask(state: SubtaskState): boolean {
  return state === 'FINISHED' || state === 'FAILED' || state === 'CANCELED'
}

export function countStates(states: readonly SubtaskState[]): Record<(typeof SUBTASK_STATES)[number], number> {
  const counts = Object.fromEntries(SUBTASK_STATES.map((state) => [state, 0])) as Record<
    (typeof SUBTASK_STATES)[number],
    number
  >
  for (const state of states) counts[state]++
  return counts
}

/** The state that Flink shows for a vertex whose subtasks are in these: the worst one that any is in. */
export function decideVertexState(states: readonly SubtaskState[]): SubtaskState {
  const worst = (['FAILED', 'CANCELING', 'CANCELED', 'INITIALIZING', 'RUNNING'] as const).find((state) =>
    states.includes(state),
  )
  if (worst !== undefined) return worst
  if (!states.includes('FINISHED')) return 'CREATED'
  return states.every((state) => state === 'FINISHED') ? 'FINISHED' : 'RUNNING'
}

export interface Span {
  readonly 'start-time': number
  readonly 'end-time': number
  readonly duration: number
}

/** Epoch ms; −1 for what has not come. A subtask starts when it is deployed. */
export function subtaskSpan({ timestamps, state }: SubtaskFacts, nowMs: number): Span {
  const startMs = timestamps.DEPLOYING ?? -1
  const endMs = isEndedSubtask(state) ? (timestamps[state] ?? -1) : -1
  return { 'start-time': startMs, 'end-time': endMs, duration: durationOf(startMs, endMs, nowMs) }
}

/** From the first subtask's start to the last one's end, once all have ended. */
export function vertexSpan(subtasks: readonly SubtaskFacts[], nowMs: number): Span {
  const spans = subtasks.map((subtask) => subtaskSpan(subtask, nowMs))
  const starts = spans.map((span) => span['start-time']).filter((at) => at >= 0)
  if (starts.length === 0) return { 'start-time': -1, 'end-time': -1, duration: -1 }
  const startMs = Math.min(...starts)
  const ends = spans.map((span) => span['end-time'])
  const endMs = ends.includes(-1) ? -1 : Math.max(...ends)
  return { 'start-time': startMs, 'end-time': endMs, duration: durationOf(startMs, endMs, nowMs) }
}

function durationOf(startMs: number, endMs: number, nowMs: number): number {
  if (startMs < 0) return -1
  return (endMs < 0 ? nowMs : endMs) - startMs
}

/** The states that a task passes on its way, in their order: Flink tells how long it was in each. */
const PATH = ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING', 'RUNNING'] as const

export type StateDurations = Readonly<Record<(typeof PATH)[number], number>>

/** How long a subtask was in each state; −1 for one it has not been in. */
export function stateDurations({ timestamps, state }: SubtaskFacts, nowMs: number): StateDurations {
  const moments = Object.values(timestamps).sort((a, b) => a - b)
  const durationIn = (each: (typeof PATH)[number]): number => {
    const enteredMs = timestamps[each]
    if (enteredMs === undefined) return -1
    if (state === each) return nowMs - enteredMs
    const laterStates = Object.entries(timestamps).filter(
      ([name, at]) => name !== each && at >= enteredMs && follows(name, each),
    )
    const leftMs = laterStates.length === 0 ? moments.at(-1) : Math.min(...laterStates.map(([, at]) => at))
    return (leftMs ?? enteredMs) - enteredMs
  }
  return Object.fromEntries(PATH.map((each) => [each, durationIn(each)])) as StateDurations
}

function follows(name: string, each: (typeof PATH)[number]): boolean {
  const at = PATH.indexOf(name as (typeof PATH)[number])
  return at < 0 || at > PATH.indexOf(each)
}
