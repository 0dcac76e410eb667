import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatInstant,
  formatPercent,
} from '../../src/text/format-quantity.ts'

const rows: [string, string][] = [
  [formatCount(0), '0'],
  [formatCount(950), '950'],
  [formatCount(999.4), '999'],
  [formatCount(999.7), '1.0k'],
  [formatCount(33_400), '33k'],
  [formatCount(999_700), '1.0M'],
  [formatCount(4_700_000), '4.7M'],
  [formatCount(Number.NaN), '–'],
  [formatBytes(512), '512 B'],
  [formatBytes(1_258_291), '1.2 MiB'],
  [formatDuration(31), '31 ms'],
  [formatDuration(999.6), '1.0 s'],
  [formatDuration(4_200), '4.2 s'],
  [formatDuration(59_600), '01:00 min'],
  [formatDuration(187_000), '03:07 min'],
  [formatDuration(7_387_000), '2:03 h'],
  [formatDuration(12 * 86_400_000), '12 d'],
  [formatDuration(9.5 * 365.25 * 86_400_000), '9 y'],
  [formatDuration(-4_200), '-4.2 s'],
  [formatClock(7_000), '00:07'],
  [formatClock(3_723_000), '1:02:03'],
  [formatInstant(1_442_018_818_771), '2015-09-12 00:46:58'],
  [formatInstant(Number.POSITIVE_INFINITY), 'end of input'],
  [formatInstant(Number.NEGATIVE_INFINITY), 'none yet'],
  [formatPercent(0.999), '99 %'],
  [formatPercent(1), '100 %'],
]

for (const [given, expected] of rows) test(expected, () => assert.equal(given, expected))
