/** The command line from its arguments to its exit status: finds the command, runs it, shows what went wrong. */
import { type ErrorData, MillraceError, nearestName, toErrorData } from '@millrace/api'
import type { CliEnvironment } from './cli-environment.ts'
import { cancelCommand } from './command/cancel-command.ts'
import { checkpointCommand } from './command/checkpoint-command.ts'
import { checkpointsCommand } from './command/checkpoints-command.ts'
import type { Command } from './command/command.ts'
import { configCommand } from './command/config-command.ts'
import { infoCommand } from './command/info-command.ts'
import { listCommand } from './command/list-command.ts'
import { renderCommandHelp, renderHelp } from './command/render-help.ts'
import { runCommand } from './command/run-command.ts'
import { savepointCommand } from './command/savepoint-command.ts'
import { stateCommand } from './command/state-command.ts'
import { stopCommand } from './command/stop-command.ts'
import { renderError } from './error/render-error.ts'
import { EXIT, type ExitCode, isUsageError } from './exit-code.ts'
import { choosePaint } from './text/paint.ts'

const COMMANDS: readonly Command[] = [
  runCommand,
  infoCommand,
  listCommand,
  cancelCommand,
  stopCommand,
  savepointCommand,
  checkpointCommand,
  checkpointsCommand,
  stateCommand,
  configCommand,
]

/** Never throws: an error is shown and becomes an exit status. */
export async function runCli(argv: readonly string[], version: string, environment: CliEnvironment): Promise<ExitCode> {
  const code = await runShown(argv, version, environment)
  const failure = await environment.stdout.flush()
  if (failure === undefined) return code
  showError(outputFailed(failure), environment)
  return code === EXIT.finished ? EXIT.jobFailed : code
}

async function runShown(argv: readonly string[], version: string, environment: CliEnvironment): Promise<ExitCode> {
  try {
    return await dispatch(argv, version, environment)
  } catch (error) {
    const data = toErrorData(error)
    const json = argv.slice(0, endOfOwn(argv)).includes('--json')
    if (json) environment.stdout.write(`${JSON.stringify({ kind: 'error', error: data })}\n`)
    else showError(data, environment)
    return isUsageError(data.code) ? EXIT.wrongUsage : EXIT.jobFailed
  }
}

function showError(error: ErrorData, { stderr, variables }: CliEnvironment): void {
  stderr.write(`${renderError(error, choosePaint(stderr, variables)).join('\n')}\n`)
}

function outputFailed(cause: Error): ErrorData {
  return toErrorData(
    new MillraceError('OUTPUT_FAILED', `Standard output could not be written: ${cause.message}`, {
      hint: 'What it holds is not all. Make room where it goes to, or send it elsewhere.',
      cause,
    }),
  )
}

async function dispatch(argv: readonly string[], version: string, environment: CliEnvironment): Promise<ExitCode> {
  const [first, ...rest] = argv
  const print = (lines: readonly string[]) => environment.stdout.write(`${lines.join('\n')}\n`)
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const command = COMMANDS.find(({ name }) => name === rest[0])
    const lines = command === undefined ? renderHelp(COMMANDS) : renderCommandHelp(command)
    if (first === undefined) {
      environment.stderr.write(`${lines.join('\n')}\n`)
      return EXIT.wrongUsage
    }
    print(lines)
    return EXIT.finished
  }
  if (first === '--version' || first === '-v' || first === '-V') {
    print([version])
    return EXIT.finished
  }
  const command = COMMANDS.find(({ name }) => name === first)
  if (command === undefined) throw unknownCommand(first)
  const own = rest.slice(0, endOfOwn(rest))
  if (own.includes('--help') || own.includes('-h')) {
    print(renderCommandHelp(command))
    return EXIT.finished
  }
  return command.run(rest, environment)
}

function unknownCommand(name: string): MillraceError {
  const names = COMMANDS.map((command) => command.name)
  const near = /\.[cm]?[jt]s$/.test(name) ? undefined : nearestName(name, names)
  const hint = /\.[cm]?[jt]s$/.test(name)
    ? `To run that job: millrace run ${name}`
    : near === undefined
      ? `There are ${names.join(', ')}; millrace --help tells more.`
      : `Did you mean: millrace ${near}?`
  return new MillraceError('USAGE', `millrace has no command "${name}".`, { hint })
}

/** Where the arguments of the job begin. */
function endOfOwn(argv: readonly string[]): number {
  const dashes = argv.indexOf('--')
  return dashes < 0 ? argv.length : dashes
}
