import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDurationMs, parseMemorySizeBytes } from '../../src/index.ts'

test('durations', () => {
  const cases = [
    ['200 ms', 200],
    ['10s', 10_000],
    ['1.1 s', 1_100],
    ['0.5 min', 30_000],
    [' 5  min ', 300_000],
    ['1 h', 3_600_000],
    ['7 d', 604_800_000],
  ] as const
  for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text)
  assert.equal(parseDurationMs('0 ms', { allowZero: true }), 0)
})

test('durations that are none', () => {
  for (const text of [
    '',
    '5',
    'ms',
    '0 s',
    '-1 s',
    '0.5 ms',
    '1.2345 s',
    '1 hour',
    '1 s 2',
    '1e3 s',
    '99999999999999 d',
  ]) {
    assert.throws(() => parseDurationMs(text), { code: 'DURATION_INVALID' }, text)
  }
})

test('memory sizes', () => {
  const cases = [
    ['64 mb', 67_108_864],
    ['64MB', 67_108_864],
    ['512 kb', 524_288],
    ['1.5 k', 1_536],
    ['2 gibibytes', 2_147_483_648],
    ['1 tb', 1_099_511_627_776],
    ['10 bytes', 10],
    ['4096', 4_096],
  ] as const
  for (const [text, bytes] of cases) assert.equal(parseMemorySizeBytes(text), bytes, text)
})

test('memory sizes that are none', () => {
  for (const text of ['', 'mb', '0 mb', '-1 mb', '1 pb', '0.3 kb', '1 none', '9000000 tb', '1 constructor']) {
    assert.throws(() => parseMemorySizeBytes(text), { code: 'SIZE_INVALID' }, text)
  }
})
