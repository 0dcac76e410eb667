/**
 * One snapshot of the heap: the entries as they were when it began, encoded step by step while they go on changing. What is
 * finished is handed out on the way (`SnapshotPieces`).
 *
 * A base holds every entry, a delta what changed after the last completed snapshot, with tombstones. What is dropped as
 * a whole stands first in a delta (`TableDrops`), also when an entry is captured before its turn; everything else may stand in any
 * order, because each entry is written once.
 *
 * Invariant (with `ChangeTracker`): an entry is encoded by the walk or, before it changes, by `capture`, never twice.
 */
import { MillraceError } from '@millrace/api'
import { type KeyedSnapshot, NumbersAt, type SnapshotPiece, storedTable, type TableDescriptor } from '@millrace/core'
import { OperatorPieces, SnapshotPieces } from '../snapshot-pieces.ts'
import type { DropsToSay } from '../table-drops.ts'
import type { OpenSnapshot } from './change-tracker.ts'
import { atOf, EntryMap, type EntryMapOwner } from './entry-map.ts'
import { type EntryRows, ROWS_MAX } from './entry-rows.ts'
import type { HeapTable } from './heap-table.ts'

/** The tables of one operator. */
export interface HeapOperator {
  readonly uid: string
  readonly tables: HeapTable[]
  /** Per key group of the range: 1 when a completed snapshot holds a base that deltas can build on. */
  readonly hasBase: Uint8Array
}

export interface SnapshotBounds {
  readonly id: number
  /** Entries of this epoch and before belong to it. */
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

interface OperatorPart {
  readonly operator: HeapOperator
  readonly pieces: OperatorPieces
  /** Those declared when the snapshot began. */
  readonly heapTables: readonly HeapTable[]
  readonly indexes: ReadonlyMap<EntryMapOwner, number>
  /** By index of the table. */
  readonly drops: readonly DropsToSay[]
  /** Per key group of the range: 1 for a base. */
  readonly isBase: Uint8Array
}

/** Where the entries of a table go. */
interface TablePart {
  readonly table: EntryMapOwner
  readonly part: OperatorPart
  readonly index: number
}

export class HeapSnapshot implements KeyedSnapshot, OpenSnapshot {
  readonly bounds: SnapshotBounds
  readonly tables: readonly TableDescriptor[]
  readonly #parts = new Map<string, OperatorPart>()
  readonly #monotonicMs: () => number
  readonly #onDone: () => void
  readonly #onPurged: () => void
  readonly #steps: Generator<void>
  readonly #orphans: EntryMap[] = []
  readonly #pieces: SnapshotPieces
  /** Entries of one table mostly follow each other. */
  #last: TablePart | undefined
  #isDone = false
  #visited = 0
  /** Of no meaning, see `EntryMap.touch`. */
  #touched = 0

  constructor(
    bounds: SnapshotBounds,
    operators: Iterable<HeapOperator>,
    decide: (operatorUid: string, keyGroup: number) => 'base' | 'delta',
    monotonicMs: () => number,
    /** Everything is encoded: the view may be given up. */
    onDone: () => void,
    /** Entries have been taken out that tables may remember. */
    onPurged: () => void,
  ) {
    this.bounds = bounds
    this.#monotonicMs = monotonicMs
    this.#onDone = onDone
    this.#onPurged = onPurged
    this.#pieces = new SnapshotPieces(bounds.id, bounds.firstGroup, bounds.heldBytesMax)
    const tables: TableDescriptor[] = []
    for (const operator of operators) {
      const part = createPart(operator, bounds, decide)
      this.#parts.set(operator.uid, part)
      this.#pieces.add(part.pieces)
      tables.push(...part.pieces.tables)
    }
    this.tables = tables
    this.#steps = this.#encodeAll()
  }

  get isDone(): boolean {
    return this.#isDone
  }

  get completedEpoch(): number {
    return this.bounds.completedEpoch
  }

  get heldBytes(): number {
    return this.#pieces.heldBytes
  }

