/**
 * Which checkpoints to drop, and which segment files then have no owner. Pure; the storage removes.
 *
 * Invariant: a file named by a kept checkpoint is never dead. A task learns of a completion after the coordinator does
 * and may until then name segments of the checkpoint before; a decision is therefore applied only when all tasks have
 * been told, or is given those checkpoints in `inUse`.
 */
import type { CheckpointId } from '../channel/stream-element.ts'
import type { CheckpointManifest } from './manifest.ts'
import { segmentsNamedBy } from './manifest-segments.ts'

export interface RetentionInput {
  /** Completed checkpoints in the folder, in any order; savepoints have folders of their own and are not asked about. */
  readonly checkpoints: readonly CheckpointManifest[]
  /** How many of the newest are kept, at least 1. */
  readonly retainedMax: number
  /** Kept whatever their age: the one that was restored by name, those that a pending checkpoint may build on. */
  readonly inUse?: ReadonlySet<CheckpointId>
}

export interface RetentionDecision {
  readonly keep: readonly CheckpointManifest[]
  /** Oldest first. Their manifests go first, files after them. */
  readonly drop: readonly CheckpointManifest[]
  /** Named by dropped checkpoints and by no kept one; sorted. */
  readonly deadFiles: readonly string[]
}

export function decideRetention(input: RetentionInput): RetentionDecision {
  const ascending = [...input.checkpoints].sort((a, b) => a.checkpointId - b.checkpointId)
  const firstKept = ascending.length - Math.max(1, input.retainedMax)
  const keep: CheckpointManifest[] = []
  const drop: CheckpointManifest[] = []
  ascending.forEach((manifest, i) => {
    const isKept = i >= firstKept || input.inUse?.has(manifest.checkpointId) === true
    if (isKept) keep.push(manifest)
    else drop.push(manifest)
  })
  const live = filesOf(keep)
  const deadFiles = [...filesOf(drop)].filter((file) => !live.has(file)).sort()
  return { keep, drop, deadFiles }
}

/** The segment files that manifests name. */
export function filesOf(manifests: readonly CheckpointManifest[]): ReadonlySet<string> {
  const files = new Set<string>()
  for (const manifest of manifests) {
    for (const { location } of segmentsNamedBy(manifest)) if (location.kind === 'file') files.add(location.file)
  }
  return files
}
