import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError, toErrorData } from '@millrace/api'
import { renderError } from '../../src/error/render-error.ts'
import { failureOf, refusalText } from '../../src/operate/server-text.ts'
import { plainPaint } from '../../src/text/paint.ts'

test("of Flink's refusals the sentence is shown, without classes and stacks", () => {
  const flink =
    'org.apache.flink.runtime.rest.handler.RestHandlerException: Job could not be found.\n\tat org.apache.flink.X.y(X.java:1)\n'
  assert.equal(refusalText({ errors: [flink] }), 'Job could not be found.')
  const server =
    '<Exception on server side:\norg.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (1)\n\tat x\nEnd of exception on server side>'
  assert.equal(refusalText({ errors: ['Internal server error.', server] }), 'Could not find Flink job (1)')
  assert.equal(refusalText({ errors: ['Unable to load requested file /x.'] }), 'Unable to load requested file /x.')
  for (const other of [{}, null, [], { errors: [] }, { errors: 'x' }]) {
    assert.equal(refusalText(other), 'it does not say why')
  }
})

test('a failure keeps its own code, advice and causes', () => {
  const frame = '\tat write (/srv/job.ts:7:9)'
  const error = failureOf('The savepoint', {
    class: 'SAVEPOINT_FAILED',
    'stack-trace': [
      'SAVEPOINT_FAILED: No savepoint can be written into /x',
      '  try: Make room.',
      '\tat x',
      'Caused by: DISK_FAILED: write failed',
      'on two lines',
      'Caused by: Error: ENOSPC: no space left',
      `${frame}\n`,
    ].join('\n'),
  })
  assert.ok(error instanceof MillraceError)
  assert.deepEqual(
    [error.code, error.message, error.hint],
    ['SAVEPOINT_FAILED', 'No savepoint can be written into /x', 'Make room.'],
  )
  const lines = renderError(toErrorData(error), plainPaint)
  assert.deepEqual(lines, [
    'error SAVEPOINT_FAILED  No savepoint can be written into /x',
    '  at write (/srv/job.ts:7:9)',
    '  because DISK_FAILED: write failed on two lines',
    '  because Error: ENOSPC: no space left',
    '  try: Make room.',
  ])
})

test("of Flink's failures the innermost cause is shown", () => {
  const trace =
    'java.util.concurrent.CompletionException: a.b.CheckpointException: outer\n\tat x\nCaused by: a.b.CheckpointException: outer\n\tat y\nCaused by: java.io.IOException: Failed to create savepoint directory at file:/proc/nope/x\n\t... 3 more\n'
  const error = failureOf('The savepoint', { class: 'java.util.concurrent.CompletionException', 'stack-trace': trace })
  assert.equal(toErrorData(error).code, 'OPERATION_FAILED')
  assert.equal(error.message, 'The savepoint failed: Failed to create savepoint directory at file:/proc/nope/x')
  assert.match(failureOf('The stop', null).message, /does not say why/)
})
