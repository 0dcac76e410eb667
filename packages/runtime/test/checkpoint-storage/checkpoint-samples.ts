/** Small manifests for the tests of checkpoint storage. */
import { type CheckpointManifest, MANIFEST_VERSION, type SegmentRef } from '@millrace/core'
import type { NewSegment } from '../../src/checkpoint-storage/checkpoint-storage.ts'

/** Bytes that tell which segment they are. */
export function segmentOf(kind: 'base' | 'delta', label: string, lengthBytes = 40): NewSegment {
  const bytes = new Uint8Array(lengthBytes)
  for (let i = 0; i < lengthBytes; i++) bytes[i] = label.charCodeAt(i % label.length)
  return { kind, bytes, entries: 1 }
}

/** One operator whose key group i holds the i-th chain. */
export function manifestOf(checkpointId: number, chains: readonly (readonly SegmentRef[])[]): CheckpointManifest {
  return {
    version: MANIFEST_VERSION,
    jobName: 'job',
    lineage: '0123456789abcdef',
    checkpointId,
    kind: 'checkpoint',
    triggeredAtMs: 1,
    completedAtMs: 2,
    isFinal: false,
    operators: [
      {
        uid: 'op',
        name: 'Op',
        parallelism: 1,
        maxParallelism: 128,
        tables: [],
        keyGroups: chains.map((segments, keyGroup) => ({ keyGroup, segments })),
        entries: [],
        committables: [],
        finishedSubtasks: [],
      },
    ],
  }
}
