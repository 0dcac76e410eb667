/**
 * Barrier alignment of one task over its input channels: which channels must not be read now, when checkpoint `n` may
 * be taken, and which checkpoints can no longer be. It holds no records and reads no clock; times come in.
 *
 * Invariant (exactly-once): when `aligned` is said for barrier `n`, the task has read everything before barrier `n` on
 * every open channel and nothing behind it. At-least-once never blocks: everything before the barrier has been read,
 * perhaps more.
 *
 * A barrier may overtake what is queued before it (unaligned checkpoints, decision 0054): the sender announces it past the
 * queue, and once it is announced or has come on every channel and its time is up, `overtakes` is said. The snapshot then
 * is what has been read so far together with what is still before the barrier on the channels in `pending`. Where that turns out
 * not to be storable, barriers are aligned until a checkpoint is complete: each task gives up one checkpoint between two complete
 * ones at most (decision 0069).
 *
 * The end of a channel's data is no event here: ended tasks stay alive and forward barriers (decision 0003). Only a
 * channel that will bring no barrier any more is closed with `onChannelClosed` and then counts as aligned.
 */
import type { CheckpointBarrier, CheckpointId, CheckpointMode } from '../channel/stream-element.ts'

export type AlignmentAction =
  /** Take the snapshot and forward the barrier before anything else is read. */
  { readonly kind: 'aligned'; readonly barrier: CheckpointBarrier; readonly measures: AlignmentMeasures } | Declined

export type OvertakingAction =
  /**
   * Take the snapshot and forward the barrier; what comes on the pending channels up to this barrier belongs to the
   * snapshot as data in flight. Those barriers are not for the alignment any more.
   */
  | {
      readonly kind: 'overtakes'
      readonly barrier: CheckpointBarrier
      readonly measures: AlignmentMeasures
      readonly pending: readonly number[]
    }
  | Declined

/** The task can no longer take part in this checkpoint; the coordinator has to be told. */
interface Declined {
  readonly kind: 'declined'
  readonly checkpointId: CheckpointId
  readonly supersededBy: CheckpointId
}

export interface AlignmentMeasures {
  /** From the coordinator's trigger to the first barrier at this task. */
  readonly startDelayMs: number
  /** From the first barrier to the last. */
  readonly alignmentDurationMs: number
}

/** When barriers overtake data in flight. Left out: never. */
export interface Overtaking {
  /** From the trigger on, ms; 0 for at once. */
  readonly timeoutMs: number
  /** By channel: not where a record's way depends on its sender alone, so that it could not be dealt out anew. */
  readonly mayOvertake: readonly boolean[]
}

/** Epoch ms from which on a barrier overtakes; `undefined` for never: a savepoint holds no data in flight. */
export function overtakesFromMs(barrier: CheckpointBarrier, timeoutMs: number): number | undefined {
  return barrier.snapshotKind === 'savepoint' ? undefined : barrier.triggeredAtMs + timeoutMs
}

/** A checkpoint some of whose barriers have come. */
export interface OpenAlignment {
  readonly barrier: CheckpointBarrier
  /** Epoch ms. */
  readonly firstBarrierAtMs: number
  /** Channels that brought its barrier. */
  readonly arrived: ReadonlySet<number>
}

/** Aborts remembered for barriers that are still under way; beyond it the oldest is forgotten. */
const ABORTED_IDS_MAX = 1_000
/** At-least-once alignments open at the same time; beyond it the oldest is declined. */
const OPEN_ALIGNMENTS_MAX = 50

export class BarrierAlignment {
  readonly mode: CheckpointMode
  readonly channels: number
  readonly #overtaking: Overtaking | undefined
  /** By channel, the barrier announced last. */
  readonly #announced: (CheckpointBarrier | undefined)[] = []
  readonly #closed = new Set<number>()
  /** Oldest first; at most one in exactly-once mode. */
  readonly #open = new Map<CheckpointId, OpenAlignment & { readonly arrived: Set<number> }>()
  readonly #aborted = new Set<CheckpointId>()
  /** Barriers up to this one are settled here: aligned, declined or aborted while open. */
  #settledId: CheckpointId = 0
  /** The newest one that was given up because what it overtook cannot be stored. */
  #unstorableId: CheckpointId = 0

