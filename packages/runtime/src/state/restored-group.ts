/**
 * Reads the segments of one key group: all of them put together, base first, then deltas in order, each with its continuations; or one
 * after the other from the newest to the oldest, each without what newer ones have said, so that no more than one is in memory.
 *
 * Nothing of a segment reaches the tables before all of it has been read. Of a group that is read from its newest segment on, damaged bytes
 * may leave a half behind: who restores gives up then, and the tables with it.
 */
import { MillraceError } from '@millrace/api'
import {
  type NewerEntries,
  type NewerKeys,
  type RestoredSegment,
  readSegment,
  type SegmentHeader,
  type SegmentVisitor,
  type TableDescriptor,
  toMapKey,
} from '@millrace/core'

/** One restored entry; `sub` as in `SegmentVisitor`. */
export interface RestoredEntry {
  readonly key: unknown
  readonly sub: unknown
  readonly value: unknown
  readonly writtenAtMs: number | undefined
  /** Of the elements of a list, where it has such. */
  readonly elementTimesMs?: readonly number[]
}

export interface RestoredTable {
  readonly descriptor: TableDescriptor
  entries(): Iterable<RestoredEntry>
}

/** The state of a key group by table name. Throws `BYTES_DAMAGED` for segments that do not belong together. */
export function readGroup(
  keyGroup: number,
  operatorUid: string,
  segments: readonly RestoredSegment[],
): readonly RestoredTable[] {
  const group = new GroupReader(keyGroup, operatorUid)
  let expected: 'base' | 'delta' = 'base'
  segments.forEach(({ ref, bytes }, index) => {
    // A continuation is of the kind of what it continues.
    if (index > 0 && ref.isContinuation !== true) expected = 'delta'
    group.read(expected, { ref, bytes })
  })
  return [...group.tables.values()]
}

/**
 * What of a key group is to be restored: without `newer` as `readGroup`; with it segment by segment, the newest first, as
 * `KeyedStateBackend.restore` is given them. What is yielded is to be used before the next is asked for.
 */
export function* restoredTables(
  keyGroup: number,
  operatorUid: string,
  segments: readonly RestoredSegment[],
  newer: NewerEntries | undefined,
): Generator<RestoredTable> {
  if (newer === undefined) {
    yield* readGroup(keyGroup, operatorUid, segments)
    return
  }
  for (const segment of segments) {
    const { kind } = segment.ref
    const group = new GroupReader(keyGroup, operatorUid)
    group.read(kind, segment)
    for (const [name, table] of group.tables) {
      const keys = newer.of(name)
      table.leaveOut(keys)
      if (kind === 'delta') table.tell(keys)
      yield table
    }
  }
}

class GroupReader implements SegmentVisitor {
  readonly tables = new Map<string, StagedTable>()
  readonly #keyGroup: number
  readonly #operatorUid: string
  #kind: 'base' | 'delta' = 'base'
  #what = ''
  #current: readonly StagedTable[] = []

  constructor(keyGroup: number, operatorUid: string) {
    this.#keyGroup = keyGroup
    this.#operatorUid = operatorUid
  }

  /** Another segment, of which the kind is expected. */
  read(kind: 'base' | 'delta', { ref, bytes }: RestoredSegment): void {
    const where = ref.location.kind === 'file' ? ref.location.file : 'the manifest'
    this.#kind = kind
    this.#what = `the ${kind} of key group ${this.#keyGroup} of operator "${this.#operatorUid}" in ${where}`
    readSegment(bytes, this, this.#what)
  }

  onHeader(header: SegmentHeader): void {
    const found = `a ${header.kind} of key group ${header.keyGroup} of operator "${header.operatorUid}"`
    const fits =
      header.kind === this.#kind && header.keyGroup === this.#keyGroup && header.operatorUid === this.#operatorUid
    if (!fits) {
      throw new MillraceError('BYTES_DAMAGED', `Where ${this.#what} should be there is ${found}.`, {
        details: { operator: this.#operatorUid, keyGroup: this.#keyGroup },
        hint: 'Restore from another checkpoint.',
      })
    }
    this.#current = header.tables.map((descriptor) => {
      const staged = this.tables.get(descriptor.name) ?? new StagedTable()
      staged.descriptor = descriptor
      this.tables.set(descriptor.name, staged)
      return staged
    })
  }

  onPut(
    table: number,
    key: unknown,
    sub: unknown,
    value: unknown,
    writtenAtMs: number | undefined,
    elementTimesMs?: readonly number[],
  ): void {
    const entry = { key, sub, value, writtenAtMs }
    this.#table(table).put(elementTimesMs === undefined ? entry : { ...entry, elementTimesMs })
  }

  onDelete(table: number, key: unknown, sub: unknown): void {
    this.#table(table).delete(key, sub)
  }

  onClear(table: number, key: unknown): void {
    this.#table(table).drop(key)
  }

  onDropNamespace(table: number, namespace: number): void {
    this.#table(table).drop(namespace)
  }

  #table(index: number): StagedTable {
    const table = this.#current[index]
    if (table === undefined) throw new MillraceError('BYTES_DAMAGED', `There is no table ${index} in ${this.#what}.`)
    return table
  }
}

/** Entries of one table and key group by outer key (the namespace, or the key) and inner key (the key, or the user key). */
class StagedTable implements RestoredTable {
  descriptor!: TableDescriptor
  readonly #outer = new Map<unknown, Map<unknown, RestoredEntry>>()
  readonly #deleted: { readonly outer: unknown; readonly inner: unknown }[] = []
  readonly #dropped: unknown[] = []

  put(entry: RestoredEntry): void {
    const { outer, inner } = this.#address(entry.key, entry.sub)
    let entries = this.#outer.get(outer)
    if (entries === undefined) {
      entries = new Map()
      this.#outer.set(outer, entries)
    }
    entries.set(inner, entry)
  }

  delete(key: unknown, sub: unknown): void {
    const address = this.#address(key, sub)
    this.#outer.get(address.outer)?.delete(address.inner)
    this.#deleted.push(address)
  }

  drop(outerKey: unknown): void {
    const outer = toMapKey(outerKey)
    this.#outer.delete(outer)
    this.#dropped.push(outer)
  }

  /** Takes out what newer segments have said something of. */
  leaveOut(newer: NewerKeys): void {
    if (newer.isEmpty) return
    for (const [outer, entries] of this.#outer) {
      if (newer.isDropped(outer)) {
        this.#outer.delete(outer)
        continue
      }
      const said = newer.saidOf(outer)
      if (said === undefined) continue
      for (const inner of entries.keys()) if (said.has(inner)) entries.delete(inner)
    }
  }

  /** Tells older segments what is said here. */
  tell(newer: NewerKeys): void {
    for (const [outer, entries] of this.#outer) for (const inner of entries.keys()) newer.say(outer, inner)
    for (const { outer, inner } of this.#deleted) newer.say(outer, inner)
    for (const outer of this.#dropped) newer.drop(outer)
  }

  *entries(): Generator<RestoredEntry> {
    for (const entries of this.#outer.values()) yield* entries.values()
  }

  /** Tables without a second key keep everything under one outer key: one map per key would be most of the memory. */
  #address(key: unknown, sub: unknown): { outer: unknown; inner: unknown } {
    if (this.descriptor.kind === 'map') return { outer: toMapKey(key), inner: toMapKey(sub) }
    return { outer: this.descriptor.kind === 'namespaced' ? toMapKey(sub) : '', inner: toMapKey(key) }
  }
}
