/** A command of the command line. */
import type { CliEnvironment } from '../cli-environment.ts'
import type { ExitCode } from '../exit-code.ts'
import type { OptionTable } from './command-line.ts'

export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What comes behind the command's name. */
  readonly usage: string
  readonly options: OptionTable
  /** Throws what the user has to be told; the caller shows it. */
  run(argv: readonly string[], environment: CliEnvironment): Promise<ExitCode>
}
