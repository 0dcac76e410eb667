/** What is compared: a shape or a query, and which of its results two runs must share. */
import { NEXMARK_QUERIES } from './nexmark/oracle.ts'

export const SHAPES = [
  'chain',
  'exchange',
  'keyed-tumbling',
  'sliding',
  'sliding-best',
  'running-sum',
  'wide',
  'large-state',
] as const
export const QUERIES: readonly string[] = NEXMARK_QUERIES

export interface Workload {
  readonly kind: 'shape' | 'query'
  readonly name: string
}

/** What all sides of a comparison share. What is left out has the default of the shape. */
export interface WorkloadSettings {
  readonly events: number
  readonly parallelism: number
  /** Of event time. */
  readonly eventsPerSecond?: number | undefined
  readonly keys?: number | undefined
  readonly sizeMs?: number | undefined
  readonly slideMs?: number | undefined
  readonly fields?: number | undefined
  /** Exponent of Zipf's law by which keys come; default: all are as likely as each other. */
  readonly skew?: number | undefined
  /** Ms between checkpoints, 0 for none; default 10 s. */
  readonly checkpointIntervalMs?: number | undefined
}

/** `digest`: the same multiset of rows; `rows`: as many rows. */
export type Compared = 'digest' | 'rows' | 'nothing'

/** Updates depend on the order of a key's records, which is one at parallelism 1 only: see the READMEs. */
export function decideCompared({ name }: Workload, parallelism: number): Compared {
  if (parallelism === 1) return 'digest'
  if (name === 'q18') return 'nothing'
  return ['running-sum', 'large-state', 'q15', 'q16', 'q17'].includes(name) ? 'rows' : 'digest'
}

/** Workloads with the same text have the same records, so their generator is measured once. */
export function recordsOf({ kind, name }: Workload): string {
  if (kind === 'query') return 'events'
  return name === 'wide' || name === 'running-sum' || name === 'large-state' ? name : 'bids'
}
