/**
 * One attempt to run a job, as its coordinator follows it: what runs of it, which of its tasks have ended, whose commits its
 * end waits for, and how it ends: of several reasons the first one counts. What follows from the end is not its matter.
 */
import type { CheckpointId, PhysicalPlan } from '@millrace/core'
import type { TaskId } from '../task/task-ports.ts'
import type { AttemptEnd } from './attempt-end.ts'
import { AwaitedCommits } from './awaited-commits.ts'
import { type Execution, taskKey } from './execution.ts'
import type { TaskReading } from './job-facts.ts'

/** What a slot, or a sink that is being prepared, gets to end in when the user wants it at once. */
export const CANCEL_TIMEOUT_MS = 5_000

export class Attempt {
  /** Counted from 0. */
  readonly number: number
  readonly tasks: readonly TaskId[]
  readonly #plan: PhysicalPlan
  readonly #onEnd: (end: AttemptEnd) => void
  readonly #end = Promise.withResolvers<AttemptEnd>()
  #endsAs: AttemptEnd | undefined
  #execution: Execution | undefined
  #isRunning = false
  readonly #endedTasks = new Set<string>()
  /** Sinks commit the last checkpoint; when all have, the attempt ends so. */
  #awaited: { readonly commits: AwaitedCommits; readonly then: AttemptEnd } | undefined
  /** What ran and is being ended; it may be closing in order. */
  #ending: Execution | undefined
  #isClosing = false

  /** `onEnd` is called once, as soon as it is known how it ends. */
  constructor(plan: PhysicalPlan, number: number, onEnd: (end: AttemptEnd) => void) {
    this.number = number
    this.#plan = plan
    this.#onEnd = onEnd
    this.tasks = plan.vertices.flatMap(({ id, parallelism }) =>
      Array.from({ length: parallelism }, (_, subtask) => ({ vertexId: id, subtask })),
    )
  }

  get end(): Promise<AttemptEnd> {
    return this.#end.promise
  }

  /** What runs of it; `undefined` before it is deployed, and when it is being ended. */
  get execution(): Execution | undefined {
    return this.#execution
  }

  /** All its tasks run. */
  get isRunning(): boolean {
    return this.#isRunning
  }

  /** All its tasks have processed all their input. */
  get hasAllEnded(): boolean {
    return this.#endedTasks.size === this.tasks.length
  }

  endWith(end: AttemptEnd): void {
    if (this.#endsAs !== undefined) return
    this.#endsAs = end
    this.#onEnd(end)
    this.#end.resolve(end)
  }

  fail(error: unknown, task?: TaskId, slot?: number): void {
    this.endWith({ kind: 'failed', error, task, slot })
  }

  onDeploying(execution: Execution): void {
    this.#execution = execution
  }

  onRunning(): void {
    this.#isRunning = true
  }

  /** From now on nothing of it is heard. */
  onEnding(): void {
    this.#ending = this.#execution
    this.#execution = undefined
    this.#isRunning = false
  }

  /** Ends what ran of it. False: some slot could not be ended. */
  async close(end: AttemptEnd, terminationTimeoutMs: number): Promise<boolean> {
    const execution = this.#ending
    if (execution === undefined) return true
    if (end.kind === 'failed') return await execution.terminate(terminationTimeoutMs)
    if (end.kind === 'canceled' && end.isAtOnce) return await execution.terminate(CANCEL_TIMEOUT_MS)
    this.#isClosing = true
    return await execution.close()
  }

  /** What is being closed in order is not waited for any more. */
  hurry(): void {
    if (this.#isClosing) void this.#ending?.terminate(CANCEL_TIMEOUT_MS)
  }

  onTaskEnded(task: TaskId): void {
    this.#endedTasks.add(taskKey(task))
  }

  /** It ends so when all sinks have committed this checkpoint. */
  endWithCommits(checkpointId: CheckpointId, then: AttemptEnd): void {
    const commits = new AwaitedCommits(this.#plan, checkpointId)
    this.#awaited = { commits, then }
    if (commits.isDone) this.endWith(then)
  }

  onCommitted(task: TaskId, checkpointId: CheckpointId): void {
    if (this.#awaited?.commits.onCommitted(task, checkpointId)) this.endWith(this.#awaited.then)
  }

  readTasks(): readonly TaskReading[] {
    return this.tasks.map((id) => ({
      id,
      isEnded: this.#endedTasks.has(taskKey(id)),
      metrics: this.#execution?.metricsOf(id)?.snapshot(),
    }))
  }
}
