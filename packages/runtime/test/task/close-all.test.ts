import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { closeAll } from '../../src/task/close-all.ts'

describe('closeAll', () => {
  const closing = (calls: string[], name: string, fails: 'no' | 'now' | 'later') => () => {
    calls.push(name)
    if (fails === 'now') throw new Error(name)
    return fails === 'later' ? Promise.reject(new Error(name)) : Promise.resolve()
  }

  it('closes one after the other', async () => {
    const calls: string[] = []
    const slow = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve))
      calls.push('slow')
    }
    await closeAll([slow, closing(calls, 'next', 'no')])
    assert.deepEqual(calls, ['slow', 'next'])
  })

  it('throws what alone has failed, when all others are closed', async () => {
    for (const fails of ['now', 'later'] as const) {
      const calls: string[] = []
      const closes = [closing(calls, 'a', 'no'), closing(calls, 'b', fails), closing(calls, 'c', 'no')]
      await assert.rejects(closeAll(closes), { name: 'Error', message: 'b' })
      assert.deepEqual(calls, ['a', 'b', 'c'])
    }
  })

  it('names the first of several, and has them all', async () => {
    const calls: string[] = []
    const closes = [closing(calls, 'a', 'later'), closing(calls, 'b', 'no'), closing(calls, 'c', 'now')]
    await assert.rejects(closeAll(closes), (error) => {
      assert.ok(error instanceof AggregateError)
      assert.deepEqual([error.message, (error.cause as Error).message, error.errors.length], ['a; then: c', 'a', 2])
      return true
    })
    assert.deepEqual(calls, ['a', 'b', 'c'])
  })
})
