/** `millrace state`: what is in a checkpoint or savepoint, without the job that wrote it. Reads only. */
import { compareStates, type EntryFilter, NodeFileSystem, SavedState, summarizeState } from '@millrace/runtime'
import type { CliEnvironment } from '../cli-environment.ts'
import { EXIT } from '../exit-code.ts'
import { entryToJson, renderEntry, short } from '../state/render-entry.ts'
import { renderStateSummary } from '../state/render-summary.ts'
import { formatExact } from '../text/format-quantity.ts'
import { choosePaint } from '../text/paint.ts'
import type { Command } from './command.ts'
import { type CommandLine, parseCommandLine, usageError } from './command-line.ts'

const STATE_OPTIONS = {
  operator: { type: 'string', value: 'uid', help: 'of this operator only' },
  state: { type: 'string', value: 'name', help: 'of this state only' },
  key: { type: 'string', value: 'key', help: 'of this key only; JSON, or else a text' },
  'key-group': { type: 'string', value: 'N', help: 'of this key group only' },
  limit: { type: 'string', value: 'N', help: 'show, diff: entries shown; default 20, with --json all' },
  largest: { type: 'string', value: 'N', help: 'ls: keys named for each state; default 3' },
  json: { type: 'boolean', help: 'as JSON; show and diff: one object a line' },
} as const

const VERBS = {
  ls: { paths: 1, run: list },
  show: { paths: 1, run: show },
  diff: { paths: 2, run: diff },
  export: { paths: 1, run: exportEntries },
} as const

/** Options that only some verbs take. */
const TAKEN_BY = { limit: ['show', 'diff'], largest: ['ls'] } as const satisfies Readonly<
  Record<string, readonly (keyof typeof VERBS)[]>
>

const LIMIT = 20
const LARGEST = 3

export const stateCommand: Command = {
  name: 'state',
  summary: 'read the state in a checkpoint or savepoint: ls, show, diff, export',
  usage: 'ls|show|export <snapshot>, diff <before> <after> [options]',
  options: STATE_OPTIONS,
  async run(argv, environment) {
    const line = parseCommandLine('state', STATE_OPTIONS, argv)
    const [verb = '', ...paths] = line.positionals
    if (!Object.hasOwn(VERBS, verb)) {
      throw usageError('state', verb === '' ? 'It is not said what to do.' : `state has no "${verb}".`, HINT)
    }
    const { paths: wanted, run } = VERBS[verb as keyof typeof VERBS]
    if (paths.length !== wanted) {
      throw usageError('state', `state ${verb} takes ${wanted === 1 ? 'one folder' : 'two folders'}.`, HINT)
    }
    for (const [option, verbs] of Object.entries(TAKEN_BY)) {
      if (line.values[option] === undefined || verbs.some((each) => each === verb)) continue
      throw usageError(
        'state',
        `state ${verb} has no --${option}.`,
        `--${option} is an option of state ${verbs.join(' and state ')}.`,
      )
    }
    await run(line, environment)
    return EXIT.finished
  },
}

const HINT =
  'millrace state ls|show|export <snapshot>, or diff <before> <after>; a snapshot is a savepoint or a chk-<n> folder.'

async function list(line: CommandLine, environment: CliEnvironment): Promise<void> {
  const saved = await open(line.positionals[1])
  const summary = await summarizeState(saved, {
    ...filterOf(line),
    largest: numberOf(line, 'largest', LARGEST),
    nowMs: environment.now(),
  })
  if (line.values.json === true) {
    print(environment, [JSON.stringify(summary, undefined, 2)])
    return
  }
  const paint = choosePaint(environment.stdout, environment.variables)
  print(environment, renderStateSummary(summary, saved.path, paint))
}

