/** Slots as objects on this thread: production slots whose loop is `setImmediate`. */
import { buildGraph, type FileSystem, type JobDefinition } from '@millrace/api'
import { compilePlan, type KeyedStateBackend, type KeyGroupRange, type PlanSettings } from '@millrace/core'
import { MemoryStoreFolder } from '@millrace/testing'
import { type Clock, SystemRandom } from '../../src/clock/clock.ts'
import type { SlotHandle, SlotLauncher, SlotLaunchOptions, SlotListener } from '../../src/coordinator/slot-launcher.ts'
import { Slot } from '../../src/slot/slot.ts'
import type { SlotMemory } from '../../src/slot/slot-environment.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { SegmentsStateBackend } from '../../src/state/segments/segments-state-backend.ts'

export interface InlineSlotsOptions {
  readonly job: JobDefinition
  readonly planSettings: PlanSettings
  readonly files: FileSystem
  readonly clock: Clock
  /** Default: nothing is used. */
  readonly memory?: (() => SlotMemory) | undefined
  /** Default: on the heap. */
  readonly createBackend?: CreateSlotBackend | undefined
  /** What a snapshot may hold of encoded entries; default: that of production. */
  readonly snapshotBytesMax?: number | undefined
}

export type CreateSlotBackend = (keyGroups: KeyGroupRange, maxParallelism: number, clock: Clock) => KeyedStateBackend

/** The segment store without files, with a cache that holds next to nothing. */
export const createSegmentsInMemory: CreateSlotBackend = (keyGroups, maxParallelism, clock) =>
  new SegmentsStateBackend({
    keyGroups,
    maxParallelism,
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    folder: new MemoryStoreFolder(() => {}),
    cacheBytes: () => 1_500,
    cachedEntriesMin: 1,
    fileBytes: 2_048,
  })

export class InlineSlots implements SlotLauncher {
  readonly #options: InlineSlotsOptions
  readonly #running = new Map<number, { attempt: number; ring: () => void }>()
  launched = 0
  /** The highest number of slots that were alive at once. */
  aliveMax = 0
  #alive = 0

  constructor(options: InlineSlotsOptions) {
    this.#options = options
  }

  launch({ slot: index, attempt }: SlotLaunchOptions, listener: SlotListener): SlotHandle {
    const { job, planSettings, files, clock, snapshotBytesMax } = this.#options
    this.launched++
    this.aliveMax = Math.max(this.aliveMax, ++this.#alive)
    let isAlive = true
    let isScheduled = false
    let cancelTimer: (() => void) | undefined
    const die = (): void => {
      if (isAlive) this.#alive--
      isAlive = false
      cancelTimer?.()
    }
    const ring = (): void => {
      if (isScheduled || !isAlive) return
      isScheduled = true
      setImmediate(() => {
        isScheduled = false
        if (!isAlive) return
        cancelTimer?.()
        if (slot.turn()) ring()
        const due = slot.nextDueMs()
        if (due !== undefined) cancelTimer = clock.schedule(Math.max(0, due - clock.now()), ring)
      })
    }
    const slot = new Slot({
      clock,
      random: new SystemRandom(),
      files,
      loadJob: async () => {
        const graph = buildGraph(job, {})
        return { graph, plan: compilePlan(graph, planSettings) }
      },
      post: (message) => {
        const copy = structuredClone(message)
        setImmediate(() => {
          if (isAlive) listener.onMessage(copy)
        })
      },
      wakeUpOf: (other) => ({ wake: () => this.#running.get(other)?.ring() }),
      ownWakeUp: { wake: ring },
      createBackend: (keyGroups, maxParallelism) =>
        this.#options.createBackend?.(keyGroups, maxParallelism, clock) ??
        new HeapStateBackend({
          keyGroups,
          maxParallelism,
          now: () => clock.now(),
          monotonicMs: () => clock.monotonicMs(),
          snapshotBytesMax,
        }),
      memory: this.#options.memory ?? (() => ({ usedBytes: 0, limitBytes: 1 })),
    })
    this.#running.set(index, { attempt, ring })
    return {
      post: (message) => {
        const copy = structuredClone(message)
        setImmediate(() => {
          if (!isAlive) return
          slot.onMessage(copy)
          ring()
        })
      },
      terminate: async () => die(),
    }
  }
}
