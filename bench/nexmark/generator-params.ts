/** Options of the generator from parameters that are texts: those of jobs and of command lines. */
import type { NexmarkOptions } from './generator/nexmark-generator.ts'

const NAMES = ['seed', 'eventsPerSecond', 'baseTimeMs', 'outOfOrderGroupSize'] as const

/** What is not among the parameters keeps its default. */
export function nexmarkOptionsOf(params: Readonly<Record<string, unknown>>): NexmarkOptions {
  return Object.fromEntries(
    NAMES.filter((name) => params[name] !== undefined).map((name) => [name, Number(params[name])]),
  )
}