  get isFull(): boolean {
    return this.#pieces.isFull
  }

  get isOverdrawn(): boolean {
    return this.#pieces.isOverdrawn
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

  #step(): void {
    if (this.#steps.next().done !== true) return
    this.#isDone = true
    this.#onDone()
  }

  capture(map: EntryMap, row: number): void {
    const { epoch } = this.bounds
    const part = map.partOf(row)
    const at = atOf(row)
    // What is newer than the snapshot was created after it began, or captured before it was changed.
    if (part.changed(at) > epoch || part.encoded(at) === epoch) return
    part.setEncoded(at, epoch)
    this.#write(map, row)
  }

  keep(map: EntryMap): void {
    if (map.createdEpoch <= this.bounds.epoch) this.#orphans.push(map)
  }

  /** It is complete: notes for which key groups there is a base to build on now. */
  onComplete(): void {
    for (const { operator, pieces, isBase } of this.#parts.values()) {
      isBase.forEach((base, index) => {
        // A delta was built on a base that is still named, also when a checkpoint that completed meanwhile had dropped it.
        const isNamed = base === 0 || pieces.hasPiece[index] === 1
        operator.hasBase[index] = isNamed ? 1 : 0
      })
    }
  }

  *#encodeAll(): Generator<void> {
    for (const part of this.#parts.values()) yield* this.#encodeDrops(part)
    for (const part of this.#parts.values()) {
      const hasBase = part.isBase.includes(1)
      for (const table of part.heapTables) yield* this.#encodeMap(part.isBase, table.map, table.isNested, hasBase)
    }
    for (let map = this.#orphans.pop(); map !== undefined; map = this.#orphans.pop()) {
      const part = this.#parts.get(map.table.descriptor.operatorUid)
      if (part !== undefined) yield* this.#encodeMap(part.isBase, map, false, true)
    }
    yield* this.#pieces.finish()
  }

  /**
   * All key groups that are in the map go by in one walk, each entry to the segment of its group. `hasBase`: a base of one
   * of them is written; else only what may have changed is looked at.
   */
  *#encodeMap(isBase: Uint8Array, map: EntryMap, isNested: boolean, hasBase: boolean): Generator<void> {
    const { epoch, completedEpoch, firstGroup, stepEntries } = this.bounds
    for (let number = 0; number < map.parts.length; number++) {
      const rows = map.parts[number]
      if (rows === undefined || (!hasBase && rows.changedEpoch <= completedEpoch && rows.deleted === 0)) continue
      const changed = hasBase ? undefined : this.#changedRows(rows)
      // Rows that come meanwhile do not belong to the snapshot.
      const count = changed?.length ?? rows.size
      for (let i = 0; i < count; i++) {
        if (++this.#visited % stepEntries === 0 || this.#pieces.isFull) yield
        const at = changed === undefined ? i : (changed[i] as number)
        if (rows.isFree(at)) {
          if (changed !== undefined) rows.forgetChange(at)
          continue
        }
        const isNew = rows.changed(at) > completedEpoch
        const group = rows.keyGroup(at) - firstGroup
        if (isNested) {
          const inner = rows.value(at)
          if (!(inner instanceof EntryMap) || rows.created(at) > epoch) continue
          // The entries of a namespace are of all key groups, so it has none.
          const innerHasBase = hasBase && isBase[group] !== 0
          if (innerHasBase || isNew || inner.deleted > 0) yield* this.#encodeMap(isBase, inner, false, innerHasBase)
          if (!isNew && changed !== undefined && inner.deleted === 0 && rows.changed(at) <= completedEpoch) {
            rows.forgetChange(at)
          }
        } else if (!isNew && !rows.isLive(at)) {
          if (map.detached) continue
          map.table.purge(map, number * ROWS_MAX + at)
          this.#onPurged()
        } else if (isNew || isBase[group] === 1) {
          this.capture(map, number * ROWS_MAX + at)
        } else if (changed !== undefined) {
          rows.forgetChange(at)
        }
      }
    }
  }

  /** See `EntryRows.changedAfter`. They lie apart, so they are fetched together: the processor waits for many of them at once. */
  #changedRows(rows: EntryRows): readonly number[] | undefined {
    const changed = rows.changedAfter(this.bounds.completedEpoch)
    if (changed === undefined) return undefined
    let read = 0
    for (const at of changed) read ^= rows.touch(at)
    this.#touched ^= read
    return changed
  }

