/**
 * What happened to a job, kept as data: times of every state, attempts and states of every subtask, exceptions with
 * their task. The terminal shows it now, the REST API serves it later. Bounded: the newest exceptions are kept.
 */
import type { ErrorData } from '@millrace/api'
import type { PhysicalPlan } from '@millrace/core'
import type { TaskState } from '../slot/protocol.ts'
import type { TaskId } from '../task/task-ports.ts'

/** Flink's words. */
export type JobState =
  | 'CREATED'
  | 'INITIALIZING'
  | 'RUNNING'
  | 'FAILING'
  | 'RESTARTING'
  | 'CANCELLING'
  | 'CANCELED'
  | 'FAILED'
  | 'FINISHED'

export type SubtaskState = 'CREATED' | 'SCHEDULED' | TaskState

export interface SubtaskFacts {
  readonly vertexId: string
  readonly subtask: number
  readonly attempt: number
  readonly state: SubtaskState
  /** Epoch ms at which each state was entered, in the current attempt. */
  readonly timestamps: Readonly<Partial<Record<SubtaskState, number>>>
}

export interface ExceptionFacts {
  readonly atMs: number
  readonly attempt: number
  /** `undefined`: the failure concerns the job or a whole slot. */
  readonly task: TaskId | undefined
  readonly error: ErrorData
}

const EXCEPTIONS_MAX = 16

export class JobFacts {
  readonly startedAtMs: number
  #state: JobState = 'CREATED'
  #attempt = 0
  readonly #timestamps: Partial<Record<JobState, number>> = {}
  readonly #subtasks = new Map<string, SubtaskFacts>()
  readonly #exceptions: ExceptionFacts[] = []
  readonly #onState: (state: JobState, atMs: number) => void

  constructor(plan: PhysicalPlan, nowMs: number, onState: (state: JobState, atMs: number) => void) {
    this.startedAtMs = nowMs
    this.#timestamps.CREATED = nowMs
    this.#onState = onState
    for (const { id, parallelism } of plan.vertices) {
      for (let subtask = 0; subtask < parallelism; subtask++) this.#reset({ vertexId: id, subtask }, 0, nowMs)
    }
  }

  get state(): JobState {
    return this.#state
  }

  get attempt(): number {
    return this.#attempt
  }

  /** When each state was last entered, epoch ms. */
  get timestamps(): Readonly<Partial<Record<JobState, number>>> {
    return this.#timestamps
  }

  get subtasks(): readonly SubtaskFacts[] {
    return [...this.#subtasks.values()]
  }

  /** Newest last. */
  get exceptions(): readonly ExceptionFacts[] {
    return this.#exceptions
  }

  enter(state: JobState, nowMs: number): void {
    if (state === this.#state) return
    this.#state = state
    this.#timestamps[state] = nowMs
    this.#onState(state, nowMs)
  }

  beginAttempt(attempt: number, nowMs: number): void {
    this.#attempt = attempt
    for (const { vertexId, subtask } of [...this.#subtasks.values()]) this.#reset({ vertexId, subtask }, attempt, nowMs)
  }

  onTaskState(task: TaskId, state: SubtaskState, atMs: number): void {
    const known = this.#subtasks.get(keyOf(task))
    if (known === undefined) return
    this.#subtasks.set(keyOf(task), { ...known, state, timestamps: { ...known.timestamps, [state]: atMs } })
  }

  /** What has not ended by itself ends with the attempt. */
  endTasks(state: 'CANCELED' | 'FAILED', atMs: number): void {
    for (const { vertexId, subtask, state: own } of [...this.#subtasks.values()]) {
      if (own !== 'FINISHED' && own !== 'FAILED' && own !== 'CANCELED')
        this.onTaskState({ vertexId, subtask }, state, atMs)
    }
  }

  onException(exception: ExceptionFacts): void {
    this.#exceptions.push(exception)
    if (this.#exceptions.length > EXCEPTIONS_MAX) this.#exceptions.shift()
  }

  #reset(task: TaskId, attempt: number, nowMs: number): void {
    this.#subtasks.set(keyOf(task), { ...task, attempt, state: 'CREATED', timestamps: { CREATED: nowMs } })
  }
}

function keyOf({ vertexId, subtask }: TaskId): string {
  return `${vertexId}/${subtask}`
}
