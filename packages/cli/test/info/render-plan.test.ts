import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderPlan } from '../../src/info/render-plan.ts'
import { plainPaint } from '../../src/text/paint.ts'
import { PLAN } from '../readings.ts'

test('a plan for people', () => {
  assert.deepEqual(renderPlan({ ...PLAN, warnings: ['Step "x" has no uid.'] }, plainPaint), [
    `Job "hot-items"  graph ${'ab'.repeat(16)}`,
    '',
    '1. behaviors -> filter  parallelism 2 of 128  v1',
    '   source "behaviors"  uid uid-source',
    '      csv-files, bounded  paths=["a.csv"]',
    '      watermarks ascending',
    '   filter  uid uid-filter',
    '',
    '2. views -> out  parallelism 2 of 128  v2',
    '   from 1  hash by "item", combined before',
    '   window "views"  uid uid-window',
    '      sliding window of 1:00 h every 05:00 min, by "item"',
    '      aggregate {views: count}',
    '      side outputs late',
    '   sink "out"  uid uid-sink',
    '      csv, exactly-once  folder=/out',
    '',
    'Needs 2 slots for 4 tasks.',
    'warning Step "x" has no uid.',
  ])
})
