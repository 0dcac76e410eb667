import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError, type RejectedInput } from '@millrace/api'
import fc from 'fast-check'
import type { Columns } from '../../src/column/columns.ts'
import { findJsonError } from '../../src/json/find-json-error.ts'
import { findJsonValue } from '../../src/json/find-json-value.ts'
import { JsonLinesEncoder } from '../../src/json/json-lines-encoder.ts'
import { jsonLinesFiles } from '../../src/json/json-lines-files.ts'
import { jsonLinesSink } from '../../src/json/json-lines-sink.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { readAll } from '../read-source.ts'
import { SinkRun } from '../sink/sink-run.ts'

function diskWith(content: string): MemoryFileSystem {
  const disk = new MemoryFileSystem()
  disk.put('in.jsonl', content)
  return disk
}

test('reads any JSON value when nothing is declared', async () => {
  assert.deepEqual(await readAll(jsonLinesFiles('in.jsonl'), diskWith('{"a":[1]}\r\n"é"\nnull')), [
    { a: [1] },
    'é',
    null,
  ])
})

test('reads declared columns only', async () => {
  const columns = {
    n: 'int',
    big: 'bigint',
    f: 'float',
    t: 'string',
    ok: 'boolean',
    at: 'timestamp',
    maybe: { type: 'int', nullable: true },
  } as const
  const content =
    '{"t":"x","n":1,"f":2.5,"ok":true,"big":"12345678901234567890","at":"1970-01-01T00:00:01Z","more":{}}\n'
  assert.deepEqual(await readAll(jsonLinesFiles('in.jsonl', { columns }), diskWith(content)), [
    { n: 1, big: 12345678901234567890n, f: 2.5, t: 'x', ok: true, at: 1000, maybe: null },
  ])
})

test('takes what an object inherits for missing', async () => {
  const columns = {
    constructor: { type: 'string', nullable: true },
    toString: { type: 'int', nullable: true },
  } as const
  const content = '{}\n{"constructor":"x","toString":1}\n'
  assert.deepEqual(await readAll(jsonLinesFiles('in.jsonl', { columns }), diskWith(content)), [
    { constructor: null, toString: null },
    { constructor: 'x', toString: 1 },
  ])
  const needed = jsonLinesFiles('in.jsonl', { columns: { valueOf: 'int' } })
  await assert.rejects(readAll(needed, diskWith('{}\n')), { code: 'INPUT_MALFORMED', message: /"valueOf" is missing/ })
})

test('reads with a parse function', async () => {
  const parse = (value: unknown) => (value as { n: number }).n * 2
  assert.deepEqual(await readAll(jsonLinesFiles('in.jsonl', { parse }), diskWith('{"n":1}\n{"n":2}\n')), [2, 4])
})

const bad: [string, string, Columns[string] | undefined, number, number][] = [
  ['a syntax error', '{"n":1}\n{"n":é}\n', undefined, 2, 6],
  ['a syntax error after text beyond ASCII', '{"é":"日本", n}\n', undefined, 1, 12],
  ['JSON that ends too early', '{"n":1\n', undefined, 1, 7],
  ['a blank line', '1\n\n2\n', undefined, 2, 1],
  ['no object', '[1]\n', 'int', 1, 1],
  ['a missing property', '{}\n', 'int', 1, 1],
  ['a null', '{"v":null}\n', 'int', 1, 6],
  ['a text for a number', '{"v":1}\n{"é":"日本", "v" : "1"}\n', 'int', 2, 18],
  ['an unsafe number', '{"v":9007199254740993}\n', 'int', 1, 6],
  ['an unsafe number as bigint', '{"v":9007199254740993}\n', 'bigint', 1, 6],
  ['a time that is none', '{"v":"noon"}\n', 'timestamp', 1, 6],
  ['a time beyond all numbers', '{"v":1e999}\n', 'timestamp', 1, 6],
]
for (const [name, content, type, line, column] of bad) {
  test(`refuses ${name}, naming file, line and column`, async () => {
    const source =
      type === undefined ? jsonLinesFiles('in.jsonl') : jsonLinesFiles('in.jsonl', { columns: { v: type } })
    await assert.rejects(readAll(source, diskWith(content)), (error) => {
      assert(error instanceof MillraceError)
      assert.equal(error.code, 'INPUT_MALFORMED')
      assert.deepEqual(
        [error.details.file, error.details.line, error.details.column],
        ['in.jsonl', line, column],
        error.message,
      )
      return true
    })
  })
}

