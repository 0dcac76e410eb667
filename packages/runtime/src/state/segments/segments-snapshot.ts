/**
 * One snapshot of the segment store: the records that were alive when it began, in the order of the log, encoded step by
 * step while the store goes on. The view of the log is what fixes them: changes are appended behind it.
 *
 * A base holds every entry, a delta what changed after the last completed snapshot, with tombstones; files without such
 * changes are not read for it. What is dropped as a whole stands first in a delta, so that entries that came back later survive it;
 * everything else may stand in any order, because each entry has one record in the view.
 */
import { MillraceError } from '@millrace/api'
import {
  type KeyedSnapshot,
  SegmentWriter,
  type SnapshotPiece,
  storedTable,
  type TableDescriptor,
} from '@millrace/core'
import { describeFailure, latestOf } from '../heap/heap-snapshot.ts'
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
}

interface OperatorPart {
  readonly operator: StoreOperator
  readonly tables: readonly TableDescriptor[]
  /** Per key group of the range: 1 for a base. */
  readonly isBase: Uint8Array
  readonly writers: (SegmentWriter | undefined)[]
}

const WRITER_BYTES_INITIAL = 512

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
  readonly #pieces: SnapshotPiece[] = []
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
    const tables: TableDescriptor[] = []
    for (const operator of operators) {
      const part = createPart(operator, bounds, decide)
      this.#parts.push(part)
      tables.push(...part.tables)
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

  get pieces(): readonly SnapshotPiece[] {
    if (!this.#isDone) throw new MillraceError('INTERNAL', `Snapshot ${this.bounds.id} is not encoded yet.`)
    return this.#pieces
  }

  encode(budgetMs: number): boolean {
    if (this.#isDone) return true
    const until = this.#monotonicMs() + budgetMs
    do {
      if (this.#steps.next().done === true) {
        this.#isDone = true
        this.#onDone()
        return true
      }
    } while (this.#monotonicMs() < until)
    return false
  }

  /** It is complete: notes for which key groups there is a base to build on now. */
  onComplete(): void {
    const written = new Set(this.#pieces.map(({ operatorUid, keyGroup }) => `${keyGroup} ${operatorUid}`))
    for (const { operator, isBase } of this.#parts) {
      isBase.forEach((base, index) => {
        // A delta was built on a base that is still named, also when a checkpoint that completed meanwhile had dropped it.
        const isNamed = base === 0 || written.has(`${this.bounds.firstGroup + index} ${operator.uid}`)
        operator.hasBase[index] = isNamed ? 1 : 0
      })
    }
  }

  *#encodeAll(files: readonly { readonly file: LogFile; readonly endBytes: number }[]): Generator<void> {
    const scan = new LogScan()
    for (const { file, endBytes } of files) {
      scan.begin(file, 0, endBytes)
      while (scan.next()) {
        if (++this.#visited % this.bounds.stepEntries === 0) yield
        this.#visit(scan, this.#store.log.positionIn(file, scan.recordAtBytes))
      }
    }
    for (const part of this.#parts) yield* this.#finishPart(part)
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
      this.#writer(part, group).delete(index, isMap ? outerKey : key, isMap ? key : outerKey)
      return
    }
    // Nobody who restores the base could read it; the tombstone that it gets later finds nothing.
    if (record.writtenAtMs !== undefined && isBase && table.isLeftOut(value, record.writtenAtMs, this.bounds.nowMs))
      return
    const timesMs = table.elementTimesMs(value)
    const writtenAtMs = timesMs === undefined ? record.writtenAtMs : latestOf(timesMs)
    const writer = this.#writer(part, group)
    try {
      writer.put(index, isMap ? outerKey : key, isMap ? key : outerKey, table.storedValue(value), writtenAtMs, timesMs)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, key)
    }
  }

  #writeDrops(part: OperatorPart, table: StoreTable, index: number): void {
    for (const { outerKey, keyGroups, epoch } of table.drops) {
      if (epoch <= this.bounds.completedEpoch) continue
      for (const keyGroup of keyGroups) {
        const group = keyGroup - this.bounds.firstGroup
        if (part.isBase[group] === 1) continue
        if (table.descriptor.kind === 'map') this.#writer(part, group).clear(index, outerKey)
        else this.#writer(part, group).dropNamespace(index, outerKey as number)
      }
    }
  }

  #writer(part: OperatorPart, group: number): SegmentWriter {
    let writer = part.writers[group]
    if (writer === undefined) {
      writer = new SegmentWriter(
        {
          kind: part.isBase[group] === 1 ? 'base' : 'delta',
          checkpointId: this.bounds.id,
          operatorUid: part.operator.uid,
          keyGroup: this.bounds.firstGroup + group,
          tables: part.tables,
        },
        WRITER_BYTES_INITIAL,
      )
      part.writers[group] = writer
    }
    return writer
  }

  *#finishPart(part: OperatorPart): Generator<void> {
    for (let group = 0; group < part.isBase.length; group++) {
      const writer = part.writers[group]
      if (writer === undefined) continue
      const { entries } = writer
      this.#pieces.push({
        operatorUid: part.operator.uid,
        keyGroup: this.bounds.firstGroup + group,
        kind: part.isBase[group] === 1 ? 'base' : 'delta',
        bytes: writer.finish(),
        entries,
      })
      part.writers[group] = undefined
      yield
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
  return {
    operator,
    tables: operator.tables.map(({ descriptor }) => storedTable(descriptor)),
    isBase,
    writers: new Array<SegmentWriter | undefined>(isBase.length).fill(undefined),
  }
}
