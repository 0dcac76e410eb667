import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { assertEncodable, RecordCheck } from '../../src/index.ts'
import { anyValue } from './value-arbitrary.ts'

class Shop {
  readonly id = 1
}

const anyWrong = fc.constantFrom<unknown>(() => 1, Symbol('s'), new Shop(), { deep: [() => 1] })
const anyPart = fc.oneof(
  { arbitrary: fc.oneof(fc.integer(), fc.string(), fc.constantFrom(null, undefined, 1.5, 2n, true)), weight: 30 },
  { arbitrary: anyValue, weight: 2 },
  { arbitrary: anyWrong, weight: 1 },
)
const anyRecord = fc.oneof(
  { arbitrary: fc.record({ id: anyPart, name: anyPart }, { noNullPrototype: true }), weight: 20 },
  {
    arbitrary: fc.record({ name: anyPart, id: anyPart }, { requiredKeys: ['name'], noNullPrototype: true }),
    weight: 3,
  },
  { arbitrary: fc.record({ id: anyPart, name: anyPart, more: anyPart }, { noNullPrototype: true }), weight: 3 },
  { arbitrary: anyPart, weight: 1 },
)

function refusalOf(work: () => void): string | undefined {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return undefined
}

const oneByOne = (records: readonly unknown[]) => {
  for (const record of records) assertEncodable(record, 'record')
}

describe('RecordCheck', () => {
  it('refuses what looking at the records one by one refuses, batch after batch', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyRecord, { maxLength: 40 }), { maxLength: 6 }), (batches) => {
        const check = new RecordCheck()
        for (const records of batches) {
          assert.equal(
            refusalOf(() => check.assertAll(records)),
            refusalOf(() => oneByOne(records)),
          )
        }
      }),
      { numRuns: 500 },
    )
  })

  const records = (count: number) =>
    Array.from({ length: count }, (_, id): Record<string, unknown> => ({ id, name: 'n' }))

  it('finds a value that no channel carries wherever it is in a batch of one shape', () => {
    for (const wrong of [() => 1, Symbol('s'), new Shop(), [() => 1]]) {
      for (const at of [0, 1, 127, 128, 129, 255, 299]) {
        for (const property of ['id', 'name', 'more']) {
          const check = new RecordCheck()
          check.assertAll(records(300))
          const batch = records(300)
          ;(batch[at] as Record<string, unknown>)[property] = wrong
          assert.throws(() => check.assertAll(batch), { code: 'VALUE_NOT_ENCODABLE' }, `${property} of record ${at}`)
          check.assertAll(records(300))
        }
      }
    }
  })

  it('looks at records in another shape too, however many there are', () => {
    const check = new RecordCheck()
    const shapes = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({ [`p${n}`]: n, q: 'x' }))
    for (let round = 0; round < 3; round++) {
      for (const shape of shapes) {
        check.assertAll(Array.from({ length: 20 }, () => ({ ...shape })))
        assert.throws(() => check.assertAll([{ ...shape }, { ...shape, q: () => 1 }, { ...shape }]), {
          code: 'VALUE_NOT_ENCODABLE',
        })
      }
    }
  })

  it('is not deceived by properties that are hidden or only look like those of the shape', () => {
    const check = new RecordCheck()
    check.assertAll(records(20))
    const hidden = Object.defineProperty({ name: 'n' }, 'id', { value: 1, enumerable: false })
    const inherited = Object.assign(Object.create({ name: 'n' }), { id: 1 })
    check.assertAll([hidden])
    assert.throws(() => check.assertAll([Object.assign(hidden, { more: () => 1 })]), { code: 'VALUE_NOT_ENCODABLE' })
    assert.throws(() => check.assertAll([inherited]), { code: 'VALUE_NOT_ENCODABLE' })
  })
})
