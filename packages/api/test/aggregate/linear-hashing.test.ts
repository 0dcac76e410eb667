import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mixBits, pageOf, pageToSplit } from '../../src/aggregate/linear-hashing.ts'

test('a new page takes from one other, and nothing moves between the rest', () => {
  const hashes = Array.from({ length: 2_000 }, (_, i) => mixBits(i))
  for (let pages = 1; pages < 40; pages++) {
    for (const hash of hashes) {
      const before = pageOf(hash, pages)
      const after = pageOf(hash, pages + 1)
      assert.ok(before < pages)
      if (after !== before) assert.deepEqual([before, after], [pageToSplit(pages), pages])
    }
  }
})

test('pages get about as much each, and at most twice what another gets', () => {
  for (const pages of [1, 2, 3, 8, 13]) {
    const counts = new Array<number>(pages).fill(0)
    for (let i = 0; i < 40_000; i++) {
      const page = pageOf(mixBits(i), pages)
      counts[page] = (counts[page] as number) + 1
    }
    assert.ok(Math.max(...counts) < 2.3 * Math.min(...counts), counts.join())
  }
})
