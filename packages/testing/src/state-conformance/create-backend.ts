/** How the conformance suite makes the backend that it tests. */
import type { KeyedStateBackend, KeyGroupRange } from '@millrace/core'

export interface BackendOptions {
  readonly keyGroups: KeyGroupRange
  readonly maxParallelism: number
  /** Wall clock, epoch ms. */
  readonly now: () => number
}

export type CreateBackend = (options: BackendOptions) => KeyedStateBackend
