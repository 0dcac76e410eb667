/** Snapshots of a heap backend on a simulated disk, to be read again. */
import type { FileSystem } from '@millrace/api'
import {
  type CheckpointManifest,
  encodeWhole,
  type KeyedStateBackend,
  type KeyGroupSnapshot,
  keyGroupOf,
  type SegmentRef,
  type TableDescriptor,
} from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { manifestOf } from '../checkpoint-storage/checkpoint-samples.ts'

export const FOLDER = 'checkpoints'
export const NOW_MS = 1_000_000

export const UID = 'visits'
export const totals: TableDescriptor = { operatorUid: UID, name: 'totals', kind: 'value', version: 2, ttlMs: undefined }
export const pages: TableDescriptor = { operatorUid: UID, name: 'pages', kind: 'map', version: 1, ttlMs: 5_000 }
export const timers: TableDescriptor = {
  operatorUid: UID,
  name: '_timers-event',
  kind: 'namespaced',
  version: 1,
  ttlMs: undefined,
}

/** Writes checkpoints of one backend, each a delta over the one before where the backend has changed. */
export class SavedJob {
  readonly files: FileSystem
  readonly backend: KeyedStateBackend
  readonly maxParallelism: number
  /** Wall clock of the backend. */
  nowMs = NOW_MS
  readonly #storage: FileCheckpointStorage
  readonly #chains = new Map<number, readonly SegmentRef[]>()
  #checkpoints = 0

  /** `snapshotBytesMax`: little, so that segments have continuations. */
  constructor(
    files: FileSystem = new SimulatedDisk({ random: () => 0.999 }).mount(),
    maxParallelism = 16,
    snapshotBytesMax?: number,
  ) {
    this.files = files
    this.maxParallelism = maxParallelism
    this.#storage = new FileCheckpointStorage(files, FOLDER)
    this.backend = new HeapStateBackend({
      keyGroups: { first: 0, last: maxParallelism - 1 },
      maxParallelism,
      now: () => this.nowMs,
      monotonicMs: () => 0,
      snapshotBytesMax,
    })
  }

  choose(key: unknown): this {
    this.backend.setCurrentKey(key, keyGroupOf(key, this.maxParallelism))
    return this
  }

  /** Returns the path of the checkpoint. */
  async checkpoint(): Promise<string> {
    const id = ++this.#checkpoints
    await this.#storage.open()
    const snapshot = this.backend.beginSnapshot(id, (_, group) => (this.#chains.has(group) ? 'delta' : 'base'))
    const pieces = encodeWhole(snapshot)
    const target = { checkpointId: id, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 0 }
    const refs = await this.#storage.writeSegments({ ...target, pieces })
    for (const [at, { keyGroup }] of pieces.entries()) {
      this.#chains.set(keyGroup, [...(this.#chains.get(keyGroup) ?? []), refs[at] as SegmentRef])
    }
    this.backend.onCheckpointComplete(id)
    const keyGroups = [...this.#chains].map(([keyGroup, segments]): KeyGroupSnapshot => ({ keyGroup, segments }))
    return this.#storage.writeManifest(this.#manifest(id, snapshot.tables, keyGroups))
  }

  #manifest(
    checkpointId: number,
    tables: readonly TableDescriptor[],
    keyGroups: readonly KeyGroupSnapshot[],
  ): CheckpointManifest {
    const { maxParallelism } = this
    const nothing = { tables: [], keyGroups: [], entries: [], committables: [], finishedSubtasks: [] }
    return {
      ...manifestOf(checkpointId, []),
      operators: [
        { uid: 'clicks', name: 'clicks', parallelism: 1, maxParallelism, ...nothing, entries: [{ position: 7 }] },
        {
          uid: UID,
          name: 'Visits',
          parallelism: 1,
          maxParallelism,
          ...nothing,
          tables,
          keyGroups: keyGroups.toSorted((a, b) => a.keyGroup - b.keyGroup),
        },
      ],
    }
  }
}