  constructor(channels: number, mode: CheckpointMode, overtaking?: Overtaking) {
    this.channels = channels
    this.mode = mode
    this.#overtaking = mode === 'exactly-once' ? overtaking : undefined
  }

  /** Whether the channel must not be read until the open checkpoint is aligned or given up. */
  isBlocked(channel: number): boolean {
    if (this.mode === 'at-least-once') return false
    for (const alignment of this.#open.values()) if (alignment.arrived.has(channel)) return true
    return false
  }

  /** The newest checkpoint that waits for barriers, or `undefined`. */
  get open(): OpenAlignment | undefined {
    let newest: OpenAlignment | undefined
    for (const alignment of this.#open.values()) newest = alignment
    return newest
  }

  onBarrier(channel: number, barrier: CheckpointBarrier, nowMs: number): readonly AlignmentAction[] {
    this.#checkChannel(channel)
    const id = barrier.checkpointId
    if (id <= this.#settledId || this.#aborted.has(id)) return []
    const actions: AlignmentAction[] = []
    let alignment = this.#open.get(id)
    if (alignment === undefined) {
      if (this.mode === 'exactly-once') {
        this.#giveUpOlderThan(id, id, actions)
        // This channel brings no older barrier any more: their checkpoints were given up before they reached it. One that
        // comes on another channel is passed over and read past, so it must not count later either, when this one is
        // aborted as well.
        this.#settle(id - 1)
      }
      alignment = { barrier, firstBarrierAtMs: nowMs, arrived: new Set() }
      this.#insertOpen(alignment)
      this.#boundOpen(id, actions)
    }
    alignment.arrived.add(channel)
    this.#finishAligned(nowMs, actions)
    return actions
  }

  /** The sender has put this barrier behind all that it sent before. */
  onAnnounced(channel: number, barrier: CheckpointBarrier): void {
    this.#checkChannel(channel)
    this.#announced[channel] = barrier
  }

  /** To be asked when something was announced or `overtakingDueMs` is reached, and only while no action is open. */
  decideOvertaking(nowMs: number): readonly OvertakingAction[] {
    const barrier = this.#overtaker()
    const dueMs = this.overtakingDueMs
    if (barrier === undefined || dueMs === undefined || nowMs < dueMs) return []
    const id = barrier.checkpointId
    const firstBarrierAtMs = this.#open.get(id)?.firstBarrierAtMs ?? nowMs
    const pending: number[] = []
    for (let channel = 0; channel < this.channels; channel++) if (!this.#isDone(channel, id)) pending.push(channel)
    const actions: OvertakingAction[] = []
    this.#giveUpOlderThan(id, id, actions)
    this.#settle(id)
    actions.push({
      kind: 'overtakes',
      barrier,
      measures: {
        startDelayMs: Math.max(0, firstBarrierAtMs - barrier.triggeredAtMs),
        alignmentDurationMs: Math.max(0, nowMs - firstBarrierAtMs),
      },
      pending,
    })
    return actions
  }

  /** When a barrier that is announced on every channel overtakes, epoch ms; `undefined` while there is none. */
  get overtakingDueMs(): number | undefined {
    const barrier = this.#overtaker()
    return barrier === undefined ? undefined : overtakesFromMs(barrier, (this.#overtaking as Overtaking).timeoutMs)
  }

  /** What this checkpoint overtook cannot be stored: barriers are aligned until one knows of a later one that is complete. */
  onUnstorable(checkpointId: CheckpointId): void {
    this.#unstorableId = Math.max(this.#unstorableId, checkpointId)
  }

  /** A barrier for a task without inputs: aligned at once. */
  onTrigger(barrier: CheckpointBarrier, nowMs: number): readonly AlignmentAction[] {
    const id = barrier.checkpointId
    if (id <= this.#settledId || this.#aborted.has(id)) return []
    this.#settle(id)
    const startDelayMs = Math.max(0, nowMs - barrier.triggeredAtMs)
    return [{ kind: 'aligned', barrier, measures: { startDelayMs, alignmentDurationMs: 0 } }]
  }

  /** The coordinator gave the checkpoint up: its channels are free, and barriers of it that are under way mean nothing. */
  onAbort(checkpointId: CheckpointId): void {
    this.#open.delete(checkpointId)
    if (checkpointId <= this.#settledId) return
    this.#aborted.add(checkpointId)
    if (this.#aborted.size > ABORTED_IDS_MAX) {
      for (const oldest of this.#aborted) {
        this.#aborted.delete(oldest)
        break
      }
    }
  }

  /** No barrier will come from this channel any more: it counts as aligned from now on. */
  onChannelClosed(channel: number, nowMs: number): readonly AlignmentAction[] {
    this.#checkChannel(channel)
    this.#closed.add(channel)
    const actions: AlignmentAction[] = []
    this.#finishAligned(nowMs, actions)
    return actions
  }

  #finishAligned(nowMs: number, actions: AlignmentAction[]): void {
    for (const alignment of [...this.#open.values()]) {
      const id = alignment.barrier.checkpointId
      if (!this.#open.has(id) || !this.#hasAllBarriers(alignment)) continue
      // Older ones can no longer be exact (or complete in order) once a newer one is.
      this.#giveUpOlderThan(id, id, actions)
      this.#settle(id)
      actions.push({
        kind: 'aligned',
        barrier: alignment.barrier,
        measures: {
          startDelayMs: Math.max(0, alignment.firstBarrierAtMs - alignment.barrier.triggeredAtMs),
          alignmentDurationMs: Math.max(0, nowMs - alignment.firstBarrierAtMs),
        },
      })
    }
  }

  /** The newest barrier that was announced, if it has come or may overtake on every channel. */
  #overtaker(): CheckpointBarrier | undefined {
    if (this.#overtaking === undefined) return undefined
    let newest: CheckpointBarrier | undefined
    for (const barrier of this.#announced) {
      if (barrier !== undefined && barrier.checkpointId > (newest?.checkpointId ?? 0)) newest = barrier
    }
    if (newest === undefined) return undefined
    const id = newest.checkpointId
    if (id <= this.#settledId || this.#aborted.has(id)) return undefined
    if (newest.lastCompletedId < this.#unstorableId) return undefined
    for (let channel = 0; channel < this.channels; channel++) {
      if (this.#isDone(channel, id)) continue
      const isAnnounced = this.#announced[channel]?.checkpointId === id
      if (!isAnnounced || this.#overtaking.mayOvertake[channel] !== true) return undefined
    }
    return newest
  }

  #isDone(channel: number, id: CheckpointId): boolean {
    return this.#closed.has(channel) || this.#open.get(id)?.arrived.has(channel) === true
  }

  #hasAllBarriers(alignment: OpenAlignment): boolean {
    for (let channel = 0; channel < this.channels; channel++) {
      if (!alignment.arrived.has(channel) && !this.#closed.has(channel)) return false
    }
    return true
  }

  #giveUpOlderThan(
    limitId: CheckpointId,
    supersededBy: CheckpointId,
    actions: { push(action: Declined): unknown },
  ): void {
    for (const id of [...this.#open.keys()]) {
      if (id >= limitId) continue
      this.#settle(id)
      actions.push({ kind: 'declined', checkpointId: id, supersededBy })
    }
  }

  #insertOpen(alignment: OpenAlignment & { readonly arrived: Set<number> }): void {
    const all = [...this.#open.values(), alignment].sort((a, b) => a.barrier.checkpointId - b.barrier.checkpointId)
    this.#open.clear()
    for (const each of all) this.#open.set(each.barrier.checkpointId, each)
  }

  #boundOpen(newestId: CheckpointId, actions: AlignmentAction[]): void {
    while (this.#open.size > OPEN_ALIGNMENTS_MAX) {
      const oldest = this.#open.keys().next().value
      if (oldest === undefined) return
      this.#giveUpOlderThan(oldest + 1, newestId, actions)
    }
  }

  #settle(id: CheckpointId): void {
    this.#open.delete(id)
    if (id > this.#settledId) this.#settledId = id
    for (const aborted of this.#aborted) if (aborted <= this.#settledId) this.#aborted.delete(aborted)
  }

  #checkChannel(channel: number): void {
    if (!Number.isInteger(channel) || channel < 0 || channel >= this.channels) {
      throw new RangeError(`channel ${channel} of ${this.channels}`)
    }
  }
}