test('what parse throws is malformed input too', async () => {
  const parse = () => {
    throw new Error('not wanted')
  }
  const records = await readAll(jsonLinesFiles('in.jsonl', { parse, onError: 'deadLetter' }), diskWith('{"n":1}\n'))
  assert.deepEqual((records[0] as RejectedInput).letter, {
    raw: '{"n":1}',
    file: 'in.jsonl',
    line: 1,
    column: 1,
    reason: 'not wanted',
  })
})

const encoder = new JsonLinesEncoder()

test('writes what JSON holds so that it comes back the same', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(JSON.parse(encoder.encode(value)), value)))
})

test('writes bigints and dates as texts and leaves undefined properties out', () => {
  const record = {
    n: 12345678901234567890n,
    at: new Date(0),
    gone: undefined,
    in: { n: 1n, gone: undefined },
    list: [undefined, -0],
  }
  assert.equal(
    encoder.encode(record),
    '{"n":"12345678901234567890","at":"1970-01-01T00:00:00.000Z","in":{"n":"1"},"list":[null,-0]}\n',
  )
})

const circle: Record<string, unknown> = { n: 1 }
circle.list = [circle]
const own: unknown = { toJSON: () => own }

const refused: [string, unknown, RegExp][] = [
  ['NaN', { a: { b: [Number.NaN] } }, /"a\.b\[0\]" is NaN/],
  ['infinity', { a: Number.POSITIVE_INFINITY }, /"a" is Infinity/],
  ['a function', { a: () => 1 }, /"a" is of type function/],
  ['a map', { a: new Map() }, /"a" is of class Map/],
  ['an invalid date', { a: new Date(Number.NaN) }, /invalid date/],
  ['a circle', circle, /^"list" is nested deeper than 256 levels or in a circle/],
  ['a circle of lists', [circle], /^A record is nested deeper/],
  ['an object that is its own JSON', own, /^A record is nested deeper/],
  ['undefined', undefined, /A record is undefined/],
]
for (const [name, record, message] of refused) {
  test(`refuses to write ${name}`, () =>
    assert.throws(() => encoder.encode(record), { code: 'VALUE_NOT_ENCODABLE', message }))
}

test('the sink writes part files that the source reads', async () => {
  const disk = new MemoryFileSystem()
  const run = new SinkRun(jsonLinesSink('out'), disk)
  await run.start(2)
  await run.write(0, 3)
  await run.write(1, 2)
  await run.checkpoint('end')
  assert(disk.names('out').every((name) => name.endsWith('.jsonl')))
  assert.deepEqual(
    await readAll(jsonLinesFiles('out', { columns: { n: 'int' } }), disk),
    [0, 1, 2, 3, 4].map((n) => ({ n })),
  )
})

test('options that make no sense are refused', () => {
  assert.throws(() => jsonLinesFiles('in', { columns: { a: 'int' }, parse: () => 1 } as never), {
    code: 'OPTION_INVALID',
  })
  assert.throws(() => jsonLinesFiles('in', { columns: { a: { type: 'int', index: 1 } } }), { code: 'OPTION_INVALID' })
  assert.throws(() => jsonLinesFiles('in', { parse: 'x' } as never), { code: 'OPTION_INVALID' })
  assert.throws(() => jsonLinesSink('out', { header: true } as never), { code: 'OPTION_UNKNOWN' })
})

test('finds the value of a property', () => {
  const places: [string, number | undefined][] = [
    ['{"v":1}', 5],
    ['{"v":1,"v":{}}', 11],
    ['{"w":{"v":1},"v":[2]}', 17],
    ['{"w":["v",{"v":1}]}', undefined],
    ['{"w":"v","x":"\\"v\\":"}', undefined],
    ['{"\\u0076":true}', 10],
    [' { "v" :\tnull }', 9],
    ['{}', undefined],
  ]
  for (const [text, at] of places) assert.equal(findJsonValue(text, 'v'), at, text)
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), (object) => {
      const text = JSON.stringify(object)
      for (const [name, value] of Object.entries(object)) {
        const at = findJsonValue(text, name)
        assert.ok(at !== undefined && text.startsWith(JSON.stringify(value), at), `${name} in ${text}`)
      }
    }),
  )
})

test('finds where a text stops being JSON', () => {
  const places: [string, number][] = [
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['[1 2]', 3],
    ['[1,]', 3],
    ['{"a":[{"b":tru}]}', 11],
    ['01', 1],
    ['"a', 0],
    ['[[[', 3],
    ['1 x', 2],
    ['{"a":"\\x"}', 5],
    ['{"a":1}}', 7],
  ]
  for (const [text, at] of places) assert.equal(findJsonError(text), at, text)
  // Whatever V8 takes is passed to its end.
  fc.assert(fc.property(fc.json(), (text) => assert.equal(findJsonError(text), text.length)))
})
