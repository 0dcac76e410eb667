import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SubtaskFacts, SubtaskState } from '@millrace/runtime'
import { decideVertexState, stateDurations, subtaskSpan, vertexSpan } from '../../src/view/state-counts.ts'

function facts(state: SubtaskState, timestamps: SubtaskFacts['timestamps']): SubtaskFacts {
  return { vertexId: 'v', subtask: 0, attempt: 0, slot: 0, state, timestamps }
}

describe('the state of a vertex', () => {
  const cases: readonly (readonly [readonly SubtaskState[], SubtaskState])[] = [
    [['RUNNING', 'FAILED', 'CANCELED'], 'FAILED'],
    [['CANCELING', 'CANCELED'], 'CANCELING'],
    [['FINISHED', 'CANCELED'], 'CANCELED'],
    [['RUNNING', 'INITIALIZING'], 'INITIALIZING'],
    [['RUNNING', 'FINISHED'], 'RUNNING'],
    [['FINISHED', 'SCHEDULED'], 'RUNNING'],
    [['FINISHED', 'FINISHED'], 'FINISHED'],
    [['SCHEDULED', 'DEPLOYING', 'CREATED'], 'CREATED'],
  ]
  for (const [states, expected] of cases) {
    it(`of ${states.join(', ')} is ${expected}`, () => assert.equal(decideVertexState(states), expected))
  }
})

describe('times', () => {
  const running = facts('RUNNING', { CREATED: 100, SCHEDULED: 110, DEPLOYING: 120, INITIALIZING: 150, RUNNING: 200 })
  const canceled = facts('CANCELED', { CREATED: 100, SCHEDULED: 105, DEPLOYING: 130, CANCELING: 300, CANCELED: 310 })
  const waiting = facts('SCHEDULED', { CREATED: 100, SCHEDULED: 110 })

  it('of a subtask begin when it is deployed', () => {
    assert.deepEqual(subtaskSpan(running, 500), { 'start-time': 120, 'end-time': -1, duration: 380 })
    assert.deepEqual(subtaskSpan(canceled, 500), { 'start-time': 130, 'end-time': 310, duration: 180 })
    assert.deepEqual(subtaskSpan(waiting, 500), { 'start-time': -1, 'end-time': -1, duration: -1 })
  })

  it('of a vertex are from the first to the last', () => {
    assert.deepEqual(vertexSpan([running, canceled], 500), { 'start-time': 120, 'end-time': -1, duration: 380 })
    assert.deepEqual(vertexSpan([canceled], 500), { 'start-time': 130, 'end-time': 310, duration: 180 })
    assert.deepEqual(vertexSpan([waiting], 500), { 'start-time': -1, 'end-time': -1, duration: -1 })
    assert.deepEqual(vertexSpan([], 500), { 'start-time': -1, 'end-time': -1, duration: -1 })
  })

  it('in each state are up to the next, and −1 for one that was not entered', () => {
    assert.deepEqual(stateDurations(running, 500), {
      CREATED: 10,
      SCHEDULED: 10,
      DEPLOYING: 30,
      INITIALIZING: 50,
      RUNNING: 300,
    })
    assert.deepEqual(stateDurations(canceled, 500), {
      CREATED: 5,
      SCHEDULED: 25,
      DEPLOYING: 170,
      INITIALIZING: -1,
      RUNNING: -1,
    })
  })
})