async function show(line: CommandLine, environment: CliEnvironment): Promise<void> {
  const saved = await open(line.positionals[1])
  const limit = limitOf(line)
  const filter = filterOf(line)
  let shown = 0
  let isCut = false
  for await (const entry of saved.entries(filter)) {
    if (environment.stdout.isClosed) return
    if (shown === limit) {
      isCut = true
      break
    }
    print(environment, [
      line.values.json === true ? JSON.stringify(entryToJson(entry)) : renderEntry(entry, environment.now()),
    ])
    shown++
  }
  if (line.values.json === true) return
  // What is not keyed belongs to no key.
  const others = filter.key === undefined && filter.state === undefined && filter.keyGroup === undefined
  for (const { uid, entries } of others ? saved.operators(filter) : []) {
    print(
      environment,
      entries.slice(0, limit).map((entry) => `${uid}  not keyed  ${short(entry)}`),
    )
  }
  if (isCut) print(environment, [`… more than ${formatExact(limit)}; --limit shows more, export all`])
  else if (shown === 0) print(environment, [`No keyed entry.${adviseOnKey(line)}`])
}

async function diff(line: CommandLine, environment: CliEnvironment): Promise<void> {
  const [before, after] = await Promise.all([open(line.positionals[1]), open(line.positionals[2])])
  const limit = limitOf(line)
  const counts = new Map<string, { added: number; removed: number; changed: number }>()
  let shown = 0
  for await (const difference of compareStates(before, after, filterOf(line))) {
    if (environment.stdout.isClosed) return
    const entry = difference.kind === 'removed' ? difference.before : difference.after
    const name = `${entry.operatorUid}/${entry.state.name}`
    const count = counts.get(name) ?? { added: 0, removed: 0, changed: 0 }
    count[difference.kind]++
    counts.set(name, count)
    if (shown++ >= limit) continue
    if (line.values.json === true) {
      const was = difference.kind === 'changed' ? { before: entryToJson(difference.before) } : {}
      print(environment, [JSON.stringify({ difference: difference.kind, ...entryToJson(entry), ...was })])
    } else {
      const was = difference.kind === 'changed' ? `  was ${short(difference.before.value)}` : ''
      print(environment, [`${SIGNS[difference.kind]} ${renderEntry(entry, environment.now())}${was}`])
    }
  }
  if (line.values.json === true) return
  if (shown > limit) print(environment, [`… ${formatExact(shown - limit)} more; --limit shows more`])
  if (counts.size === 0) print(environment, ['No difference.'])
  for (const [name, { added, removed, changed }] of counts) {
    const parts = [`${formatExact(added)} added`, `${formatExact(removed)} removed`, `${formatExact(changed)} changed`]
    print(environment, [`${name}: ${parts.join(', ')}`])
  }
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const

/** JSON lines of everything that the filter leaves. */
async function exportEntries(line: CommandLine, environment: CliEnvironment): Promise<void> {
  const saved = await open(line.positionals[1])
  for await (const entry of saved.entries(filterOf(line))) {
    if (environment.stdout.isClosed) return
    print(environment, [JSON.stringify(entryToJson(entry))])
  }
}

function open(path: string | undefined): Promise<SavedState> {
  return SavedState.open(new NodeFileSystem(), path as string)
}

function filterOf({ values }: CommandLine): EntryFilter {
  const { operator, state, key } = values as Readonly<Record<string, string | undefined>>
  const keyGroup =
    values['key-group'] === undefined ? undefined : wholeNumber('key-group', values['key-group'] as string)
  return { operator, state, keyGroup, key: key === undefined ? undefined : { is: parseKey(key) } }
}

/** Keys are mostly numbers and texts; a text that reads as JSON is written in quotes. */
function parseKey(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A text that reads as JSON was taken for what it reads as: who meant the text finds nothing. */
function adviseOnKey({ values }: CommandLine): string {
  const key = values.key as string | undefined
  if (key === undefined || typeof parseKey(key) === 'string') return ''
  return ` The key was read as JSON; for the text write --key '${JSON.stringify(key)}'.`
}

/** What a program reads is never cut unasked. */
function limitOf(line: CommandLine): number {
  return numberOf(line, 'limit', line.values.json === true ? Number.POSITIVE_INFINITY : LIMIT)
}

function numberOf({ values }: CommandLine, option: string, otherwise: number): number {
  const text = values[option] as string | undefined
  return text === undefined ? otherwise : wholeNumber(option, text)
}

function wholeNumber(option: string, text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw usageError('state', `--${option} ${text} is no whole number.`)
}

function print({ stdout }: CliEnvironment, lines: readonly string[]): void {
  for (const line of lines) stdout.write(`${line}\n`)
}
