/** Shapes in RxJS, with the operators that it has: one thread, no state that survives, records in order of time. */
import type { Loop } from '../loop/loop.ts'
import { chain } from './chain.ts'
import { keyedTumbling } from './keyed-tumbling.ts'

/** By shape. */
export const RXJS_PIPELINES: Readonly<Record<string, Loop>> = { chain, 'keyed-tumbling': keyedTumbling }
