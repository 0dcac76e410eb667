/**
 * Slots as objects on this thread: production `Slot`s whose turns, messages and end come when the simulation says so.
 *
 * A slot gets a turn only when its doorbell rang, its last turn left work, or its time is due, as the loop of a worker
 * thread does it; so a wake-up that the engine forgets is missing here too. Messages keep their order per direction and
 * may be delayed for as long as the simulation likes.
 */
import type { FileSystem, JobDefinition } from '@millrace/api'
import { buildGraph } from '@millrace/api'
import { compilePlan, type KeyedStateBackend, type PlanSettings } from '@millrace/core'
import {
  type Clock,
  type FromSlot,
  HeapStateBackend,
  type OrderedStore,
  type RandomSource,
  RocksdbStateBackend,
  SegmentsStateBackend,
  Slot,
  type SlotHandle,
  type SlotLauncher,
  type SlotLaunchOptions,
  type SlotListener,
  type SlotSizes,
  type StateBackendOptions,
  type ToSlot,
} from '@millrace/runtime'
import { FailingOrderedStore } from './failing-ordered-store.ts'
import { Life } from './life.ts'
import { MemoryStoreFolder } from './memory-store-folder.ts'

export interface StoreSizes {
  /** Little, so that entries leave the cache. */
  readonly cacheBytes: number
  /** Little, so that files are reclaimed. */
  readonly fileBytes: number
}

/** What slots share with the process that launches them. */
export interface SlotHome {
  readonly job: JobDefinition
  readonly planSettings: PlanSettings
  readonly life: Life
  readonly random: RandomSource
  readonly sizes: SlotSizes
  /** Entries of a snapshot encoded between two looks at the clock. */
  readonly encodeStepEntries: number
  /** What a snapshot may hold of encoded entries: little, so that it is written in many pieces. */
  readonly snapshotBytesMax: number
  readonly storeSizes: StoreSizes
  /** What backends of type `rocksdb` share; without it there are none. */
  readonly database: OrderedStore | undefined
  clockOf(life: Life): Clock
  filesOf(life: Life): FileSystem
  /** Asked for each task with keyed state. */
  chooseBackend(): StateBackendType
  /** Before each writing of a local state store; throws when its disk is full. */
  onStoreWriting(): void
  /** Something that had expired was removed in the background. */
  onSwept(type: StateBackendType): void
  /** What the slot had under way on the disk may have happened. */
  abandon(life: Life): void
}

export const STATE_BACKENDS = ['hashmap', 'segments', 'rocksdb'] as const
export type StateBackendType = (typeof STATE_BACKENDS)[number]

export class SimulatedSlots implements SlotLauncher {
  readonly #home: SlotHome
  #slots: SimulatedSlot[] = []

  constructor(home: SlotHome) {
    this.#home = home
  }

  /** Those that run or have something left to tell. */
  get slots(): readonly SimulatedSlot[] {
    return this.#slots
  }

  launch(options: SlotLaunchOptions, listener: SlotListener): SlotHandle {
    const earlier = this.#slots.find(({ attempt, life }) => attempt !== options.attempt && life.isAlive)
    if (earlier !== undefined) throw new Error(`slot ${earlier.index} of attempt ${earlier.attempt} still runs`)
    const slot: SimulatedSlot = new SimulatedSlot(this.#home, options, listener, (index) => {
      this.#slots.find((other) => other.index === index && other.attempt === options.attempt)?.ring()
    })
    this.#slots = [...this.#slots.filter(({ isGone }) => !isGone), slot]
    return { post: (message) => slot.post(message), terminate: () => slot.terminate() }
  }
}

type ToCoordinator = { readonly kind: 'message'; readonly message: FromSlot } | { readonly kind: 'lost' }

export class SimulatedSlot {
  readonly index: number
  readonly attempt: number
  readonly life: Life
  /** A hung slot takes no turn and hears no message; only `terminate` ends it. */
  isHung = false
  readonly #home: SlotHome
  readonly #listener: SlotListener
  readonly #heartbeat: Int32Array
  readonly #slot: Slot
  readonly #inbox: ToSlot[] = []
  #outbox: ToCoordinator[] = []
  #hasRung = false
  #hasMore = false
  #exit: PromiseWithResolvers<void> | undefined

