/** `millrace run`: runs a job to its end, shows it, and says by the exit status how it ended. */
import { restSettingsOf } from '@millrace/rest'
import type { CliEnvironment } from '../cli-environment.ts'
import { renderError } from '../error/render-error.ts'
import { EXIT, type ExitCode, isUsageError } from '../exit-code.ts'
import { prepareJob } from '../job/prepare-job.ts'
import type { RunningJob, RunResult } from '../run/job-runner-port.ts'
import { parseRunArguments, RUN_OPTIONS } from '../run/run-arguments.ts'
import { createRunView, type RunView } from '../run/run-view.ts'
import { choosePaint } from '../text/paint.ts'
import type { Command } from './command.ts'

export const runCommand: Command = {
  name: 'run',
  summary: 'run a job',
  usage: 'job.ts [options] [-- parameters of the job]',
  options: RUN_OPTIONS,
  async run(argv, environment) {
    const request = parseRunArguments(argv)
    const { config, ...prepared } = await prepareJob(request)
    const rest = restSettingsOf(config)
    const view = createRunView(prepared.plan, request.json, environment)
    for (const warning of prepared.plan.warnings) {
      view.onEvent({ kind: 'message', atMs: environment.now(), level: 'warning', text: warning })
    }
    const { restore, stopAfter } = request
    const job = environment.runner.start({ ...prepared, restore, stopAfter, rest }, (event) => view.onEvent(event))
    const result = await attend(job, view, environment)
    view.finish(result)
    if (result.error !== undefined && !request.json) {
      const lines = renderError(result.error, choosePaint(environment.stderr, environment.variables))
      environment.stderr.write(`${lines.join('\n')}\n`)
    }
    const code = exitCodeOf(result)
    if (result.isStuck) environment.exit(code)
    return code
  },
}

/** Shows readings while the job runs, and passes the user's interrupts on. */
async function attend(job: RunningJob, view: RunView, environment: CliEnvironment): Promise<RunResult> {
  const stopReading = environment.every(view.intervalMs, () => view.onReading(job.reading()))
  let interrupts = 0
  const stopListening = environment.onInterrupt(() => {
    interrupts += 1
    if (interrupts === 1) {
      view.note('Stopping with a last checkpoint; once more stops at once.')
      job.stop()
    } else if (interrupts === 2) {
      job.abort()
    } else {
      environment.exit(EXIT.cancelled)
    }
  })
  try {
    return await job.result
  } finally {
    stopReading()
    stopListening()
  }
}

function exitCodeOf({ state, error }: RunResult): ExitCode {
  switch (state) {
    case 'FINISHED':
      return EXIT.finished
    case 'CANCELED':
      return EXIT.cancelled
    case 'FAILED':
      return isUsageError(error?.code) ? EXIT.wrongUsage : EXIT.jobFailed
  }
}
