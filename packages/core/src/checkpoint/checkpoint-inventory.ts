/**
 * What retained checkpoints hold and owe one another: which bytes each wrote, which of earlier ones it refers to, who
 * refers to its own, and what would be free without it. Computed from manifests alone; nothing is read or decided here.
 */
import type { CheckpointId } from '../channel/stream-element.ts'
import type { CheckpointManifest, OperatorSnapshot, SegmentRef, VertexMeasures } from './manifest.ts'
import { inFlightOf, keyedSegmentsOf, segmentsNamedBy } from './manifest-segments.ts'
import { measureChain } from './segment-chain.ts'

/** Bytes and segments that two checkpoints share. */
export interface SharedBytes {
  readonly checkpointId: CheckpointId
  readonly bytes: number
  readonly segments: number
}

export interface OperatorContents {
  readonly uid: string
  readonly name: string
  readonly parallelism: number
  /** Keyed state that the checkpoint names. */
  readonly stateBytes: number
  /** Of it, what the checkpoint itself wrote. */
  readonly ownBytes: number
  /** Key groups with keyed state. */
  readonly keyGroups: number
  /** Prepared by a sink, waiting to be committed. */
  readonly committables: number
}

export interface CheckpointContents {
  readonly checkpointId: CheckpointId
  readonly kind: CheckpointManifest['kind']
  readonly jobName: string
  readonly triggeredAtMs: number
  readonly completedAtMs: number
  readonly isFinal: boolean
  /** Keyed state that a restore reads. */
  readonly stateBytes: number
  /** Of it, what this checkpoint itself wrote. */
  readonly ownBytes: number
  /** Records that barriers had overtaken: a restore works them off first. */
  readonly inFlightBytes: number
  /** Of its own, what is within the manifest. */
  readonly inlineBytes: number
  /** Its own bases and deltas, each with its continuations. */
  readonly ownBases: number
  readonly ownDeltas: number
  /** What earlier checkpoints wrote and this one refers to; oldest first. */
  readonly reused: readonly SharedBytes[]
  /** Deltas that a restore reads over the base of one key group, at the most. */
  readonly deltasMax: number
  /** Retained checkpoints that refer to what this one wrote; oldest first. */
  readonly neededBy: readonly SharedBytes[]
  /** Of its own bytes, what any of those refers to; each segment counts once. */
  readonly neededBytes: number
  /** Segment files that no other retained checkpoint names, and the bytes that are named in them. */
  readonly ownFiles: number
  readonly freedBytes: number
  readonly operators: readonly OperatorContents[]
  /** What its tasks measured; empty when the Millrace that took it did not store that. */
  readonly measures: readonly VertexMeasures[]
}

/** One for each manifest, oldest first. Savepoints may be among them: they share nothing. */
export function takeInventory(manifests: readonly CheckpointManifest[]): readonly CheckpointContents[] {
  const ascending = [...manifests].sort((a, b) => a.checkpointId - b.checkpointId)
  const named = new Map(ascending.map((manifest) => [manifest, manifest.operators.flatMap(keyedSegmentsOf)]))
  const namesOfFile = new Map<string, number>()
  for (const manifest of ascending) {
    for (const file of filesIn(segmentsNamedBy(manifest))) namesOfFile.set(file, (namesOfFile.get(file) ?? 0) + 1)
  }
  return ascending.map((manifest) => {
    const segments = named.get(manifest) ?? []
    const { checkpointId } = manifest
    const own = segments.filter((ref) => isOwn(ref, manifest))
    const begun = own.filter(({ isContinuation }) => isContinuation !== true)
    const all = segmentsNamedBy(manifest)
    const ownFiles = [...filesIn(all)].filter((file) => namesOfFile.get(file) === 1)
    const alone = new Set(ownFiles)
    const needs = ascending.flatMap((other): readonly SharedSegments[] => {
      if (other.checkpointId <= checkpointId || other.kind === 'savepoint') return []
      const shared = (named.get(other) ?? []).filter((ref) => ref.checkpointId === checkpointId)
      return shared.length === 0 ? [] : [{ by: other.checkpointId, segments: shared }]
    })
    return {
      checkpointId,
      kind: manifest.kind,
      jobName: manifest.jobName,
      triggeredAtMs: manifest.triggeredAtMs,
      completedAtMs: manifest.completedAtMs,
      isFinal: manifest.isFinal,
      stateBytes: bytesOf(segments),
      ownBytes: bytesOf(own),
      inFlightBytes: bytesOf(manifest.operators.flatMap(inFlightOf)),
      inlineBytes: bytesOf(own.filter(({ location }) => location.kind === 'inline')),
      ownBases: begun.filter(({ kind }) => kind === 'base').length,
      ownDeltas: begun.filter(({ kind }) => kind === 'delta').length,
      reused: reusedBy(segments.filter((ref) => !isOwn(ref, manifest))),
      deltasMax: deltasMaxOf(manifest),
      neededBy: needs.map(({ by, segments: shared }) => ({
        checkpointId: by,
        bytes: bytesOf(shared),
        segments: shared.length,
      })),
      neededBytes: bytesOf([
        ...new Map(needs.flatMap(({ segments: shared }) => shared.map((ref) => [placeOf(ref), ref]))).values(),
      ]),
      ownFiles: ownFiles.length,
      freedBytes: bytesOf(all.filter(({ location }) => location.kind === 'file' && alone.has(location.file))),
      operators: manifest.operators.map((operator) => contentsOf(operator, manifest)),
      measures: manifest.measures ?? [],
    }
  })
}

interface SharedSegments {
  readonly by: CheckpointId
  readonly segments: readonly SegmentRef[]
}

/** Of a segment, whichever manifest names it; inlined ones are copied from manifest to manifest. */
function placeOf({ location, checkpointId, crc32c }: SegmentRef): string {
  return location.kind === 'file'
    ? `${location.file} ${location.offsetBytes}`
    : `inline ${checkpointId} ${crc32c} ${location.base64}`
}

/** A savepoint owns all that it names, whichever checkpoint's number the segments carry. */
function isOwn(ref: SegmentRef, { kind, checkpointId }: CheckpointManifest): boolean {
  return kind === 'savepoint' || ref.checkpointId === checkpointId
}

function contentsOf(operator: OperatorSnapshot, manifest: CheckpointManifest): OperatorContents {
  const segments = keyedSegmentsOf(operator)
  return {
    uid: operator.uid,
    name: operator.name,
    parallelism: operator.parallelism,
    stateBytes: bytesOf(segments),
    ownBytes: bytesOf(segments.filter((ref) => isOwn(ref, manifest))),
    keyGroups: operator.keyGroups.length,
    committables: operator.committables.length,
  }
}

function deltasMaxOf({ operators }: CheckpointManifest): number {
  let most = 0
  for (const { keyGroups } of operators) {
    for (const { segments } of keyGroups) most = Math.max(most, measureChain(segments).deltas)
  }
  return most
}

function filesIn(segments: readonly SegmentRef[]): ReadonlySet<string> {
  const files = new Set<string>()
  for (const { location } of segments) if (location.kind === 'file') files.add(location.file)
  return files
}

function reusedBy(segments: readonly SegmentRef[]): readonly SharedBytes[] {
  return [...Map.groupBy(segments, ({ checkpointId }) => checkpointId)]
    .map(([checkpointId, own]) => ({ checkpointId, bytes: bytesOf(own), segments: own.length }))
    .sort((a, b) => a.checkpointId - b.checkpointId)
}

function bytesOf(segments: readonly SegmentRef[]): number {
  return segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
}
