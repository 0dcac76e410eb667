/** `millrace run`: runs a job to its end, shows it, and says by the exit status how it ended. */
import { restSettingsOf } from '@millrace/rest'
import type { CliEnvironment, EndSignal } from '../cli-environment.ts'
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
    const { result, signal } = await attend(job, view, environment)
    view.finish(result)
    if (result.error !== undefined && !request.json) {
      const lines = renderError(result.error, choosePaint(environment.stderr, environment.variables))
      environment.stderr.write(`${lines.join('\n')}\n`)
    }
    const code = exitCodeOf(result, signal)
    if (result.isStuck) environment.exit(code)
    return code
  },
}

interface Attended {
  readonly result: RunResult
  /** The first that came. */
  readonly signal: EndSignal | undefined
}

/**
 * Shows readings while the job runs, and passes signals on. A signal ends the process, not the job: only a cancellation
 * ends that, so its checkpoints stay for a resume.
 */
async function attend(job: RunningJob, view: RunView, environment: CliEnvironment): Promise<Attended> {
  const stopReading = environment.every(view.intervalMs, () => view.onReading(job.reading()))
  const signals: EndSignal[] = []
  const stopListening = environment.onInterrupt((signal) => {
    signals.push(signal)
    if (signals.length === 1) {
      view.note('Stopping with a last checkpoint; once more stops at once.')
      job.stop()
    } else if (signals.length === 2) {
      job.abort()
    } else {
      environment.exit(exitCodeOfSignal(signals[0]))
    }
  })
  try {
    return { result: await job.result, signal: signals[0] }
  } finally {
    stopReading()
    stopListening()
  }
}

function exitCodeOf({ state, error }: RunResult, signal: EndSignal | undefined): ExitCode {
  switch (state) {
    case 'FINISHED':
      return EXIT.finished
    case 'CANCELED':
      return EXIT.cancelled
    case 'SUSPENDED':
      return exitCodeOfSignal(signal)
    case 'FAILED':
      return isUsageError(error?.code) ? EXIT.wrongUsage : EXIT.jobFailed
  }
}

function exitCodeOfSignal(signal: EndSignal | undefined): ExitCode {
  return signal === 'SIGTERM' ? EXIT.terminated : EXIT.cancelled
}
