/**
 * Reads the parameters of a job from a command line: `--input a.csv --window-size=1h --verbose --no-color`. What the
 * values mean is the job's schema's business; here they stay text, or true and false for names without a value.
 */
import { MillraceError } from '@millrace/api'

export type ParamArgument = string | boolean | readonly (string | boolean)[]
/** By the parameter's name in camel case. */
export type ParamArguments = Readonly<Record<string, ParamArgument>>

/**
 * `--kebab-case` becomes `kebabCase`. A name without a value is `true`, `--no-name` is `false`; a name that is given
 * several times is a list, in order. A value may begin with one dash; one that begins with two needs `=`.
 * Throws `PARAMS_INVALID` for anything else.
 */
export function parseParamArguments(argv: readonly string[]): ParamArguments {
  const values = new Map<string, (string | boolean)[]>()
  const add = (name: string, value: string | boolean) => {
    const key = camelCase(name)
    const given = values.get(key)
    if (given === undefined) values.set(key, [value])
    else given.push(value)
  }
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] as string
    const match = /^--([a-zA-Z][\w-]*)(?:=([\s\S]*))?$/.exec(argument)
    const name = match?.[1]
    if (name === undefined) throw notAParameter(argument)
    const next = argv[at + 1]
    if (match?.[2] !== undefined) {
      add(name, match[2])
    } else if (next !== undefined && !next.startsWith('--')) {
      add(name, next)
      at += 1
    } else if (/^no-./.test(name)) {
      add(name.slice(3), false)
    } else {
      add(name, true)
    }
  }
  return Object.fromEntries([...values].map(([key, given]) => [key, given.length === 1 ? (given[0] as string) : given]))
}

/** `windowSize` as it is written on a command line: `--window-size`. */
export function asArgument(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function camelCase(name: string): string {
  return name.replace(/-+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function notAParameter(argument: string): MillraceError {
  return new MillraceError('PARAMS_INVALID', `"${argument}" is no parameter of the job`, {
    details: { argument },
    hint: 'Parameters of the job come after "--" and are written --name value or --name=value.',
  })
}
