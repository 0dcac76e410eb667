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
  return { states, facts: new JobFacts(plan, 100, (state, atMs) => states.push([state, atMs])) }
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
      { vertexId, subtask: 0, attempt: 1, state: 'CREATED', timestamps: { CREATED: 110 } },
      { vertexId, subtask: 1, attempt: 1, state: 'RUNNING', timestamps: { CREATED: 110, RUNNING: 111 } },
    ])
    facts.beginAttempt(2, 120)
    assert.deepEqual(facts.subtasks[1]?.timestamps, { CREATED: 120 })
  })

  it('what has not ended by itself ends with the attempt', () => {
    const { facts } = open()
    facts.onTaskState({ vertexId, subtask: 0 }, 'FINISHED', 111)
    facts.endTasks('CANCELED', 112)
    assert.deepEqual(
      facts.subtasks.map(({ state }) => state),
      ['FINISHED', 'CANCELED'],
    )
  })

  it('keeps the newest exceptions', () => {
    const { facts } = open()
    for (let i = 0; i < 20; i++) {
      facts.onException({ atMs: i, attempt: i, task: undefined, error: toErrorData(new Error(`${i}`)) })
    }
    assert.deepEqual([facts.exceptions.length, facts.exceptions[0]?.atMs, facts.exceptions.at(-1)?.atMs], [16, 4, 19])
  })
})
