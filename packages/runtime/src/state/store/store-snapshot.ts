/**
 * One snapshot of a store: what was alive when it began, encoded step by step while the store goes on. The view of the
 * store fixes that; how it is read is left to who extends this. What is finished is handed out on the way (`SnapshotPieces`).
 *
 * A base holds every entry, a delta what changed after the last completed snapshot, with tombstones. What is dropped as a whole
 * stands first in a delta, so that entries that came back later survive it; a tombstone of a key that came back has to stand before it.
 */
import { MillraceError } from '@millrace/api'
import { type KeyedSnapshot, type SnapshotPiece, storedTable, type TableDescriptor } from '@millrace/core'
import { describeFailure, latestOf } from '../heap/heap-snapshot.ts'
import { OperatorPieces, SnapshotPieces } from '../snapshot-pieces.ts'
import type { DropsToSay } from '../table-drops.ts'
import type { StoreTable } from './store-table.ts'

/** The tables of one operator. */
export interface StoreOperator {
  readonly uid: string
  readonly tables: StoreTable[]
  /** Per key group of the range: 1 when a completed snapshot holds a base that deltas can build on. */
  readonly hasBase: Uint8Array
}

export interface SnapshotBounds {
  readonly id: number
  /** What was written in this epoch and before belongs to it. */
  readonly epoch: number
  /** Deltas hold what is newer than this. */
  readonly completedEpoch: number
  readonly firstGroup: number
  /** Entries between two looks at the clock. */
  readonly stepEntries: number
  /** Wall clock when it began: what had expired by then is in no base. */
  readonly nowMs: number
  /** What it may hold of encoded entries; default: `SNAPSHOT_BYTES_MAX`. */
  readonly heldBytesMax?: number | undefined
}

/** What a snapshot is begun with. */
export interface SnapshotPlan {
  readonly bounds: SnapshotBounds
  readonly operators: Iterable<StoreOperator>
  decide(operatorUid: string, keyGroup: number): 'base' | 'delta'
  monotonicMs(): number
  /** Everything is encoded: the view may be given up. */
  onDone(): void
}

/** One operator, as the snapshot sees it. */
export interface OperatorPart {
  readonly operator: StoreOperator
  readonly pieces: OperatorPieces
  /** Per key group of the range: 1 for a base. */
  readonly isBase: Uint8Array
}

/** Where entries of a table go. */
export interface TablePlace {
  readonly part: OperatorPart
  /** Of the table in its part. */
  readonly index: number
  readonly table: StoreTable
  readonly drops: DropsToSay
}

/** An entry as it was when the snapshot began. `key` is that within its map. */
export interface ViewedEntry {
  readonly outerKey: unknown
  readonly key: unknown
  readonly value: unknown
  readonly writtenAtMs: number | undefined
}

export abstract class StoreSnapshot implements KeyedSnapshot {
  readonly bounds: SnapshotBounds
  readonly tables: readonly TableDescriptor[]
  protected readonly parts: readonly OperatorPart[]
  /** By number of the table. */
  protected readonly places: readonly (TablePlace | undefined)[]
  readonly #monotonicMs: () => number
  readonly #onDone: () => void
  readonly #pieces: SnapshotPieces
  #steps: Generator<void> | undefined
  #isDone = false
  #visited = 0

  constructor({ bounds, operators, decide, monotonicMs, onDone }: SnapshotPlan) {
    this.bounds = bounds
    this.#monotonicMs = monotonicMs
    this.#onDone = onDone
    this.#pieces = new SnapshotPieces(bounds.id, bounds.firstGroup, bounds.heldBytesMax)
    const tables: TableDescriptor[] = []
    const parts: OperatorPart[] = []
    const places: TablePlace[] = []
    for (const operator of operators) {
      const part = createPart(operator, bounds, decide)
      parts.push(part)
      this.#pieces.add(part.pieces)
      tables.push(...part.pieces.tables)
      operator.tables.forEach((table, index) => {
        const drops = table.drops.toSay(index, table.descriptor.kind, part.isBase)
        places[table.number] = { part, index, table, drops }
      })
    }
    this.tables = tables
    this.parts = parts
    this.places = places
  }

  get isDone(): boolean {
    return this.#isDone
  }

  get heldBytes(): number {
    return this.#pieces.heldBytes
  }

  get isFull(): boolean {
    return this.#pieces.isFull
  }

