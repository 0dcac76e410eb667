/**
 * The chain of segments that is the state of one operator in one key group: one base, then deltas, oldest first. A base or
 * delta of which more was encoded than fits into memory is several segments, the first and its continuations; together they
 * count as one.
 *
 * Invariant: continuations follow what they continue, in the order of encoding, and are of its kind and checkpoint.
 */
import type { SegmentRef } from './manifest.ts'

/** What is wrong with a chain, or `undefined`. */
export function chainProblem(segments: readonly SegmentRef[]): string | undefined {
  if (segments[0]?.kind !== 'base') return 'not one base followed by deltas'
  for (const [index, segment] of segments.entries()) {
    const before = segments[index - 1]
    if (segment.isContinuation === true) {
      if (!continues(segment, before)) return 'a continuation without what it continues'
    } else if ((segment.kind === 'base') !== (index === 0)) return 'not one base followed by deltas'
  }
  return undefined
}

/** Whether a continuation may stand behind a segment. */
export function continues(continuation: SegmentRef, before: SegmentRef | undefined): boolean {
  return before?.kind === continuation.kind && before.checkpointId === continuation.checkpointId
}

export interface ChainMeasures {
  /** Of the base with its continuations. */
  readonly baseBytes: number
  /** Continuations do not count. */
  readonly deltas: number
  /** Of all deltas with their continuations. */
  readonly deltaBytes: number
}

export function measureChain(segments: readonly SegmentRef[]): ChainMeasures {
  let baseBytes = 0
  let deltas = 0
  let deltaBytes = 0
  for (const { kind, lengthBytes, isContinuation } of segments) {
    if (kind === 'base') {
      baseBytes += lengthBytes
      continue
    }
    deltaBytes += lengthBytes
    if (isContinuation !== true) deltas++
  }
  return { baseBytes, deltas, deltaBytes }
}
