/** The texts of `--help`, made from the commands' tables. */
import type { Command } from './command.ts'
import type { OptionTable } from './command-line.ts'

export function renderHelp(commands: readonly Command[]): readonly string[] {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'Millrace: stateful stream processing in TypeScript.',
    '',
    'Usage: millrace <command> …',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '  millrace <command> --help   options of a command',
    '  millrace --version          the version',
    '',
    'Exit status: 0 finished, 1 job failed, 2 wrong usage, 130 cancelled, or stopped by Ctrl-C, 143 stopped by SIGTERM.',
  ]
}

export function renderCommandHelp({ name, summary, usage, options }: Command): readonly string[] {
  return [`millrace ${name}: ${summary}`, '', `Usage: millrace ${name} ${usage}`, '', ...renderOptions(options)]
}

function renderOptions(options: OptionTable): readonly string[] {
  const rows = Object.entries(options).map(([name, { short, value, help }]) => {
    const forms = `${short === undefined ? '    ' : `-${short}, `}--${name}`
    return { left: value === undefined ? forms : `${forms} <${value}>`, help }
  })
  const width = Math.max(...rows.map(({ left }) => left.length))
  return rows.map(({ left, help }) => `  ${left.padEnd(width)}  ${help}`)
}
