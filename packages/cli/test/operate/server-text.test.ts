import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf, refusalText } from '../../src/operate/server-text.ts'

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

test('a failure keeps its own code and advice', () => {
  const error = failureOf('The savepoint', {
    class: 'SAVEPOINT_FAILED',
    'stack-trace': 'SAVEPOINT_FAILED: The disk is full\n  try: Make room.\n\tat x\n',
  })
  assert.deepEqual([error.code, error.message, error.hint], ['SAVEPOINT_FAILED', 'The disk is full', 'Make room.'])
})

test("of Flink's failures the innermost cause is shown", () => {
  const trace =
    'java.util.concurrent.CompletionException: a.b.CheckpointException: outer\n\tat x\nCaused by: a.b.CheckpointException: outer\n\tat y\nCaused by: java.io.IOException: Failed to create savepoint directory at file:/proc/nope/x\n\t... 3 more\n'
  const error = failureOf('The savepoint', { class: 'java.util.concurrent.CompletionException', 'stack-trace': trace })
  assert.equal(error.code, 'OPERATION_FAILED')
  assert.equal(error.message, 'The savepoint failed: Failed to create savepoint directory at file:/proc/nope/x')
  assert.match(failureOf('The stop', null).message, /does not say why/)
})
