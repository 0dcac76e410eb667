import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeMatched, describeUnmatched } from '../../src/checkpoint/restore-report.ts'

test('tells what goes on and what starts empty', () => {
  assert.equal(describeMatched({ matched: ['in', 'totals'], fresh: [] }), 'Matched by uid: "in", "totals"')
  assert.equal(
    describeMatched({ matched: ['in'], fresh: ['new'] }),
    'Matched by uid: "in"; without state there, so empty: "new"',
  )
  assert.equal(
    describeMatched({ matched: [], fresh: ['new'] }),
    'No step matched by uid; without state there, so empty: "new"',
  )
})

test('names the nearest uid, and none where nothing is near', () => {
  assert.equal(
    describeUnmatched(['hourly-count', 'zzz'], ['hourly-counts', 'in']),
    '"hourly-count" (did you mean "hourly-counts"?), "zzz"',
  )
})

test('counts what is too much to list', () => {
  const uids = Array.from({ length: 23 }, (_, index) => `step-${index}`)
  assert.match(describeMatched({ matched: uids, fresh: [] }), /"step-19" and 3 more$/)
})
