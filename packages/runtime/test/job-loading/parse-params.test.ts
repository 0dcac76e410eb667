import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError, type StandardSchema } from '@millrace/api'
import { asArgument, type ParamArguments, parseParamArguments } from '../../src/job-loading/param-arguments.ts'
import { parseParams } from '../../src/job-loading/parse-params.ts'

const read: { argv: string[]; params: ParamArguments }[] = [
  { argv: [], params: {} },
  { argv: ['--input', 'a.csv', '--top', '3'], params: { input: 'a.csv', top: '3' } },
  { argv: ['--input=a=b.csv'], params: { input: 'a=b.csv' } },
  { argv: ['--input='], params: { input: '' } },
  { argv: ['--window-size', '1 h', '--topN', '2'], params: { windowSize: '1 h', topN: '2' } },
  { argv: ['--verbose', '--no-color', '--input', 'a'], params: { verbose: true, color: false, input: 'a' } },
  { argv: ['--input', 'a', '--input', 'b', '--input=c'], params: { input: ['a', 'b', 'c'] } },
  { argv: ['--offset', '-3'], params: { offset: '-3' } },
  { argv: ['--text', ''], params: { text: '' } },
  { argv: ['--no-show', 'x'], params: { noShow: 'x' } },
]

for (const { argv, params } of read) {
  test(`arguments ${JSON.stringify(argv)}`, () => assert.deepEqual(parseParamArguments(argv), params))
}

for (const argv of [['input.csv'], ['-x', '1'], ['--'], ['--1=2'], ['--=x'], ['--a', 'b', 'c']]) {
  test(`no arguments ${JSON.stringify(argv)}`, () => {
    assert.throws(
      () => parseParamArguments(argv),
      (error) => error instanceof MillraceError && error.code === 'PARAMS_INVALID',
    )
  })
}

test('a name that objects inherit is a parameter like others', () => {
  const params = parseParamArguments(['--constructor', 'y'])
  assert.deepEqual(params, { constructor: 'y' })
})

test('names are shown as they are written', () => assert.equal(asArgument('windowSize'), '--window-size'))

type Fields = Readonly<Record<string, (value: unknown) => { value: unknown } | { issue: string }>>

/** A schema as libraries make them: each field checked, unknown ones dropped. */
function schema(fields: Fields): StandardSchema<unknown, unknown> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      async validate(given) {
        const value: Record<string, unknown> = {}
        const issues: { message: string; path: string[] }[] = []
        for (const [name, check] of Object.entries(fields)) {
          const result = check((given as Record<string, unknown>)[name])
          if ('issue' in result) issues.push({ message: result.issue, path: [name] })
          else if (result.value !== undefined) value[name] = result.value
        }
        return issues.length > 0 ? { issues } : { value }
      },
    },
  }
}

const text = (value: unknown) => (typeof value === 'string' ? { value } : { issue: 'expected a text' })
const count = (value: unknown) =>
  value === undefined
    ? { value: 3 }
    : Number.isInteger(Number(value))
      ? { value: Number(value) }
      : { issue: 'no number' }
const optional = (value: unknown) => ({ value })

const job = { name: 'hot-items', params: schema({ input: text, windowSize: text, top: count, note: optional }) }
const whole = ['--input', 'a', '--window-size', '1 h']

test('the schema gives the parameters', async () => {
  assert.deepEqual(await parseParams(job, whole), { input: 'a', windowSize: '1 h', top: 3 })
  assert.deepEqual(await parseParams(job, [...whole, '--top', '5', '--note', 'n']), {
    input: 'a',
    windowSize: '1 h',
    top: 5,
    note: 'n',
  })
})

test('a job without a schema gets what was given', async () => {
  assert.deepEqual(await parseParams({ name: 'free', params: undefined }, ['--a', '1']), { a: '1' })
})

async function refusal(params: StandardSchema<unknown, unknown>, argv: string[]): Promise<MillraceError> {
  const error = await parseParams({ name: 'hot-items', params }, argv).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof MillraceError)
  assert.equal(error.code, 'PARAMS_INVALID')
  return error
}

test('every issue is listed by parameter, with what was given', async () => {
  const error = await refusal(job.params, ['--top', 'many'])
  assert.deepEqual(error.message.split('\n'), [
    'Parameters of job "hot-items" are wrong:',
    '  --input: expected a text (not given)',
    '  --window-size: expected a text (not given)',
    '  --top: no number (given: "many")',
  ])
  assert.deepEqual(error.details, {
    job: 'hot-items',
    input: 'expected a text (not given)',
    windowSize: 'expected a text (not given)',
    top: 'no number (given: "many")',
  })
})

test('a mistyped name is refused, though the schema drops it', async () => {
  const error = await refusal(job.params, [...whole, '--tpo', '5'])
  assert.match(error.message, /--tpo: is no parameter of this job; it has --input, --window-size, --top/)
})

test('a name that the schema renames is no mistyped one', async () => {
  const renaming: StandardSchema<unknown, unknown> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (given) => ({ value: { n: (given as { top: string }).top } }),
    },
  }
  assert.deepEqual(await parseParams({ name: 'x', params: renaming }, ['--top', '5']), { n: '5' })
})

test('what is no plain value does not reach the slots', async () => {
  const dated = schema({ from: () => ({ value: { at: [new Date(0)] } }) })
  assert.match((await refusal(dated, [])).message, /--from: at at\.0: the schema turns it into a Date/)
})