  constructor(home: SlotHome, options: SlotLaunchOptions, listener: SlotListener, ringOther: (slot: number) => void) {
    this.index = options.slot
    this.attempt = options.attempt
    this.life = new Life(home.life)
    this.#home = home
    this.#listener = listener
    this.#heartbeat = new Int32Array(options.heartbeat)
    const clock = home.clockOf(this.life)
    this.#slot = new Slot({
      clock,
      random: home.random,
      files: home.filesOf(this.life),
      loadJob: async () => {
        const graph = buildGraph(home.job, {})
        return { graph, plan: compilePlan(graph, home.planSettings) }
      },
      post: (message) => {
        if (this.life.isAlive) this.#outbox.push({ kind: 'message', message: structuredClone(message) })
      },
      wakeUpOf: (slot) => ({ wake: () => ringOther(slot) }),
      ownWakeUp: { wake: () => this.ring() },
      createBackend: (keyGroups, maxParallelism) => {
        const common = {
          keyGroups,
          maxParallelism,
          now: () => clock.now(),
          monotonicMs: () => clock.monotonicMs(),
          encodeStepEntries: home.encodeStepEntries,
          snapshotBytesMax: home.snapshotBytesMax,
        }
        const type = home.chooseBackend()
        const backend = createBackend(type, common, home)
        tellOfSweeps(backend, () => home.onSwept(type))
        return backend
      },
      sizes: home.sizes,
      memory: () => ({ usedBytes: 0, limitBytes: 1 }),
    })
  }

  ring(): void {
    this.#hasRung = true
  }

  /** The thread's timer that says that it lives. */
  beat(): void {
    if (this.life.isAlive && !this.isHung) Atomics.add(this.#heartbeat, 0, 1)
  }

  post(message: ToSlot): void {
    if (this.life.isAlive) this.#inbox.push(structuredClone(message))
  }

  /** As `Worker.terminate`: the thread goes on for a moment; resolves at its exit. */
  terminate(): Promise<void> {
    if (this.#exit === undefined) {
      this.#exit = Promise.withResolvers<void>()
      if (!this.life.isAlive) this.#exit.resolve()
    }
    return this.#exit.promise
  }

  get hasInbox(): boolean {
    return this.life.isAlive && !this.isHung && this.#inbox.length > 0
  }

  get hasOutbox(): boolean {
    return this.#outbox.length > 0
  }

  /** Asked to end and not yet gone. */
  get isExiting(): boolean {
    return this.#exit !== undefined && this.life.isAlive
  }

  get isGone(): boolean {
    return !this.life.isAlive && this.#outbox.length === 0
  }

  /** Whether the thread's loop would give the slot a turn now. */
  isTurnDue(nowMs: number): boolean {
    if (!this.life.isAlive || this.isHung) return false
    if (this.#hasRung || this.#hasMore) return true
    const due = this.#slot.nextDueMs()
    return due !== undefined && due <= nowMs
  }

  /** When it wants a turn though nothing rings. */
  get nextDueMs(): number | undefined {
    return this.life.isAlive && !this.isHung ? this.#slot.nextDueMs() : undefined
  }

  turn(): void {
    this.#hasRung = false
    this.#hasMore = this.#slot.turn()
  }

  /** Hands the slot its next message; returns its type. */
  hear(): string {
    const message = this.#inbox.shift() as ToSlot
    this.#slot.onMessage(message)
    this.ring()
    return message.type
  }

  /** Hands the coordinator the slot's next message; returns its type. */
  tell(): string {
    const next = this.#outbox.shift() as ToCoordinator
    if (next.kind === 'message') {
      this.#listener.onMessage(next.message)
      return next.message.type
    }
    this.#listener.onLost(new Error('its thread ended with code 1'))
    return 'lost'
  }

  /** The end that `terminate` asked for. */
  exit(): void {
    this.#die()
    this.#outbox = []
    this.#exit?.resolve()
  }

  /** The thread ends by itself; the last of what it said may never arrive. */
  crash(lostMessages: number): void {
    this.#die()
    this.#outbox.splice(Math.max(0, this.#outbox.length - lostMessages))
    this.#outbox.push({ kind: 'lost' })
    this.#exit?.resolve()
  }

  #die(): void {
    this.life.end()
    this.#home.abandon(this.life)
  }
}

function createBackend(type: StateBackendType, common: StateBackendOptions, home: SlotHome): KeyedStateBackend {
  if (type === 'hashmap') return new HeapStateBackend(common)
  const { cacheBytes, fileBytes } = home.storeSizes
  const options = { ...common, cacheBytes: () => cacheBytes, cachedEntriesMin: 1 }
  const beforeWriting = (): void => home.onStoreWriting()
  if (type === 'segments') {
    return new SegmentsStateBackend({ ...options, folder: new MemoryStoreFolder(beforeWriting), fileBytes })
  }
  if (home.database === undefined) throw new Error('there is no database for the backends of this simulation')
  return new RocksdbStateBackend({ ...options, database: new FailingOrderedStore(home.database, beforeWriting) })
}

/** Looks on: whether a sweep left fewer entries than it found. */
function tellOfSweeps(backend: KeyedStateBackend, onSwept: () => void): void {
  const sweep = backend.sweepExpired.bind(backend)
  const entries = (): number => backend.usage().reduce((sum, table) => sum + table.entries, 0)
  backend.sweepExpired = (units) => {
    const before = entries()
    const isDone = sweep(units)
    if (entries() < before) onSwept()
    return isDone
  }
}
