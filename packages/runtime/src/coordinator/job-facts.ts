/**
 * What happened to a job, kept as data: every change of its state, the states of every subtask in this attempt and the
 * ones before with their last figures, exceptions with their task. The terminal shows it now, the REST API serves it later.
 * Bounded: the newest of each are kept.
 */
import type { ErrorData } from '@millrace/api'
import type { PhysicalPlan } from '@millrace/core'
import type { TaskMetricsSnapshot } from '../metrics/task-metrics.ts'
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
  | 'SUSPENDED'
  | 'FAILED'
  | 'FINISHED'

export type SubtaskState = 'CREATED' | 'SCHEDULED' | TaskState

export interface SubtaskFacts {
  readonly vertexId: string
  readonly subtask: number
  readonly attempt: number
  /** `undefined` before it is deployed. */
  readonly slot: number | undefined
  readonly state: SubtaskState
  /** Epoch ms at which each state was entered, in this attempt. */
  readonly timestamps: Readonly<Partial<Record<SubtaskState, number>>>
}

export interface ExceptionFacts {
  readonly atMs: number
  readonly attempt: number
  /** `undefined`: the failure concerns the job or a whole slot. */
  readonly task: TaskId | undefined
  /** The slot that failed, or that ran the task. */
  readonly slot: number | undefined
  readonly error: ErrorData
}

/** The figures of one task at one moment. */
export interface TaskReading {
  readonly id: TaskId
  readonly isEnded: boolean
  /** Of its attempt; `undefined` while there are no tasks. */
  readonly metrics: TaskMetricsSnapshot | undefined
}

export interface StateChange {
  readonly state: JobState
  readonly atMs: number
}

/** An attempt that has ended. */
export interface AttemptFacts {
  readonly attempt: number
  readonly startedAtMs: number
  readonly endedAtMs: number
  readonly subtasks: readonly SubtaskFacts[]
  /** The last figures of its tasks. */
  readonly readings: readonly TaskReading[]
}

/** All of it, of one moment. */
export interface JobHistory {
  readonly jobId: string
  readonly startedAtMs: number
  readonly state: JobState
  /** Oldest first. */
  readonly changes: readonly StateChange[]
  readonly attempt: number
  /** Of the attempt that runs, or the last one. */
  readonly subtasks: readonly SubtaskFacts[]
  /** That have ended, oldest first. */
  readonly attempts: readonly AttemptFacts[]
  /** Oldest first. */
  readonly exceptions: readonly ExceptionFacts[]
  /** Exceptions that are no longer kept. */
  readonly exceptionsDropped: number
}

/** How an attempt ends: which task, or all tasks of which slot, have failed. */
export interface TasksEnding {
  readonly kind: 'finished' | 'canceled' | 'failed'
  readonly task?: TaskId | undefined
  readonly slot?: number | undefined
}

/** As `jobmanager.execution.attempts-history-size` of Flink. */
const ATTEMPTS_MAX = 16
const EXCEPTIONS_MAX = 16
const CHANGES_MAX = 1_000

export class JobFacts {
  readonly jobId: string
  readonly startedAtMs: number
  #state: JobState = 'CREATED'
  #attempt = 0
  #attemptStartedAtMs: number
  readonly #changes: StateChange[] = []
  readonly #subtasks = new Map<string, SubtaskFacts>()
  readonly #attempts: AttemptFacts[] = []
  readonly #exceptions: ExceptionFacts[] = []
  #exceptionsDropped = 0
  readonly #onState: (state: JobState, atMs: number) => void

  constructor(jobId: string, plan: PhysicalPlan, nowMs: number, onState: (state: JobState, atMs: number) => void) {
    this.jobId = jobId
    this.startedAtMs = nowMs
    this.#attemptStartedAtMs = nowMs
    this.#changes.push({ state: 'CREATED', atMs: nowMs })
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
    return Object.fromEntries(this.#changes.map(({ state, atMs }) => [state, atMs]))
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
    this.#changes.push({ state, atMs: nowMs })
    if (this.#changes.length > CHANGES_MAX) this.#changes.shift()
    this.#onState(state, nowMs)
  }

  beginAttempt(attempt: number, nowMs: number): void {
    this.#attempt = attempt
    this.#attemptStartedAtMs = nowMs
    for (const { vertexId, subtask } of [...this.#subtasks.values()]) this.#reset({ vertexId, subtask }, attempt, nowMs)
  }

  onTaskState(task: TaskId, state: SubtaskState, atMs: number): void {
    const known = this.#subtasks.get(keyOf(task))
    if (known === undefined) return
    this.#subtasks.set(keyOf(task), { ...known, state, timestamps: { ...known.timestamps, [state]: atMs } })
  }

  onDeployed(task: TaskId, slot: number, atMs: number): void {
    const known = this.#subtasks.get(keyOf(task))
    if (known === undefined) return
    this.#subtasks.set(keyOf(task), { ...known, slot })
    // It may be further already, where slots share the thread.
    if (known.state === 'SCHEDULED') this.onTaskState(task, 'DEPLOYING', atMs)
  }

  /** The attempt ends: who failed has failed, the others are asked to end. */
  onTasksEnding({ kind, task, slot }: TasksEnding, atMs: number): void {
    if (kind === 'finished') return
    for (const each of this.#unended()) {
      const hasFailed =
        kind === 'failed' &&
        (task === undefined ? each.slot === slot && slot !== undefined : keyOf(each) === keyOf(task))
      this.onTaskState(each, hasFailed ? 'FAILED' : 'CANCELING', atMs)
    }
  }

  /** What has not ended by itself ends with the attempt, which goes into the history. */
  endAttempt(kind: TasksEnding['kind'], readings: readonly TaskReading[], atMs: number): void {
    for (const each of this.#unended()) this.onTaskState(each, kind === 'finished' ? 'FINISHED' : 'CANCELED', atMs)
    this.#attempts.push({
      attempt: this.#attempt,
      startedAtMs: this.#attemptStartedAtMs,
      endedAtMs: atMs,
      subtasks: this.subtasks,
      readings,
    })
    if (this.#attempts.length > ATTEMPTS_MAX) this.#attempts.shift()
  }

  onException(exception: ExceptionFacts): void {
    this.#exceptions.push(exception)
    if (this.#exceptions.length <= EXCEPTIONS_MAX) return
    this.#exceptions.shift()
    this.#exceptionsDropped++
  }

  history(): JobHistory {
    return {
      jobId: this.jobId,
      startedAtMs: this.startedAtMs,
      state: this.#state,
      changes: [...this.#changes],
      attempt: this.#attempt,
      subtasks: this.subtasks,
      attempts: [...this.#attempts],
      exceptions: [...this.#exceptions],
      exceptionsDropped: this.#exceptionsDropped,
    }
  }

  #unended(): readonly SubtaskFacts[] {
    return this.subtasks.filter(({ state }) => state !== 'FINISHED' && state !== 'FAILED' && state !== 'CANCELED')
  }

  #reset(task: TaskId, attempt: number, nowMs: number): void {
    this.#subtasks.set(keyOf(task), {
      ...task,
      attempt,
      slot: undefined,
      state: 'CREATED',
      timestamps: { CREATED: nowMs },
    })
  }
}

function keyOf({ vertexId, subtask }: TaskId): string {
  return `${vertexId}/${subtask}`
}
