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
  SubtaskOperatorSnapshot,
} from '@millrace/core'
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
  /** Asked when the preparation is done: everything prepared and not known to be committed. */
  readonly pendingCommittables: () => readonly PlainValue[]
}

export interface StoredSnapshot {
  readonly operators: readonly SubtaskOperatorSnapshot[]
  readonly writtenBytes: number
  readonly stateBytes: number
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
    await this.#whenEncoded
    let groups = new Map<string, readonly KeyGroupSnapshot[]>()
    let writtenBytes = 0
    if (keyed !== undefined && ledger !== undefined) {
      const refs = await store.write(barrier.checkpointId, task, keyed.pieces)
      const stored = keyed.pieces.map(({ operatorUid, keyGroup }, index) => ({
        operatorUid,
        keyGroup,
        ref: refs[index] as (typeof refs)[number],
      }))
      groups = new Map(
        ledger.chainsOf(barrier.checkpointId, stored).map(({ operatorUid, keyGroups }) => [operatorUid, keyGroups]),
      )
      for (const piece of keyed.pieces) writtenBytes += piece.bytes.length
    }
    const prepared = await this.#options.prepared
    return {
      operators: this.#operators(groups, prepared),
      writtenBytes,
      stateBytes: sumBytes(groups),
    }
  }

  #operators(
    groups: ReadonlyMap<string, readonly KeyGroupSnapshot[]>,
    prepared: PreparedOutput<PlainValue, PlainValue> | undefined,
  ): SubtaskOperatorSnapshot[] {
    const tables = this.#options.keyed?.tables ?? []
    return this.#options.operators.map(({ uid, entries }) => ({
      uid,
      tables: tables.filter(({ operatorUid }) => operatorUid === uid),
      keyGroups: groups.get(uid) ?? [],
      entries: uid === this.#options.sinkUid ? (prepared?.states ?? []) : entries,
      committables: uid === this.#options.sinkUid ? this.#options.pendingCommittables() : [],
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
