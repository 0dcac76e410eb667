import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBody } from '../../src/route/request-body.ts'

const TABLE = { folder: 'text', drain: 'boolean' } as const

test('nothing, null and unknown fields are no mistakes', () => {
  const nothing = { folder: undefined, drain: undefined }
  assert.deepEqual(parseBody('', TABLE), nothing)
  assert.deepEqual(parseBody(' \n', TABLE), nothing)
  assert.deepEqual(parseBody('{}', TABLE), nothing)
  assert.deepEqual(parseBody('{"folder":null,"more":[1]}', TABLE), nothing)
  assert.deepEqual(parseBody('{"folder":"x","drain":true}', TABLE), { folder: 'x', drain: true })
})

for (const body of ['{', 'x', '[]', '1', 'null', '"x"', '{"folder":1}', '{"drain":"true"}', '{"folder":{}}']) {
  test(`${body} is refused with 400`, () => {
    assert.throws(() => parseBody(body, TABLE), { status: 400, message: /expected format/ })
  })
}

test('what every object has is not taken for a field', () => {
  assert.deepEqual(parseBody('{}', { constructor: 'text' } as const), { constructor: undefined })
})
