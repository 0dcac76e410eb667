import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HeldSlices, NONE, placeOf } from '../../src/window/held-slices.ts'

const PAGE = 4_096

describe('HeldSlices', () => {
  it('links entries, each with its own end and accumulator', () => {
    const slices = new HeldSlices()
    const entries = Array.from({ length: PAGE * 2 + 10 }, (_, n) => {
      const entry = slices.add(n * 10)
      slices.columnOf(entry).set(placeOf(entry), n)
      return entry
    })
    entries.forEach((entry, n) => {
      if (n > 0) slices.link(entries[n - 1] as number, entry)
    })
    entries.forEach((entry, n) => {
      assert.equal(slices.end(entry), n * 10)
      assert.equal(slices.columnOf(entry).get(placeOf(entry)), n)
      assert.equal(slices.previous(entry), entries[n - 1] ?? NONE)
      assert.equal(slices.next(entry), entries[n + 1] ?? NONE)
    })
    assert.equal(slices.count, entries.length)
  })

  it('uses the room of entries that are gone, and lets go of pages without any', () => {
    const slices = new HeldSlices()
    let held: number[] = []
    let most = 0
    for (let round = 0; round < 10; round++) {
      const added = Array.from({ length: PAGE * 3 }, () => slices.add(round))
      assert.equal(new Set([...held, ...added]).size, held.length + added.length)
      for (const entry of held) slices.free(entry)
      held = added
      if (round < 2) most = Math.max(most, slices.bytes)
    }
    assert.ok(slices.bytes <= most, `${slices.bytes} bytes, ${most} at first`)
    for (const entry of held) slices.free(entry)
    assert.equal(slices.count, 0)
    assert.ok(slices.bytes * 3 <= most, `${slices.bytes} bytes of ${most}`)
  })

  it('gives a freed entry anew without its neighbours', () => {
    const slices = new HeldSlices()
    const [a, b] = [slices.add(1), slices.add(2)]
    slices.link(a, b)
    slices.free(a)
    slices.link(NONE, b)
    const c = slices.add(3)
    assert.equal(c, a)
    assert.equal(slices.next(c), NONE)
    assert.equal(slices.previous(b), NONE)
  })
})
