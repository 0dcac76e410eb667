/** Makes the state backends of a slot as the configuration says, and deals out what they share: the cache of the slot. */
import { randomBytes } from 'node:crypto'
import { pid } from 'node:process'
import type { KeyedStateBackend, KeyGroupRange } from '@millrace/core'
import type { Clock } from '../clock/clock.ts'
import { HeapStateBackend } from '../state/heap/heap-state-backend.ts'
import { SegmentsStateBackend } from '../state/segments/segments-state-backend.ts'
import { NodeStoreFolder } from '../state/segments/store-file.ts'

/** `state.backend.type` and what belongs to it. */
export interface SlotStateSettings {
  readonly type: 'hashmap' | 'segments'
  /** For the caches of all backends of a slot together. */
  readonly cacheBytes: number
  /** Folders for the files of local stores; slots take them in turn. */
  readonly folders: readonly string[]
}

export class SlotBackends {
  readonly #settings: SlotStateSettings
  readonly #clock: Clock
  readonly #folder: NodeStoreFolder
  #open = 0

  constructor(settings: SlotStateSettings, slot: number, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    const path = settings.folders[slot % settings.folders.length] as string
    this.#folder = new NodeStoreFolder(path, `millrace-state-${pid}-${slot}-${randomBytes(6).toString('hex')}`)
  }

  create(keyGroups: KeyGroupRange, maxParallelism: number): KeyedStateBackend {
    const clock = this.#clock
    const common = { keyGroups, maxParallelism, now: () => clock.now(), monotonicMs: () => clock.monotonicMs() }
    if (this.#settings.type === 'hashmap') return new HeapStateBackend(common)
    this.#open++
    return new SegmentsStateBackend({
      ...common,
      folder: this.#folder,
      cacheBytes: () => this.#settings.cacheBytes / this.#open,
      onClose: () => this.#open--,
    })
  }
}
