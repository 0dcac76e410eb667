import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LocalStoreUsage, TableUsage } from '@millrace/core'
import { describeHolders, largestState, type StatefulTask } from '../../src/slot/largest-state.ts'

const MIB = 1_048_576
const table = (name: string, bytesEstimate: number, more: Partial<TableUsage> = {}): TableUsage => ({
  operatorUid: 'op',
  name,
  entries: 10,
  bytesEstimate,
  ...more,
})
const STORE: LocalStoreUsage = {
  cacheHits: 0,
  cacheMisses: 0,
  cacheBytes: 3 * MIB,
  diskBytes: 500 * MIB,
  deadShare: 0,
  cleanedBytes: 0,
}

function task(name: string, usage: readonly TableUsage[], store?: LocalStoreUsage): StatefulTask {
  return {
    task: { name },
    backend: { usage: () => usage, ...(store === undefined ? {} : { localStore: () => store }) },
  }
}

describe('what of a slot holds most of its memory', () => {
  it('is the largest state of all tasks', () => {
    const tasks = [
      task('a', [table('x', 5), table('y', 7)]),
      task('b', [table('z', 6)]),
      { ...task('c', []), backend: undefined },
    ]
    const largest = largestState(tasks)
    assert.equal(largest?.table.name, 'y')
    assert.equal(describeHolders(tasks, largest), 'Most is held by the state "y" of "op" in a: 10 entries.')
    assert.equal(describeHolders([], largestState([])), 'No task of it has keyed state.')
  })

  it('is not what is on the disk, but what is in memory beside it, and the caches', () => {
    const running = table('_window-running', 2 * MIB, { isInMemory: true })
    const tasks = [task('a', [table('x', 400 * MIB), running], STORE), task('b', [table('y', 90 * MIB)], STORE)]
    const largest = largestState(tasks)
    assert.equal(largest?.table.name, '_window-running')
    assert.equal(
      describeHolders(tasks, largest),
      'Most is held by the state "_window-running" of "op" in a: 10 entries. Of the keyed state on the local disk 6 MiB are in its caches.',
    )
    const resting = [task('a', [table('x', 400 * MIB)], STORE)]
    assert.equal(
      describeHolders(resting, largestState(resting)),
      'Of the keyed state on the local disk 3 MiB are in its caches.',
    )
  })
})
