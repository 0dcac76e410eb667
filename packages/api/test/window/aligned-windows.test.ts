import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sliding, tumbling } from '../../src/index.ts'

test('windows in milliseconds', () => {
  assert.deepEqual(tumbling({ size: '1 h' }), { kind: 'tumbling', sizeMs: 3_600_000, slideMs: 3_600_000, offsetMs: 0 })
  assert.deepEqual(tumbling({ size: '1 d', offset: '23 h' }).offsetMs, 82_800_000)
  assert.deepEqual(sliding({ size: '10 s', slide: '3 s', offset: '1 s' }), {
    kind: 'sliding',
    sizeMs: 10_000,
    slideMs: 3_000,
    offsetMs: 1_000,
  })
  assert.equal(sliding({ size: '1 s', slide: '5 s' }).slideMs, 5_000)
})

test('windows that are none', () => {
  assert.throws(() => tumbling({ size: '0 s' }), { code: 'DURATION_INVALID' })
  assert.throws(() => tumbling({ size: '1 s', offset: '1 s' }), { code: 'OPTION_INVALID' })
  assert.throws(() => sliding({ size: '10 s', slide: '2 s', offset: '5 s' }), { code: 'OPTION_INVALID' })
  assert.throws(() => sliding({ size: '10 s', slide: '-2 s' }), { code: 'DURATION_INVALID' })
  assert.throws(() => tumbling({ size: '1 s', slide: '1 s' } as never), { code: 'OPTION_UNKNOWN' })
})
