/** Everything in files or inlined that a manifest names: segments of keyed state and data in flight. */
import type { CheckpointManifest, OperatorSnapshot, SegmentRef } from './manifest.ts'

export function segmentsNamedBy({ operators }: CheckpointManifest): readonly SegmentRef[] {
  return operators.flatMap((operator) => [...keyedSegmentsOf(operator), ...inFlightOf(operator)])
}

export function keyedSegmentsOf({ keyGroups }: OperatorSnapshot): readonly SegmentRef[] {
  return keyGroups.flatMap(({ segments }) => segments)
}

export function inFlightOf({ inFlight = [] }: OperatorSnapshot): readonly SegmentRef[] {
  return inFlight.map(({ segment }) => segment)
}
