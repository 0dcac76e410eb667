/** The names of what Millrace is measured for against itself. */
import { STATE_COSTS } from './state-cost.ts'

export const COSTS = ['checkpoints', 'scaling', 'pauses', ...STATE_COSTS] as const
