/**
 * Makes the tasks of a slot out of the plan and the logical graph: operators with their hosts, chains, edges, restored
 * state, opened writers. Everything here happens before the first record.
 */
import {
  type KeySelector,
  LATE_OUTPUT,
  type LogicalGraph,
  type LogicalNode,
  MillraceError,
  type ReaderContext,
  type SinkCommitter,
} from '@millrace/api'
import {
  type ChainStage,
  type ChannelReader,
  type ChannelWriter,
  type CheckpointMode,
  countRecords,
  createOperator,
  type DeclaredTable,
  declaredTables,
  FreezingInbox,
  type FusedStep,
  FusedSteps,
  type InFlightChannel,
  InFlightReplay,
  type InFlightStage,
  joinInFlight,
  type KeyedStateBackend,
  keyGroupRange,
  latestWatermark,
  NO_TIMESTAMP,
  type Operator,
  OperatorChain,
  type OperatorHost,
  type OperatorOutput,
  type PhysicalPlan,
  type PlanEdge,
  type PlanStep,
  type PlanVertex,
  readInFlight,
  SegmentLedger,
  StageInbox,
  selectInFlight,
} from '@millrace/core'
import type { CheckpointStorage } from '../checkpoint-storage/checkpoint-storage.ts'
import type { TaskMetricsWriter } from '../metrics/task-metrics.ts'
import { conversionsOf } from '../state/converted-group.ts'
import { CombiningEdgeWriter } from '../task/combining-edge-writer.ts'
import { EdgeWriter, type Route } from '../task/edge-writer.ts'
import { InputGate } from '../task/input-gate.ts'
import { FanOut, FreezingOutput, UnreadOutput } from '../task/outputs.ts'
import { OvertakingGate } from '../task/overtaking-gate.ts'
import { PendingCommits } from '../task/pending-commits.ts'
import { SingleChannelEdgeWriter } from '../task/single-channel-edge-writer.ts'
import { SinkOperator } from '../task/sink-operator.ts'
import { SourceDriver, type SourceTarget, type SplitEntry, WATERMARK_EVERY_RECORDS } from '../task/source-driver.ts'
import { Task, type TaskInput, type TaskKeyedState, type TaskSink } from '../task/task.ts'
import type { SnapshotStore, TaskEvents } from '../task/task-ports.ts'
import { hashRoute } from './hash-route.ts'
import type { RestoredEventTimes, SlotDeployment, TaskDeployment } from './protocol.ts'
import { NOTHING_RESTORED, type RestoreMeasures, restoreKeyedState } from './restore-keyed-state.ts'
import type { SlotEnvironment } from './slot-environment.ts'

