/**
 * `npm run demo`: three million real flights through event-time windows, with a slot killed half way, and the result
 * compared with that of a plain loop over the same file. Ends with 0 when they are equal, 1 when not, 130 by Ctrl-C.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { toErrorData } from '@millrace/api'
import { type CliEnvironment, choosePaint, createProcessEnvironment, EXIT, renderError } from '@millrace/cli'
import { compareLines } from './compare-lines.ts'
import { readPartFiles } from './part-files.ts'
import { type PlainLoopResult, runPlainLoop } from './plain-loop.ts'
import { exact, renderResultTable } from './result-table.ts'
import { type CrashRunResult, runWithCrash } from './run-with-crash.ts'

const INPUT = fileURLToPath(import.meta.resolve('vega-datasets').replace(/build\/[^/]*$/, 'data/flights-3m.parquet'))
const QUERY = { flightsMin: 10, top: 3 }
const PARALLELISM = 2
const KILLED_SLOT = 1
const CHECKPOINT_INTERVAL = '500 ms'
const DIFFERENCES_SHOWN = 10

const environment = demoEnvironment()
const paint = choosePaint(environment.stdout, environment.variables)
const startedAtMs = performance.now()
const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'))
const interrupted = new AbortController()
environment.onInterrupt(() => {
  // A second one does not wait for anything.
  if (interrupted.signal.aborted) {
    rmSync(folder, { recursive: true, force: true })
    process.exit(EXIT.cancelled)
  }
  interrupted.abort()
})

let keepsFolder = false
try {
  process.exitCode = await demonstrate()
} catch (error) {
  process.exitCode = interrupted.signal.aborted ? EXIT.cancelled : EXIT.jobFailed
  if (!interrupted.signal.aborted) print(renderError(toErrorData(error), paint))
} finally {
  if (keepsFolder) print([`The job's output stays in ${folder}.`])
  else await rm(folder, { recursive: true, force: true })
  if (interrupted.signal.aborted) print(['Stopped; nothing is left behind.'])
}

async function demonstrate(): Promise<number> {
  print([
    paint('strong', 'Millrace: three million flights, per airport and hour, through a crash'),
    'Source: flights-3m.parquet of the npm package vega-datasets.',
    `${PARALLELISM} slots, a checkpoint every ${CHECKPOINT_INTERVAL}.`,
    '',
  ])
  const outputs = { airportHours: join(folder, 'airport-hours'), mostDelayed: join(folder, 'most-delayed') }
  const result = await runWithCrash(
    {
      jobFile: join(import.meta.dirname, 'job.ts'),
      params: { input: INPUT, ...outputs, ...QUERY },
      parallelism: PARALLELISM,
      configuration: {
        'execution.checkpointing.dir': join(folder, 'checkpoints'),
        'execution.checkpointing.interval': CHECKPOINT_INTERVAL,
      },
      killedSlot: KILLED_SLOT,
      signal: interrupted.signal,
    },
    environment,
  )
  if (result.error !== undefined) print(renderError(result.error, paint))
  if (result.state === 'SUSPENDED' || result.state === 'CANCELED') return EXIT.cancelled
  if (result.state === 'FAILED') return EXIT.jobFailed

  const actual = {
    airportHours: await readPartFiles(outputs.airportHours),
    mostDelayed: await readPartFiles(outputs.mostDelayed),
  }
  print(['', ...renderResultTable(actual.airportHours, QUERY.flightsMin), ''])
  print(['Now the same by a plain loop over the Parquet file, without the engine ...'])
  const loopStartedAtMs = performance.now()
  const expected = await runPlainLoop(INPUT, { ...QUERY, signal: interrupted.signal })
  const loopMs = performance.now() - loopStartedAtMs
  return judge(expected, actual, result, loopMs)
}

function judge(
  expected: PlainLoopResult,
  actual: Pick<PlainLoopResult, 'airportHours' | 'mostDelayed'>,
  { killedAtRatio, final }: CrashRunResult,
  loopMs: number,
): number {
  const names = ['airportHours', 'mostDelayed'] as const
  const differences = names.flatMap((name) =>
    compareLines(expected[name], actual[name]).map((difference) => ({ name, ...difference })),
  )
  if (differences.length > 0) {
    keepsFolder = true
    print([
      `${paint('bad', 'DIFFERENT')} from the plain loop over the file: ${exact(differences.length)} different rows`,
      ...differences
        .slice(0, DIFFERENCES_SHOWN)
        .map(({ name, line, ...times }) => `  ${name}  ${line}  (job ${times.actual}×, loop ${times.expected}×)`),
    ])
    return EXIT.jobFailed
  }
  if (killedAtRatio === undefined || final.attempt === 0) {
    print([`${paint('bad', 'NOT SHOWN')} The job ended before its slot could be killed and recovered.`])
    return EXIT.jobFailed
  }
  const rows = names.map((name) => exact(expected[name].length)).join(' and ')
  print([
    `${paint('good', 'EQUAL')} to a plain loop over the file:`,
    `${rows} rows of the two outputs, compared one by one.`,
    `The slot died at ${Math.floor(killedAtRatio * 100)} % of the input; the output was temporary and is removed.`,
    `The job took ${inSeconds(final.atMs - final.startedAtMs)} with the crash, the loop ${inSeconds(loopMs)}, ` +
      `all of it ${inSeconds(performance.now() - startedAtMs)}.`,
  ])
  return EXIT.finished
}

/** Progress goes where the results go, so that it is plain as soon as those are no terminal's. */
function demoEnvironment(): CliEnvironment {
  const own = createProcessEnvironment({
    start: () => {
      throw new Error('The demonstration starts its job itself')
    },
  })
  return { ...own, stderr: own.stdout }
}

function print(lines: readonly string[]): void {
  environment.stdout.write(`${lines.join('\n')}\n`)
}

function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
