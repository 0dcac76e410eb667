import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { PromiseReturned, StepFunctions } from '../../src/chain/step-functions.ts'
import type { FusedStep } from '../../src/index.ts'

const steps: readonly FusedStep[] = [
  { uid: 'keep-uid', name: 'keep', spec: { kind: 'filter', filter: (record) => Object.isFrozen(record) } },
  { uid: 'make-uid', name: 'make', spec: { kind: 'map', map: () => ({ n: 1 }) } },
]

describe('StepFunctions', () => {
  it("are the user's own outside of development mode", () => {
    const { calls } = new StepFunctions(steps, { subtask: 0, developmentMode: false })
    assert.deepEqual(
      calls,
      steps.map(({ spec }) => (spec.kind === 'map' ? spec.map : spec.filter)),
    )
  })

  it('freeze what the first is given and what a map gives in development mode', () => {
    const { calls } = new StepFunctions(steps, { subtask: 0, developmentMode: true })
    assert.equal(calls[0]?.({ n: 0 }), true)
    assert.equal(Object.isFrozen(calls[1]?.(0)), true)
  })

  it('name the step that an error comes from, and leave those of the output as they are', () => {
    const functions = new StepFunctions(steps, { subtask: 2, developmentMode: false })
    const cause = new Error('boom')
    const described = functions.describe(cause, 1)
    assert.ok(described instanceof MillraceError)
    assert.equal(described.message, 'The map function of "make" threw: boom')
    assert.deepEqual(described.details, { operator: 'make', uid: 'make-uid', subtask: 2 })
    assert.equal(functions.describe(cause, 2), cause)
    const promised = functions.describe(new PromiseReturned(Promise.resolve(1)), 0)
    assert.match(String(promised), /The filter function of "keep" returned a promise/)
  })
})
