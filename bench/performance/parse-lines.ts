/**
 * Reads what `--json` wrote. A file is one session of the benchmark or several behind one another, each with its machine
 * first: figures of different sessions never go into one ratio.
 */
import type { FailedRun, Run } from '../comparison.ts'
import { CHECKPOINT_SUITE } from '../costs/checkpoints.ts'
import type { FailedPauses, PauseRun } from '../costs/pauses.ts'
import { SCALING_SUITE } from '../costs/scaling.ts'
import type { FailedStateCost, StateCost } from '../costs/state-cost.ts'
import { CURVES } from '../curves/curve.ts'
import { CURVE_SUITE } from '../curves/measure-curve.ts'
import type { FailedLatency, LatencyLine } from '../latency/latency-line.ts'
import type { About } from '../run-lines.ts'
import { PEERS } from './regroup-runs.ts'

/** All lines after one line about the machine. */
export interface Session {
  readonly about: About
  readonly runs: readonly Run[]
  readonly latency: readonly LatencyLine[]
  readonly pauses: readonly PauseRun[]
  readonly stateCosts: readonly StateCost[]
  /** What failed, of each kind. */
  readonly failedRuns: readonly FailedRun[]
  readonly failedLatency: readonly FailedLatency[]
  readonly failedPauses: readonly FailedPauses[]
  readonly failedStateCosts: readonly FailedStateCost[]
}

type Collected = { -readonly [Part in keyof Omit<Session, 'about'>]: Session[Part][number][] } & Pick<Session, 'about'>

/** A line that is none of the benchmark's. */
export class LineError extends Error {}

type Fields = Readonly<Record<string, 'string' | 'number' | 'boolean'>>

/** What a line must have to be used; `commit`, `peakMemoryBytes`, `perSecond` and `ratePercent` may be null. */
const ABOUT_FIELDS: Fields = {
  date: 'string',
  node: 'string',
  cores: 'number',
  processor: 'string',
  memoryBytes: 'number',
}
const FAILED_RUN_FIELDS: Fields = {
  peer: 'string',
  parallelism: 'number',
  events: 'number',
  generatorOnly: 'boolean',
}
const RUN_FIELDS: Fields = {
  ...FAILED_RUN_FIELDS,
  cpuSeconds: 'number',
  setupCpuSeconds: 'number',
  wallSeconds: 'number',
  outputs: 'number',
  digest: 'string',
}
const FAILED_LATENCY_FIELDS: Fields = {
  latency: 'string',
  parallelism: 'number',
  bufferTimeoutMs: 'number',
}
const LATENCY_FIELDS: Fields = {
  ...FAILED_LATENCY_FIELDS,
  durationMs: 'number',
  backlogMs: 'number',
  recorded: 'number',
  checkpoints: 'number',
  p50Ms: 'number',
  p90Ms: 'number',
  p99Ms: 'number',
  p999Ms: 'number',
  maxMs: 'number',
}
const FAILED_PAUSE_FIELDS: Fields = {
  pauses: 'string',
  events: 'number',
  keys: 'number',
}
const PAUSE_FIELDS: Fields = {
  ...FAILED_PAUSE_FIELDS,
  wallSeconds: 'number',
  scavenges: 'number',
  scavengeMsMax: 'number',
  markCompacts: 'number',
  markCompactMsMax: 'number',
  totalMs: 'number',
}
const STATE_COST_FIELDS: Readonly<Record<StateCost['cost'], Fields>> = {
  restore: numbers('keys', 'parallelism', 'stateBytes', 'restoreCpuSeconds', 'restoreWallMs', 'readMs', 'decodeMs'),
  incremental: numbers('keys', 'fullBytes', 'fullMs', 'incrementalBytes', 'incrementalMs'),
  churn: numbers('checkpoints', 'heldBytes', 'liveBytes', 'files', 'deadFiles', 'startMsEarly', 'startMsLate'),
  unaligned: numbers('parallelism', 'checkpoints', 'alignedMs', 'unalignedMs', 'inFlightBytes'),
  memory: numbers('keys', 'valueBytes', 'mapBytes', 'windowBytes'),
  snapshots: numbers('keys', 'perSecond', 'checkpoints', 'p99Ms', 'p999Ms', 'maxMs', 'p99MsWithout', 'maxMsWithout'),
}
const SUITES = [CHECKPOINT_SUITE, SCALING_SUITE, ...CURVES.map((curve) => `${CURVE_SUITE}${curve}`)]

