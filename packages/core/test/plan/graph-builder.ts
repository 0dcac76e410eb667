/** Writes logical graphs for tests: one call per step, ids and uids by position. */
import type { AnyRecord, LogicalEdge, LogicalGraph, LogicalNode, NodeSpec, Sink, Source } from '@millrace/api'

export type StepOptions = Partial<
  Pick<LogicalNode, 'name' | 'uid' | 'uidIsDerived' | 'parallelism' | 'slotSharingGroup' | 'chain'>
>

export class GraphBuilder {
  readonly nodes: LogicalNode[] = []

  add(spec: NodeSpec, inputs: readonly LogicalEdge[] = [], options: StepOptions = {}): number {
    const id = this.nodes.length
    this.nodes.push({
      id,
      spec,
      inputs,
      name: spec.kind,
      uid: `uid-${id}`,
      uidIsDerived: true,
      parallelism: undefined,
      slotSharingGroup: 'default',
      chain: 'always',
      ...options,
    })
    return id
  }

  build(jobName = 'job'): LogicalGraph {
    return { jobName, nodes: this.nodes }
  }
}

export const forward = (from: number, sideOutput?: string): LogicalEdge => ({
  from,
  sideOutput,
  partitioning: { kind: 'forward' },
})
export const rebalance = (from: number): LogicalEdge => ({
  from,
  sideOutput: undefined,
  partitioning: { kind: 'rebalance' },
})
export const hash = (from: number, field = 'id'): LogicalEdge => ({
  from,
  sideOutput: undefined,
  partitioning: { kind: 'hash', key: { kind: 'field', field } },
})

export const source = (sideOutputs: readonly string[] = []): NodeSpec => ({
  kind: 'source',
  source: {
    kind: 'numbers',
    options: { to: 10 },
    boundedness: 'bounded',
    replayable: true,
    sideOutputs,
    enumerate: async () => [],
    open: async () => {
      throw new Error('no reader in a plan')
    },
  } satisfies Source<unknown>,
  watermarks: undefined,
})
export const map = (fn: (record: AnyRecord) => unknown = (record) => record): NodeSpec => ({ kind: 'map', map: fn })
export const filter: NodeSpec = { kind: 'filter', filter: () => true }
export const keyedReduce: NodeSpec = {
  kind: 'keyedReduce',
  key: { kind: 'field', field: 'id' },
  reduce: (a) => a,
}
export const window: NodeSpec = {
  kind: 'window',
  key: { kind: 'field', field: 'id' },
  assigner: { kind: 'sliding', sizeMs: 3_600_000, slideMs: 300_000, offsetMs: 0 },
  allowedLatenessMs: 1_000,
  aggregate: { name: 'count', create: () => 0, add: (n: number) => n + 1, result: (n: number) => n },
  project: (result) => result,
}
export const process: NodeSpec = {
  kind: 'process',
  fn: { sideOutputs: { odd: {} }, onRecord: (record, context) => context.emit(record) },
}
export const sink = (guarantee: Sink<unknown>['guarantee'] = 'at-least-once'): NodeSpec => ({
  kind: 'sink',
  sink: {
    kind: 'print',
    options: {},
    guarantee,
    openWriter: async () => {
      throw new Error('no writer in a plan')
    },
  },
})
