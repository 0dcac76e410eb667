/**
 * Puts the segments of one key group together, base first, then deltas in order, each with its continuations. Nothing of a
 * group reaches the tables before all its segments have been read, so damaged bytes leave no half of it behind.
 */
import { MillraceError } from '@millrace/api'
import {
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
    const where = ref.location.kind === 'file' ? ref.location.file : 'the manifest'
    const what = `the ${expected} of key group ${keyGroup} of operator "${operatorUid}" in ${where}`
    group.expect(expected, what)
    readSegment(bytes, group, what)
  })
  return [...group.tables.values()]
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

  expect(kind: 'base' | 'delta', what: string): void {
    this.#kind = kind
    this.#what = what
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
    const { outer, inner } = this.#address(key, sub)
    this.#outer.get(outer)?.delete(inner)
  }

  drop(outerKey: unknown): void {
    this.#outer.delete(toMapKey(outerKey))
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
