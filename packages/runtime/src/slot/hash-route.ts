/** How records reach the subtask that owns their key, and what the user is told when a record has none. */
import type { KeySelector } from '@millrace/api'
import {
  compileKeyHashes,
  compileKeySelector,
  describeKeyFailure,
  hashKey,
  type PlanStep,
  type PlanVertex,
  subtaskOfKeyGroup,
} from '@millrace/core'
import type { HashRoute } from '../task/edge-writer.ts'

/** The route of an edge whose records are keyed by `selector` for the first step of `to`. */
export function hashRoute(selector: KeySelector, to: PlanVertex): HashRoute {
  const keyOf = compileKeySelector(selector)
  const hashAll = compileKeyHashes(selector)
  const receiver = to.steps[0] as PlanStep
  const channelOfGroup = new Uint16Array(to.maxParallelism)
  for (let group = 0; group < to.maxParallelism; group++) {
    channelOfGroup[group] = subtaskOfKeyGroup(group, to.parallelism, to.maxParallelism)
  }
  return {
    kind: 'hash',
    keyHashOf(record) {
      try {
        return hashKey(keyOf(record))
      } catch (cause) {
        throw describeKeyFailure(cause, selector, receiver, record)
      }
    },
    keyHashesOf(records) {
      const hashes: number[] = []
      try {
        hashAll(records, hashes)
      } catch (cause) {
        throw describeKeyFailure(cause, selector, receiver, records[hashes.length])
      }
      return hashes
    },
    channelOfGroup,
  }
}
