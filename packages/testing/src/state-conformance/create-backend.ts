/** How the conformance suite makes the backend that it tests. */
import type { KeyedStateBackend, KeyGroupRange } from '@millrace/core'

export interface BackendOptions {
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
  /** Wall clock, epoch ms. */
  readonly now: () => number
  /** What a snapshot may hold of encoded entries; little, so that it comes in many pieces. Default: that of production. */
  readonly snapshotBytesMax?: number | undefined
}

export type CreateBackend = (options: BackendOptions) => KeyedStateBackend
