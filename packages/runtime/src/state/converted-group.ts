/**
 * Restored state that the job declares in another form is converted before any backend sees it: what a segment of a key group has to give
 * becomes a base in the declared form. So every backend restores what it knows, canonical segments, and none has a part in it. Segments
 * come from the newest to the oldest, so that no more than one of them is in memory, and what newer ones have replaced is not converted.
 *
 * Invariant: the bases of a group hold the same keys, each in one of them, and what was written when. When one value cannot be
 * converted whoever restores gives up, and what came before with it.
 */
import { MillraceError } from '@millrace/api'
import {
  type Conversion,
  convertEntry,
  type DeclaredTable,
  decideReading,
  isSameValue,
  NewerEntries,
  type RestoredSegment,
  SegmentWriter,
  type StoredEntry,
  segmentChecksum,
  type TableDescriptor,
  toMapKey,
  valueToJson,
} from '@millrace/core'
import { type RestoredTable, restoredTables } from './restored-group.ts'

interface TableConversion {
  readonly table: DeclaredTable
  readonly conversion: Conversion
}

/** By name of the state, what has to be converted of an operator; empty for most. */
export type OperatorConversions = ReadonlyMap<string, TableConversion>

/** `stored`: what the manifest says of the operator's tables. What does not fit was refused before the job started. */
export function conversionsOf(
  stored: readonly TableDescriptor[],
  declared: readonly DeclaredTable[],
): OperatorConversions {
  const conversions = new Map<string, TableConversion>()
  for (const table of declared) {
    const before = stored.find(({ name }) => name === table.descriptor.name)
    const reading = before === undefined ? undefined : decideReading(before, table)
    if (reading?.kind === 'converted') conversions.set(table.descriptor.name, { table, conversion: reading })
  }
  return conversions
}

/** Of one key group. */
export class GroupConversion {
  readonly #keyGroup: number
  readonly #operatorUid: string
  readonly #conversions: OperatorConversions
  readonly #newer = new NewerEntries()
  /** By name of the state, where keys of its maps may change. */
  readonly #keyChecks = new Map<string, (key: unknown, sub: unknown) => void>()
  #hasChanged = false

  constructor(keyGroup: number, operatorUid: string, conversions: OperatorConversions) {
    this.#keyGroup = keyGroup
    this.#operatorUid = operatorUid
    this.#conversions = conversions
    for (const [name, { table }] of conversions) {
      const { migrateKey, keySchema } = table.evolution ?? {}
      const mayChangeKeys = migrateKey !== undefined || keySchema !== undefined
      if (table.descriptor.kind === 'map' && mayChangeKeys) this.#keyChecks.set(name, refuseSameKeys(table))
    }
  }

  /** Something of the group is in another form now, so nothing may build on its segments as they are stored. */
  get hasChanged(): boolean {
    return this.#hasChanged
  }

  /** The base that stands for a segment. Throws `STATE_MIGRATION_FAILED`, `STATE_INCOMPATIBLE` and what reading segments throws. */
  convert({ ref, bytes }: RestoredSegment): RestoredSegment {
    const tables = [...restoredTables(this.#keyGroup, this.#operatorUid, [{ ref, bytes }], this.#newer)]
    const conversions = tables.map(({ descriptor }) => this.#conversions.get(descriptor.name))
    const writer = new SegmentWriter({
      kind: 'base',
      checkpointId: ref.checkpointId,
      operatorUid: this.#operatorUid,
      keyGroup: this.#keyGroup,
      tables: tables.map(({ descriptor }, index) => conversions[index]?.table.descriptor ?? descriptor),
    })
    for (const [index, table] of tables.entries()) this.#convertTable(table, conversions[index], index, writer)
    const { entries } = writer
    const converted = writer.finish()
    return {
      ref: {
        ...ref,
        kind: 'base',
        isContinuation: false,
        lengthBytes: converted.length,
        crc32c: segmentChecksum(converted),
        entries,
      },
      bytes: converted,
    }
  }

  #convertTable(table: RestoredTable, one: TableConversion | undefined, index: number, writer: SegmentWriter): void {
    this.#hasChanged ||= one !== undefined && one.table.descriptor.version !== table.descriptor.version
    const check = this.#keyChecks.get(table.descriptor.name)
    for (const { key, sub, value, writtenAtMs, elementTimesMs } of table.entries()) {
      const entry: StoredEntry = { key, sub, value }
      const converted = one === undefined ? entry : convertEntry(entry, one.table, one.conversion)
      check?.(key, converted.sub)
      this.#hasChanged ||= !isSameValue(converted.value, value) || !isSameValue(converted.sub, sub)
      writer.put(index, key, converted.sub, converted.value, writtenAtMs, elementTimesMs)
    }
  }
}

/** Refuses two keys within one map that have become the same: one of the values would be lost. */
function refuseSameKeys({ descriptor: { name, operatorUid } }: DeclaredTable): (key: unknown, sub: unknown) => void {
  const subsOf = new Map<unknown, Set<unknown>>()
  return (key, sub) => {
    const subs = subsOf.get(toMapKey(key)) ?? new Set()
    subsOf.set(toMapKey(key), subs)
    const size = subs.size
    if (subs.add(toMapKey(sub)).size > size) return
    const shown = [key, sub].map((one) => JSON.stringify(valueToJson(one)))
    throw new MillraceError(
      'STATE_MIGRATION_FAILED',
      `State "${name}" of operator "${operatorUid}", key ${shown[0]}: two keys of the map become ${shown[1]}`,
      {
        details: { operator: operatorUid, state: name },
        hint: 'Let migrateKey keep different keys apart. Nothing was changed.',
      },
    )
  }
}
