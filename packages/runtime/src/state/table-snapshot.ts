/**
 * One snapshot of the tables of a backend: what there was when it began, encoded step by step while they go on changing. What is
 * finished is handed out on the way (`SnapshotPieces`). How entries are found as they were then is left to who extends this.
 *
 * A base holds every entry, a delta what changed after the last completed snapshot, with tombstones. What is dropped as a whole
 * stands first in a delta (`TableDrops`).
 */
import { MillraceError } from '@millrace/api'
import { type SnapshotPiece, storedTable, type TableDescriptor } from '@millrace/core'
import { OperatorPieces, SnapshotPieces } from './snapshot-pieces.ts'
import type { OperatorTables, SnapshotBounds, SnapshotPlan } from './snapshot-plan.ts'
import type { DropsToSay, TableDrops } from './table-drops.ts'
import type { BackendSnapshot } from './table-state-backend.ts'

/** A table, as far as its snapshot needs it whatever its kind. */
export interface SnapshotTable {
  readonly descriptor: TableDescriptor
  readonly drops: TableDrops
  /** Whether nothing of an entry, as it was at `nowMs`, needs to be in a base. */
  isLeftOut(value: unknown, writtenAtMs: number, nowMs: number): boolean
  /** When the elements of a value were written, where they have times of their own. */
  elementTimesMs(value: unknown): readonly number[] | undefined
  /** The value as it is stored, from that of an entry. */
  storedValue(value: unknown): unknown
}

/** One operator, as the snapshot sees it. */
export interface OperatorPart<Table> {
  readonly operator: OperatorTables<Table>
  readonly pieces: OperatorPieces
  /** Per key group of the range: 1 for a base. */
  readonly isBase: Uint8Array
}

/** Where entries of a table go. */
export interface TablePlace<Table> {
  readonly part: OperatorPart<Table>
  /** Of the table in its part. */
  readonly index: number
  readonly table: Table
  readonly drops: DropsToSay
}

export abstract class TableSnapshot<Table extends SnapshotTable> implements BackendSnapshot {
  readonly bounds: SnapshotBounds
  readonly tables: readonly TableDescriptor[]
  protected readonly parts: readonly OperatorPart<Table>[]
  /** Of the tables that were there when it began, in the order of the parts. */
  protected readonly places: readonly TablePlace<Table>[]
  protected readonly pieces: SnapshotPieces
  readonly #monotonicMs: () => number
  readonly #onDone: () => void
  #steps: Generator<void> | undefined
  #isDone = false
  #visited = 0

  constructor({ bounds, operators, decide, monotonicMs, onDone }: SnapshotPlan<Table>) {
    this.bounds = bounds
    this.#monotonicMs = monotonicMs
    this.#onDone = onDone
    this.pieces = new SnapshotPieces(bounds.id, bounds.firstGroup, bounds.heldBytesMax)
    const parts: OperatorPart<Table>[] = []
    const places: TablePlace<Table>[] = []
    for (const operator of operators) {
      const part = createPart(operator, bounds, decide)
      parts.push(part)
      this.pieces.add(part.pieces)
      for (const [index, table] of operator.tables.entries()) {
        const drops = table.drops.toSay(index, table.descriptor.kind, part.isBase)
        places.push({ part, index, table, drops })
      }
    }
    this.parts = parts
    this.places = places
    this.tables = parts.flatMap(({ pieces }) => pieces.tables)
  }

  abstract readonly isOverdrawn: boolean
  /** Encodes what there was, with a step whenever `isStepOver`. */
  protected abstract encodeEntries(): Generator<void>

  get isDone(): boolean {
    return this.#isDone
  }

  get heldBytes(): number {
    return this.pieces.heldBytes
  }

  get isFull(): boolean {
    return this.pieces.isFull
  }

