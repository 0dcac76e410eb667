/** Reads a command's options by its table, with Node's own parser; what it refuses becomes a `USAGE` error with a hint. */
import { parseArgs } from 'node:util'
import { MillraceError, nearestName } from '@millrace/api'

export interface OptionEntry {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** Shown for what the option takes. */
  readonly value?: string
  readonly help: string
}

export type OptionTable = Readonly<Record<string, OptionEntry>>

export interface CommandLine {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
  readonly positionals: readonly string[]
  /** Everything behind the first `--`, as it is. */
  readonly afterDashes: readonly string[]
}

/** Throws `USAGE`. */
export function parseCommandLine(command: string, options: OptionTable, argv: readonly string[]): CommandLine {
  const dashes = argv.indexOf('--')
  const own = dashes < 0 ? argv : argv.slice(0, dashes)
  try {
    const { values, positionals } = parseArgs({
      args: [...own],
      options: Object.fromEntries(
        Object.entries(options).map(([name, { type, short, multiple }]) => [
          name,
          { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
        ]),
      ),
      allowPositionals: true,
      strict: true,
    })
    return { values, positionals, afterDashes: dashes < 0 ? [] : argv.slice(dashes + 1) }
  } catch (error) {
    throw readRefusal(command, options, error)
  }
}

export function usageError(command: string, message: string, hint?: string): MillraceError {
  return new MillraceError('USAGE', message, {
    details: { command },
    hint: hint ?? `millrace ${command} --help shows how it is written.`,
  })
}

function readRefusal(command: string, options: OptionTable, error: unknown): unknown {
  if (!(error instanceof TypeError) || !('code' in error)) return error
  const option = /'(-{1,2}[^' ]+)/.exec(error.message)?.[1] ?? ''
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const near = nearestName(option.replace(/^-+/, ''), Object.keys(options))
      return usageError(
        command,
        `${command} has no option ${option}.`,
        near === undefined ? undefined : `Did you mean --${near}? Parameters of the job come after "--".`,
      )
    }
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      // Node's text says what is missing or too much, after the option's name; its advice in further lines is its own.
      return usageError(command, `${error.message.split('\n')[0]?.replace(/\.?$/, '.')}`)
    default:
      return error
  }
}
