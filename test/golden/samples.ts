/**
 * Fixed state and a fixed manifest, as bytes: the same values must give the same bytes as long as the version of the format
 * is the same.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DistinctValues } from '@millrace/api'
import {
  type CheckpointManifest,
  encodeManifest,
  MANIFEST_VERSION,
  SEGMENT_VERSION,
  SegmentWriter,
  type TableDescriptor,
} from '@millrace/core'

export const SAMPLES = join(import.meta.dirname, 'samples')

/** By file name. */
export function samples(): ReadonlyMap<string, Uint8Array> {
  return new Map([
    [`segment-${SEGMENT_VERSION}-base`, baseSegment()],
    [`segment-${SEGMENT_VERSION}-delta`, deltaSegment()],
    [`manifest-${MANIFEST_VERSION}`, encodeManifest(manifest())],
  ])
}

export function writeSamples(): void {
  mkdirSync(SAMPLES, { recursive: true })
  for (const [name, bytes] of samples()) writeFileSync(join(SAMPLES, name), bytes)
}

const table = (name: string, kind: TableDescriptor['kind'], ttlMs?: number): TableDescriptor => ({
  operatorUid: 'step é',
  name,
  kind,
  version: 3,
  ttlMs,
})
const TABLES = [
  table('value', 'value'),
  table('list', 'list', 5_000),
  table('map', 'map'),
  table('_time', 'namespaced'),
]

/** Of every kind that the value codec has a tag for. */
function values(): readonly unknown[] {
  const distinct = new DistinctValues(2)
  distinct.add(1, 1)
  distinct.add('two', 3)
  const integers = [0, 1, -1, 127, 128, -129, 65_536, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1]
  const numbers = [-0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300]
  const texts = ['', 'ascii', 'latin é', 'wide 日本', '\ud800', 'x'.repeat(300)]
  const views = [
    Int8Array.of(-1),
    Uint8Array.of(255),
    Uint8ClampedArray.of(9),
    Int16Array.of(-300),
    Uint16Array.of(60_000),
    Int32Array.of(-70_000),
    Uint32Array.of(4e9),
    Float32Array.of(0.5),
    Float64Array.of(0.1),
    BigInt64Array.of(-5n),
    BigUint64Array.of(5n),
  ]
  return [
    undefined,
    null,
    true,
    false,
    ...integers,
    ...numbers,
    ...texts,
    0n,
    -1n,
    2n ** 70n,
    new Date(0),
    new Date(Number.NaN),
    [],
    [1, 2, 3],
    [0.5, 1.5],
    [1, 'a', null],
    {},
    { a: 1, b: 'x' },
    { nested: { deeper: [{ c: 1n }] } },
    new Map<unknown, unknown>([
      [1, 'a'],
      [{ k: 1 }, new Set([1, 'b'])],
    ]),
    ...views,
    Uint8Array.of(1, 2).buffer,
    new DataView(Uint8Array.of(3).buffer),
    distinct,
  ]
}

function baseSegment(): Uint8Array {
  const writer = new SegmentWriter({
    kind: 'base',
    checkpointId: 7,
    operatorUid: 'step é',
    keyGroup: 5,
    tables: TABLES,
  })
  values().forEach((value, i) => {
    writer.put(0, `key ${i}`, undefined, value)
  })
  const keys = ['text', 12, -0.5, true, null, 5n, ['a', 1], { x: 1, y: 'b' }]
  keys.forEach((key, i) => {
    writer.put(1, key, undefined, [i, `element ${i}`], 1_000 + i, i % 2 === 0 ? undefined : [500, 1_000 + i])
    writer.put(2, key, { page: i }, i)
    writer.put(2, key, 'second', i)
    writer.put(3, key, 60_000, i)
    writer.put(3, key, -0.5, i)
  })
  return writer.finish()
}

function deltaSegment(): Uint8Array {
  const writer = new SegmentWriter({
    kind: 'delta',
    checkpointId: 8,
    operatorUid: 'step é',
    keyGroup: 5,
    tables: TABLES,
  })
  writer.clear(2, 'text')
  writer.dropNamespace(3, 60_000)
  writer.delete(0, 'key 1', undefined)
  writer.delete(2, 12, 'second')
  writer.put(0, 'key 2', undefined, 'changed')
  return writer.finish()
}

function manifest(): CheckpointManifest {
  return {
    version: MANIFEST_VERSION,
    jobName: 'job é',
    lineage: '0123456789abcdef',
    checkpointId: 8,
    kind: 'savepoint',
    triggeredAtMs: 1_000.5,
    completedAtMs: 2_000,
    isFinal: false,
    operators: [
      {
        uid: 'step é',
        name: 'Step',
        parallelism: 2,
        maxParallelism: 128,
        tables: [
          ...TABLES,
          { ...table('_aggregate', 'value'), form: { kind: 'aggregate', name: '{n: count}' } },
          { ...table('rows', 'list'), form: { kind: 'schema', value: '{"type":"object"}', key: undefined } },
        ],
        keyGroups: [
          {
            keyGroup: 5,
            segments: [
              {
                kind: 'base',
                checkpointId: 7,
                location: { kind: 'file', file: 'segments', offsetBytes: 40 },
                lengthBytes: 100,
                crc32c: 0xffff_ffff,
                entries: 3,
              },
              {
                kind: 'base',
                isContinuation: true,
                checkpointId: 7,
                location: { kind: 'file', file: 'segments', offsetBytes: 140 },
                lengthBytes: 60,
                crc32c: 9,
                entries: 2,
              },
              {
                kind: 'delta',
                checkpointId: 8,
                location: { kind: 'inline', base64: 'AAEC' },
                lengthBytes: 3,
                crc32c: 0,
                entries: 1,
              },
            ],
          },
        ],
        entries: [{ at: [Number.NaN, -0, 1e300], $number: 'mine', nested: { $object: 1 } }, 'text \u0000\u007f', null],
        committables: [{ file: 'part-0', length: 7 }],
        finishedSubtasks: [1],
      },
    ],
  }
}