/** `name`: of the file, for messages. Throws `LineError` for a line it does not know. */
export function parseLines(name: string, text: string): readonly Session[] {
  const sessions: Collected[] = []
  for (const [index, lineText] of text.split('\n').entries()) {
    if (lineText.trim() === '') continue
    const where = `${name}:${index + 1}`
    const line = parseObject(lineText, where)
    if (line.about === 'benchmark') {
      requireFields(line, ABOUT_FIELDS, where)
      const about = line as unknown as About
      sessions.push({
        ...{ about, runs: [], latency: [], pauses: [], stateCosts: [] },
        ...{ failedRuns: [], failedLatency: [], failedPauses: [], failedStateCosts: [] },
      })
      continue
    }
    // Of a long measurement: that a step is over says nothing about figures.
    if (typeof line.step === 'string') continue
    const session = sessions.at(-1)
    if (session === undefined) throw new LineError(`${where}: a line about the machine must come first`)
    if ('failure' in line) addFailure(session, line, where)
    else if ('pauses' in line) session.pauses.push(checked<PauseRun>(line, PAUSE_FIELDS, where))
    else if ('cost' in line) session.stateCosts.push(parseStateCost(line, where))
    else if ('latency' in line) session.latency.push(checked<LatencyLine>(line, LATENCY_FIELDS, where))
    else if ('peer' in line) session.runs.push(parseRun<Run>(line, RUN_FIELDS, where))
    else throw unknownLine(line, where)
  }
  return sessions
}

function addFailure(session: Collected, line: Record<string, unknown>, where: string): void {
  requireFields(line, { failure: 'string' }, where)
  if ('pauses' in line) session.failedPauses.push(checked<FailedPauses>(line, FAILED_PAUSE_FIELDS, where))
  else if ('cost' in line) session.failedStateCosts.push(checked<FailedStateCost>(line, { cost: 'string' }, where))
  else if ('latency' in line) session.failedLatency.push(checked<FailedLatency>(line, FAILED_LATENCY_FIELDS, where))
  else if ('peer' in line) session.failedRuns.push(parseRun<FailedRun>(line, FAILED_RUN_FIELDS, where))
  else throw unknownLine(line, where)
}

function unknownLine(line: Record<string, unknown>, where: string): LineError {
  return new LineError(`${where}: not a line that npm run bench -- --json writes: ${JSON.stringify(line).slice(0, 80)}`)
}

function parseObject(text: string, where: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new LineError(`${where}: not JSON: ${text.slice(0, 80)}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LineError(`${where}: not an object: ${text.slice(0, 80)}`)
  }
  return value as Record<string, unknown>
}

function parseRun<T extends Run | FailedRun>(line: Record<string, unknown>, fields: Fields, where: string): T {
  const run = checked<T>(line, fields, where)
  if (!PEERS.has(run.peer)) {
    throw new LineError(`${where}: there is no peer ${run.peer}. There are ${[...PEERS.keys()].join(', ')}`)
  }
  if (typeof (run.shape ?? run.query) !== 'string') throw new LineError(`${where}: a run needs a shape or a query`)
  if (run.suite !== undefined && !SUITES.includes(run.suite)) {
    throw new LineError(`${where}: there is no suite ${run.suite}. There are ${SUITES.join(', ')}`)
  }
  return run
}

function parseStateCost(line: Record<string, unknown>, where: string): StateCost {
  const fields = Object.entries(STATE_COST_FIELDS).find(([cost]) => cost === line.cost)?.[1]
  if (fields === undefined) throw unknownLine(line, where)
  return checked<StateCost>(line, fields, where)
}

function numbers(...names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, 'number']))
}

function checked<T>(line: Record<string, unknown>, fields: Fields, where: string): T {
  requireFields(line, fields, where)
  return line as T
}

function requireFields(line: Record<string, unknown>, fields: Fields, where: string): void {
  for (const [field, type] of Object.entries(fields)) {
    if (typeof line[field] !== type)
      throw new LineError(`${where}: ${field} must be a ${type}, it is ${JSON.stringify(line[field])}`)
  }
}
