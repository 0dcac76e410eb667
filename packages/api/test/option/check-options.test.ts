import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOptions, checkWholeNumber, MillraceError, nearestName } from '../../src/index.ts'

test('an unknown option is refused with the nearest known one', () => {
  const cases = [
    ['paralelism', 'Did you mean "parallelism"?'],
    ['uuid', 'Did you mean "uid"?'],
    ['UID', 'Did you mean "uid"?'],
    ['colour', 'It has uid, parallelism.'],
  ] as const
  for (const [option, hint] of cases) {
    assert.throws(
      () => checkOptions('map', { [option]: 1 }, ['uid', 'parallelism']),
      (error: unknown) => error instanceof MillraceError && error.code === 'OPTION_UNKNOWN' && error.hint === hint,
      option,
    )
  }
  checkOptions('map', undefined, [])
  checkOptions('map', { uid: 'x' }, ['uid'])
})

test('a bag that is none is refused', () => {
  for (const bag of [null, 'uid', 3, []]) {
    assert.throws(() => checkOptions('map', bag, ['uid']), { code: 'OPTION_INVALID' })
  }
})

test('swapped and missing letters find their name', () => {
  assert.equal(nearestName('interavl', ['timeout', 'interval']), 'interval')
  assert.equal(nearestName('intrval', ['timeout', 'interval']), 'interval')
  assert.equal(nearestName('entirely different', ['timeout', 'interval']), undefined)
})

test('whole numbers keep their range', () => {
  assert.equal(checkWholeNumber('map', 'parallelism', 4, { min: 1 }), 4)
  assert.equal(checkWholeNumber('map', 'parallelism', undefined, { min: 1 }), undefined)
  for (const value of [0, 1.5, Number.NaN, '2', 9]) {
    assert.throws(() => checkWholeNumber('map', 'parallelism', value, { min: 1, max: 8 }), { code: 'OPTION_INVALID' })
  }
})
