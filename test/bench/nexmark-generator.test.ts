import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Auction, Bid, NexmarkEvent, Person } from '../../bench/nexmark/generator/nexmark-event.ts'
import { DEFAULT_NEXMARK_OPTIONS, nexmarkGenerator } from '../../bench/nexmark/generator/nexmark-generator.ts'
import { digestOfEvents, firstOf } from './event-digest.ts'

const EVENTS = 100_000
const BASE_TIME_MS = DEFAULT_NEXMARK_OPTIONS.baseTimeMs

describe('the Nexmark generator', () => {
  const events = firstOf(EVENTS, nexmarkGenerator())
  const people = events.filter((event): event is Person => event.kind === 'person')
  const auctions = events.filter((event): event is Auction => event.kind === 'auction')
  const bids = events.filter((event): event is Bid => event.kind === 'bid')

  // The Java generator is held against the same digests (GoldenTest in bench/peers/flink).
  it('gives the events that other languages give', () => {
    assert.equal(digestOfEvents(events), '27aa15076fa8ed8e')
    const options = { seed: 7, eventsPerSecond: 123_457, baseTimeMs: 1_436_918_395_000, outOfOrderGroupSize: 1_000 }
    assert.equal(digestOfEvents(firstOf(EVENTS, nexmarkGenerator(options))), '1846a38b85b02dee')
    const far = nexmarkGenerator()
    assert.equal(digestOfEvents(firstOf(1_000, (index) => far(5_000_000_000 + index))), '31133c391323a2af')
  })

  it('makes 1 person, 3 auctions and 46 bids of 50 events', () => {
    assert.deepEqual(
      [people.length, auctions.length, bids.length],
      [EVENTS / 50, (EVENTS / 50) * 3, (EVENTS / 50) * 46],
    )
    for (let group = 0; group < 10; group++) {
      const kinds = events.slice(group * 50, group * 50 + 50).map(({ kind }) => kind)
      assert.deepEqual(kinds, ['person', ...Array(3).fill('auction'), ...Array(46).fill('bid')])
    }
  })

  it('counts people and auctions up from 1,000', () => {
    assert.deepEqual(
      people.map(({ id }) => id),
      people.map((_, index) => 1_000 + index),
    )
    assert.deepEqual(
      auctions.map(({ id }) => id),
      auctions.map((_, index) => 1_000 + index),
    )
  })

  it('refers to what is active, hot, or about to come', () => {
    let lastPerson = 0
    let lastAuction = 0
    for (const event of events) {
      if (event.kind === 'person') lastPerson = event.id
      else if (event.kind === 'auction') {
        lastAuction = event.id
        assert.ok(event.seller >= Math.max(1_000, lastPerson - 999) && event.seller <= lastPerson + 10)
        assert.ok(event.category >= 10 && event.category <= 14)
        assert.ok(event.expires > event.dateTime && event.expires <= event.dateTime + 1 + 2 * 167)
        assert.ok(event.reserve > event.initialBid)
      } else {
        assert.ok(event.auction >= Math.max(1_000, lastAuction - 100) && event.auction <= lastAuction + 10)
        assert.ok(event.bidder >= Math.max(1_000, lastPerson - 999) && event.bidder <= lastPerson + 10)
      }
    }
  })

  it('prefers hot auctions, bidders, sellers and channels', () => {
    assertShare(bids, ({ auction }) => (auction - 1_000) % 100 === 0, 1 / 2, 0.02)
    assertShare(bids, ({ bidder }) => (bidder - 1_000) % 100 === 1, 3 / 4, 0.02)
    assertShare(auctions, ({ seller }) => (seller - 1_000) % 100 === 0, 3 / 4, 0.03)
    const isHot = ({ channel }: Bid): boolean => ['Google', 'Facebook', 'Baidu', 'Apple'].includes(channel)
    assertShare(bids, isHot, 1 / 2, 0.01)
    const cold = bids.filter((bid) => !isHot(bid))
    assert.ok(cold.every(({ channel }) => /^channel-\d{1,4}$/.test(channel)))
    assert.ok(new Set(cold.map(({ channel }) => channel)).size > 9_500)
    assertShare(cold, ({ url }) => url.includes('&channel_id='), 9 / 10, 0.01)
    assert.ok(
      bids.every(({ url }) => /^https:\/\/www\.nexmark\.com\/\w{3,4}\/\w{3,4}\/\w{3,4}\/item\.htm\?query=1/.test(url)),
    )
  })

  it('spreads prices evenly over six decades', () => {
    for (let decade = 2; decade < 8; decade++) {
      assertShare(bids, ({ price }) => price >= 10 ** decade && price < 10 ** (decade + 1), 1 / 6, 0.01)
      assertShare(bids, ({ price }) => price >= 10 ** decade && price < 10 ** (decade + 0.5), 1 / 12, 0.01)
    }
    assert.ok(bids.every(({ price }) => Number.isInteger(price)))
  })

  it('has the average sizes that were asked for', () => {
    const asked = { averagePersonBytes: 300, averageAuctionBytes: 700, averageBidBytes: 150 }
    const larger = firstOf(EVENTS, nexmarkGenerator(asked))
    for (const [kind, all, bytes] of [
      ['person', events, 200],
      ['auction', events, 500],
      ['bid', events, 100],
      ['person', larger, 300],
      ['auction', larger, 700],
      ['bid', larger, 150],
    ] as const) {
      const sizes = all.filter((event) => event.kind === kind).map(sizeOf)
      const average = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
      assert.ok(Math.abs(average - bytes) < bytes * 0.02, `${kind}: ${average} instead of ${bytes}`)
    }
  })

  it('is in order, at the rate that was asked for', () => {
    assert.deepEqual(
      events.map(({ dateTime }) => dateTime),
      events.map((_, index) => BASE_TIME_MS + Math.floor(index / 10)),
    )
    const slow = nexmarkGenerator({ eventsPerSecond: 3 })
    assert.deepEqual(
      firstOf(4, slow).map(({ dateTime }) => dateTime - BASE_TIME_MS),
      [0, 333, 666, 1_000],
    )
  })

  it('shuffles within groups only', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 3_000 }).filter((size) => size % 953 !== 0),
        fc.integer({ min: 0, max: 50 }),
        (outOfOrderGroupSize, group) => {
          const from = group * outOfOrderGroupSize
          const inOrder = nexmarkGenerator()
          const shuffled = nexmarkGenerator({ outOfOrderGroupSize })
          const wanted = firstOf(outOfOrderGroupSize, (index) => inOrder(from + index))
          const found = firstOf(outOfOrderGroupSize, (index) => shuffled(from + index))
          assert.equal(digestOfEvents(found), digestOfEvents(wanted))
          if (953 % outOfOrderGroupSize > 1) assert.notDeepEqual(found, wanted)
        },
      ),
      { numRuns: 10 },
    )
    assert.throws(() => nexmarkGenerator({ outOfOrderGroupSize: 1_906 }), /953/)
  })

  it('makes an event of nothing but its number and the options', () => {
    const again = nexmarkGenerator()
    for (const split of [2, 0, 1]) {
      for (let index = split; index < 3_000; index += 3) assert.deepEqual(again(index), events[index])
    }
    assert.notDeepEqual(firstOf(50, nexmarkGenerator({ seed: 2 })), events.slice(0, 50))
  })

  it('gives events of a kind one shape', () => {
    for (const kind of [people, auctions, bids]) {
      assert.equal(new Set(kind.slice(0, 1_000).map((event) => Object.keys(event).join())).size, 1)
    }
  })

  it('refuses options that it cannot follow', () => {
    for (const options of [{ eventsPerSecond: 0 }, { activePeople: 70_000 }, { seed: 0.5 }, { hotAuctionRatio: -1 }]) {
      assert.throws(() => nexmarkGenerator(options), RangeError)
    }
  })
})

function assertShare<T>(all: readonly T[], fits: (one: T) => boolean, share: number, tolerance: number): void {
  const found = all.filter(fits).length / all.length
  assert.ok(Math.abs(found - share) < tolerance, `${found} instead of ${share}`)
}

/** 8 bytes for a number, 1 for a character; channel and URL do not count. */
function sizeOf(event: NexmarkEvent): number {
  const { kind: _, ...fields } = event
  return Object.entries(fields).reduce((size, [name, value]) => {
    if (name === 'channel' || name === 'url') return size
    return size + (typeof value === 'number' ? 8 : value.length)
  }, 0)
}
