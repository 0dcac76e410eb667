/**
 * npm run bench -- [--only chain,keyed-count,large-input,slow-sink] [--rounds 3] [--events N] [--gigabytes 10]
 * [--seconds 60] [--quick] [--json]
 *
 * Runs whole processes in turn (engine, loop, engine, loop, …) and shows the medians. On a shared machine only CPU
 * seconds mean something, and only within one run. Exit status 1 when a bound does not hold or results differ.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { type Benchmark, benchmarksOf, type Verdict } from './benchmark.ts'
import { type Measured, measure } from './measured-process.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    events: { type: 'string' },
    gigabytes: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const benchmarks = benchmarksOf({
  rounds: numberOf('rounds') ?? (values.quick ? 1 : 3),
  // Fewer would measure the start of the process.
  events: numberOf('events'),
  gigabytes: numberOf('gigabytes') ?? (values.quick ? 0.5 : 10),
  seconds: numberOf('seconds') ?? (values.quick ? 5 : 60),
})
const names = values.only?.split(',') ?? benchmarks.map(({ name }) => name)
const unknown = names.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name))
if (unknown.length > 0) refuse(`There is no benchmark ${unknown.join(', ')}`)

let hasFailed = false
for (const benchmark of benchmarks) {
  if (!names.includes(benchmark.name)) continue
  const runs = await run(benchmark)
  const medians = runs.map((side) => medianByCpu(side))
  const verdict = benchmark.judge(medians)
  const isEqual = !benchmark.isComparable || areEqual(runs.flat())
  if (!verdict.holds || !isEqual) hasFailed = true
  if (values.json)
    console.log(JSON.stringify({ benchmark: benchmark.name, events: benchmark.events, runs, verdict, isEqual }))
  else show(benchmark, runs, medians, verdict, isEqual)
}
process.exitCode = hasFailed ? 1 : 0

/** The runs of each side, in the order of the sides. */
async function run({ sides, rounds }: Benchmark): Promise<Measured[][]> {
  const runs = sides.map((): Measured[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, { file, args }] of sides.entries()) runs[index]?.push(await measure(file, args))
  }
  return runs
}

function medianByCpu(side: readonly Measured[]): Measured {
  const sorted = side.toSorted((a, b) => a.cpuSeconds - b.cpuSeconds)
  return sorted[(sorted.length - 1) >> 1] as Measured
}

function areEqual(measured: readonly Measured[]): boolean {
  return new Set(measured.map(({ digest }) => `${digest.records} ${digest.sum}`)).size === 1
}

function show(
  { name, sides, events }: Benchmark,
  runs: readonly Measured[][],
  medians: readonly Measured[],
  verdict: Verdict,
  isEqual: boolean,
): void {
  console.log(`\n${name}${events === 0 ? '' : `, ${(events / 1e6).toFixed(1)} M records`}`)
  console.log('  side      CPU s (median)   runs                      M records/CPU s   RSS MB   wall s')
  for (const [index, side] of sides.entries()) {
    const { cpuSeconds, wallSeconds, rssMaxMb } = medians[index] as Measured
    const all = (runs[index] ?? []).map((one) => one.cpuSeconds.toFixed(2)).join(' ')
    const rate = events === 0 ? '–' : (events / cpuSeconds / 1e6).toFixed(2)
    console.log(
      `  ${side.name.padEnd(8)}${cpuSeconds.toFixed(2).padStart(16)}   ${all.padEnd(25)} ${rate.padStart(16)} ` +
        `${rssMaxMb.toFixed(0).padStart(8)} ${wallSeconds.toFixed(1).padStart(8)}`,
    )
  }
  console.log(`  ${verdict.holds ? 'holds' : 'FAILS'}: ${verdict.figure} (${verdict.bound})`)
  if (!isEqual) console.log('  FAILS: the sides give different results')
}

function numberOf(name: 'rounds' | 'events' | 'gigabytes' | 'seconds'): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value > 0)) refuse(`--${name} needs a positive number`)
  return value
}

function refuse(message: string): never {
  console.error(message)
  process.exit(2)
}
