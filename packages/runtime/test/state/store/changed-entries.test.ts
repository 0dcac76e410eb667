import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChangedEntries } from '../../../src/state/store/changed-entries.ts'
import type { Entry } from '../../../src/state/store/entry-cache.ts'
import { RecordMap } from '../../../src/state/store/record-map.ts'

describe('changed entries', () => {
  it('come in the order in which they changed, those that have gone left out', () => {
    const changed = new ChangedEntries()
    const [first, second, third] = [entry(1), entry(2), entry(3)]
    for (const [index, each] of [first, second, third].entries()) changed.add(each, index + 1)
    second.isDirty = false
    assert.deepEqual([changed.take(), changed.take(), changed.take()], [first, third, undefined])
    changed.onWritten()
    assert.equal(changed.size, 0)
  })

  it('come once more when they could not be written, and only those that were not', () => {
    const changed = new ChangedEntries()
    const entries = Array.from({ length: 5 }, (_, key) => entry(key))
    for (const each of entries) changed.add(each, 5)
    assert.deepEqual([changed.take(), changed.take()], entries.slice(0, 2))
    changed.onWritten()
    assert.equal(changed.take(), entries[2])
    changed.onFailed()
    assert.deepEqual([changed.take(), changed.take(), changed.take(), changed.take()], [...entries.slice(2), undefined])
  })

  it('keep no more than twice as many as there are, however many come and go', () => {
    const changed = new ChangedEntries()
    const kept = [entry(-1), entry(-2)]
    for (const each of kept) changed.add(each, 2)
    for (let key = 0; key < 10_000; key++) {
      const gone = entry(key)
      changed.add(gone, 3)
      gone.isDirty = false
      assert.ok(changed.size <= 1_024 + 6, `${changed.size} entries`)
    }
    assert.deepEqual([changed.take(), changed.take(), changed.take()], [...kept, undefined])
  })
})

function entry(key: number): Entry {
  return {
    map: new RecordMap({} as RecordMap['table'], -1, undefined, 0, 0),
    hash: key,
    key,
    keyGroup: 0,
    value: key,
    isLive: true,
    isDirty: true,
    freshEpoch: -1,
    writtenAtMs: undefined,
    bytes: 100,
    keyBytes: 0,
    row: key,
  }
}