export interface TaskBuilderOptions {
  readonly environment: SlotEnvironment
  readonly deployment: SlotDeployment
  readonly graph: LogicalGraph
  readonly plan: PhysicalPlan
  /** Storage over a folder; `undefined`: the job's own. */
  storageOf(folder: string | undefined): CheckpointStorage
  readonly store: SnapshotStore
  readonly mode: CheckpointMode
  /** After how long barriers of checkpoints overtake data in flight; `undefined`: never. */
  readonly overtakeAfterMs: number | undefined
  /** What a task may take out of channels ahead of its work when a barrier overtakes. */
  readonly readAheadBytesMax: number
  readonly bufferTimeoutMs: number
  readonly developmentMode: boolean
  /** Records may be combined before an exchange. */
  readonly combines: boolean
  /** Writers and readers of the channels of this slot. */
  writerOf(edge: PlanEdge, fromSubtask: number, toSubtask: number): ChannelWriter
  readerOf(edge: PlanEdge, fromSubtask: number, toSubtask: number): ChannelReader
}

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
  readonly #nodes: ReadonlyMap<number, LogicalNode>

  constructor(options: TaskBuilderOptions) {
    this.#options = options
    this.#nodes = new Map(options.graph.nodes.map((node) => [node.id, node]))
  }

  async build(deployment: TaskDeployment, metrics: TaskMetricsWriter, events: TaskEvents): Promise<BuiltTask> {
    const { environment, plan, store, bufferTimeoutMs, overtakeAfterMs } = this.#options
    const vertex = vertexOf(plan, deployment.id.vertexId)
    const { subtask } = deployment.id
    const name = `${vertex.name} (${subtask + 1}/${vertex.parallelism})`
    const replay = deployment.wasFinished ? undefined : await this.#restoreInFlight(vertex, deployment)
    const { keyed, restored } = isKeyed(vertex, this.#nodes)
      ? await this.#restoreKeyed(vertex, deployment)
      : { keyed: undefined, restored: NOTHING_RESTORED }
    const edges = new Map<PlanEdge, EdgeWriter>()
    for (const edge of plan.edges) {
      if (edge.from === vertex.id) edges.set(edge, this.#edgeWriter(edge, vertex, subtask, name))
    }
    const parts = new TaskParts(this.#options, vertex, deployment, name, edges, keyed, metrics)
    const sink = await this.#openSink(vertex, deployment, name, metrics, events)
    const { stages, inboxes, head } = parts.stages(sink?.operator)
    let task: Task | undefined
    const chain = new OperatorChain(stages, inboxes, {
      onWatermark: (timestamp) => task?.onWatermarkOut(timestamp),
      onEnd: () => task?.onEndOut(),
    })
    const target = (output: OperatorOutput): SourceTarget => ({
      output,
      onActive: () => task?.onSourceActive(),
      pushWatermark: (timestamp) => chain.pushWatermark(timestamp),
      pushEnd: () => chain.pushEnd(),
    })
    const input = vertex.isSource
      ? this.#sourceInput(vertex, deployment, parts, head.steps, target(head.output), metrics, events)
      : this.#gateInput(vertex, subtask, replay)
    task = new Task({
      id: deployment.id,
      name,
      operatorUids: vertex.steps.map(({ uid }) => uid),
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
    const { uid } = vertex.steps[0] as PlanStep
    const inFlightTime = latestWatermark(replay?.rest() ?? [])
    // The watermarks in flight are there before the senders' own: nothing may be combined that they fire.
    if (inFlightTime > (restoredEventTimes[uid] ?? NO_TIMESTAMP)) restoredEventTimes[uid] = inFlightTime
    return {
      task,
      backend: keyed?.backend,
      driver: input.kind === 'source' ? input.driver : undefined,
      restored,
      restoredEventTimes,
      restoreEventTimes: (times) => {
        for (const edge of edges.values()) if (edge instanceof CombiningEdgeWriter) edge.restoreEventTimes(times)
      },
    }
  }

  async #restoreKeyed(
    vertex: PlanVertex,
    deployment: TaskDeployment,
  ): Promise<{ keyed: TaskKeyedState; restored: RestoreMeasures }> {
    const { environment, storageOf } = this.#options
    const storage = storageOf(deployment.restore?.folder)
    const range = keyGroupRange(deployment.id.subtask, vertex.parallelism, vertex.maxParallelism)
    const backend = environment.createBackend(range, vertex.maxParallelism)
    const groups = deployment.restore?.keyGroups ?? {}
    // Deltas build only on segments of the job's own folder; after a savepoint the first checkpoint writes bases.
    const isOwn = deployment.restore?.folder === undefined
    const restored = await restoreKeyedState(groups, {
      storage,
      backend,
      clock: environment.clock,
      conversionsOf: (uid) => conversionsOf(deployment.restore?.tables[uid] ?? [], this.#declaredTables(vertex, uid)),
    })
    // What was converted is in no file yet: the first checkpoint writes a base of it.
    const ledger = new SegmentLedger(isOwn ? restored.asStored : [])
    return { keyed: { backend, ledger }, restored: restored.measures }
  }

  #declaredTables({ steps }: PlanVertex, uid: string): readonly DeclaredTable[] {
    const node = this.#nodes.get(steps.find((step) => step.uid === uid)?.nodeId ?? -1)
    return node === undefined ? [] : declaredTables(uid, node.spec)
  }

  #edgeWriter(edge: PlanEdge, from: PlanVertex, subtask: number, owner: string): EdgeWriter {
    const to = vertexOf(this.#options.plan, edge.to)
    if (edge.partitioning.kind === 'forward') {
      return new SingleChannelEdgeWriter(this.#options.writerOf(edge, subtask, subtask), { kind: 'forward' }, owner)
    }
    const writers = Array.from({ length: to.parallelism }, (_, target) => this.#options.writerOf(edge, subtask, target))
    const route = this.#route(edge, from, to, subtask)
    const singly = () => {
      const [only, ...others] = writers
      return only === undefined || others.length > 0
        ? new EdgeWriter(writers, route, owner)
        : new SingleChannelEdgeWriter(only, route, owner)
    }
    if (route.kind !== 'hash' || edge.partitioning.kind !== 'hash' || edge.partitioning.combines !== true) {
      return singly()
    }
    const receiver = to.steps[0] as PlanStep
    const { spec } = this.#nodes.get(receiver.nodeId) as LogicalNode
    if (!this.#options.combines || spec.kind !== 'window') return singly()
    return new CombiningEdgeWriter(writers, route, owner, {
      spec,
      receiver: { name: receiver.name, uid: receiver.uid },
      subtask,
      developmentMode: this.#options.developmentMode,
      isOnlySender: this.#senderCount(to) === 1,
      keysMax: this.#options.environment.sizes?.combinedKeysMax,
    })
  }

  #senderCount(to: PlanVertex): number {
    const { plan } = this.#options
    return plan.edges
      .filter((edge) => edge.to === to.id)
      .reduce((senders, edge) => senders + vertexOf(plan, edge.from).parallelism, 0)
  }

  #route(edge: PlanEdge, from: PlanVertex, to: PlanVertex, subtask: number): Route {
    if (edge.partitioning.kind !== 'hash') return { kind: 'rebalance', first: subtask }
    return hashRoute(this.#keySelectorOf(edge, from, to), to)
  }

  /** The selector stands at the input edge of the receiving step. */
  #keySelectorOf(edge: PlanEdge, from: PlanVertex, to: PlanVertex): KeySelector {
    for (const { partitioning } of this.#inputsOf(edge, from, to)) {
      if (partitioning.kind === 'hash') return partitioning.key
    }
    throw new MillraceError('INTERNAL', `The edge ${edge.id} has no key selector in the job`)
  }

  /** What the job says of an edge, at its receiving step. */
  #inputsOf(edge: PlanEdge, from: PlanVertex, to: PlanVertex): LogicalNode['inputs'] {
    const sender = (from.steps[edge.fromStep] as PlanStep).nodeId
    const receiver = this.#nodes.get((to.steps[0] as PlanStep).nodeId) as LogicalNode
    return receiver.inputs.filter((input) => input.from === sender && input.sideOutput === edge.sideOutput)
  }

  #gateInput(vertex: PlanVertex, subtask: number, replay: InFlightReplay | undefined): TaskInput {
    const { plan, mode, overtakeAfterMs, readAheadBytesMax } = this.#options
    const readers: ChannelReader[] = []
    const channels: InFlightChannel[] = []
    const mayOvertake: boolean[] = []
    for (const edge of plan.edges) {
      if (edge.to !== vertex.id) continue
      const from = vertexOf(plan, edge.from)
      const isForward = edge.partitioning.kind === 'forward'
      for (let sender = 0; sender < from.parallelism; sender++) {
        if (isForward && sender !== subtask) continue
        readers.push(this.#options.readerOf(edge, sender, subtask))
        channels.push({
          from: (from.steps[edge.fromStep] as PlanStep).uid,
          fromSubtask: sender,
          isKeyed: edge.partitioning.kind === 'hash',
        })
        mayOvertake.push(this.#isExchange(edge, from, vertex))
      }
    }
    const overtaking = overtakeAfterMs === undefined ? undefined : { timeoutMs: overtakeAfterMs, mayOvertake }
    if (overtaking === undefined && replay === undefined) return { kind: 'gate', gate: new InputGate(readers, mode) }
    const operatorUid = (vertex.steps[0] as PlanStep).uid
    const options = { channels, operatorUid, mode, overtaking, replay, readAheadBytesMax }
    return { kind: 'gate', gate: new OvertakingGate(readers, options) }
  }

  /**
   * Whether the job asks for an exchange here at any parallelism: by key, or by `rebalance`. Elsewhere the receiver may be in
   * one chain with its sender after a restore, and there is no place to which records in flight could go.
   */
  #isExchange(edge: PlanEdge, from: PlanVertex, to: PlanVertex): boolean {
    return this.#inputsOf(edge, from, to).every(({ partitioning }) => partitioning.kind !== 'forward')
  }

  async #restoreInFlight(vertex: PlanVertex, deployment: TaskDeployment): Promise<InFlightReplay | undefined> {
    const restored = deployment.restore?.inFlight ?? []
    if (restored.length === 0) return undefined
    const storage = this.#options.storageOf(deployment.restore?.folder)
    const parts: (readonly InFlightStage[])[] = []
    for (const { subtask, segment } of restored) {
      const what = `data in flight to subtask ${subtask} of "${vertex.name}"`
      const { stages } = readInFlight(await storage.readSegment(segment), what)
      parts.push(selectInFlight(stages, subtask, { ...vertex, subtask: deployment.id.subtask }))
    }
    const stages = joinInFlight(parts)
    return countRecords(stages) === 0 ? undefined : new InFlightReplay(stages)
  }

  #sourceInput(
    vertex: PlanVertex,
    deployment: TaskDeployment,
    parts: TaskParts,
    steps: readonly FusedStep[],
    target: SourceTarget,
    metrics: TaskMetricsWriter,
    events: TaskEvents,
  ): TaskInput {
    const step = vertex.steps[0] as PlanStep
    const node = this.#nodes.get(step.nodeId) as LogicalNode
    if (node.spec.kind !== 'source') throw new MillraceError('INTERNAL', `${vertex.name} does not begin with a source`)
    const { clock, files, sizes } = this.#options.environment
    const context: ReaderContext = {
      files,
      now: () => clock.now(),
      delay: (ms) => new Promise((resolve) => clock.schedule(ms, resolve)),
      // What a reader passes over itself counts as what the driver passes over: the end of a run must tell it.
      count: (metric, increment) =>
        metric === 'numRecordsSkipped'
          ? metrics.add(metric, increment)
          : metrics.counter(`${step.uid}.${metric}`).add(increment),
    }
    const driver = new SourceDriver({
      spec: node.spec,
      name: step.name,
      uid: step.uid,
      subtask: deployment.id.subtask,
      entries: (deployment.entries[step.uid] ?? []) as unknown as SplitEntry[],
      context,
      steps,
      developmentMode: this.#options.developmentMode,
      target,
      deadLetters: parts.sideOutput(0, 'deadLetter'),
      monotonicMs: () => clock.monotonicMs(),
      watermarkEveryRecords: sizes?.watermarkEveryRecords ?? WATERMARK_EVERY_RECORDS,
      wake: () => events.wake(),
      onRejected: () => metrics.add('numRecordsSkipped', 1),
    })
    return { kind: 'source', driver, uid: step.uid }
  }

  async #openSink(
    vertex: PlanVertex,
    deployment: TaskDeployment,
    taskName: string,
    metrics: TaskMetricsWriter,
    events: TaskEvents,
  ): Promise<TaskSink | undefined> {
    const step = vertex.steps.at(-1) as PlanStep
    const node = this.#nodes.get(step.nodeId) as LogicalNode
    if (node.spec.kind !== 'sink') return undefined
    const { sink } = node.spec
    const { environment, deployment: slot } = this.#options
    const { files, clock, random } = environment
    const writer = await sink.openWriter(
      {
        files,
        lineage: slot.lineage,
        jobName: slot.jobName,
        uid: step.uid,
        subtask: deployment.id.subtask,
        parallelism: vertex.parallelism,
        attempt: slot.attempt,
        firstEpoch: slot.firstEpoch,
        nonce: random.hex(8),
        now: () => clock.now(),
        count: (metric, increment) => metrics.counter(`${step.uid}.${metric}`).add(increment),
        print: (line) => environment.post({ type: 'printed', line }),
      },
      deployment.entries[step.uid] ?? [],
    )
    const committer: SinkCommitter | undefined = await sink.openCommitter?.({
      files,
      uid: step.uid,
      report: (message) => environment.post({ type: 'report', task: deployment.id, message }),
      deliver: (channel, id, values) => environment.post({ type: 'collected', channel, id, values }),
    })
    const commits = new PendingCommits(
      committer,
      step.name,
      (id) => events.onCommitted(id),
      (error) => events.onFailed(error),
    )
    const operator = new SinkOperator(
      sink,
      writer,
      taskName,
      () => events.wake(),
      (error) => events.onFailed(error),
    )
    return { uid: step.uid, operator, commits }
  }
}