  takePieces(): readonly SnapshotPiece[] {
    return this.pieces.take(this.#isDone)
  }

  release(bytes: number): void {
    this.pieces.release(bytes)
  }

  encode(budgetMs: number): boolean {
    const until = this.#monotonicMs() + budgetMs
    while (!this.#isDone && !this.pieces.isFull) {
      this.#step()
      if (this.#monotonicMs() >= until) break
    }
    return this.#isDone
  }

  encodeAll(): void {
    while (!this.#isDone) this.#step()
  }

  onComplete(): void {
    for (const { operator, pieces, isBase } of this.parts) {
      isBase.forEach((base, index) => {
        // A delta was built on a base that is still named, also when a checkpoint that completed meanwhile had dropped it.
        const isNamed = base === 0 || pieces.hasPiece[index] === 1
        operator.hasBase[index] = isNamed ? 1 : 0
      })
    }
  }

  /** Counts an entry that was looked at; true when it is time for a look at the clock, or something has to be written first. */
  protected isStepOver(): boolean {
    return ++this.#visited % this.bounds.stepEntries === 0 || this.pieces.isFull
  }

  /**
   * Writes an entry under what it is stored under; both keys may be `NumbersAt`. One that cannot be encoded throws as the codec does: who
   * knows its key says which it was (`describeFailure`).
   */
  protected put(
    place: TablePlace<Table>,
    group: number,
    key: unknown,
    sub: unknown,
    value: unknown,
    entryTimeMs: number | undefined,
  ): void {
    const { part, index, table } = place
    this.#sayDrops(place, group)
    // Nobody who restores the base could read it; it stays where it is until it is removed, and the tombstone that it then gets finds nothing.
    if (entryTimeMs !== undefined && part.isBase[group] === 1 && table.isLeftOut(value, entryTimeMs, this.bounds.nowMs))
      return
    const timesMs = table.elementTimesMs(value)
    const writtenAtMs = timesMs === undefined ? entryTimeMs : latestOf(timesMs)
    const writer = this.pieces.writerOf(part.pieces, group)
    writer.put(index, key, sub, table.storedValue(value), writtenAtMs, timesMs)
    this.pieces.onWritten(part.pieces, group, writer)
  }

  protected delete(place: TablePlace<Table>, group: number, key: unknown, sub: unknown): void {
    const { part, index } = place
    this.#sayDrops(place, group)
    const writer = this.pieces.writerOf(part.pieces, group)
    writer.delete(index, key, sub)
    this.pieces.onWritten(part.pieces, group, writer)
  }

  #step(): void {
    this.#steps ??= this.#encodeSteps()
    if (this.#steps.next().done !== true) return
    this.#isDone = true
    this.#onDone()
  }

  *#encodeSteps(): Generator<void> {
    for (const place of this.places) yield* this.#encodeDrops(place)
    yield* this.encodeEntries()
    yield* this.pieces.finish()
  }

  *#encodeDrops(place: TablePlace<Table>): Generator<void> {
    for (let group = 0; group < place.part.isBase.length; group++) {
      while (place.drops.has(group)) {
        this.#sayDrop(place, group)
        // Meanwhile the others of the group may be said.
        if (this.isStepOver()) yield
      }
    }
  }

  /** Before anything else of the table in the group: entries may be written before their turn. */
  #sayDrops(place: TablePlace<Table>, group: number): void {
    while (place.drops.has(group)) this.#sayDrop(place, group)
  }

  #sayDrop({ part, drops }: TablePlace<Table>, group: number): void {
    const writer = this.pieces.writerOf(part.pieces, group)
    drops.sayNext(group, writer)
    this.pieces.onWritten(part.pieces, group, writer)
  }
}

/** Says which entry of which state could not be encoded or read. */
export function describeFailure(cause: unknown, table: TableDescriptor, key: unknown): unknown {
  if (!(cause instanceof MillraceError)) return cause
  return new MillraceError(
    cause.code,
    `State "${table.name}" of operator "${table.operatorUid}", key ${describeKey(key)}: ${cause.message}`,
    {
      details: { ...cause.details, operator: table.operatorUid, state: table.name },
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    },
  )
}

function createPart<Table extends SnapshotTable>(
  operator: OperatorTables<Table>,
  bounds: SnapshotBounds,
  decide: (operatorUid: string, keyGroup: number) => 'base' | 'delta',
): OperatorPart<Table> {
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

function latestOf(timesMs: readonly number[]): number {
  let latest = Number.NEGATIVE_INFINITY
  for (const timeMs of timesMs) if (timeMs > latest) latest = timeMs
  return latest
}

function describeKey(key: unknown): string {
  return typeof key === 'object' && key !== null ? JSON.stringify(key) : String(key)
}
