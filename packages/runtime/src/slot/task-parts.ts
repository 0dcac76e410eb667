/** The stages of one task's chain: its operators, opened with their hosts, and the outputs between and behind them. */
import { LATE_OUTPUT, type LogicalNode, MillraceError } from '@millrace/api'
import {
  type ChainStage,
  createOperator,
  FreezingInbox,
  type FusedStep,
  FusedSteps,
  NO_TIMESTAMP,
  type Operator,
  type OperatorHost,
  type OperatorOutput,
  type PlanEdge,
  type PlanStep,
  StageInbox,
} from '@millrace/core'
import type { EdgeWriter } from '../task/edge-writer.ts'
import { FanOut, FreezingOutput, UnreadOutput } from '../task/outputs.ts'
import type { SinkOperator } from '../task/sink-operator.ts'
import type { TaskKeyedState } from '../task/task-options.ts'
import { type NewTask, nodeOf, type TaskBuilderOptions } from './task-builder-options.ts'

/** The maps and filters that follow a source at once, and where their records go. */
interface ChainHead {
  readonly steps: readonly FusedStep[]
  readonly output: OperatorOutput
}

export class TaskParts {
  readonly #options: TaskBuilderOptions
  readonly #task: NewTask
  readonly #edges: ReadonlyMap<PlanEdge, EdgeWriter>
  readonly #keyed: TaskKeyedState | undefined

  constructor(
    options: TaskBuilderOptions,
    task: NewTask,
    edges: ReadonlyMap<PlanEdge, EdgeWriter>,
    keyed: TaskKeyedState | undefined,
  ) {
    this.#options = options
    this.#task = task
    this.#edges = edges
    this.#keyed = keyed
  }

  /** Of the operators, once `stages` has opened them. */
  readonly restoredEventTimes: Record<string, number> = {}

  /** What begins a source's vertex belongs to the loop of the source; `head` says what that is and where it goes. */
  stages(sink: SinkOperator | undefined): { stages: ChainStage[]; inboxes: StageInbox[]; head: ChainHead } {
    const groups = this.#groups()
    const first = this.#task.vertex.isSource && this.#isFused(groups[0]) ? (groups.shift() as number[]) : []
    const Inbox = this.#options.developmentMode ? FreezingInbox : StageInbox
    const inboxes = groups.map(() => new Inbox(this.#task.name))
    const stages = groups.map((group, index): ChainStage => {
      const lastStep = group.at(-1) as number
      const outputs = this.#outputsOf(group, lastStep, inboxes[index + 1])
      const operator = this.#operator(group, sink)
      const host = this.#host(lastStep, outputs.main)
      operator.open(host)
      const restored = operator.restoredEventTime ?? NO_TIMESTAMP
      if (restored > NO_TIMESTAMP) this.restoredEventTimes[host.uid] = restored
      return { operator, outputs: outputs.all }
    })
    const output = this.#outputsOf(first, first.at(-1), inboxes[0]).main
    return { stages, inboxes, head: { steps: first.map((index) => this.#fusedStep(index)), output } }
  }

  sideOutput(step: number, name: string): OperatorOutput {
    const readers: OperatorOutput[] = []
    for (const [edge, writer] of this.#edges) {
      if (edge.fromStep === step && edge.sideOutput === name) readers.push(writer)
    }
    if (readers.length === 0) {
      const metrics = this.#task.metrics
      return new UnreadOutput(
        name === LATE_OUTPUT
          ? { add: (increment) => metrics.add('numLateRecordsDropped', increment) }
          : { add: (increment) => metrics.add('numRecordsDiscarded', increment) },
      )
    }
    return this.#join(readers)
  }

  /** Indexes of steps by stage: maps and filters that follow each other share one; the source itself has none. */
  #groups(): number[][] {
    const groups: number[][] = []
    let fused: number[] | undefined
    this.#task.vertex.steps.forEach((step, index) => {
      if (step.kind === 'source') return
      const isStateless = step.kind === 'map' || step.kind === 'filter'
      if (isStateless && fused !== undefined) {
        fused.push(index)
        return
      }
      const group = [index]
      groups.push(group)
      fused = isStateless ? group : undefined
    })
    return groups
  }

  #isFused(group: readonly number[] | undefined): boolean {
    const kind = this.#task.vertex.steps[group?.[0] ?? -1]?.kind
    return kind === 'map' || kind === 'filter'
  }

  #operator(group: readonly number[], sink: SinkOperator | undefined): Operator {
    if (this.#isFused(group)) return new FusedSteps(group.map((index) => this.#fusedStep(index)))
    const node = this.#node(group[0] as number)
    return node.spec.kind === 'sink' ? (sink as SinkOperator) : createOperator(node)
  }

  #fusedStep(index: number): FusedStep {
    const { uid, name, spec } = this.#node(index)
    return { uid, name, spec: spec as FusedStep['spec'] }
  }

  #outputsOf(
    group: readonly number[],
    lastStep: number | undefined,
    next: StageInbox | undefined,
  ): { main: OperatorOutput; all: OperatorOutput[] } {
    const step = lastStep ?? 0
    const main: OperatorOutput[] = next === undefined ? [] : [next]
    const all: OperatorOutput[] = [...main]
    for (const [edge, writer] of this.#edges) {
      if (edge.sideOutput === undefined && edge.fromStep === step && next === undefined) main.push(writer)
      if (edge.fromStep === step || group.includes(edge.fromStep)) all.push(writer)
    }
    return { main: this.#join(main), all }
  }

  #join(outputs: readonly OperatorOutput[]): OperatorOutput {
    const joined =
      outputs.length === 0
        ? new UnreadOutput({ add: () => {} })
        : outputs.length === 1
          ? (outputs[0] as OperatorOutput)
          : new FanOut(outputs)
    return this.#options.developmentMode ? new FreezingOutput(joined) : joined
  }

  #host(index: number | undefined, output: OperatorOutput): OperatorHost {
    const step = (this.#task.vertex.steps[index ?? 0] ?? this.#task.vertex.steps[0]) as PlanStep
    const stepIndex = index ?? 0
    const keyed = this.#keyed
    const { clock } = this.#options.environment
    const taskName = this.#task.name
    return {
      uid: step.uid,
      name: step.name,
      subtask: this.#task.deployment.id.subtask,
      parallelism: this.#task.vertex.parallelism,
      developmentMode: this.#options.developmentMode,
      restoredFrom: this.#task.deployment.restore?.checkpointId,
      output,
      sideOutput: (name) => this.sideOutput(stepIndex, name),
      get state() {
        if (keyed === undefined) throw new MillraceError('INTERNAL', `${taskName} has no keyed state`)
        return keyed.backend
      },
      now: () => clock.now(),
      counter: (name) => this.#task.metrics.counter(`${step.uid}.${name}`),
    }
  }

  #node(index: number): LogicalNode {
    return nodeOf(this.#options.graph, this.#task.vertex.steps[index] as PlanStep)
  }
}
