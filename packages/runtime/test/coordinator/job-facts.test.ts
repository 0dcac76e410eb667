import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildGraph, collect, defineJob, generator, toErrorData } from '@millrace/api'
import { compilePlan } from '@millrace/core'
import { JobFacts } from '../../src/coordinator/job-facts.ts'

const plan = compilePlan(
  buildGraph(
    defineJob({
      name: 'job',
      build: (env) => env.from(generator({ records: 1, generate: (n) => n })).to(collect('out')),
    }),
    {},
  ),
  { parallelism: 2 },
)
const vertexId = plan.vertices[0]?.id as string

function open() {
  const states: unknown[] = []
  return { states, facts: new JobFacts('0'.repeat(32), plan, 100, (state, atMs) => states.push([state, atMs])) }
}

describe('JobFacts', () => {
  it('keeps when each state was entered and tells of each once', () => {
    const { states, facts } = open()
    facts.enter('INITIALIZING', 101)
    facts.enter('RUNNING', 102)
    facts.enter('RUNNING', 103)
    assert.deepEqual(states, [
      ['INITIALIZING', 101],
      ['RUNNING', 102],
    ])
    assert.deepEqual([facts.state, facts.timestamps], ['RUNNING', { CREATED: 100, INITIALIZING: 101, RUNNING: 102 }])
  })

  it('keeps the states of every subtask in the present attempt', () => {
    const { facts } = open()
    facts.beginAttempt(1, 110)
    facts.onTaskState({ vertexId, subtask: 1 }, 'RUNNING', 111)
    facts.onTaskState({ vertexId: 'unknown', subtask: 0 }, 'RUNNING', 111)
    assert.deepEqual(facts.subtasks, [
      { vertexId, subtask: 0, attempt: 1, slot: undefined, state: 'CREATED', timestamps: { CREATED: 110 } },
      {
        vertexId,
        subtask: 1,
        attempt: 1,
        slot: undefined,
        state: 'RUNNING',
        timestamps: { CREATED: 110, RUNNING: 111 },
      },
    ])
    facts.beginAttempt(2, 120)
    assert.deepEqual(facts.subtasks[1]?.timestamps, { CREATED: 120 })
  })

  const started = () => {
    const { facts } = open()
    for (const subtask of [0, 1]) {
      facts.onTaskState({ vertexId, subtask }, 'SCHEDULED', 101)
      facts.onDeployed({ vertexId, subtask }, subtask, 102)
      facts.onTaskState({ vertexId, subtask }, 'RUNNING', 103)
    }
    return facts
  }
  for (const { name, ending, states } of [
    {
      name: 'the task that failed',
      ending: { kind: 'failed', task: { vertexId, subtask: 1 }, slot: 1 },
      states: ['CANCELED', 'FAILED'],
    },
    {
      name: 'the slot that was lost',
      ending: { kind: 'failed', task: undefined, slot: 0 },
      states: ['FAILED', 'CANCELED'],
    },
    { name: 'no task', ending: { kind: 'failed', task: undefined, slot: undefined }, states: ['CANCELED', 'CANCELED'] },
    { name: 'nobody, when it is cancelled', ending: { kind: 'canceled' }, states: ['CANCELED', 'CANCELED'] },
    { name: 'nobody, when it stops with a savepoint', ending: { kind: 'finished' }, states: ['FINISHED', 'FINISHED'] },
  ] as const) {
    it(`at the end of an attempt has failed: ${name}`, () => {
      const facts = started()
      facts.onTasksEnding(ending, 110)
      facts.endAttempt(ending.kind, [], 112)
      assert.deepEqual(
        facts.subtasks.map(({ state }) => state),
        states,
      )
    })
  }

  it('keeps what ended by itself, the states on the way and the attempts before', () => {
    const facts = started()
    facts.onTaskState({ vertexId, subtask: 0 }, 'FINISHED', 111)
    facts.onTasksEnding({ kind: 'canceled' }, 112)
    facts.endAttempt('canceled', [], 113)
    const [first] = facts.history().attempts
    assert.deepEqual(first?.subtasks[0]?.timestamps, {
      CREATED: 100,
      SCHEDULED: 101,
      DEPLOYING: 102,
      RUNNING: 103,
      FINISHED: 111,
    })
    assert.deepEqual(first?.subtasks[1]?.timestamps, {
      CREATED: 100,
      SCHEDULED: 101,
      DEPLOYING: 102,
      RUNNING: 103,
      CANCELING: 112,
      CANCELED: 113,
    })
    assert.deepEqual([first?.subtasks[1]?.slot, first?.startedAtMs, first?.endedAtMs], [1, 100, 113])
    for (let attempt = 1; attempt < 30; attempt++) {
      facts.beginAttempt(attempt, 200 + attempt)
      facts.endAttempt('failed', [], 201 + attempt)
    }
    assert.deepEqual(
      facts.history().attempts.map(({ attempt }) => attempt),
      Array.from({ length: 16 }, (_, i) => i + 14),
    )
  })

  it('keeps every change of state, also into one that was before', () => {
    const { facts } = open()
    for (const [at, state] of (['RUNNING', 'RESTARTING', 'RUNNING'] as const).entries()) facts.enter(state, 101 + at)
    assert.deepEqual(
      facts.history().changes.map(({ state, atMs }) => `${state} ${atMs}`),
      ['CREATED 100', 'RUNNING 101', 'RESTARTING 102', 'RUNNING 103'],
    )
  })

  it('keeps the newest exceptions', () => {
    const { facts } = open()
    for (let i = 0; i < 20; i++) {
      facts.onException({
        atMs: i,
        attempt: i,
        task: undefined,
        slot: undefined,
        error: toErrorData(new Error(`${i}`)),
      })
    }
    assert.equal(facts.history().exceptionsDropped, 4)
    assert.deepEqual([facts.exceptions.length, facts.exceptions[0]?.atMs, facts.exceptions.at(-1)?.atMs], [16, 4, 19])
  })
})
