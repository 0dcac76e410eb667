/**
 * One snapshot of the segment store: the records that were alive when it began, in the order of the log, encoded step by
 * step while the store goes on. The view of the log is what fixes them: changes are appended behind it. What is finished is
 * handed out on the way (`SnapshotPieces`).
 *
 * A base holds every entry, a delta what changed after the last completed snapshot, with tombstones; files without such
 * changes are not read for it. What is dropped as a whole stands first in a delta, so that entries that came back later survive it;
 * everything else may stand in any order, because each entry has one record in the view.
 */
import { MillraceError } from '@millrace/api'
import { type KeyedSnapshot, type SnapshotPiece, storedTable, type TableDescriptor } from '@millrace/core'
import { describeFailure, latestOf } from '../heap/heap-snapshot.ts'
import { OperatorPieces, SnapshotPieces } from '../snapshot-pieces.ts'
import type { EntryStore } from './entry-store.ts'
import { LogScan } from './log-scan.ts'
import type { LogFile } from './record-log.ts'
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
  /** Records of this epoch and before belong to it. */
  readonly epoch: number
  /** Deltas hold what is newer than this. */
  readonly completedEpoch: number
  readonly firstGroup: number
  /** Records between two looks at the clock. */
  readonly stepEntries: number
  /** Wall clock when it began: what had expired by then is in no base. */
  readonly nowMs: number
  /** What it may hold of encoded entries; default: `SNAPSHOT_BYTES_MAX`. */
  readonly heldBytesMax?: number | undefined
}

interface OperatorPart {
  readonly operator: StoreOperator
  readonly pieces: OperatorPieces
  /** Per key group of the range: 1 for a base. */
  readonly isBase: Uint8Array
}

export class SegmentsSnapshot implements KeyedSnapshot {
  readonly bounds: SnapshotBounds
  readonly tables: readonly TableDescriptor[]
  readonly #store: EntryStore
  readonly #parts: OperatorPart[] = []
  /** By number of the table: its part and its index there. */
  readonly #places: { readonly part: OperatorPart; readonly index: number; readonly table: StoreTable }[] = []
  readonly #monotonicMs: () => number
  readonly #onDone: () => void
  readonly #steps: Generator<void>
  readonly #pieces: SnapshotPieces
  #isDone = false
  #visited = 0

  constructor(
    bounds: SnapshotBounds,
    operators: Iterable<StoreOperator>,
    store: EntryStore,
    decide: (operatorUid: string, keyGroup: number) => 'base' | 'delta',
    monotonicMs: () => number,
    /** Everything is encoded: the view may be given up. */
    onDone: () => void,
  ) {
    this.bounds = bounds
    this.#store = store
    this.#monotonicMs = monotonicMs
    this.#onDone = onDone
    this.#pieces = new SnapshotPieces(bounds.id, bounds.firstGroup, bounds.heldBytesMax)
    const tables: TableDescriptor[] = []
    for (const operator of operators) {
      const part = createPart(operator, bounds, decide)
      this.#parts.push(part)
      this.#pieces.add(part.pieces)
      tables.push(...part.pieces.tables)
      operator.tables.forEach((table, index) => {
        this.#places[table.number] = { part, index, table }
        this.#writeDrops(part, table, index)
      })
    }
    this.tables = tables
    const hasBase = this.#parts.some(({ isBase }) => isBase.includes(1))
    const files = [...store.log.files()].filter(
      (file) => file.fixedBytes > 0 && (hasBase || file.epochMax > bounds.completedEpoch || file.tombstones > 0),
    )
    this.#steps = this.#encodeAll(files.map((file) => ({ file, endBytes: file.fixedBytes })))
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

  /** Nothing is copied because it changes: the log keeps it. */
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

  #step(): void {
    if (this.#steps.next().done !== true) return
    this.#isDone = true
    this.#onDone()
  }

  /** It is complete: notes for which key groups there is a base to build on now. */
  onComplete(): void {
    for (const { operator, pieces, isBase } of this.#parts) {
      isBase.forEach((base, index) => {
        // A delta was built on a base that is still named, also when a checkpoint that completed meanwhile had dropped it.
        const isNamed = base === 0 || pieces.hasPiece[index] === 1
        operator.hasBase[index] = isNamed ? 1 : 0
      })
    }
  }

  *#encodeAll(files: readonly { readonly file: LogFile; readonly endBytes: number }[]): Generator<void> {
    const scan = new LogScan()
    for (const { file, endBytes } of files) {
      scan.begin(file, 0, endBytes)
      while (scan.next()) {
        if (++this.#visited % this.bounds.stepEntries === 0 || this.#pieces.isFull) yield
        this.#visit(scan, this.#store.log.positionIn(file, scan.recordAtBytes))
      }
    }
    yield* this.#pieces.finish()
  }

  #visit(scan: LogScan, position: number): void {
    const { record } = scan
    const { completedEpoch, firstGroup } = this.bounds
    const place = this.#places[record.table]
    if (place === undefined) return
    const { part, index, table } = place
    const group = record.keyGroup - firstGroup
    const isBase = part.isBase[group] === 1
    const isNew = record.epoch > completedEpoch
    if (!isNew && !isBase && !record.isTombstone) return
    const store = this.#store
    const isPinned = store.log.isPinned(position)
    const inIndex = isPinned ? -1 : store.placeOf(record, position)
    if (!isPinned && inIndex < 0) return
    if (record.isTombstone && !isNew) {
      if (inIndex >= 0) store.purge(record, position, inIndex)
      return
    }
    if (record.isTombstone && isBase) return
    const { key, value } = store.decode(table, record, scan.bytes, scan.bodyAt)
    const outerKey = store.mapOf(record)?.outerKey
    const isMap = table.descriptor.kind === 'map'
    if (record.isTombstone) {
      const writer = this.#pieces.writerOf(part.pieces, group)
      writer.delete(index, isMap ? outerKey : key, isMap ? key : outerKey)
      this.#pieces.onWritten(part.pieces, group, writer)
      return
    }
    // Nobody who restores the base could read it; the tombstone that it gets later finds nothing.
    if (record.writtenAtMs !== undefined && isBase && table.isLeftOut(value, record.writtenAtMs, this.bounds.nowMs))
      return
    const timesMs = table.elementTimesMs(value)
    const writtenAtMs = timesMs === undefined ? record.writtenAtMs : latestOf(timesMs)
    const writer = this.#pieces.writerOf(part.pieces, group)
    try {
      writer.put(index, isMap ? outerKey : key, isMap ? key : outerKey, table.storedValue(value), writtenAtMs, timesMs)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, key)
    }
    this.#pieces.onWritten(part.pieces, group, writer)
  }

  #writeDrops(part: OperatorPart, table: StoreTable, index: number): void {
    for (const { outerKey, keyGroups, epoch } of table.drops) {
      if (epoch <= this.bounds.completedEpoch) continue
      for (const keyGroup of keyGroups) {
        const group = keyGroup - this.bounds.firstGroup
        if (part.isBase[group] === 1) continue
        const writer = this.#pieces.writerOf(part.pieces, group)
        if (table.descriptor.kind === 'map') writer.clear(index, outerKey)
        else writer.dropNamespace(index, outerKey as number)
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
