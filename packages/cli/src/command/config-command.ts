/** `millrace config`: which configuration keys there are, their defaults, and what each means. */
import { CONFIG_OPTIONS, type ConfigKey, explainOption, formatDefault, parseConfig } from '@millrace/core'
import { EXIT } from '../exit-code.ts'
import { parseConfiguration } from '../job/plan-settings.ts'
import { foldText } from '../text/fit-text.ts'
import { choosePaint } from '../text/paint.ts'
import { renderTable, type TableColumn } from '../text/table.ts'
import type { Command } from './command.ts'
import { parseCommandLine, usageError } from './command-line.ts'

const CONFIG_COMMAND_OPTIONS = {
  define: {
    type: 'string',
    short: 'D',
    multiple: true,
    value: 'key=value',
    help: 'a value to check and to show in place of the default',
  },
  json: { type: 'boolean', help: 'as one JSON object' },
} as const

interface ConfigRow {
  readonly key: ConfigKey
  /** As it would be written; `undefined`: unset. */
  readonly value: string | undefined
  readonly isGiven: boolean
}

const COLUMNS: readonly TableColumn<ConfigRow>[] = [
  { title: 'key', align: 'left', cell: ({ key }) => key },
  { title: 'value', align: 'left', cell: ({ value }) => value ?? '(none)' },
  { title: 'from', align: 'left', cell: ({ isGiven }) => (isGiven ? '-D' : 'default') },
]

export const configCommand: Command = {
  name: 'config',
  summary: 'list the configuration keys; with a key or a part of one: what it means',
  usage: '[key or part of one] [options]',
  options: CONFIG_COMMAND_OPTIONS,
  async run(argv, { stdout, variables }) {
    const { values, positionals } = parseCommandLine('config', CONFIG_COMMAND_OPTIONS, argv)
    const [part, more] = positionals
    if (more !== undefined) throw usageError('config', `config does not take "${more}".`)
    const pairs = parseConfiguration((values.define ?? []) as readonly string[])
    const { given } = parseConfig([{ source: 'the command line', pairs }])
    const rows = keysLike(part).map((key): ConfigRow => {
      const set = given.get(key)
      const { default: unset } = CONFIG_OPTIONS[key]
      const value = set ?? (unset === undefined ? undefined : formatDefault(CONFIG_OPTIONS[key]))
      return { key, value, isGiven: set !== undefined }
    })
    if (values.json === true) {
      const shown = rows.map(({ key, value, isGiven }) => ({
        key,
        value: value ?? null,
        isGiven,
        meaning: explainOption(key),
      }))
      stdout.write(`${JSON.stringify({ keys: shown }, undefined, 2)}\n`)
      return EXIT.finished
    }
    const width = stdout.isTerminal ? stdout.size().columns : PAGE_WIDTH
    const explained = part === undefined ? [] : rows.flatMap(({ key }) => ['', ...foldText(explainOption(key), width)])
    stdout.write(`${[...renderTable(COLUMNS, rows, choosePaint(stdout, variables)), ...explained].join('\n')}\n`)
    return EXIT.finished
  },
}

/** Of sentences that no terminal folds. */
const PAGE_WIDTH = 100

/** One that is a key is meant alone. What is part of none is refused as a key would be. */
function keysLike(part: string | undefined): readonly ConfigKey[] {
  const keys = Object.keys(CONFIG_OPTIONS) as ConfigKey[]
  if (part === undefined) return keys
  const found = keys.filter((key) => key === part)
  if (found.length > 0) return found
  const containing = keys.filter((key) => key.includes(part))
  if (containing.length === 0) explainOption(part)
  return containing
}