  /** `undefined` for a table that was declared after the snapshot began. */
  #partOf(table: EntryMapOwner): TablePart | undefined {
    if (this.#last?.table === table) return this.#last
    const part = this.#parts.get(table.descriptor.operatorUid)
    const index = part?.indexes.get(table)
    if (part === undefined || index === undefined) return undefined
    this.#last = { table, part, index }
    return this.#last
  }

  #write(map: EntryMap, row: number): void {
    const { table } = map
    const entries = map.partOf(row)
    const at = atOf(row)
    const place = this.#partOf(table)
    if (place === undefined) return
    const { part, index } = place
    const isDeleted = !entries.isLive(at)
    const group = entries.keyGroup(at) - this.bounds.firstGroup
    const isBase = part.isBase[group] === 1
    if (isBase ? isDeleted : entries.changed(at) <= this.bounds.completedEpoch) return
    const drops = part.drops[index] as DropsToSay
    while (drops.has(group)) this.#sayDrop(part, drops, group)
    const { key, sub } = table.addressOf(map, row)
    if (isDeleted) {
      const writer = this.#pieces.writerOf(part.pieces, group)
      writer.delete(index, key, sub)
      this.#pieces.onWritten(part.pieces, group, writer)
      return
    }
    const value = entries.valueInPlace(at)
    const rowTimeMs = table.descriptor.ttlMs === undefined ? undefined : entries.writtenAtMs(at)
    // Nobody who restores the base could read it; it stays here until it is removed, and the tombstone that it then gets finds nothing.
    if (rowTimeMs !== undefined && isBase && table.isLeftOut(value, rowTimeMs, this.bounds.nowMs)) return
    const timesMs = table.elementTimesMs(value)
    const writtenAtMs = timesMs === undefined ? rowTimeMs : latestOf(timesMs)
    const writer = this.#pieces.writerOf(part.pieces, group)
    try {
      writer.put(index, key, sub, table.storedValue(value), writtenAtMs, timesMs)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, key instanceof NumbersAt ? entries.key(at) : key)
    }
    this.#pieces.onWritten(part.pieces, group, writer)
  }

  *#encodeDrops(part: OperatorPart): Generator<void> {
    for (const drops of part.drops) {
      for (let group = 0; group < part.isBase.length; group++) {
        while (drops.has(group)) {
          this.#sayDrop(part, drops, group)
          // Meanwhile the others of the group may be said.
          if (++this.#visited % this.bounds.stepEntries === 0 || this.#pieces.isFull) yield
        }
      }
    }
  }

  #sayDrop(part: OperatorPart, drops: DropsToSay, group: number): void {
    const writer = this.#pieces.writerOf(part.pieces, group)
    drops.sayNext(group, writer)
    this.#pieces.onWritten(part.pieces, group, writer)
  }
}

function createPart(
  operator: HeapOperator,
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
  return {
    operator,
    pieces: new OperatorPieces(operator.uid, tables, isBase),
    heapTables: [...operator.tables],
    indexes: new Map<EntryMapOwner, number>(operator.tables.map((table, index) => [table, index])),
    drops: operator.tables.map(({ drops, descriptor }, index) => drops.toSay(index, descriptor.kind, isBase)),
    isBase,
  }
}

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

export function latestOf(timesMs: readonly number[]): number {
  let latest = Number.NEGATIVE_INFINITY
  for (const timeMs of timesMs) if (timeMs > latest) latest = timeMs
  return latest
}

function describeKey(key: unknown): string {
  return typeof key === 'object' && key !== null ? JSON.stringify(key) : String(key)
}
