import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mixInteger, ROW_START, RowDigest } from '../../bench/digest/row-digest.ts'
import { DEFAULT_NEXMARK_OPTIONS } from '../../bench/nexmark/generator/nexmark-generator.ts'
import { bidGenerator } from '../../bench/shapes/generator/bid-generator.ts'
import { type Change, changeGenerator } from '../../bench/shapes/generator/change-generator.ts'
import { wideGenerators } from '../../bench/shapes/generator/wide-generator.ts'
import { zipfRanks } from '../../bench/shapes/generator/zipf-ranks.ts'
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

describe('the generator of changes', () => {
  const mixChange = ({ key, amount }: Change) => mixInteger(mixInteger(ROW_START, key), amount)

  it('gives the changes that other languages give', () => {
    assert.equal(digestOf(changeGenerator({ keys: 5_000 }), mixChange), '0b6401fbd8713f15')
    const skewed = changeGenerator({ seed: 7, keys: 5_000_000, skew: 0.99 })
    assert.equal(
      digestOf((index) => skewed(5_000_000 + index), mixChange),
      '4a2dd524a1c8c24b',
    )
  })

  it('begins with every key once', () => {
    for (const keys of [1, 7, 5_000, 1_000_002]) {
      const found = new Set(firstOf(keys, changeGenerator({ keys, skew: 1 })).map(({ key }) => key))
      assert.equal(found.size, keys)
      assert.ok([...found].every((key) => key >= 0 && key < keys))
    }
    assert.throws(() => changeGenerator({ keys: 2_000_006 }), RangeError)
  })

  it("has keys as likely as each other, or by Zipf's law", () => {
    const keys = 1_000
    const sharesOf = (skew: number): readonly number[] => {
      const changeAt = changeGenerator({ keys, skew })
      const counts = new Map<number, number>()
      const draws = 400_000
      for (let index = keys; index < keys + draws; index++) {
        const { key } = changeAt(index)
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      return [...counts.values()].toSorted((a, b) => b - a).map((count) => count / draws)
    }
    const [most = 0] = sharesOf(0)
    assert.ok(most < 0.002, `${most}`)
    const skewed = sharesOf(0.99)
    const all = Array.from({ length: keys }, (_, rank) => (rank + 1) ** -0.99).reduce((sum, weight) => sum + weight, 0)
    for (const rank of [0, 1, 9, 99]) {
      const [share, wanted] = [skewed[rank] ?? 0, (rank + 1) ** -0.99 / all]
      assert.ok(Math.abs(share / wanted - 1) < 0.1, `rank ${rank}: ${share} instead of ${wanted}`)
    }
  })
})

describe('draws of ranks', () => {
  it('reach the first and the last rank and none beyond, also where ranks stand in ranges', () => {
    for (const count of [1, 2, 256, 257, 100_000]) {
      const rankOf = zipfRanks(count, 0.99)
      assert.equal(rankOf(0, 0), 0)
      assert.equal(rankOf(-1, -1), count - 1)
    }
  })

  it('give ranges the weight of their ranks', () => {
    const count = 100_000
    const rankOf = zipfRanks(count, 0.99)
    const below = (end: number): number => {
      let sum = 0
      for (let rank = 0; rank < end; rank++) sum += (rank + 1) ** -0.99
      return sum
    }
    // The share of draws below a rank is that draw from which on ranks are no less.
    for (const end of [100, 1_000, 30_000]) {
      let [low, high] = [0, 2 ** 32]
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        if (rankOf(middle | 0, 0) < end) low = middle
        else high = middle
      }
      const wanted = below(end) / below(count)
      assert.ok(Math.abs(high / 2 ** 32 / wanted - 1) < 0.01, `${end}: ${high / 2 ** 32} instead of ${wanted}`)
    }
  })
})

function digestOf<Row>(recordAt: (index: number) => Row, mix: (row: Row) => number): string {
  const digest = new RowDigest()
  for (const row of firstOf(RECORDS, recordAt)) digest.add(mix(row))
  return digest.toString()
}
