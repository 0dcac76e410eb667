import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AggregateFunction, keyedProcess, mapState, type StateDescriptor, valueState } from '@millrace/api'
import {
  declaredTables,
  type RestoredSegment,
  SegmentWriter,
  segmentChecksum,
  type TableDescriptor,
} from '@millrace/core'
import { z } from 'zod'
import { conversionsOf, GroupConversion, type OperatorConversions } from '../../src/state/converted-group.ts'
import { readGroup } from '../../src/state/restored-group.ts'

const UID = 'visits'
const KEY_GROUP = 3

function declared(states: Readonly<Record<string, StateDescriptor>>) {
  const fn = keyedProcess({ state: states, onRecord() {} })
  return declaredTables(UID, { kind: 'keyedProcess', key: { kind: 'field', field: 'k' }, fn })
}

function segment(
  kind: 'base' | 'delta',
  tables: readonly TableDescriptor[],
  fill: (writer: SegmentWriter) => void,
): RestoredSegment {
  const writer = new SegmentWriter({ kind, checkpointId: 1, operatorUid: UID, keyGroup: KEY_GROUP, tables })
  fill(writer)
  const { entries } = writer
  const bytes = writer.finish()
  const location = { kind: 'inline' as const, base64: '' }
  return {
    bytes,
    ref: { kind, checkpointId: 1, location, lengthBytes: bytes.length, crc32c: segmentChecksum(bytes), entries },
  }
}

const table = (name: string, kind: TableDescriptor['kind'], ttlMs?: number): TableDescriptor => ({
  operatorUid: UID,
  name,
  kind,
  version: 1,
  ttlMs,
})

/** The bases of a group, the newest first; `undefined` where nothing has changed. */
function converted(
  segments: readonly RestoredSegment[],
  conversions: OperatorConversions,
): readonly RestoredSegment[] | undefined {
  const conversion = new GroupConversion(KEY_GROUP, UID, conversions)
  const bases = segments.toReversed().map((each) => conversion.convert(each))
  return conversion.hasChanged ? bases : undefined
}

function entriesOf(bases: readonly RestoredSegment[] = []) {
  return bases.flatMap((base) =>
    readGroup(KEY_GROUP, UID, [base]).flatMap((restored) => {
      const { name, version } = restored.descriptor
      return [...restored.entries()].map(({ key, sub, value, writtenAtMs }) => [
        name,
        version,
        key,
        sub,
        value,
        writtenAtMs,
      ])
    }),
  )
}

describe('the conversion of a key group', () => {
  it('makes a base of each segment, with what is not converted and when things were written', () => {
    const tables = [table('total', 'value', 500), table('other', 'map')]
    const segments = [
      segment('base', tables, (writer) => {
        writer.put(0, 'a', undefined, 1, 100)
        writer.put(0, 'b', undefined, 2, 200)
        writer.put(1, 'a', 'x', 'kept')
        writer.put(1, 'b', 'x', 'gone')
      }),
      segment('delta', tables, (writer) => {
        writer.clear(1, 'b')
        writer.delete(0, 'b', undefined)
        writer.put(0, 'c', undefined, 3, 300)
        writer.put(1, 'b', 'y', 'new')
      }),
    ]
    const total = valueState<string>({ version: 2, ttl: '1 s', migrate: String })
    const bases = converted(segments, conversionsOf(tables, declared({ total, other: mapState() })))
    for (const { ref, bytes } of bases ?? []) {
      assert.deepEqual([ref.kind, ref.crc32c], ['base', segmentChecksum(bytes)])
    }
    assert.deepEqual(entriesOf(bases), [
      ['total', 2, 'c', undefined, '3', 300],
      ['other', 1, 'b', 'y', 'new', undefined],
      ['total', 2, 'a', undefined, '1', 100],
      ['other', 1, 'a', 'x', 'kept', undefined],
    ])
  })

  it('converts no value that was replaced since', () => {
    const tables = [table('total', 'value')]
    const segments = [
      segment('base', tables, (writer) => {
        writer.put(0, 'a', undefined, 'cannot be converted')
        writer.put(0, 'b', undefined, 1)
      }),
      segment('delta', tables, (writer) => writer.put(0, 'a', undefined, 2)),
    ]
    const migrate = (old: unknown): number => {
      if (typeof old !== 'number') throw new TypeError(`${old} is no number`)
      return old * 10
    }
    const conversions = conversionsOf(tables, declared({ total: valueState<number>({ version: 2, migrate }) }))
    assert.deepEqual(entriesOf(converted(segments, conversions)), [
      ['total', 2, 'a', undefined, 20, undefined],
      ['total', 2, 'b', undefined, 10, undefined],
    ])
    assert.throws(() => converted(segments.slice(0, 1), conversions), { code: 'STATE_MIGRATION_FAILED' })
  })

  it('leaves a group alone that needs nothing, or that its schema does not change', () => {
    const tables = [table('total', 'value')]
    const segments = [segment('base', tables, (writer) => writer.put(0, 'a', undefined, 1))]
    assert.equal(conversionsOf(tables, declared({ total: valueState() })).size, 0)
    const schema = conversionsOf(tables, declared({ total: valueState(z.number()) }))
    assert.equal(schema.size, 1)
    assert.equal(converted(segments, schema), undefined)
  })

  it('refuses keys of a map that become one', () => {
    const tables = [table('pages', 'map')]
    const base = segment('base', tables, (writer) => {
      writer.put(0, 'a', 'X', 1)
      writer.put(0, 'b', 'x', 2)
      writer.put(0, 'a', 'x', 3)
    })
    // Or by what came later.
    const before = segment('base', tables, (writer) => writer.put(0, 'a', 'X', 1))
    const after = segment('delta', tables, (writer) => writer.put(0, 'a', 'x', 3))
    const pages = mapState<string, number>({ version: 2, migrateKey: (old: string) => old.toLowerCase() })
    for (const segments of [[base], [before, after]]) {
      assert.throws(() => converted(segments, conversionsOf(tables, declared({ pages }))), {
        code: 'STATE_MIGRATION_FAILED',
        message: /State "pages" of operator "visits", key "a": two keys of the map become "x"/,
      })
    }
  })

  it('one aggregate of several was raised and gives the same value: the group is of the new version all the same', () => {
    const own = (version: number): AggregateFunction<unknown, unknown, unknown> => ({
      name: 'own',
      version,
      migrate: (old) => old,
      create: () => 0,
      add: (total) => total,
      result: (total) => total,
    })
    const tablesOf = (version: number) =>
      declaredTables(UID, {
        kind: 'keyedAggregate',
        key: { kind: 'field', field: 'k' },
        aggregate: { ...own(version), parts: [{ name: 'n', aggregate: own(version) }] },
        project: (result) => result,
      })
    const tables = tablesOf(1).map(({ descriptor }) => descriptor)
    const segments = [segment('base', tables, (writer) => writer.put(0, 'a', undefined, [1]))]
    const bases = converted(segments, conversionsOf(tables, tablesOf(2)))
    assert.deepEqual(entriesOf(bases), [['_aggregate', 2, 'a', undefined, [1], undefined]])
  })
})
