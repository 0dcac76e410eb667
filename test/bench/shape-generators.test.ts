import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RowDigest } from '../../bench/digest/row-digest.ts'
import { DEFAULT_NEXMARK_OPTIONS } from '../../bench/nexmark/generator/nexmark-generator.ts'
import { bidGenerator } from '../../bench/shapes/generator/bid-generator.ts'
import { wideGenerators } from '../../bench/shapes/generator/wide-generator.ts'
import { mixWide3, mixWide10, mixWide30, mixWide60 } from '../../bench/shapes/wide-rows.ts'
import { digestOfEvents, firstOf } from './event-digest.ts'

const RECORDS = 20_000

// The digests are those of GoldenTest in bench/peers/flink too.
describe('the generator of bids', () => {
  it('gives the bids that other languages give', () => {
    assert.equal(digestOfEvents(firstOf(RECORDS, bidGenerator())), 'cc50db342303065e')
    assert.equal(digestOfEvents(firstOf(RECORDS, bidGenerator({ keys: 10_000_000 }))), '7f5e96fa3d5f0f1b')
  })

  it('is at an even rate', () => {
    const times = firstOf(1_000, bidGenerator()).map(({ dateTime }) => dateTime - DEFAULT_NEXMARK_OPTIONS.baseTimeMs)
    assert.deepEqual(
      times,
      times.map((_, index) => Math.floor(index / 10)),
    )
  })

  it('spreads auctions evenly over the keys', () => {
    const auctions = firstOf(RECORDS, bidGenerator({ keys: 10 })).map(({ auction }) => auction)
    for (let key = 0; key < 10; key++) {
      const share = auctions.filter((auction) => auction === 1_000 + key).length / RECORDS
      assert.ok(Math.abs(share - 0.1) < 0.01, `${share} of key ${key}`)
    }
  })
})

describe('the generators of wide records', () => {
  it('give the records that other languages give', () => {
    const wide = wideGenerators()
    assert.equal(digestOf(wide[3], mixWide3), 'ea35086d75b5647f')
    assert.equal(digestOf(wide[10], mixWide10), 'd975042be40a1a59')
    assert.equal(digestOf(wide[30], mixWide30), '51f5a3ece9849d6c')
    assert.equal(digestOf(wide[60], mixWide60), '88a1303082b43f35')
  })

  it('give the same values in every width', () => {
    const wide = wideGenerators({ seed: 3, keys: 7 })
    for (const index of [0, 1, 1_000_000]) {
      const widest = Object.entries(wide[60](index))
      for (const fields of [3, 10, 30] as const) {
        assert.deepEqual(Object.entries(wide[fields](index)), widest.slice(0, fields))
      }
      assert.ok(wide[3](index).f0 < 7)
    }
  })
})

function digestOf<Row>(recordAt: (index: number) => Row, mix: (row: Row) => number): string {
  const digest = new RowDigest()
  for (const row of firstOf(RECORDS, recordAt)) digest.add(mix(row))
  return digest.toString()
}
