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
import { conversionsOf, convertGroup } from '../../src/state/converted-group.ts'
import { readGroup } from '../../src/state/restored-group.ts'

const UID = 'visits'
const GROUP = { keyGroup: 3, segments: [] }

function declared(states: Readonly<Record<string, StateDescriptor>>) {
  const fn = keyedProcess({ state: states, onRecord() {} })
  return declaredTables(UID, { kind: 'keyedProcess', key: { kind: 'field', field: 'k' }, fn })
}

function segment(
  kind: 'base' | 'delta',
  tables: readonly TableDescriptor[],
  fill: (writer: SegmentWriter) => void,
): RestoredSegment {
  const writer = new SegmentWriter({ kind, checkpointId: 1, operatorUid: UID, keyGroup: 3, tables })
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

function entriesOf(converted: RestoredSegment) {
  return readGroup(3, UID, [converted]).flatMap((restored) => {
    const { name, version } = restored.descriptor
    return [...restored.entries()].map(({ key, sub, value, writtenAtMs }) => [
      name,
      version,
      key,
      sub,
      value,
      writtenAtMs,
    ])
  })
}

describe('convertGroup', () => {
  it('makes one base of base and deltas, with what is not converted and when things were written', () => {
    const tables = [table('total', 'value', 500), table('other', 'map')]
    const segments = [
      segment('base', tables, (writer) => {
        writer.put(0, 'a', undefined, 1, 100)
        writer.put(0, 'b', undefined, 2, 200)
        writer.put(1, 'a', 'x', 'kept')
      }),
      segment('delta', tables, (writer) => {
        writer.delete(0, 'b', undefined)
        writer.put(0, 'c', undefined, 3, 300)
      }),
    ]
    const total = valueState<string>({ version: 2, ttl: '1 s', migrate: String })
    const conversions = conversionsOf(tables, declared({ total, other: mapState() }))
    const converted = convertGroup(GROUP, UID, segments, conversions)
    assert.ok(converted !== undefined)
    assert.equal(converted.ref.crc32c, segmentChecksum(converted.bytes))
    assert.deepEqual(entriesOf(converted), [
      ['total', 2, 'a', undefined, '1', 100],
      ['total', 2, 'c', undefined, '3', 300],
      ['other', 1, 'a', 'x', 'kept', undefined],
    ])
  })

  it('leaves a group alone that needs nothing, or that its schema does not change', () => {
    const tables = [table('total', 'value')]
    const segments = [segment('base', tables, (writer) => writer.put(0, 'a', undefined, 1))]
    assert.equal(
      convertGroup(GROUP, UID, segments, conversionsOf(tables, declared({ total: valueState() }))),
      undefined,
    )
    const schema = conversionsOf(tables, declared({ total: valueState(z.number()) }))
    assert.equal(schema.size, 1)
    assert.equal(convertGroup(GROUP, UID, segments, schema), undefined)
  })

  it('refuses keys of a map that become one', () => {
    const tables = [table('pages', 'map')]
    const segments = [
      segment('base', tables, (writer) => {
        writer.put(0, 'a', 'X', 1)
        writer.put(0, 'b', 'x', 2)
        writer.put(0, 'a', 'x', 3)
      }),
    ]
    const pages = mapState<string, number>({ version: 2, migrateKey: (old: string) => old.toLowerCase() })
    assert.throws(() => convertGroup(GROUP, UID, segments, conversionsOf(tables, declared({ pages }))), {
      code: 'STATE_MIGRATION_FAILED',
      message: /State "pages" of operator "visits", key "a": two keys of the map become "x"/,
    })
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
    const converted = convertGroup(GROUP, UID, segments, conversionsOf(tables, tablesOf(2)))
    assert.ok(converted !== undefined)
    assert.deepEqual(entriesOf(converted), [['_aggregate', 2, 'a', undefined, [1], undefined]])
  })
})
