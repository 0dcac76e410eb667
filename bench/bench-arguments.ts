/** The flags of `npm run bench`, see README.md. What it does not know is refused with a message for the user. */
import { parseArgs } from 'node:util'
import { BOUND_NAMES, type BoundSettings } from './bound.ts'
import { COSTS } from './costs/cost.ts'
import { CURVES } from './curves/curve.ts'
import { LATENCY_JOBS } from './latency/latency-run.ts'
import { PEER_GROUPS } from './peer.ts'
import { QUERIES, SHAPES, type Workload, type WorkloadSettings } from './workload.ts'

export interface BenchArguments {
  readonly workloads: readonly Workload[]
  readonly settings: WorkloadSettings
  readonly rounds: number
  /** Keys of `PEER_GROUPS`. */
  readonly peers: readonly string[]
  readonly jsonFile: string | undefined
  /** Names of bounds to check. */
  readonly bounds: readonly string[]
  readonly boundSettings: BoundSettings
  /** Names of `LATENCY_JOBS`, `CURVES` and `COSTS`. */
  readonly latency: readonly string[]
  readonly curves: readonly string[]
  readonly costs: readonly string[]
  /** Of the cost `churn`. */
  readonly checkpoints: number
  /** How long one run of latency and of the cost of checkpoints takes. */
  readonly seconds: number
}

/** A flag that cannot be followed. */
export class UsageError extends Error {}

const EVENTS = 5_000_000
const ROUNDS = 3
const SLOW_SINK_SECONDS = 60
/** Two checkpoints. */
const RUN_SECONDS = 20
const CHURN_CHECKPOINTS = 10_000
/** What stands beside comparisons and may come without names. */
const SUITES = ['bounds', 'latency', 'curves', 'costs'] as const

export function parseBenchArguments(words: readonly string[]): BenchArguments {
  const values = parsed(words)
  const number = (name: keyof typeof values): number | undefined => numberOf(name, values[name])
  const byDefault = SUITES.some((suite) => values[suite] !== undefined) ? 'none' : 'all'
  const shapes = namesOf('shapes', values.shapes ?? (values.queries === undefined ? byDefault : 'none'), SHAPES)
  const queries = namesOf(
    'queries',
    values.queries ?? (values.shapes === undefined ? byDefault : 'none'),
    QUERIES,
    (name) => (/^\d/.test(name) ? `q${name}` : name),
  )
  const events = number('events')
  const rounds = number('rounds') ?? ROUNDS
  return {
    workloads: [
      ...shapes.map((name) => ({ kind: 'shape' as const, name })),
      ...queries.map((name) => ({ kind: 'query' as const, name })),
    ],
    settings: {
      events: events ?? EVENTS,
      parallelism: number('parallelism') ?? 1,
      eventsPerSecond: number('events-per-second'),
      keys: number('keys'),
      sizeMs: number('size-ms'),
      slideMs: number('slide-ms'),
      fields: number('fields'),
      skew: number('skew'),
    },
    rounds,
    peers: namesOf('peers', values.peers, Object.keys(PEER_GROUPS)),
    jsonFile: values.json,
    bounds: namesOf('bounds', values.bounds ?? 'none', BOUND_NAMES),
    boundSettings: {
      rounds,
      events,
      gigabytes: number('gigabytes') ?? 10,
      seconds: number('seconds') ?? SLOW_SINK_SECONDS,
    },
    latency: namesOf('latency', values.latency ?? 'none', LATENCY_JOBS),
    curves: namesOf('curves', values.curves ?? 'none', CURVES),
    costs: namesOf('costs', values.costs ?? 'none', COSTS),
    checkpoints: number('checkpoints') ?? CHURN_CHECKPOINTS,
    seconds: number('seconds') ?? RUN_SECONDS,
  }
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: words.flatMap((word, at) => (isBare(words, at) ? [word, 'all'] : [word])),
      options: {
        shapes: { type: 'string' },
        queries: { type: 'string' },
        peers: { type: 'string', default: 'all' },
        events: { type: 'string' },
        parallelism: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        'events-per-second': { type: 'string' },
        keys: { type: 'string' },
        'size-ms': { type: 'string' },
        'slide-ms': { type: 'string' },
        fields: { type: 'string' },
        skew: { type: 'string' },
        bounds: { type: 'string' },
        latency: { type: 'string' },
        curves: { type: 'string' },
        costs: { type: 'string' },
        gigabytes: { type: 'string' },
        seconds: { type: 'string' },
        checkpoints: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** A suite may come without names. */
function isBare(words: readonly string[], at: number): boolean {
  const next = words[at + 1]
  return SUITES.some((suite) => words[at] === `--${suite}`) && (next === undefined || next.startsWith('-'))
}

function namesOf(
  flag: string,
  text: string,
  known: readonly string[],
  toName: (word: string) => string = (word) => word,
): readonly string[] {
  if (text === 'none') return []
  if (text === 'all') return known
  const names = text.split(',').map(toName)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new UsageError(`--${flag}: there is no ${unknown.join(', ')}. There are ${known.join(', ')}; or all, or none`)
  }
  return names
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${name} needs a positive number`)
  return value
}
