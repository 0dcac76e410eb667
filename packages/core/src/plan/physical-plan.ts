/**
 * The physical plan: what runs, as plain JSON. `info`, the coordinator, the REST API, the dashboard and the Flink host
 * all read this one thing. A vertex is a chain of steps that runs as one task per subtask; an edge is an exchange.
 */
import type { PlainValue } from '@millrace/api'

export const PLAN_VERSION = 1

export interface PhysicalPlan {
  readonly version: typeof PLAN_VERSION
  readonly jobName: string
  /** Hash over everything that decides what runs; equal for two builds of the same job. 32 hex digits. */
  readonly graphHash: string
  /** In topological order, sources first. */
  readonly vertices: readonly PlanVertex[]
  readonly edges: readonly PlanEdge[]
  /** Warnings for the user, such as derived uids of stateful steps. */
  readonly warnings: readonly string[]
}

export type VertexId = string

export interface PlanVertex {
  /** 32 hex digits, derived from the uid of the first step. */
  readonly id: VertexId
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly slotSharingGroup: string
  readonly steps: readonly PlanStep[]
  readonly isSource: boolean
}

export interface PlanStep {
  /** Index of the node in the logical graph. */
  readonly nodeId: number
  readonly uid: string
  readonly uidIsDerived: boolean
  readonly name: string
  readonly kind: string
  /** Facts for `info` and other hosts: window size, key field, source kind and options. */
  readonly facts: Readonly<Record<string, PlainValue>>
  /** Names of declared states. */
  readonly states: readonly string[]
}

export interface PlanEdge {
  readonly id: string
  readonly from: VertexId
  /** Index of the step within `from` whose output this is; side outputs may leave from the middle of a chain. */
  readonly fromStep: number
  readonly sideOutput: string | undefined
  readonly to: VertexId
  /** Several edges into one vertex are a union. */
  readonly partitioning: PlanPartitioning
}

export type PlanPartitioning =
  /** Subtask i → subtask i, equal parallelism. */
  | { readonly kind: 'forward' }
  /** Round robin over all. */
  | { readonly kind: 'rebalance' }
  /** By key group; `field` when the key is a field name. */
  | {
      readonly kind: 'hash'
      readonly field: string | undefined
      /** Given when records may be combined into partial results before they are sent: the aggregate that they go to can merge. */
      readonly combines?: true
    }
