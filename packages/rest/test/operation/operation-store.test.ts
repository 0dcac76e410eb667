import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { OPERATIONS_MAX, OperationStore } from '../../src/operation/operation-store.ts'

function store() {
  const clock = { nowMs: 0 }
  return { clock, store: new OperationStore<string>({ keptMs: 1_000, now: () => clock.nowMs }) }
}

describe('an operation', () => {
  it('is started once for a key, and told while it runs and after it', async () => {
    const { store: operations } = store()
    const running = Promise.withResolvers<string>()
    let starts = 0
    const run = () => {
      starts++
      return running.promise
    }
    operations.start('a', run)
    operations.start('a', run)
    await turn()
    assert.equal(starts, 1)
    assert.deepEqual(operations.ask('a'), { kind: 'in-progress' })
    running.resolve('done')
    await turn()
    operations.start('a', run)
    assert.equal(starts, 1, 'the same operation, also when it has ended')
    assert.deepEqual(operations.ask('a'), { kind: 'completed', result: 'done' })
    assert.equal(operations.ask('b'), undefined)
  })

  it('that fails or throws is told as failed, with its error', async () => {
    const { store: operations } = store()
    operations.start('rejects', () => Promise.reject(new TypeError('no')))
    operations.start('throws', () => {
      throw new TypeError('no')
    })
    await turn()
    for (const key of ['rejects', 'throws']) {
      const state = operations.ask(key)
      assert.ok(state?.kind === 'failed')
      assert.deepEqual([state.error.name, state.error.message], ['TypeError', 'no'])
    }
  })

  it('is forgotten some time after its end, however long it ran', async () => {
    const { clock, store: operations } = store()
    const running = Promise.withResolvers<string>()
    operations.start('a', () => running.promise)
    clock.nowMs = 5_000
    assert.deepEqual(operations.ask('a'), { kind: 'in-progress' })
    running.resolve('done')
    await turn()
    clock.nowMs = 6_000
    assert.equal(operations.ask('a')?.kind, 'completed')
    clock.nowMs = 6_001
    assert.equal(operations.ask('a'), undefined)
  })

  it('makes room for a new one only when it has ended', async () => {
    const { store: operations } = store()
    const endless = Promise.withResolvers<string>()
    operations.start('ended', async () => 'done')
    await turn()
    for (let index = 1; index < OPERATIONS_MAX; index++) operations.start(`${index}`, () => endless.promise)
    operations.start('new', () => endless.promise)
    assert.equal(operations.ask('ended'), undefined, 'the ended one made room')
    assert.equal(operations.ask('1')?.kind, 'in-progress')
    assert.throws(() => operations.start('too many', () => endless.promise), { code: 'OPERATION_FAILED' })
  })

  it('is told when somebody has asked after its end', async () => {
    const { store: operations } = store()
    await operations.allTold()
    const running = Promise.withResolvers<string>()
    operations.start('a', () => running.promise)
    operations.ask('a')
    let isTold = false
    const told = operations.allTold().then(() => {
      isTold = true
    })
    running.resolve('done')
    await turn()
    assert.ok(!isTold)
    operations.ask('a')
    await told
  })
})