  /** Nothing is copied because it changes: the store keeps it. */
  get isOverdrawn(): boolean {
    return false
  }

  takePieces(): readonly SnapshotPiece[] {
    return this.#pieces.take(this.#isDone)
  }

  release(bytes: number): void {
    this.#pieces.release(bytes)
  }

  encode(budgetMs: number): boolean {
    const until = this.#monotonicMs() + budgetMs
    while (!this.#isDone && !this.#pieces.isFull) {
      this.#step()
      if (this.#monotonicMs() >= until) break
    }
    return this.#isDone
  }

  /** At once, whatever is then held. */
  encodeAll(): void {
    while (!this.#isDone) this.#step()
  }

  /** It is complete: notes for which key groups there is a base to build on now. */
  onComplete(): void {
    for (const { operator, pieces, isBase } of this.parts) {
      isBase.forEach((base, index) => {
        // A delta was built on a base that is still named, also when a checkpoint that completed meanwhile had dropped it.
        const isNamed = base === 0 || pieces.hasPiece[index] === 1
        operator.hasBase[index] = isNamed ? 1 : 0
      })
    }
  }

  /** Gives everything that the snapshot has to say to `putEntry` and `deleteEntry`; may stop after each entry that it looks at. */
  protected abstract encodeEntries(): Generator<void>

  /** Counts an entry that was looked at; true when it is time for a look at the clock, or something has to be written first. */
  protected isStepOver(): boolean {
    return ++this.#visited % this.bounds.stepEntries === 0 || this.#pieces.isFull
  }

  protected putEntry({ part, index, table }: TablePlace, group: number, entry: ViewedEntry): void {
    const { outerKey, key, value } = entry
    const isBase = part.isBase[group] === 1
    // Nobody who restores the base could read it; the tombstone that it gets later finds nothing.
    if (entry.writtenAtMs !== undefined && isBase && table.isLeftOut(value, entry.writtenAtMs, this.bounds.nowMs))
      return
    const isMap = table.descriptor.kind === 'map'
    const timesMs = table.elementTimesMs(value)
    const writtenAtMs = timesMs === undefined ? entry.writtenAtMs : latestOf(timesMs)
    const writer = this.#pieces.writerOf(part.pieces, group)
    try {
      writer.put(index, isMap ? outerKey : key, isMap ? key : outerKey, table.storedValue(value), writtenAtMs, timesMs)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, key)
    }
    this.#pieces.onWritten(part.pieces, group, writer)
  }

  protected deleteEntry({ part, index, table }: TablePlace, group: number, outerKey: unknown, key: unknown): void {
    const isMap = table.descriptor.kind === 'map'
    const writer = this.#pieces.writerOf(part.pieces, group)
    writer.delete(index, isMap ? outerKey : key, isMap ? key : outerKey)
    this.#pieces.onWritten(part.pieces, group, writer)
  }

  #step(): void {
    this.#steps ??= this.#encodeSteps()
    if (this.#steps.next().done !== true) return
    this.#isDone = true
    this.#onDone()
  }

  *#encodeSteps(): Generator<void> {
    for (const place of this.places) if (place !== undefined) yield* this.#encodeDrops(place)
    yield* this.encodeEntries()
    yield* this.#pieces.finish()
  }

  *#encodeDrops({ part, drops }: TablePlace): Generator<void> {
    for (let group = 0; group < part.isBase.length; group++) {
      while (drops.has(group)) {
        if (this.isStepOver()) yield
        const writer = this.#pieces.writerOf(part.pieces, group)
        drops.sayNext(group, writer)
        this.#pieces.onWritten(part.pieces, group, writer)
      }
    }
  }
}

function createPart(
  operator: StoreOperator,
  bounds: SnapshotBounds,
  decide: (operatorUid: string, keyGroup: number) => 'base' | 'delta',
): OperatorPart {
  const isBase = new Uint8Array(operator.hasBase.length)
  for (let group = 0; group < isBase.length; group++) {
    if (decide(operator.uid, bounds.firstGroup + group) === 'base') {
      isBase[group] = 1
    } else if (operator.hasBase[group] === 0) {
      throw new MillraceError(
        'INTERNAL',
        `A delta of key group ${bounds.firstGroup + group} of ${operator.uid} was asked for, but there is no base.`,
      )
    }
  }
  const tables = operator.tables.map(({ descriptor }) => storedTable(descriptor))
  return { operator, pieces: new OperatorPieces(operator.uid, tables, isBase), isBase }
}
