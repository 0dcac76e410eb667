/**
 * The lines of `--json`: one for what they were measured on, then one for each run, those that failed too. A file is written anew after each line, so that
 * a benchmark that is broken off leaves what it had.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import process from 'node:process'
import type { FailedRun, Run } from './comparison.ts'
import type { FailedPauses, PauseRun } from './costs/pauses.ts'
import type { FailedStateCost, StateCost } from './costs/state-cost.ts'
import type { FailedLatency, LatencyLine } from './latency/latency-line.ts'
import { versionsOfPeers } from './peer-versions.ts'

/** What the lines after it were measured on. */
export interface About {
  readonly about: 'benchmark'
  /** Null outside of a clone; `+` behind it: with changes that are not committed. */
  readonly commit: string | null
  /** ISO 8601, day only. */
  readonly date: string
  readonly node: string
  readonly cores: number
  readonly processor: string
  readonly memoryBytes: number
  /** How many threads wanted a core in the minute before. Not in lines of older benchmarks, as what follows. */
  readonly loadAverage?: number
  /** Of what the peers in Java run on; empty where they cannot run. */
  readonly versions?: Readonly<Record<string, string>>
}

export type RunLine =
  | About
  | Run
  | FailedRun
  | LatencyLine
  | FailedLatency
  | PauseRun
  | FailedPauses
  | StateCost
  | FailedStateCost

export type OnLine = (line: RunLine) => void

/** Takes lines and writes them all to the file, where there is one. */
export function lineWriter(file: string | undefined, about: About): OnLine {
  const lines: RunLine[] = [about]
  return (line) => {
    lines.push(line)
    if (file !== undefined) writeFileSync(file, lines.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }
}

export function aboutThisMachine(now: Date): About {
  return {
    about: 'benchmark',
    commit: commitOf(),
    date: now.toISOString().slice(0, 10),
    node: process.version,
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? '',
    memoryBytes: totalmem(),
    loadAverage: loadavg()[0] ?? 0,
    versions: versionsOfPeers(),
  }
}

function commitOf(): string | null {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' })
  const head = git('rev-parse', '--short', 'HEAD')
  if (head.status !== 0) return null
  return `${head.stdout.trim()}${git('status', '--porcelain').stdout === '' ? '' : '+'}`
}
