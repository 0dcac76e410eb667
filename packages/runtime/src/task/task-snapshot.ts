/**
 * The asynchronous part of one subtask's snapshot: encodes keyed state in slices of the task's turns, stores it, waits
 * for the sink's preparation, and puts the parts together. The view itself was fixed at the barrier.
 */
import type { PlainValue, PreparedOutput } from '@millrace/api'
import type {
  CheckpointBarrier,
  KeyedSnapshot,
  KeyGroupSnapshot,
  SegmentLedger,
  SegmentRef,
  SubtaskInFlight,
  SubtaskOperatorSnapshot,
} from '@millrace/core'
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
  readonly #whenEncoded: Promise<void>
  #resolveEncoded: () => void = () => {}
  #isEncoded: boolean
  /** Given up by the coordinator: what is still under way is thrown away. */
  isAborted = false

  constructor(options: TaskSnapshotOptions) {
    this.#options = options
    this.#isEncoded = options.keyed === undefined
    this.#whenEncoded = this.#isEncoded ? Promise.resolve() : new Promise((resolve) => (this.#resolveEncoded = resolve))
  }

  get isEncoded(): boolean {
    return this.#isEncoded
  }

  /** A slice of encoding; called in the task's turns. */
  encode(budgetMs: number): void {
    if (this.#isEncoded) return
    if (!(this.#options.keyed as KeyedSnapshot).encode(budgetMs)) return
    this.#isEncoded = true
    this.#resolveEncoded()
  }

  /** Resolves when all parts are durable. Rejects with the reason for declining. */
  async store(): Promise<StoredSnapshot> {
    const { keyed, ledger, barrier, task, store } = this.#options
    const { checkpointId } = barrier
    await this.#whenEncoded
    const recorded = await this.#options.inFlight
    const pieces = keyed?.pieces ?? []
    const { bytes, records = 0, from = [] } = recorded ?? {}
    const refs = keyed === undefined ? [] : await store.write(checkpointId, task, pieces)
    const inFlightPiece = bytes === undefined ? undefined : ({ kind: 'base', bytes, entries: records } as const)
    const [segment] = inFlightPiece === undefined ? [] : await store.write(checkpointId, task, [inFlightPiece], true)
    let groups = new Map<string, readonly KeyGroupSnapshot[]>()
    if (keyed !== undefined && ledger !== undefined) {
      const stored = pieces.map(({ operatorUid, keyGroup }, index) => ({
        operatorUid,
        keyGroup,
        ref: refs[index] as SegmentRef,
      }))
      groups = new Map(
        ledger.chainsOf(checkpointId, stored).map(({ operatorUid, keyGroups }) => [operatorUid, keyGroups]),
      )
    }
    const prepared = await this.#options.prepared
    const inFlightBytes = bytes?.length ?? 0
    return {
      operators: this.#operators(groups, prepared, segment === undefined ? undefined : { from, segment }),
      writtenBytes: pieces.reduce((sum, piece) => sum + piece.bytes.length, inFlightBytes),
      stateBytes: sumBytes(groups) + inFlightBytes,
      inFlightBytes,
    }
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
