import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DistinctValues } from '@millrace/api'
import { valueFromJson, valueToJson } from '../../src/codec/value-json.ts'

const distinct = new DistinctValues()
distinct.add(1)
distinct.add('two')

const cases: readonly (readonly [what: string, value: unknown, json: unknown])[] = [
  ['plain values', { a: [1, 'x', true, null], b: { c: -1.5 } }, { a: [1, 'x', true, null], b: { c: -1.5 } }],
  [
    'numbers that JSON has no form for',
    [Number.NaN, Number.POSITIVE_INFINITY, -0],
    [{ $number: 'NaN' }, { $number: 'Infinity' }, { $number: '-0' }],
  ],
  ['bigint', 12n ** 20n, { $bigint: `${12n ** 20n}` }],
  ['undefined', [undefined], [{ $undefined: true }]],
  ['dates', [new Date(0), new Date(Number.NaN)], [{ $date: '1970-01-01T00:00:00.000Z' }, { $date: 'invalid' }]],
  ['maps', new Map<unknown, unknown>([[1n, new Set(['a'])]]), { $map: [[{ $bigint: '1' }, { $set: ['a'] }]] }],
  ['typed arrays', new Float64Array([1, Number.NaN]), { $Float64Array: [1, { $number: 'NaN' }] }],
  ['typed arrays of bigints', new BigInt64Array([5n]), { $BigInt64Array: [{ $bigint: '5' }] }],
  [
    'bytes',
    [Uint8Array.of(1, 2).buffer, new DataView(Uint8Array.of(3).buffer)],
    [{ $ArrayBuffer: [1, 2] }, { $DataView: [3] }],
  ],
  ['different values', distinct, { $distinct: [2] }],
  ['objects that look like one of these', { $date: 'x' }, { $object: [['$date', 'x']] }],
  ['a property named __proto__', JSON.parse('{"__proto__":1}'), { $object: [['__proto__', 1]] }],
]

for (const [what, value, json] of cases) {
  test(`${what} as JSON`, () => {
    const text = JSON.stringify(valueToJson(value))
    assert.deepEqual(JSON.parse(text), json)
    if (value === distinct) assert.throws(() => valueFromJson(JSON.parse(text)), { code: 'VALUE_NOT_ENCODABLE' })
    else assert.deepEqual(valueFromJson(JSON.parse(text)), value)
  })
}
