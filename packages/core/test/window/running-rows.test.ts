import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashKey } from '../../src/key/key-hash.ts'
import { PAGE_MASK, PAGE_ROWS, RunningRows } from '../../src/window/running-rows.ts'

/** Fills every column with what the key says, so that a row that has moved can be told. */
function add(rows: RunningRows, n: number): void {
  const row = rows.add(hashKey(n), n)
  const page = rows.pageOf(row)
  const at = row & PAGE_MASK
  page.wholeUntil[at] = n
  page.blocks[at] = n + 0.5
  page.first[at] = n
  page.last[at] = n + 1
  page.marks[at] = n % 7
  page.back.set(at, [n])
  page.whole.set(at, n)
}

function check(rows: RunningRows, n: number): void {
  const row = rows.find(hashKey(n), n)
  const page = rows.pageOf(row)
  const at = row & PAGE_MASK
  assert.deepEqual(
    [
      page.keys[at],
      page.hashes[at],
      page.wholeUntil[at],
      page.blocks[at],
      page.first[at],
      page.last[at],
      page.marks[at],
    ],
    [n, hashKey(n), n, n + 0.5, n, n + 1, n % 7],
  )
  assert.deepEqual(page.back.get(at), [n])
  assert.equal(page.whole.get(at), n)
}

describe('RunningRows', () => {
  it('stay dense when keys go, and each key keeps what it has', () => {
    const rows = new RunningRows()
    const count = PAGE_ROWS * 2 + 100
    for (let n = 0; n < count; n++) add(rows, n)
    const full = rows.bytes
    for (let n = 0; n < count; n += 2) rows.remove(rows.find(hashKey(n), n))
    assert.equal(rows.count, count / 2)
    for (let n = 0; n < count; n++) {
      if (n % 2 === 0) assert.equal(rows.find(hashKey(n), n), -1)
      else check(rows, n)
    }
    assert.equal(
      new Set(Array.from({ length: rows.count }, (_, row) => rows.pageOf(row).keys[row & PAGE_MASK])).size,
      count / 2,
    )
    for (let n = 1; n < count; n += 2) rows.remove(rows.find(hashKey(n), n))
    assert.equal(rows.count, 0)
    assert.ok(rows.bytes * 100 < full, `${rows.bytes} bytes are left of ${full}`)
    add(rows, 5)
    check(rows, 5)
  })
})