/** The maps and filters that follow a source at once, and where their records go. */
interface ChainHead {
  readonly steps: readonly FusedStep[]
  readonly output: OperatorOutput
}

/** The stages of one task's chain, with outputs and hosts. */
class TaskParts {
  readonly #options: TaskBuilderOptions
  readonly #vertex: PlanVertex
  readonly #deployment: TaskDeployment
  readonly #taskName: string
  readonly #edges: ReadonlyMap<PlanEdge, EdgeWriter>
  readonly #keyed: TaskKeyedState | undefined
  readonly #metrics: TaskMetricsWriter

  constructor(
    options: TaskBuilderOptions,
    vertex: PlanVertex,
    deployment: TaskDeployment,
    taskName: string,
    edges: ReadonlyMap<PlanEdge, EdgeWriter>,
    keyed: TaskKeyedState | undefined,
    metrics: TaskMetricsWriter,
  ) {
    this.#options = options
    this.#vertex = vertex
    this.#deployment = deployment
    this.#taskName = taskName
    this.#edges = edges
    this.#keyed = keyed
    this.#metrics = metrics
  }

  /** Of the operators, once `stages` has opened them. */
  readonly restoredEventTimes: Record<string, number> = {}

  /** What begins a source's vertex belongs to the loop of the source; `head` says what that is and where it goes. */
  stages(sink: SinkOperator | undefined): { stages: ChainStage[]; inboxes: StageInbox[]; head: ChainHead } {
    const groups = this.#groups()
    const first = this.#vertex.isSource && this.#isFused(groups[0]) ? (groups.shift() as number[]) : []
    const Inbox = this.#options.developmentMode ? FreezingInbox : StageInbox
    const inboxes = groups.map(() => new Inbox(this.#taskName))
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
      const metrics = this.#metrics
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
    this.#vertex.steps.forEach((step, index) => {
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
    const kind = this.#vertex.steps[group?.[0] ?? -1]?.kind
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
    const step = (this.#vertex.steps[index ?? 0] ?? this.#vertex.steps[0]) as PlanStep
    const stepIndex = index ?? 0
    const keyed = this.#keyed
    const { clock } = this.#options.environment
    const taskName = this.#taskName
    return {
      uid: step.uid,
      name: step.name,
      subtask: this.#deployment.id.subtask,
      parallelism: this.#vertex.parallelism,
      developmentMode: this.#options.developmentMode,
      restoredFrom: this.#deployment.restore?.checkpointId,
      output,
      sideOutput: (name) => this.sideOutput(stepIndex, name),
      get state() {
        if (keyed === undefined) throw new MillraceError('INTERNAL', `${taskName} has no keyed state`)
        return keyed.backend
      },
      now: () => clock.now(),
      counter: (name) => this.#metrics.counter(`${step.uid}.${name}`),
    }
  }

  #node(index: number): LogicalNode {
    const step = this.#vertex.steps[index] as PlanStep
    const node = this.#options.graph.nodes.find(({ id }) => id === step.nodeId)
    if (node === undefined) throw new MillraceError('INTERNAL', `The plan names step ${step.uid}, the job has none`)
    return node
  }
}

function vertexOf(plan: PhysicalPlan, id: string): PlanVertex {
  const vertex = plan.vertices.find((candidate) => candidate.id === id)
  if (vertex === undefined) throw new MillraceError('INTERNAL', `The plan has no vertex ${id}`)
  return vertex
}

const KEYED_KINDS: ReadonlySet<string> = new Set(['keyedProcess', 'keyedReduce', 'keyedAggregate', 'window'])

function isKeyed(vertex: PlanVertex, nodes: ReadonlyMap<number, LogicalNode>): boolean {
  return vertex.steps.some(({ nodeId }) => KEYED_KINDS.has(nodes.get(nodeId)?.spec.kind ?? ''))
}
