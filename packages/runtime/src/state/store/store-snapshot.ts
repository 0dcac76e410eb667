/**
 * One snapshot of a store: what was alive when it began, encoded step by step while the store goes on. The view of the
 * store fixes that; how it is read is left to who extends this.
 *
 * A base holds every entry, a delta what changed after the last completed snapshot, with tombstones. What is dropped as a whole
 * stands first in a delta, so that entries that came back later survive it; a tombstone of a key that came back has to stand before it.
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
  readonly tables: readonly TableDescriptor[]
  /** Per key group of the range: 1 for a base. */
  readonly isBase: Uint8Array
  readonly writers: (SegmentWriter | undefined)[]
}

/** Where entries of a table go. */
export interface TablePlace {
  readonly part: OperatorPart
  /** Of the table in its part. */
  readonly index: number
  readonly table: StoreTable
}

/** An entry as it was when the snapshot began. `key` is that within its map. */
export interface ViewedEntry {
  readonly outerKey: unknown
  readonly key: unknown
  readonly value: unknown
  readonly writtenAtMs: number | undefined
}

const WRITER_BYTES_INITIAL = 512

export abstract class StoreSnapshot implements KeyedSnapshot {
  readonly bounds: SnapshotBounds
  readonly tables: readonly TableDescriptor[]
  protected readonly parts: readonly OperatorPart[]
  /** By number of the table. */
  protected readonly places: readonly (TablePlace | undefined)[]
  readonly #monotonicMs: () => number
  readonly #onDone: () => void
  readonly #pieces: SnapshotPiece[] = []
  #steps: Generator<void> | undefined
  #isDone = false
  #visited = 0

  constructor({ bounds, operators, decide, monotonicMs, onDone }: SnapshotPlan) {
    this.bounds = bounds
    this.#monotonicMs = monotonicMs
    this.#onDone = onDone
    const tables: TableDescriptor[] = []
    const parts: OperatorPart[] = []
    const places: TablePlace[] = []
    for (const operator of operators) {
      const part = createPart(operator, bounds, decide)
      parts.push(part)
      tables.push(...part.tables)
      operator.tables.forEach((table, index) => {
        const place = { part, index, table }
        places[table.number] = place
        this.#writeDrops(place)
      })
    }
    this.tables = tables
    this.parts = parts
    this.places = places
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
    this.#steps ??= this.#encodeAll()
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
    for (const { operator, isBase } of this.parts) {
      isBase.forEach((base, index) => {
        // A delta was built on a base that is still named, also when a checkpoint that completed meanwhile had dropped it.
        const isNamed = base === 0 || written.has(`${this.bounds.firstGroup + index} ${operator.uid}`)
        operator.hasBase[index] = isNamed ? 1 : 0
      })
    }
  }

  /** Gives everything that the snapshot has to say to `putEntry` and `deleteEntry`; may stop after each entry that it looks at. */
  protected abstract encodeEntries(): Generator<void>

  /** Counts an entry that was looked at; true when it is time for a look at the clock. */
  protected isStepOver(): boolean {
    return ++this.#visited % this.bounds.stepEntries === 0
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
    const writer = this.#writer(part, group)
    try {
      writer.put(index, isMap ? outerKey : key, isMap ? key : outerKey, table.storedValue(value), writtenAtMs, timesMs)
    } catch (cause) {
      throw describeFailure(cause, table.descriptor, key)
    }
  }

  protected deleteEntry({ part, index, table }: TablePlace, group: number, outerKey: unknown, key: unknown): void {
    const isMap = table.descriptor.kind === 'map'
    this.#writer(part, group).delete(index, isMap ? outerKey : key, isMap ? key : outerKey)
  }

  *#encodeAll(): Generator<void> {
    yield* this.encodeEntries()
    for (const part of this.parts) yield* this.#finishPart(part)
  }

  #writeDrops({ part, index, table }: TablePlace): void {
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
