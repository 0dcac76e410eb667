import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildGraph, defineJob, generator, MillraceError, type Sink, type SinkTargetContext } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import type { CoordinatorOptions } from '../../src/coordinator/coordinator-ports.ts'
import { SinkTargets } from '../../src/coordinator/sink-targets.ts'
import { manifestOf } from '../checkpoint-storage/checkpoint-samples.ts'

function open(more: Partial<Sink<number>>) {
  const sink: Sink<number> = {
    kind: 'recording',
    options: {},
    guarantee: 'exactly-once',
    openWriter: () => assert.fail('no writer is opened here'),
    ...more,
  }
  const graph = buildGraph(
    defineJob({
      name: 'job',
      build: (env) => env.from(generator({ records: 1, generate: (n) => n })).to(sink, { uid: 'out' }),
    }),
    {},
  )
  const options = { graph, files: undefined, lineage: 'l', discardNewer: true, observer: { onMessage: () => {} } }
  const collected: unknown[] = []
  const targets = new SinkTargets(options as unknown as CoordinatorOptions, (...delivery) => collected.push(delivery))
  return { targets, collected }
}

function checkpointWith(committables: readonly string[], entries: readonly string[] = []): CheckpointManifest {
  const manifest = manifestOf(3, [])
  return { ...manifest, operators: manifest.operators.map((each) => ({ ...each, uid: 'out', committables, entries })) }
}

describe('SinkTargets', () => {
  it('has every target prepared, with what the restored checkpoint holds of it', async () => {
    const seen: SinkTargetContext[] = []
    const { targets } = open({ prepareTarget: async (context) => void seen.push(context) })
    await targets.prepare(undefined, true)
    await targets.prepare(checkpointWith(['part'], ['state']), false)
    const facts = seen.map(
      ({ uid, lineage, restoredCheckpoint, firstAttempt, discardNewer, pending, writerStates }) => ({
        ...{ uid, lineage, restoredCheckpoint, firstAttempt, discardNewer, pending, writerStates },
      }),
    )
    // What a later attempt finds is this run's own.
    const same = { uid: 'out', lineage: 'l' }
    assert.deepEqual(facts, [
      { ...same, discardNewer: true, restoredCheckpoint: undefined, firstAttempt: true, pending: [], writerStates: [] },
      {
        ...same,
        discardNewer: false,
        restoredCheckpoint: 3,
        firstAttempt: false,
        pending: ['part'],
        writerStates: ['state'],
      },
    ])
  })

  it('commits what the restored checkpoint prepared, and closes the committer', async () => {
    const calls: unknown[] = []
    const { targets, collected } = open({
      openCommitter: async ({ deliver }) => ({
        commit: async (parts) => {
          calls.push(parts)
          deliver?.('name', 'id', parts)
        },
        close: async () => void calls.push('closed'),
      }),
    })
    await targets.commit(checkpointWith(['part']))
    assert.deepEqual([calls, collected], [[['part'], 'closed'], [['name', 'id', ['part']]]])
    await targets.commit(checkpointWith([]))
    assert.equal(calls.length, 2)
  })

  it('closes the committer of a commit that fails', async () => {
    let isClosed = false
    const { targets } = open({
      openCommitter: async () => ({
        commit: () => Promise.reject(new Error('away')),
        close: async () => {
          isClosed = true
        },
      }),
    })
    await assert.rejects(targets.commit(checkpointWith(['part'])), /away/)
    assert.equal(isClosed, true)
  })

  it('refuses prepared output of a sink that has no committer', async () => {
    await assert.rejects(
      open({}).targets.commit(checkpointWith(['part'])),
      (error) => error instanceof MillraceError && error.code === 'CHECKPOINT_OTHER_JOB',
    )
  })
})
