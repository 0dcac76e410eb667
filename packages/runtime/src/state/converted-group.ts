/**
 * Restored state that the job declares in another form is converted before any backend sees it: the segments of a key
 * group become one base in the declared form. So every backend restores what it knows, canonical segments, and none has
 * a part in it.
 *
 * Invariant: the base holds the same keys, and what was written when; nothing of the group is used when one value of it
 * cannot be converted.
 */
import { MillraceError } from '@millrace/api'
import {
  type Conversion,
  convertEntry,
  type DeclaredTable,
  decideReading,
  isSameValue,
  type KeyGroupSnapshot,
  type RestoredSegment,
  SegmentWriter,
  type StoredEntry,
  segmentChecksum,
  type TableDescriptor,
  toMapKey,
  valueToJson,
} from '@millrace/core'
import { readGroup } from './restored-group.ts'

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

/**
 * The base that stands for the segments of a key group; `undefined` where they can stay as they are. Throws
 * `STATE_MIGRATION_FAILED`, `STATE_INCOMPATIBLE` and what reading segments throws.
 */
export function convertGroup(
  { keyGroup }: KeyGroupSnapshot,
  operatorUid: string,
  segments: readonly RestoredSegment[],
  conversions: OperatorConversions,
): RestoredSegment | undefined {
  const last = segments.at(-1)
  if (conversions.size === 0 || last === undefined) return undefined
  const tables = readGroup(keyGroup, operatorUid, segments)
  const descriptors = tables.map(({ descriptor }) => conversions.get(descriptor.name)?.table.descriptor ?? descriptor)
  const writer = new SegmentWriter({
    kind: 'base',
    checkpointId: last.ref.checkpointId,
    operatorUid,
    keyGroup,
    tables: descriptors,
  })
  let hasChanged = false
  tables.forEach((table, index) => {
    const one = conversions.get(table.descriptor.name)
    hasChanged ||= one !== undefined && one.table.descriptor.version !== table.descriptor.version
    const check = one === undefined || table.descriptor.kind !== 'map' ? undefined : refuseSameKeys(one.table)
    for (const { key, sub, value, writtenAtMs, elementTimesMs } of table.entries()) {
      const entry: StoredEntry = { key, sub, value }
      const converted = one === undefined ? entry : convertEntry(entry, one.table, one.conversion)
      check?.(key, converted.sub)
      hasChanged ||= !isSameValue(converted.value, value) || !isSameValue(converted.sub, sub)
      writer.put(index, key, converted.sub, converted.value, writtenAtMs, elementTimesMs)
    }
  })
  if (!hasChanged) return undefined
  const { entries } = writer
  const bytes = writer.finish()
  return {
    ref: {
      ...last.ref,
      kind: 'base',
      isContinuation: false,
      lengthBytes: bytes.length,
      crc32c: segmentChecksum(bytes),
      entries,
    },
    bytes,
  }
}

/** Refuses two keys within one map that have become the same: one of the values would be lost. */
function refuseSameKeys({ descriptor: { name, operatorUid } }: DeclaredTable): (key: unknown, sub: unknown) => void {
  let lastKey: unknown
  let subs = new Set<unknown>()
  return (key, sub) => {
    // The entries of a key follow each other.
    if (toMapKey(key) !== lastKey) {
      lastKey = toMapKey(key)
      subs = new Set()
    }
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
