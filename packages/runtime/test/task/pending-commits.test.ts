import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { MillraceError, PlainValue, SinkCommitter } from '@millrace/api'
import { PendingCommits } from '../../src/task/pending-commits.ts'

/** Commits end when they are told to, by order of their calls. */
class SteppedCommitter implements SinkCommitter<PlainValue> {
  readonly calls: (readonly PlainValue[])[] = []
  readonly #ends: PromiseWithResolvers<void>[] = []
  isClosed = false

  commit(committables: readonly PlainValue[]): Promise<void> {
    this.calls.push(committables)
    const end = Promise.withResolvers<void>()
    this.#ends.push(end)
    return end.promise
  }

  async end(error?: Error): Promise<void> {
    const end = this.#ends.shift()
    if (error === undefined) end?.resolve()
    else end?.reject(error)
    await setImmediate()
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

function open() {
  const committer = new SteppedCommitter()
  const told: unknown[] = []
  const commits = new PendingCommits(
    committer,
    'Out',
    (id) => told.push(id),
    (error) => told.push(error),
  )
  return { committer, commits, told }
}

describe('PendingCommits', () => {
  it('commits what was prepared up to the checkpoint, an aborted one before it included, and forgets it then', async () => {
    const { committer, commits, told } = open()
    commits.add(1, ['a'])
    commits.add(2, [])
    commits.add(3, ['c'])
    commits.add(4, ['d'])
    commits.commitUpTo(3)
    await setImmediate()
    assert.deepEqual(committer.calls, [['a', 'c']])
    assert.deepEqual(
      [commits.upTo(3), commits.upTo(4)],
      [
        ['a', 'c'],
        ['a', 'c', 'd'],
      ],
    )
    commits.add(5, ['e'])
    await committer.end()
    assert.deepEqual([commits.upTo(9), told], [['d', 'e'], [3]])
  })

  it('runs one commit after the other', async () => {
    const { committer, commits, told } = open()
    commits.add(1, ['a'])
    commits.commitUpTo(1)
    commits.add(2, ['b'])
    commits.commitUpTo(2)
    await setImmediate()
    assert.deepEqual(committer.calls, [['a']])
    await committer.end()
    assert.deepEqual(committer.calls, [['a'], ['b']])
    await committer.end()
    assert.deepEqual(told, [1, 2])
  })

  it('tells of a checkpoint for which nothing is due', async () => {
    const { committer, commits, told } = open()
    commits.commitUpTo(1)
    await setImmediate()
    assert.deepEqual([committer.calls, told], [[], [1]])
  })

  it('keeps what could not be committed', async () => {
    const { committer, commits, told } = open()
    commits.add(1, ['a'])
    commits.commitUpTo(1)
    await setImmediate()
    await committer.end(new Error('refused'))
    assert.deepEqual(commits.upTo(1), ['a'])
    const [error] = told as [MillraceError]
    assert.equal(error.code, 'SINK_COMMIT_FAILED')
    assert.match(error.message, /"Out" could not commit checkpoint 1: refused/)
  })

  it('waits for a commit under way when it closes, and begins no other', async () => {
    const { committer, commits } = open()
    commits.add(1, ['a'])
    commits.commitUpTo(1)
    commits.add(2, ['b'])
    commits.commitUpTo(2)
    await setImmediate()
    const closed = commits.close()
    await setImmediate()
    assert.equal(committer.isClosed, false)
    await committer.end()
    await closed
    assert.deepEqual(committer.calls, [['a']])
    assert.equal(committer.isClosed, true)
  })
})
