/**
 * The asynchronous part of one subtask's snapshot: encodes keyed state in slices of the task's turns, stores what is finished
 * while the rest is encoded, waits for the sink's preparation, and puts the parts together. The view itself was fixed at the
 * barrier.
 *
 * Invariant: one write at a time, and what it writes counts as held until it is done; so a slow disk makes encoding wait, not memory
 * grow.
 */
import type { PlainValue, PreparedOutput } from '@millrace/api'
import type {
  CheckpointBarrier,
  KeyedSnapshot,
  KeyGroupSnapshot,
  SegmentLedger,
  SegmentRef,
  SnapshotPiece,
  SubtaskInFlight,
  SubtaskOperatorSnapshot,
} from '@millrace/core'
import type { SegmentWriting } from '../checkpoint-storage/checkpoint-storage.ts'
import type { RecordedInFlight } from './overtaking-gate.ts'
import type { SnapshotStore, TaskId } from './task-ports.ts'

export interface OperatorParts {
  readonly uid: string
  readonly entries: readonly PlainValue[]
}

export interface TaskSnapshotOptions {
  readonly task: TaskId
  readonly barrier: CheckpointBarrier
  readonly keyed: KeyedSnapshot | undefined
  readonly ledger: SegmentLedger | undefined
  readonly store: SnapshotStore
  readonly operators: readonly OperatorParts[]
  readonly sinkUid: string | undefined
  readonly prepared: Promise<PreparedOutput<PlainValue, PlainValue>> | undefined
  /** What barriers overtook on the way to the task's first operator. */
  readonly inFlight: Promise<RecordedInFlight> | undefined
  /** Asked when the preparation is done: everything prepared and not known to be committed. */
  readonly pendingCommittables: () => readonly PlainValue[]
  /** A write is done: encoding may go on. */
  readonly onWritten: () => void
}

export interface StoredSnapshot {
  readonly operators: readonly SubtaskOperatorSnapshot[]
  readonly writtenBytes: number
  readonly stateBytes: number
  /** Data in flight, part of both. */
  readonly inFlightBytes: number
}

export class TaskSnapshot {
  readonly #options: TaskSnapshotOptions
  readonly #segments: SegmentWriting | undefined
  /** All keyed state is encoded, and given to the storage; rejects when that failed. */
  readonly #given = Promise.withResolvers<void>()
  /** What each stored segment belongs to, in the order of writing. */
  readonly #places: { readonly operatorUid: string; readonly keyGroup: number }[] = []
  #writtenBytes = 0
  #isEncoded: boolean
  #isWriting = false
  #isGivenUp = false

  constructor(options: TaskSnapshotOptions) {
    this.#options = options
    const { keyed, store, task, barrier } = options
    this.#isEncoded = keyed === undefined
    this.#segments = keyed === undefined ? undefined : store.begin(barrier.checkpointId, task)
    if (keyed === undefined) this.#given.resolve()
    // Whoever waits in `store` hears of it.
    this.#given.promise.catch(() => {})
  }

  get isEncoded(): boolean {
    return this.#isEncoded
  }

  /**
   * Time for encoding is of use now: there is something to encode and room for it, or, where entries that were about to change have taken the
   * room, something to write.
   */
  get canEncode(): boolean {
    const { keyed } = this.#options
    return keyed !== undefined && !this.#isEncoded && !(keyed.isFull && this.#isWriting)
  }

  /** State must not change before something is written. */
  get isOverdrawn(): boolean {
    return !this.#isGivenUp && this.#options.keyed?.isOverdrawn === true
  }

  /** Given up: what is still under way is thrown away. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  /** A slice of encoding; called in the task's turns. */
  encode(budgetMs: number): void {
    const { keyed } = this.#options
    if (keyed === undefined || this.#isEncoded || this.#isGivenUp) return
    this.#isEncoded = keyed.encode(budgetMs)
    this.#writeNext(keyed)
  }

  /** Resolves when all parts are durable. Rejects with the reason for declining. */
  async store(): Promise<StoredSnapshot> {
    const { ledger, barrier, task, store } = this.#options
    const { checkpointId } = barrier
    // Whichever fails first: there is no need to go on with the other.
    const [recorded] = await Promise.all([this.#options.inFlight, this.#given.promise])
    const { bytes, records = 0, from = [] } = recorded ?? {}
    const refs = (await this.#segments?.finish()) ?? []
    let segment: SegmentRef | undefined
    if (bytes !== undefined) {
      const writing = store.begin(checkpointId, task, true)
      await writing.write([{ kind: 'base', bytes, entries: records }])
      segment = (await writing.finish())[0]
    }
    let groups = new Map<string, readonly KeyGroupSnapshot[]>()
    if (this.#segments !== undefined && ledger !== undefined) {
      const stored = this.#places.map((place, index) => ({ ...place, ref: refs[index] as SegmentRef }))
      groups = new Map(
        ledger.chainsOf(checkpointId, stored).map(({ operatorUid, keyGroups }) => [operatorUid, keyGroups]),
      )
    }
    const prepared = await this.#options.prepared
    const inFlightBytes = bytes?.length ?? 0
    return {
      operators: this.#operators(groups, prepared, segment === undefined ? undefined : { from, segment }),
      writtenBytes: this.#writtenBytes + inFlightBytes,
      stateBytes: sumBytes(groups) + inFlightBytes,
      inFlightBytes,
    }
  }

  /** Gives it up. Resolves when nothing is written any more and what was, unless it was all, is removed. */
  async giveUp(): Promise<void> {
    this.#isGivenUp = true
    await this.#segments?.discard()
  }

  #writeNext(keyed: KeyedSnapshot): void {
    if (this.#isWriting || this.#isGivenUp) return
    const pieces = keyed.takePieces()
    if (pieces.length > 0) this.#write(keyed, this.#segments as SegmentWriting, pieces)
    else if (this.#isEncoded) this.#given.resolve()
  }

  #write(keyed: KeyedSnapshot, segments: SegmentWriting, pieces: readonly SnapshotPiece[]): void {
    this.#isWriting = true
    let bytes = 0
    for (const piece of pieces) {
      this.#places.push({ operatorUid: piece.operatorUid, keyGroup: piece.keyGroup })
      bytes += piece.bytes.length
    }
    this.#writtenBytes += bytes
    const written = (): void => {
      this.#isWriting = false
      keyed.release(bytes)
      this.#writeNext(keyed)
      this.#options.onWritten()
    }
    segments.write(pieces).then(written, this.#given.reject)
  }

  #operators(
    groups: ReadonlyMap<string, readonly KeyGroupSnapshot[]>,
    prepared: PreparedOutput<PlainValue, PlainValue> | undefined,
    inFlight: SubtaskInFlight | undefined,
  ): SubtaskOperatorSnapshot[] {
    const tables = this.#options.keyed?.tables ?? []
    return this.#options.operators.map(({ uid, entries }, index) => ({
      uid,
      tables: tables.filter(({ operatorUid }) => operatorUid === uid),
      keyGroups: groups.get(uid) ?? [],
      entries: uid === this.#options.sinkUid ? (prepared?.states ?? []) : entries,
      committables: uid === this.#options.sinkUid ? this.#options.pendingCommittables() : [],
      ...(index === 0 && inFlight !== undefined ? { inFlight } : {}),
    }))
  }
}

function sumBytes(groups: ReadonlyMap<string, readonly KeyGroupSnapshot[]>): number {
  let bytes = 0
  for (const list of groups.values()) {
    for (const { segments } of list) for (const { lengthBytes } of segments) bytes += lengthBytes
  }
  return bytes
}
