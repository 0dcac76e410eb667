import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeySelector, MillraceError } from '@millrace/api'
import { describeKeyFailure } from '../../src/key/key-failure.ts'
import { hashKey } from '../../src/key/key-hash.ts'
import { compileKeySelector } from '../../src/key/key-selector.ts'

function failureOf(selector: KeySelector, record: unknown): MillraceError {
  try {
    hashKey(compileKeySelector(selector)(record))
  } catch (cause) {
    return describeKeyFailure(cause, selector, { name: 'views', uid: 'v' }, record)
  }
  assert.fail('a key')
}

test('names the field, the step, the record and where keyBy was called', () => {
  const error = failureOf({ kind: 'field', field: 'user', calledAt: { stack: 'at job.ts:1:2' } }, { usr: 1n })
  assert.equal(error.code, 'KEY_INVALID')
  assert.equal(error.message, `keyBy('user') for "views": The key is undefined, which cannot be a key.`)
  assert.deepEqual(error.details, { keyedStep: 'views', keyedStepUid: 'v', record: '{"usr":"1n"}' })
  assert.match(error.hint ?? '', /spelled/)
  assert.equal(error.stack, 'at job.ts:1:2')
  assert.match(
    failureOf({ kind: 'field', field: 'user' }, null).message,
    /keyBy\('user'\) for "views": A record is null/,
  )
})

test('names the function, and the place within the key', () => {
  const error = failureOf({ kind: 'function', select: (record) => [record, Number.NaN] }, 5)
  assert.match(error.message, /^keyBy\(\(record\) => \[record, Number\.NaN\]\) for "views": The key\[1\] is NaN/)
  assert.deepEqual([error.details.path, error.details.record], ['key[1]', '5'])
})

test("what the user's function throws is its failure, with the cause", () => {
  const cause = new TypeError('mine')
  const select = () => {
    throw cause
  }
  const error = failureOf({ kind: 'function', select }, {})
  assert.deepEqual([error.code, error.cause], ['USER_FUNCTION_FAILED', cause])
  assert.match(error.message, /^The key function of keyBy\(.*\) for "views" threw: mine$/)
})

test('long functions and records are cut, and a record that cannot be shown is none the worse', () => {
  const circle: unknown[] = []
  circle.push(circle)
  const selector: KeySelector = {
    kind: 'function',
    select: (record) =>
      record === 'a record that is told apart by a long, long function, so that it is cut' ? 1 : undefined,
  }
  const error = failureOf(selector, 'x'.repeat(500))
  assert.match(error.message, /^keyBy\(.{79}…\) for "views"/)
  assert.equal(String(error.details.record).length, 200)
  assert.equal(failureOf(selector, circle).details.record, 'a value that cannot be shown')
})
