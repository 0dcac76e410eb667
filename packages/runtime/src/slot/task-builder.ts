/**
 * Makes the tasks of a slot out of the plan and the logical graph: restored state, operators in their chain, edges, sources and
 * sinks. Everything here happens before the first record.
 */
import { type KeyedStateBackend, latestWatermark, NO_TIMESTAMP, OperatorChain, type PlanStep } from '@millrace/core'
import type { TaskMetricsWriter } from '../metrics/task-metrics.ts'
import { CombiningEdgeWriter } from '../task/combining-edge-writer.ts'
import type { SourceDriver, SourceTarget } from '../task/source-driver.ts'
import { Task } from '../task/task.ts'
import type { TaskInput } from '../task/task-options.ts'
import type { TaskEvents } from '../task/task-ports.ts'
import type { RestoredEventTimes, TaskDeployment } from './protocol.ts'
import type { RestoreMeasures } from './restore-keyed-state.ts'
import { restoreTask } from './restore-task.ts'
import { type NewTask, type TaskBuilderOptions, vertexOf } from './task-builder-options.ts'
import { createSourceDriver, openSink } from './task-connectors.ts'
import { TaskExchanges } from './task-exchanges.ts'
import { TaskParts } from './task-parts.ts'

export interface BuiltTask {
  readonly task: Task
  readonly backend: KeyedStateBackend | undefined
  readonly driver: SourceDriver | undefined
  readonly restored: RestoreMeasures
  readonly restoredEventTimes: RestoredEventTimes
  /** Called before the first step, with those of all tasks. */
  restoreEventTimes(times: RestoredEventTimes): void
}

export class TaskBuilder {
  readonly #options: TaskBuilderOptions
  readonly #exchanges: TaskExchanges

  constructor(options: TaskBuilderOptions) {
    this.#options = options
    this.#exchanges = new TaskExchanges(options)
  }

  async build(deployment: TaskDeployment, metrics: TaskMetricsWriter, events: TaskEvents): Promise<BuiltTask> {
    const { environment, plan, store, bufferTimeoutMs, overtakeAfterMs } = this.#options
    const vertex = vertexOf(plan, deployment.id.vertexId)
    const { subtask } = deployment.id
    const name = `${vertex.name} (${subtask + 1}/${vertex.parallelism})`
    const building: NewTask = { vertex, deployment, name, metrics, events }
    const { replay, keyed, measures } = await restoreTask(this.#options, vertex, deployment)
    const edges = this.#exchanges.writersOf(vertex, subtask, name)
    const parts = new TaskParts(this.#options, building, edges, keyed)
    const sink = await openSink(this.#options, building)
    const { stages, inboxes, head } = parts.stages(sink?.operator)
    let task: Task | undefined
    const chain = new OperatorChain(stages, inboxes, {
      onWatermark: (timestamp) => task?.onWatermarkOut(timestamp),
      onEnd: () => task?.onEndOut(),
    })
    const target: SourceTarget = {
      output: head.output,
      onActive: () => task?.onSourceActive(),
      pushWatermark: (timestamp) => chain.pushWatermark(timestamp),
      pushEnd: () => chain.pushEnd(),
    }
    const { uid } = vertex.steps[0] as PlanStep
    const input: TaskInput = vertex.isSource
      ? {
          kind: 'source',
          driver: createSourceDriver(this.#options, building, {
            steps: head.steps,
            target,
            deadLetters: parts.sideOutput(0, 'deadLetter'),
          }),
          uid,
        }
      : { kind: 'gate', gate: this.#exchanges.gateOf(vertex, subtask, replay) }
    task = new Task({
      id: deployment.id,
      name,
      operatorUids: vertex.steps.map((step) => step.uid),
      input,
      chain,
      edges: [...edges.values()],
      sink,
      keyed,
      store,
      clock: environment.clock,
      bufferTimeoutMs,
      overtakeAfterMs,
      events,
      wasFinished: deployment.wasFinished,
    })
    const { restoredEventTimes } = parts
    const inFlightTime = latestWatermark(replay?.rest() ?? [])
    // The watermarks in flight are there before the senders' own: nothing may be combined that they fire.
    if (inFlightTime > (restoredEventTimes[uid] ?? NO_TIMESTAMP)) restoredEventTimes[uid] = inFlightTime
    return {
      task,
      backend: keyed?.backend,
      driver: input.kind === 'source' ? input.driver : undefined,
      restored: measures,
      restoredEventTimes,
      restoreEventTimes: (times) => {
        for (const edge of edges.values()) if (edge instanceof CombiningEdgeWriter) edge.restoreEventTimes(times)
      },
    }
  }
}
