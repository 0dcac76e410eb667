/** The sinks that have yet to commit the last checkpoint of a job; the attempt ends when none is left. */
import type { CheckpointId, PhysicalPlan } from '@millrace/core'
import type { TaskId } from '../task/task-ports.ts'
import { taskKey } from './execution.ts'

export class AwaitedCommits {
  readonly #checkpointId: CheckpointId
  readonly #tasks: Set<string>

  constructor(plan: PhysicalPlan, checkpointId: CheckpointId) {
    this.#checkpointId = checkpointId
    const sinks = plan.vertices.filter(({ steps }) => steps.at(-1)?.kind === 'sink')
    this.#tasks = new Set(
      sinks.flatMap(({ id, parallelism }) =>
        Array.from({ length: parallelism }, (_, subtask) => taskKey({ vertexId: id, subtask })),
      ),
    )
  }

  get isDone(): boolean {
    return this.#tasks.size === 0
  }

  /** True when this one was the last. */
  onCommitted(task: TaskId, checkpointId: CheckpointId): boolean {
    return checkpointId >= this.#checkpointId && this.#tasks.delete(taskKey(task)) && this.isDone
  }
}
