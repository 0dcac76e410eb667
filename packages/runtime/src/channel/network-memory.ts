/**
 * How large the rings of a job may be. Pure: counts and limits in, a size out. An exchange between all subtasks of two
 * vertices has parallelism² logical channels, and each that crosses slots is one ring, so the size of a ring is what the
 * network memory leaves for each. All rings of a job have the same size; the sum never exceeds the budget.
 */
import { MillraceError } from '@millrace/api'
import type { PhysicalPlan, PlanEdge } from '@millrace/core'
import { RING_HEADER_BYTES, ringCapacityWithin } from './ring.ts'

export interface ExchangeChannels {
  readonly edgeId: string
  /** Logical channels that need a ring. */
  readonly channels: number
}

export interface NetworkMemoryLimits {
  /** `taskmanager.memory.network.max`: for all rings of the job. */
  readonly totalBytes: number
  /** Smallest and largest capacity of a ring, powers of two. */
  readonly ringBytesMin: number
  readonly ringBytesMax: number
}

export interface NetworkMemory {
  /** Capacity of each ring, without its header. */
  readonly ringBytes: number
  readonly channels: number
  /** What all rings take together, headers included. */
  readonly usedBytes: number
}

/**
 * The logical channels of each exchange that need a ring. `isLocal` says whether two subtasks share a slot; the default
 * takes every subtask to share one with the same subtask of other vertices in its slot-sharing group.
 */
export function countRingChannels(
  plan: PhysicalPlan,
  isLocal: (edge: PlanEdge, fromSubtask: number, toSubtask: number) => boolean = bySlotSharing(plan),
): ExchangeChannels[] {
  return plan.edges.map((edge) => {
    const from = parallelismOf(plan, edge.from)
    const to = parallelismOf(plan, edge.to)
    let channels = 0
    for (let i = 0; i < from; i++) {
      for (let j = 0; j < to; j++) {
        if ((edge.partitioning.kind !== 'forward' || i === j) && !isLocal(edge, i, j)) channels++
      }
    }
    return { edgeId: edge.id, channels }
  })
}

/** Decides the size of the rings; throws `NETWORK_MEMORY_INSUFFICIENT` when not even the smallest fit. */
export function decideNetworkMemory(
  exchanges: readonly ExchangeChannels[],
  limits: NetworkMemoryLimits,
): NetworkMemory {
  const channels = exchanges.reduce((sum, exchange) => sum + exchange.channels, 0)
  if (channels === 0) return { ringBytes: limits.ringBytesMax, channels, usedBytes: 0 }
  const ringBytes = Math.min(ringCapacityWithin(Math.floor(limits.totalBytes / channels)), limits.ringBytesMax)
  if (ringBytes < limits.ringBytesMin) {
    const requiredBytes = channels * (limits.ringBytesMin + RING_HEADER_BYTES)
    throw new MillraceError(
      'NETWORK_MEMORY_INSUFFICIENT',
      `The job has ${channels} channels between slots. With at least ${limits.ringBytesMin} bytes each they need ` +
        `${requiredBytes} bytes, and the network memory is ${limits.totalBytes} bytes.`,
      {
        details: {
          channels,
          requiredBytes,
          totalBytes: limits.totalBytes,
          ringBytesMin: limits.ringBytesMin,
          largestExchange: largestExchange(exchanges),
        },
        hint: `Raise taskmanager.memory.network.max to ${requiredBytes} bytes or more, or lower the parallelism.`,
      },
    )
  }
  return { ringBytes, channels, usedBytes: channels * (ringBytes + RING_HEADER_BYTES) }
}

function bySlotSharing(plan: PhysicalPlan): (edge: PlanEdge, fromSubtask: number, toSubtask: number) => boolean {
  const groups = new Map(plan.vertices.map((vertex) => [vertex.id, vertex.slotSharingGroup]))
  return (edge, fromSubtask, toSubtask) => fromSubtask === toSubtask && groups.get(edge.from) === groups.get(edge.to)
}

function parallelismOf(plan: PhysicalPlan, vertexId: string): number {
  const vertex = plan.vertices.find((candidate) => candidate.id === vertexId)
  if (vertex === undefined) throw new MillraceError('INTERNAL', `The plan has an edge at a missing vertex ${vertexId}.`)
  return vertex.parallelism
}

function largestExchange(exchanges: readonly ExchangeChannels[]): string {
  return exchanges.reduce((largest, next) => (next.channels > largest.channels ? next : largest)).edgeId
}
