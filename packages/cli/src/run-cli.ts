/** The command line from its arguments to its exit status: finds the command, runs it, shows what went wrong. */
import { MillraceError, nearestName, toErrorData } from '@millrace/api'
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
  try {
    return await dispatch(argv, version, environment)
  } catch (error) {
    const data = toErrorData(error)
    const json = argv.slice(0, endOfOwn(argv)).includes('--json')
    const lines = json
      ? [JSON.stringify({ kind: 'error', error: data })]
      : renderError(data, choosePaint(environment.stderr, environment.variables))
    ;(json ? environment.stdout : environment.stderr).write(`${lines.join('\n')}\n`)
    return isUsageError(data.code) ? EXIT.wrongUsage : EXIT.jobFailed
  }
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
