import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CsvEncoder } from '../../src/csv/csv-encoder.ts'
import { csvSink } from '../../src/csv/csv-sink.ts'

function encode(record: unknown, columns?: readonly string[]): string {
  return new CsvEncoder({ columns, delimiter: ',', header: false }, undefined).encode(record as object)
}

const lines: [Record<string, unknown>, string][] = [
  [{ a: 'x', b: 1, c: true }, 'x,1,true\n'],
  [{ a: 'x,y', b: 'say "hi"', c: 'l\nr' }, '"x,y","say ""hi""","l\nr"\n'],
  [{ a: '\ufeffx', b: 'y\ufeff' }, '"\ufeffx",y\ufeff\n'],
  [{ a: null, b: undefined, c: '' }, ',,""\n'],
  [{ a: Number.NaN, b: -0, c: Number.POSITIVE_INFINITY }, 'NaN,-0,Infinity\n'],
  [{ a: 12345678901234567890n, b: new Date(0) }, '12345678901234567890,1970-01-01T00:00:00.000Z\n'],
]
for (const [record, line] of lines) test(`encodes ${JSON.stringify(line)}`, () => assert.equal(encode(record), line))

test('declared columns choose, order and fill up', () => {
  assert.equal(encode({ b: 2, x: 9, a: 1 }, ['a', 'b', 'c']), '1,2,\n')
})

const refused: [string, unknown][] = [
  ['a nested object', { a: { b: 1 } }],
  ['an array', { a: [1] }],
  ['a map', { a: new Map() }],
  ['a function', { a: () => 1 }],
  ['a symbol', { a: Symbol('x') }],
  ['an invalid date', { a: new Date(Number.NaN) }],
  ['half a surrogate pair', { a: '\ud800' }],
  ['a record that is text', 'x'],
  ['a record that is null', null],
  ['a record that is an array', [1]],
  ['a first record without properties', {}],
]
for (const [name, record] of refused) {
  test(`refuses ${name}`, () => assert.throws(() => encode(record), { code: 'VALUE_NOT_ENCODABLE' }))
}

test('without declared columns every record has those of the first, in any order', () => {
  const encoder = new CsvEncoder({ columns: undefined, delimiter: ',', header: true }, undefined)
  assert.equal(encoder.encode({ a: 1, b: 2 }), '1,2\n')
  assert.equal(encoder.encode({ b: 4, a: 3 }), '3,4\n')
  assert.equal(encoder.header(), 'a,b\n')
  assert.throws(() => encoder.encode({ a: 1 }), { code: 'VALUE_NOT_ENCODABLE', message: /lacks the property "b"/ })
  assert.throws(() => encoder.encode({ a: 1, b: 2, c: 3 }), {
    code: 'VALUE_NOT_ENCODABLE',
    message: /has the property "c"/,
  })
})

test('options that make no sense are refused when the sink is made', () => {
  const options: [unknown, string][] = [
    [{ columns: [] }, 'OPTION_INVALID'],
    [{ columns: ['a', 'a'] }, 'OPTION_INVALID'],
    [{ delimiter: '"' }, 'OPTION_INVALID'],
    [{ delimiter: '\n' }, 'OPTION_INVALID'],
    [{ header: 'yes' }, 'OPTION_INVALID'],
    [{ prefix: '.part' }, 'OPTION_INVALID'],
    [{ prefix: 'a/b' }, 'OPTION_INVALID'],
    [{ suffix: '/x' }, 'OPTION_INVALID'],
    [{ suffix: 'csv' }, 'OPTION_INVALID'],
    [{ existing: 'replace' }, 'OPTION_INVALID'],
    [{ rollOnCheckpoint: 1 }, 'OPTION_INVALID'],
    [{ rollBytes: '0 mb' }, 'SIZE_INVALID'],
    [{ rollsize: '1 mb' }, 'OPTION_UNKNOWN'],
  ]
  for (const [value, code] of options) {
    assert.throws(() => csvSink('out', value as Parameters<typeof csvSink>[1]), { code }, JSON.stringify(value))
  }
  assert.throws(() => csvSink(''), { code: 'OPTION_INVALID' })
})
