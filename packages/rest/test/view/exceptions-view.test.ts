import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError, toErrorData } from '@millrace/api'
import { stackTrace } from '../../src/view/exceptions-view.ts'

test('a stack trace has code, message, advice, frames and causes', () => {
  const cause = new TypeError('inner')
  const error = new MillraceError('DISK_FAILED', 'outer', { hint: 'Make\nroom.', cause })
  const lines = stackTrace(toErrorData(error)).split('\n')
  assert.equal(lines[0], 'DISK_FAILED: outer')
  assert.equal(lines[1], '  try: Make room.')
  assert.match(lines[2] ?? '', /^\tat .*exceptions-view\.test\.ts/)
  const causedBy = lines.indexOf('Caused by: TypeError: inner')
  assert.ok(causedBy > 2)
  assert.match(lines[causedBy + 1] ?? '', /^\tat /)
  assert.equal(lines.at(-1), '')
})
