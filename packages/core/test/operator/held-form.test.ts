import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DistinctValues } from '@millrace/api'
import { describeForm, heldStates } from '../../src/operator/held-form.ts'

describe('describeForm', () => {
  for (const [value, form] of [
    [3, 'number'],
    [null, 'null'],
    [{ page: 'secret', at: 1 }, '{ page, at }'],
    [{}, '{}'],
    [[1, { sum: 2 }, [3, { of: 1 }, [[4]]]], '[number, { sum }, [number, { of }, [array]]]'],
    [[{ a: { b: 1 } }, 1, 2, 3, 4], '[{ a }, number, number, number, …]'],
    [Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, i])), '{ f0, f1, f2, f3, f4, f5, f6, f7, … }'],
    [new Map(), 'Map'],
    [[new DistinctValues()], '[DistinctValues]'],
    [Object.create(null), '{}'],
  ] as const) {
    it(`says of a value that it is ${form}`, () => assert.equal(describeForm(value), form))
  }
})

describe('heldStates', () => {
  it('names a state that holds something, and none that cannot be read', () => {
    assert.deepEqual(
      heldStates('_reduce', () => ({ n: 1 })),
      [{ name: '_reduce', form: '{ n }' }],
    )
    assert.deepEqual(
      heldStates('_reduce', () => undefined),
      [],
    )
    assert.deepEqual(
      heldStates('_reduce', () => assert.fail('no key was chosen')),
      [],
    )
  })
})
