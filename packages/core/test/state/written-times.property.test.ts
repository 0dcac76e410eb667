/** Counts by time of writing against a list of times; the clock of writers goes back now and then. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WrittenTimes } from '@millrace/core'
import fc from 'fast-check'

type Step = { readonly kind: 'add' | 'remove'; readonly pick: number }

const steps = fc.array(
  fc.record({ kind: fc.constantFrom<Step['kind']>('add', 'add', 'remove'), pick: fc.nat(100_000) }),
  { maxLength: 120 },
)

test('says of entries that they have expired only when they have, and at most a part of the time to live later', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5_000 }), fc.boolean(), (run, ttlMs, drifts) => {
      const times = new WrittenTimes(ttlMs)
      const model: number[] = []
      const lagMs = Math.max(1, Math.ceil(ttlMs / 32))
      let nowMs = 50_000
      for (const { kind, pick } of run) {
        nowMs += drifts ? (pick % 700) - 100 : pick % 40
        if (kind === 'add') {
          model.push(nowMs)
          times.add(nowMs)
        } else if (model.length > 0) {
          const [gone] = model.splice(pick % model.length, 1)
          times.remove(gone as number)
        }
        for (const atMs of [nowMs, nowMs + (pick % (ttlMs * 3))]) {
          const surely = model.filter((timeMs) => atMs - timeMs >= ttlMs + lagMs * 2).length
          const atMost = model.filter((timeMs) => atMs - timeMs >= ttlMs).length
          const counted = times.expiredAt(atMs)
          assert.ok(counted <= atMost, `${counted} counted, ${atMost} expired`)
          // What is older than the ring is known only as that.
          const oldest = Math.max(nowMs, ...model) - ttlMs * 3
          if (model.every((timeMs) => timeMs > oldest)) assert.ok(counted >= surely, `${counted} counted of ${surely}`)
        }
        const { nextExpiryMs } = times
        assert.equal(nextExpiryMs === undefined, model.length === 0)
        if (nextExpiryMs !== undefined) assert.ok(times.expiredAt(nextExpiryMs) > 0)
        const moreAtMs = times.nextExpiryAfter(nowMs)
        if (moreAtMs === undefined) {
          assert.equal(times.expiredAt(nowMs), times.expiredAt(nowMs + ttlMs * 1_000), 'no more will expire')
        } else {
          assert.ok(moreAtMs > nowMs && times.expiredAt(moreAtMs) > times.expiredAt(nowMs))
          assert.equal(times.expiredAt(moreAtMs - 1), times.expiredAt(nowMs), 'none expires before')
        }
      }
    }),
  )
})

test('knows entries that are much older than the others as expired', () => {
  const times = new WrittenTimes(100)
  times.add(1_000)
  times.add(1_000_000)
  assert.equal(times.expiredAt(1_000_000), 1)
  times.remove(1_000)
  assert.equal(times.expiredAt(1_000_000), 0)
  assert.equal(times.expiredAt(1_000_110), 1)
})
