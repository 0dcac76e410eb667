import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorData, MillraceError, toErrorData } from '@millrace/api'
import { isUserFrame, renderError } from '../../src/error/render-error.ts'
import { plainPaint } from '../../src/text/paint.ts'

test('code, what happened, to what, what to try', () => {
  const error = new MillraceError('INPUT_MALFORMED', '"a.csv", line 7: there are 3 fields', {
    details: { file: 'a.csv', line: 7, operator: 'behaviors' },
    hint: 'Set onError.',
  })
  assert.deepEqual(renderError({ ...toErrorData(error), stack: undefined }, plainPaint), [
    'error INPUT_MALFORMED  "a.csv", line 7: there are 3 fields',
    '  operator: behaviors',
    '  try: Set onError.',
  ])
})

test('a detail is left out only where the message names just that', () => {
  const details = {
    operator: 'map',
    uid: 'm',
    subtask: 0,
    line: 7,
    path: 'key',
    limit: 10,
    gone: undefined,
    vertex: '9f44',
  }
  const shown = (message: string) =>
    renderError({ ...toErrorData(new MillraceError('INTERNAL', message, { details })), stack: undefined }, plainPaint)
      .slice(1)
      .map((line) => line.trim().split(':', 1)[0])
  assert.deepEqual(shown('The map function threw: 10.5 of 100 at 0 key m'), [
    'operator',
    'uid',
    'subtask',
    'line',
    'path',
    'limit',
  ])
  assert.deepEqual(shown('Operator "map", uid \'m\', subtask 0, Line 7, path key.'), ['limit'])
  assert.deepEqual(shown('"map" "m" subtask 0.5, line 70, xpath key, limit 10'), ['subtask', 'line', 'path'])
})

test('a detail that is a sentence of the message is not said twice', () => {
  const wrong = 'is no parameter of this job; it has --output'
  const error = new MillraceError('PARAMS_INVALID', `Parameters are wrong:\n  --recrods: ${wrong}`, {
    details: { recrods: wrong },
  })
  assert.deepEqual(renderError({ ...toErrorData(error), stack: undefined }, plainPaint), [
    'error PARAMS_INVALID  Parameters are wrong:',
    `    --recrods: ${wrong}`,
  ])
})

test("the user's own line comes first, frames of Node, packages and the engine are left out", () => {
  const cause: ErrorData = {
    ...toErrorData(new TypeError('x is undefined')),
    stack: [
      'TypeError: x is undefined',
      '    at new Map (<anonymous>)',
      '    at parse (/home/me/node_modules/lib/index.js:1:1)',
      '    at score (/home/me/job/score.ts:12:7)',
      '    at Object.map (/home/me/job/job.ts:20:3)',
      '    at step (/repo/packages/core/src/chain/fused-steps.ts:5:5)',
      '    at processTicksAndRejections (node:internal/process/task_queues:105:5)',
    ].join('\n'),
  }
  const error = { ...toErrorData(new MillraceError('USER_FUNCTION_FAILED', 'map "score" threw')), cause }
  assert.deepEqual(renderError(error, plainPaint), [
    'error USER_FUNCTION_FAILED  map "score" threw',
    '  at score (/home/me/job/score.ts:12:7)',
    '  because TypeError: x is undefined',
    '     Object.map (/home/me/job/job.ts:20:3)',
  ])
})

test('an error that nobody foresaw keeps its stack', () => {
  const lines = renderError(toErrorData(new Error('what?')), plainPaint)
  assert.equal(lines[0], 'error Error  what?')
  assert.ok(lines.length > 1)
})

test('engine files count as such only in the repository', () => {
  assert.equal(isUserFrame('f (/home/me/packages/mine/src/job.ts:1:2)'), true)
  assert.equal(isUserFrame('f (/repo/packages/connectors/files/src/csv/csv-files.ts:1:2)'), false)
  assert.equal(isUserFrame('chain (millrace:chain/views:1:2)'), false)
  assert.equal(isUserFrame('file:///repo/packages/millrace/bin/cli.mjs:9:1'), false, 'the command itself')
  assert.equal(isUserFrame('async Promise.all (index 0)'), false)
})

test("a function without a name is the user's as any other", () => {
  assert.equal(isUserFrame('<anonymous> (/home/me/job.ts:7:40)'), true)
  assert.equal(isUserFrame('async <anonymous> (/home/me/job.ts:7:40)'), true)
  assert.equal(isUserFrame('<anonymous>:1:2'), false)
})
