/**
 * The edges of a task: writers that route its output to channels, and the gate that reads its input. Which kind of each is
 * decided here, by the plan and by what the job says of the edge.
 */
import { type KeySelector, type LogicalNode, MillraceError } from '@millrace/api'
import type { ChannelReader, InFlightChannel, InFlightReplay, PlanEdge, PlanStep, PlanVertex } from '@millrace/core'
import { CombiningEdgeWriter } from '../task/combining-edge-writer.ts'
import { EdgeWriter, type Route } from '../task/edge-writer.ts'
import { InputGate } from '../task/input-gate.ts'
import { OvertakingGate } from '../task/overtaking-gate.ts'
import { SingleChannelEdgeWriter } from '../task/single-channel-edge-writer.ts'
import { hashRoute } from './hash-route.ts'
import { nodeOf, type TaskBuilderOptions, vertexOf } from './task-builder-options.ts'

export class TaskExchanges {
  readonly #options: TaskBuilderOptions

  constructor(options: TaskBuilderOptions) {
    this.#options = options
  }

  /** The writing ends of a subtask; `owner` names it in errors. */
  writersOf(vertex: PlanVertex, subtask: number, owner: string): Map<PlanEdge, EdgeWriter> {
    const writers = new Map<PlanEdge, EdgeWriter>()
    for (const edge of this.#options.plan.edges) {
      if (edge.from === vertex.id) writers.set(edge, this.#writer(edge, vertex, subtask, owner))
    }
    return writers
  }

  /** The reading ends; `replay`: what is worked off before anything is read. */
  gateOf(vertex: PlanVertex, subtask: number, replay: InFlightReplay | undefined): InputGate {
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
    if (overtaking === undefined && replay === undefined) return new InputGate(readers, mode)
    const operatorUid = (vertex.steps[0] as PlanStep).uid
    const options = { channels, operatorUid, mode, overtaking, replay, readAheadBytesMax }
    return new OvertakingGate(readers, options)
  }

  #writer(edge: PlanEdge, from: PlanVertex, subtask: number, owner: string): EdgeWriter {
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
    const { spec } = nodeOf(this.#options.graph, receiver)
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
    const receiver = nodeOf(this.#options.graph, to.steps[0] as PlanStep)
    return receiver.inputs.filter((input) => input.from === sender && input.sideOutput === edge.sideOutput)
  }

  /**
   * Whether the job asks for an exchange here at any parallelism: by key, or by `rebalance`. Elsewhere the receiver may be in
   * one chain with its sender after a restore, and there is no place to which records in flight could go.
   */
  #isExchange(edge: PlanEdge, from: PlanVertex, to: PlanVertex): boolean {
    return this.#inputsOf(edge, from, to).every(({ partitioning }) => partitioning.kind !== 'forward')
  }
}
