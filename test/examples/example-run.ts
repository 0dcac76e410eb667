/** Runs the examples in this process and reads what they wrote. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareJob } from '@millrace/cli'
import { type JobOutcome, type RestoreRequest, type RunningJob, runJob } from '@millrace/runtime'

const root = join(import.meta.dirname, '../..')
const shared = process.env.MILLRACE_SHARED ?? join(root, '../shared')

export interface Example {
  readonly name: string
  /** Under `data` of the shared folder. */
  readonly input: string
  readonly query?: string
  /** Under `oracles` of the shared folder. */
  readonly answer: string
}

export interface ExampleRunOptions {
  readonly parallelism: number
  /** Where output and checkpoints go. */
  readonly folder: string
  readonly configuration?: Readonly<Record<string, string>>
  readonly restore?: RestoreRequest
  readonly stopAfter?: { readonly checkpoints: number; readonly savepointFolder: string }
  /** Called once the job has been started; it may kill slots. */
  readonly attend?: (job: RunningJob) => Promise<void>
}

/** The files of an example that are not there. */
export function missingFiles(example: Example): readonly string[] {
  return [inputOf(example), answerOf(example)].filter((file) => !existsSync(file))
}

export function jobFileOf({ name }: Example): string {
  return join(root, 'examples', name, 'job.ts')
}

export function paramsOf(example: Example, folder: string): readonly string[] {
  const query = example.query === undefined ? [] : ['--query', example.query]
  return ['--input', inputOf(example), '--output', join(folder, 'output'), ...query]
}

/** With many small checkpoints and restarts that do not wait. Throws when the job fails. */
export async function runExample(example: Example, options: ExampleRunOptions): Promise<JobOutcome> {
  const { parallelism, folder, restore = { kind: 'none' }, stopAfter } = options
  const { bundlePath, params, configuration } = await prepareJob({
    jobFile: jobFileOf(example),
    params: paramsOf(example, folder),
    parallelism,
    configuration: {
      'execution.checkpointing.dir': join(folder, 'checkpoints'),
      'execution.checkpointing.interval': '5 ms',
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '10',
      'restart-strategy.fixed-delay.delay': '0 ms',
      ...options.configuration,
    },
  })
  const job = runJob({ bundlePath, params, configuration, restore, stopAfter })
  const attended = options.attend?.(job)
  const outcome = await job.outcome
  await attended
  if (outcome.state !== 'FINISHED') {
    const { error } = outcome
    throw new Error(`${example.name} ended ${outcome.state}: ${error?.code} ${error?.message}\n${error?.stack}`)
  }
  return outcome
}

/** Sorted. */
export async function outputLines(folder: string): Promise<readonly string[]> {
  const output = join(folder, 'output')
  const parts = (await readdir(output)).filter((name) => name.startsWith('part-'))
  const texts = await Promise.all(parts.map((name) => readFile(join(output, name), 'utf8')))
  return texts.flatMap(linesOf).sort()
}

/** Sorted, without the header line. */
export async function answerLines(example: Example): Promise<readonly string[]> {
  return linesOf(await readFile(answerOf(example), 'utf8'))
    .slice(1)
    .sort()
}

/** How much of the input is read, 0 to 1; 0 while nobody knows. */
export function inputRatio(job: RunningJob): number {
  const sources = (job.reading()?.tasks ?? []).flatMap(({ metrics }) =>
    metrics !== undefined && metrics.sourceProgressTotal > 0 ? [metrics] : [],
  )
  const total = sources.reduce((sum, metrics) => sum + metrics.sourceProgressTotal, 0)
  return total === 0 ? 0 : sources.reduce((sum, metrics) => sum + metrics.sourceProgressAmount, 0) / total
}

function inputOf({ input }: Example): string {
  return join(shared, 'data', input)
}

function answerOf({ answer }: Example): string {
  return join(shared, 'oracles', answer)
}

function linesOf(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line !== '')
}
