/**
 * Windows against a slow, obvious recomputation: random records, watermarks, snapshots (completed and aborted), restores
 * at random parallelism, small outputs and short turns.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createOperator } from '@millrace/core'
import { OperatorHarness, type OperatorHarnessOptions } from '@millrace/testing'
import fc from 'fast-check'
import {
  collectAsBits,
  collectAsNumberOrText,
  collectAsText,
  collectInParts,
  collectInSets,
  collectMergeable,
  collectSingly,
  sliding,
  windowNode,
} from './operator-nodes.ts'
import { lastOf, MAX_PARALLELISM, play, type Shape, shapes, steps, WindowRun } from './window-run.ts'

for (const [form, aggregate] of [
  ['merging', collectMergeable],
  ['merging sets', collectInSets],
  ['merging text', collectAsText],
  ['merging numbers', collectAsBits],
  ['merging numbers of parts', collectInParts],
  ['merging numbers that turn to text', collectAsNumberOrText],
  ['not merging', collectSingly],
] as const) {
  const runOf = (shape: Shape, options: OperatorHarnessOptions) => {
    const node = windowNode(sliding(shape.sizeMs, shape.slideMs, shape.offsetMs), aggregate, shape.latenessMs)
    return new WindowRun(
      (more) => new OperatorHarness(createOperator(node), { maxParallelism: MAX_PARALLELISM, ...options, ...more }),
    )
  }
  const limits = fc.record({
    outputRoomRecords: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    unitsPerTurn: fc.constantFrom(1, 3, Number.POSITIVE_INFINITY),
    deltasMax: fc.nat(3),
    // Of the memory for running windows: without end, for none, for one that is let go of with each slice, for one.
    shareMemory: fc
      .constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 4_000, 8_000)
      .map((bytes) => () => () => bytes),
  })

  describe(`windows against a recomputation, ${form}`, () => {
    it('give the same results, however often restored', () => {
      fc.assert(
        fc.property(shapes, steps, limits, (shape, list, options) => {
          const run = runOf(shape, options)
          const expected = play(shape, list, run, true)
          assert.deepEqual(run.results.sort(), expected.results.sort())
          assert.deepEqual(run.late.sort(), expected.late.sort())
        }),
        { numRuns: 400 },
      )
    })

    it('end in the same results when the watermark comes back late after a restore', () => {
      fc.assert(
        fc.property(shapes, steps, limits, (shape, list, options) => {
          const run = runOf(shape, options)
          const expected = play(shape, list, run, false)
          assert.deepEqual(lastOf(run.results), lastOf(expected.results))
          assert.deepEqual(run.late.sort(), expected.late.sort())
        }),
        { numRuns: 400 },
      )
    })
  })
}
