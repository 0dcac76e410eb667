/** Lines as the benchmark writes them, for the tests of the page. */
import type { Run } from '../../../bench/comparison.ts'
import type { About, RunLine } from '../../../bench/run-lines.ts'

export const ABOUT: About = {
  about: 'benchmark',
  commit: 'abc1234',
  date: '2026-01-31',
  node: 'v24.0.0',
  cores: 2,
  processor: 'Some CPU',
  memoryBytes: 8e9,
}

/** With a start of one second. */
export function runLine(more: Partial<Run> & Pick<Run, 'peer' | 'cpuSeconds'>): Run {
  return {
    ...(more.query === undefined ? { shape: 'chain' } : {}),
    parallelism: 1,
    events: 5_000_000,
    generatorOnly: false,
    setupCpuSeconds: 1,
    setupWallSeconds: 1,
    wallSeconds: 11,
    peakMemoryBytes: 200e6,
    outputs: 5,
    digest: 'a',
    ...more,
  }
}

export function textOf(...lines: readonly RunLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}
