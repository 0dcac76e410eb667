/** `millrace info`: what a job would do, without running it. */
import { EXIT } from '../exit-code.ts'
import { renderPlan } from '../info/render-plan.ts'
import { parseConfiguration, parseParallelism } from '../job/plan-settings.ts'
import { prepareJob } from '../job/prepare-job.ts'
import { RUN_OPTIONS, requireJobFile } from '../run/run-arguments.ts'
import { choosePaint } from '../text/paint.ts'
import type { Command } from './command.ts'
import { parseCommandLine } from './command-line.ts'

const INFO_OPTIONS = {
  parallelism: RUN_OPTIONS.parallelism,
  define: RUN_OPTIONS.define,
  json: { type: 'boolean', help: 'the plan as JSON' },
} as const

export const infoCommand: Command = {
  name: 'info',
  summary: "show a job's plan: vertices, chains, exchanges, uids, state, slots",
  usage: 'job.ts [options] [-- parameters of the job]',
  options: INFO_OPTIONS,
  async run(argv, { stdout, variables }) {
    const line = parseCommandLine('info', INFO_OPTIONS, argv)
    const { parallelism, define, json } = line.values
    const { plan } = await prepareJob({
      jobFile: requireJobFile('info', line),
      params: line.afterDashes,
      parallelism: parallelism === undefined ? undefined : parseParallelism('-p', parallelism as string),
      configuration: parseConfiguration((define ?? []) as readonly string[]),
    })
    const lines =
      json === true ? [JSON.stringify(plan, undefined, 2)] : renderPlan(plan, choosePaint(stdout, variables))
    stdout.write(`${lines.join('\n')}\n`)
    return EXIT.finished
  },
}
