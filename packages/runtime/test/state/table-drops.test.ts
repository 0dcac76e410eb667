import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readSegment, SegmentWriter, type TableDescriptor } from '@millrace/core'
import { type DropsToSay, TableDrops } from '../../src/state/table-drops.ts'

const FIRST_GROUP = 4
const TABLE: TableDescriptor = { operatorUid: 'op', name: 'windows', kind: 'namespaced', version: 1, ttlMs: undefined }
const NO_BASE = Uint8Array.of(0, 0, 0)

describe('drops of a table', () => {
  it('are said by key group, in order, each once', () => {
    const drops = new TableDrops(FIRST_GROUP)
    drops.add(10, [4, 6], 0, at(1))
    drops.add(20, [4], 0, at(2))
    const toSay = drops.toSay(0, 'namespaced', NO_BASE)
    assert.deepEqual([said(toSay, 0), said(toSay, 1), said(toSay, 2)], [[10, 20], [], [10]])
    assert.deepEqual(said(toSay, 0), [])
  })

  it('are not said of key groups that get a base', () => {
    const drops = new TableDrops(FIRST_GROUP)
    drops.add(10, [4, 5], 0, at(1))
    const toSay = drops.toSay(0, 'namespaced', Uint8Array.of(1, 0, 0))
    assert.deepEqual([said(toSay, 0), said(toSay, 1)], [[], [10]])
  })

  it('are those that were there when the snapshot began, whatever comes and is forgotten meanwhile', () => {
    const drops = new TableDrops(FIRST_GROUP)
    drops.add(10, [4], 0, at(1))
    drops.add(20, [4], 0, at(2))
    const first = drops.toSay(0, 'namespaced', NO_BASE)
    drops.add(30, [4], 0, at(3))
    drops.forget({ completedEpoch: 1, knownEpoch: 2 })
    drops.add(40, [4], 0, at(3))
    assert.deepEqual(said(first, 0), [10, 20])
    assert.deepEqual(said(drops.toSay(0, 'namespaced', NO_BASE), 0), [20, 30, 40])
    drops.forget({ completedEpoch: 3, knownEpoch: 3 })
    assert.deepEqual(said(drops.toSay(0, 'namespaced', NO_BASE), 0), [])
  })

  it('are of what a snapshot knows that is complete or may become so, and no more once it was given up', () => {
    const drops = new TableDrops(FIRST_GROUP)
    drops.add(10, [4], 3, { epoch: 3, knownEpoch: 2 })
    assert.deepEqual(said(drops.toSay(0, 'namespaced', NO_BASE), 0), [])
    drops.add(20, [4], 2, { epoch: 4, knownEpoch: 3 })
    drops.add(30, [4], 3, { epoch: 4, knownEpoch: 3 })
    const underWay = drops.toSay(0, 'namespaced', NO_BASE)
    drops.forget({ completedEpoch: 1, knownEpoch: 2 })
    assert.deepEqual(said(drops.toSay(0, 'namespaced', NO_BASE), 0), [20])
    assert.deepEqual(said(underWay, 0), [20, 30], 'what a snapshot has to say stays')
  })
})

/** In an epoch, when the one before is known. */
function at(epoch: number): { readonly epoch: number; readonly knownEpoch: number } {
  return { epoch, knownEpoch: epoch - 1 }
}

/** The namespaces of what is left to say of a key group. */
function said(toSay: DropsToSay, group: number): readonly number[] {
  const writer = new SegmentWriter({
    kind: 'delta',
    checkpointId: 1,
    operatorUid: 'op',
    keyGroup: FIRST_GROUP + group,
    tables: [TABLE],
  })
  while (toSay.has(group)) toSay.sayNext(group, writer)
  const namespaces: number[] = []
  readSegment(writer.finish(), {
    onHeader: () => {},
    onPut: () => {},
    onDelete: () => {},
    onClear: () => {},
    onDropNamespace: (_table, namespace) => namespaces.push(namespace),
  })
  return namespaces
}
