/** The records of the latency jobs and their stream. Parameters, all texts: see `latencyParamsOf`. */
import { ascending, type DataStream, type Env, type UncheckedParams } from '@millrace/api'
import { hashIndex } from '../nexmark/generator/integer-hash.ts'
import type { Stamped } from './latency-sink.ts'
import { pacedSource } from './paced-source.ts'

export interface Order extends Stamped {
  readonly index: number
  readonly key: number
  readonly amount: number
  /** `dueMs` in whole ms: its event time. */
  readonly at: number
}

interface LatencyParams {
  /** Undefined: as fast as it goes. */
  readonly perSecond: number | undefined
  readonly warmUpMs: number
  readonly durationMs: number
  readonly splits: number
  readonly keys: number
}

const KEYS = 10_000

export function latencyParamsOf(params: UncheckedParams): LatencyParams {
  return {
    perSecond: params.perSecond === undefined ? undefined : Number(params.perSecond),
    warmUpMs: Number(params.warmUpMs ?? 0),
    durationMs: Number(params.durationMs),
    splits: Number(params.splits ?? 1),
    keys: Number(params.keys ?? KEYS),
  }
}

/** In order of event time, so watermarks wait for nothing. */
export function orderStream(env: Env, params: UncheckedParams): DataStream<Order> {
  const { keys, ...paced } = latencyParamsOf(params)
  const generate = (index: number, dueMs: number): Order => ({
    index,
    key: (hashIndex(index, 1) >>> 0) % keys,
    amount: index % 1_000,
    dueMs,
    at: Math.floor(dueMs),
  })
  return env.from(pacedSource({ ...paced, generate }), { uid: 'orders', watermarks: ascending(({ at }) => at) })
}
