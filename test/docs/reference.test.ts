/**
 * The reference against the tables in the code. What is generated stands between two marks in the document;
 * `MILLRACE_WRITE_DOCS=1 npm test -- test/docs/reference` writes it anew.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ERROR_CODES, type ErrorCode, type ErrorCodeEntry } from '@millrace/api'
import { isUsageError } from '@millrace/cli'
import { CONFIG_OPTIONS, formatDefault, type OptionSpec } from '@millrace/core'
import { TASK_METRICS, type TaskMetric } from '@millrace/runtime'
import { cleanEnv, run } from '../packaging/commands.ts'
import { readDocument, root } from './documents.ts'

const ACTIONS: Readonly<Record<ErrorCodeEntry['action'], string>> = {
  fail: 'the job fails',
  restart: 'the job restarts',
  continue: 'the job goes on',
}

test('every error code is explained, in the order of the table, with whose fault it is and what the engine does', () => {
  const document = readDocument('docs/reference/errors.md')
  const sections = document.split(/^### /m).slice(1)
  const explained = sections.map((section) => /^`([A-Z0-9_]+)`/.exec(section)?.[1])
  assert.deepEqual(explained, Object.keys(ERROR_CODES))
  for (const section of sections) {
    const [heading = '', , facts = '', ...text] = section.split('\n')
    const { fault, action } = ERROR_CODES[heading.replaceAll('`', '') as keyof typeof ERROR_CODES]
    assert.equal(facts, `*${fault} · ${ACTIONS[action]}*`, heading)
    assert.ok(text.join(' ').trim().length > 40, `${heading} is explained`)
  }
})

test('which errors are wrong usage, and end with status 2, is as the command has it', () => {
  const [, told = ''] = /with status 2 for ([\s\S]*?), else with 1/.exec(readDocument('docs/reference/errors.md')) ?? []
  const codes = [...told.matchAll(/`([A-Z0-9_]+)`/g)].map(([, code]) => code)
  const known = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => isUsageError(code))
  // The launcher, which ends before there is a command, says this one.
  assert.deepEqual(codes.toSorted(), [...known, 'NODE_TOO_OLD'].toSorted())
})

test('the configuration reference is that of the code', () => {
  checkGenerated('docs/reference/configuration.md', 'options', renderOptions())
})

test('the metrics reference is that of the code', () => {
  const entries = [...readDocument('docs/reference/metrics.md').matchAll(/^\| `(\w+)` \| (counter|gauge) \|(.*)$/gm)]
  const documented = entries.map(([, name, kind]) => ({ name, kind }))
  assert.deepEqual(
    documented,
    TASK_METRICS.map(({ name, kind }) => ({ name, kind })),
  )
  const unwritten = entries.filter(([, , , text]) => text?.includes('Not written yet')).map(([, name]) => name)
  assert.deepEqual(unwritten, unwrittenMetrics(), 'marked "Not written yet" are those that nothing writes')
})

test('the command line reference has every option', { timeout: 60_000 }, async () => {
  const document = readDocument('docs/reference/cli.md')
  for (const command of [
    'run',
    'info',
    'list',
    'cancel',
    'stop',
    'savepoint',
    'checkpoint',
    'checkpoints',
    'state',
    'config',
  ]) {
    const section = document.split(/^## /m).find((text) => new RegExp(`^\`millrace ${command}[ \`]`).test(text)) ?? ''
    const { stdout } = await run(
      process.execPath,
      [join(root, 'packages/millrace/bin/millrace.mjs'), command, '--help'],
      { cwd: root, env: cleanEnv() },
    )
    const options = [...stdout.matchAll(/^ {2}(?:-\w, | {4})(--[\w-]+)/gm)].map(([, name]) => name)
    const documented = [...section.matchAll(/^\| (?:`-\w`, )?`(--[\w-]+)/gm)].map(([, name]) => name)
    assert.ok(options.length >= 2, stdout)
    assert.deepEqual(documented, options, command)
  }
})

function checkGenerated(document: string, name: string, generated: string): void {
  const text = readDocument(document)
  const marks = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`)
  assert.match(text, marks, `${document} has the marks`)
  const wanted = text.replace(marks, (_, begin: string, end: string) => `${begin}\n${generated}\n${end}`)
  if (process.env.MILLRACE_WRITE_DOCS === '1') writeFileSync(join(root, document), wanted)
  else assert.equal(text, wanted, `${document}: MILLRACE_WRITE_DOCS=1 npm test -- test/docs/reference writes it`)
}

const GROUPS: readonly (readonly [heading: string, prefix: RegExp])[] = [
  ['Checkpoints', /^execution\.checkpointing\.|^state\.(?!backend)/],
  ['State of a running job', /^state\.backend|^io\./],
  ['Starting from a checkpoint or savepoint', /^execution\.state-recovery\./],
  ['Parallelism and time', /^parallelism\.|^pipeline\.|^execution\.buffer/],
  ['Slots and memory', /^taskmanager\.|^heartbeat\./],
  ['REST server', /^rest\.|^web\./],
  ['Restarts', /^restart-strategy\./],
  ['Only in Millrace', /^millrace\./],
]

function renderOptions(): string {
  const sources = sourceTexts()
  const options: [string, OptionSpec][] = Object.entries(CONFIG_OPTIONS)
  const grouped = GROUPS.map(([heading, prefix]) => {
    const rows = options.filter(([key]) => prefix.test(key)).map(([key, spec]) => renderOption(key, spec, sources))
    return [`## ${heading}`, '', '| Key | Type | Default | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n')
  })
  const rows = grouped.join('\n').match(/^\| `/gm)?.length
  assert.equal(rows, options.length, 'every key is in one group')
  return grouped.join('\n')
}

function renderOption(key: string, spec: OptionSpec, sources: string): string {
  const meaning = [
    spec.doc.replaceAll('<', '&lt;'),
    ...(spec.differs === undefined ? [] : [`*${spec.differs}*`]),
    ...(sources.includes(`.get('${key}')`) ? [] : ['**Not yet: the value is checked, then nothing reads it.**']),
  ].join(' ')
  const cells = [`\`${key}\``, typeOf(spec), spec.default === undefined ? '–' : `\`${formatDefault(spec)}\``, meaning]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function typeOf(spec: OptionSpec): string {
  switch (spec.type) {
    case 'choice':
      return spec.choices.map((choice) => `\`${choice}\``).join(', ')
    case 'integer':
    case 'number': {
      const least = spec.type === 'number' && spec.exclusiveMin === true ? `> ${spec.min}` : `≥ ${spec.min}`
      return `${spec.type}, ${least}${spec.max === undefined ? '' : `, ≤ ${spec.max}`}`
    }
    case 'duration':
      return spec.allowZero === true ? 'duration, may be 0' : 'duration'
    default:
      return spec.type
  }
}

function unwrittenMetrics(): readonly string[] {
  const sources = sourceTexts()
  const isWritten = (name: TaskMetric): boolean => new RegExp(`\\b(?:set|add)\\(\\s*'${name}'`).test(sources)
  return TASK_METRICS.map(({ name }) => name).filter((name) => !isWritten(name))
}

/** What the runtime, the REST server and the command line are made of, in one text. */
function sourceTexts(): string {
  return ['packages/core/src', 'packages/runtime/src', 'packages/rest/src', 'packages/cli/src']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => readFileSync(join(root, folder, file), 'utf8')),
    )
    .join('\n')
}
