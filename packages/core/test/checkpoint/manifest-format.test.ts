import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, MillraceError } from '@millrace/api'
import type { SubtaskRecord } from '../../src/checkpoint/checkpoint-statistics.ts'
import { type CheckpointManifest, MANIFEST_VERSION, type SegmentRef } from '../../src/checkpoint/manifest.ts'
import { encodeManifest, parseManifest } from '../../src/checkpoint/manifest-format.ts'
import { crc32c } from '../../src/codec/crc32c.ts'

const MANIFEST: CheckpointManifest = {
  version: MANIFEST_VERSION,
  jobName: 'jöb 日本 \ud800',
  lineage: '0123456789abcdef',
  futures: [{ id: 'fedcba9876543210', after: 3 }],
  checkpointId: 12,
  kind: 'checkpoint',
  triggeredAtMs: 1_000.5,
  completedAtMs: 2_000,
  isFinal: false,
  operators: [
    {
      uid: 'window',
      name: 'Window',
      parallelism: 2,
      maxParallelism: 128,
      tables: [
        {
          operatorUid: 'window',
          name: '_window',
          kind: 'namespaced',
          version: 1,
          ttlMs: undefined,
          form: {
            kind: 'aggregate',
            name: '{n: count}',
            parts: [{ name: 'n', aggregate: 'count', version: 2 }],
          },
        },
        { operatorUid: 'window', name: 'seen', kind: 'value', version: 3, ttlMs: 500 },
        {
          operatorUid: 'window',
          name: 'rows',
          kind: 'list',
          version: 1,
          ttlMs: undefined,
          form: { kind: 'schema', value: '{"type":"string"}', key: undefined },
        },
      ],
      keyGroups: [
        {
          keyGroup: 5,
          segments: [
            {
              kind: 'base',
              checkpointId: 10,
              location: { kind: 'file', file: 'shared/10-v-0-0.seg', offsetBytes: 40 },
              lengthBytes: 100,
              crc32c: 0xffff_ffff,
              entries: 3,
            },
            {
              kind: 'base',
              isContinuation: true,
              checkpointId: 10,
              location: { kind: 'file', file: 'shared/10-v-0-0.seg', offsetBytes: 140 },
              lengthBytes: 60,
              crc32c: 7,
              entries: 2,
            },
            {
              kind: 'delta',
              checkpointId: 12,
              location: { kind: 'inline', base64: 'AAEC' },
              lengthBytes: 3,
              crc32c: 0,
              entries: 1,
            },
          ],
        },
      ],
      entries: [
        { watermark: Number.NEGATIVE_INFINITY, at: [Number.NaN, -0, 1e300], $number: 'mine', nested: { $object: 1 } },
        'text \u0000\u007f\u2028',
        null,
      ],
      committables: [{ file: 'part-0', length: 7 }],
      finishedSubtasks: [1],
      inFlight: [
        {
          subtask: 1,
          from: ['source', 'map'],
          segment: {
            kind: 'base',
            checkpointId: 12,
            location: { kind: 'file', file: 'shared/12-v-1-0.seg', offsetBytes: 0 },
            lengthBytes: 9,
            crc32c: 1,
            entries: 2,
          },
        },
      ],
    },
  ],
  measures: [
    {
      vertexId: 'v',
      name: 'Window',
      subtasks: [measuresOf(0), { ...measuresOf(1), isUnaligned: true, persistedBytes: 9 }],
    },
  ],
}

function measuresOf(subtask: number): SubtaskRecord {
  return {
    subtask,
    acknowledgedAtMs: 1_900,
    endToEndDurationMs: 899.5,
    syncDurationMs: 0.25,
    asyncDurationMs: 31.5,
    alignmentDurationMs: 400,
    startDelayMs: 20,
    processedBytes: 1_000,
    persistedBytes: 0,
    checkpointedBytes: 3,
    stateBytes: 103,
  }
}

const parse = (bytes: Uint8Array): CheckpointManifest => parseManifest(bytes, 'chk-12/_metadata')

test('a manifest comes back as it was, numbers without JSON form included', () => {
  assert.deepEqual(parse(encodeManifest(MANIFEST)), MANIFEST)
  const header = String.fromCharCode(...encodeManifest(MANIFEST).subarray(0, 80)).split('\n')[0]
  assert.match(header ?? '', /^MILLRACE-CHECKPOINT 4 crc32c=[0-9a-f]{8} length=\d+$/)
})

test('a manifest of version 1 reads as one without measures and data in flight', () => {
  const { measures, operators, ...facts } = MANIFEST
  const rest = { ...facts, operators: operators.map(({ inFlight: _, ...operator }) => operator) }
  assert.equal(measures?.length, 1)
  const [, ...body] = String.fromCharCode(...encodeManifest(rest)).split('\n')
  const old = body.join('\n').replace('"version":4', '"version":1')
  const bytes = new TextEncoder().encode(old)
  const header = `MILLRACE-CHECKPOINT 1 crc32c=${crc32c(bytes).toString(16).padStart(8, '0')} length=${bytes.length}\n`
  assert.deepEqual(parse(new Uint8Array([...new TextEncoder().encode(header), ...bytes])), rest)
})

test('an own __proto__ property stays a property', () => {
  const entry = JSON.parse('{"__proto__": {"a": 1}}')
  const manifest = withOperator({ entries: [entry] })
  const read = parse(encodeManifest(manifest)).operators[0]?.entries[0]
  assert.deepEqual(Object.keys(read as object), ['__proto__'])
})

test('what is not a plain value is refused with its place', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  for (const entry of [new Date(0), 1n, [undefined], () => 1, { deep: { bad: Symbol('s') } }, cyclic]) {
    assert.throws(
      () => encodeManifest(withOperator({ entries: [entry as never] })),
      (error) =>
        error instanceof MillraceError && error.code === 'VALUE_NOT_ENCODABLE' && /entry 0/.test(error.message),
    )
  }
})

test('every changed byte and every cut is refused, naming the file', () => {
  const good = encodeManifest(MANIFEST)
  for (let at = 0; at < good.length; at++) {
    const bytes = good.slice()
    bytes[at] = (bytes[at] as number) ^ 1
    assert.throws(
      () => parse(bytes),
      (error) =>
        error instanceof MillraceError &&
        error.details.file === 'chk-12/_metadata' &&
        error.hint !== undefined &&
        // The version is the one digit that a flipped bit may turn into another valid header.
        (error.code === 'BYTES_DAMAGED' || error.code === 'CHECKPOINT_NEWER_VERSION'),
    )
  }
  for (let length = 0; length < good.length; length++)
    assertCode(() => parse(good.subarray(0, length)), 'BYTES_DAMAGED')
  assertCode(() => parse(new Uint8Array([...good, 10])), 'BYTES_DAMAGED')
})

test('a newer version says so', () => {
  assertCode(
    () => parse(new TextEncoder().encode('MILLRACE-CHECKPOINT 5 whatever=new\n{}')),
    'CHECKPOINT_NEWER_VERSION',
  )
})

test('a manifest of version 1 is read, and says nothing of the form of values', () => {
  const json = JSON.parse(bodyOf(encodeManifest(withOperator({ tables: [], entries: [] })))) as Json
  json.version = 1
  operatorOf(json, (operator) => {
    operator.tables = [{ operatorUid: 'window', name: 'seen', kind: 'value', version: 3, ttlMs: 500 }]
  })
  const read = parse(withBody(JSON.stringify(json), 1))
  assert.deepEqual(read.operators[0]?.tables, [
    { operatorUid: 'window', name: 'seen', kind: 'value', version: 3, ttlMs: 500 },
  ])
})

test('fields that do not fit are refused even with a good checksum', () => {
  const wrong: readonly ((json: Record<string, unknown>) => void)[] = [
    (json) => delete json.lineage,
    (json) => (json.lineage = 'XYZ'),
    (json) => (json.futures = {}),
    (json) => (json.futures = [{ id: 'XYZ', after: 1 }]),
    (json) => (json.futures = [{ id: '0123456789abcdef', after: -1 }]),
    (json) => (json.futures = [{ id: '0123456789abcdef', after: 1, before: 2 }]),
    (json) => (json.checkpointId = 1.5),
    (json) => (json.kind = 'other'),
    (json) => (json.extra = 1),
    (json) => (json.operators = {}),
    (json) => (json.isFinal = 'no'),
    (json) => operatorOf(json, (operator) => (operator.parallelism = 129)),
    (json) => operatorOf(json, (operator) => (operator.finishedSubtasks = [2])),
    (json) => operatorOf(json, (operator) => (operator.keyGroups = [{ keyGroup: 128, segments: [] }])),
    (json) => operatorOf(json, (operator) => (operator.keyGroups = [{ keyGroup: 1, segments: [] }])),
    (json) => delete json.files,
    (json) => (json.files = []),
    ...['../x', '/x', ''].map((file) => (json: Json) => (json.files = [{ file, checkpointId: 10 }])),
    (json) => (json.files = [{ file: 'x', checkpointId: 0 }]),
    (json) => (json.files = [{ file: 'x', checkpointId: 10, more: 1 }]),
    // Kind, file, then offset, length, checksum and entries of two pieces.
    ...[
      [0, 'delta'],
      [0, 'other'],
      [1, 1],
      [1, '0'],
      [2, -1],
      [3, 0.5],
      [4, 2 ** 32],
      [5, null],
      [9, '2'],
    ].map(
      ([at, value]) =>
        (json: Json) =>
          rowOf(json, (row) => (row[at as number] = value)),
    ),
    (json) => rowOf(json, (row) => row.push(1)),
    (json) => rowOf(json, (row) => row.splice(2)),
    (json) => rowOf(json, (row) => row.splice(0)),
    (json) => tableOf(json, 0, (table) => (table.form = { kind: 'guess' })),
    (json) => tableOf(json, 0, (table) => (table.form = { kind: 'aggregate' })),
    (json) => tableOf(json, 0, (table) => (table.form = { kind: 'aggregate', name: 'x', parts: [{ name: 'n' }] })),
    (json) => tableOf(json, 2, (table) => (table.form = { kind: 'schema', value: '{' })),
    (json) => (json.version = 5),
    (json) => (json.version = 3),
    (json) => segmentOf(json, (segment) => (segment.isContinuation = true), 1),
    (json) => segmentOf(json, (segment) => (segment.kind = 'base'), 1),
    (json) => (json.operators = [...(json.operators as unknown[]), ...(json.operators as unknown[])]),
  ]
  for (const change of wrong) {
    const json = JSON.parse(bodyOf(encodeManifest(withOperator({ entries: [] })))) as Record<string, unknown>
    change(json)
    assertCode(() => parse(withBody(JSON.stringify(json))), 'BYTES_DAMAGED')
  }
})

test('segments of earlier versions are objects, of which each is checked', () => {
  const json = (): Json => {
    const now = JSON.parse(bodyOf(encodeManifest(withOperator({ entries: [] })))) as Json
    operatorOf(now, (operator) => {
      operator.keyGroups = structuredClone(MANIFEST.operators[0]?.keyGroups)
    })
    const { files: _, ...rest } = now
    return { ...rest, version: 3 }
  }
  assert.deepEqual(parse(withBody(JSON.stringify(json()), 3)), withOperator({ entries: [] }))
  const wrong: readonly ((json: Json) => void)[] = [
    (json) => segmentOf(json, (segment) => (segment.kind = 'delta')),
    (json) => segmentOf(json, (segment) => (segment.location = { kind: 'file', file: '../x', offsetBytes: 0 })),
    (json) => segmentOf(json, (segment) => (segment.location = { kind: 'file', file: '/x', offsetBytes: 0 })),
    (json) => segmentOf(json, (segment) => (segment.crc32c = -1)),
    (json) => segmentOf(json, (segment) => (segment.isContinuation = true)),
    (json) => segmentOf(json, (segment) => (segment.isContinuation = 1)),
    (json) => segmentOf(json, (segment) => (segment.checkpointId = 9), 1),
    (json) => segmentOf(json, (segment) => (segment.kind = 'delta'), 1),
  ]
  for (const change of wrong) {
    const changed = json()
    change(changed)
    assertCode(() => parse(withBody(JSON.stringify(changed), 3)), 'BYTES_DAMAGED')
  }
})

test('a base in many pieces takes a few numbers for each', () => {
  const pieces = 1_000
  const segments = Array.from({ length: pieces }, (_, index): SegmentRef => {
    return {
      kind: 'base',
      ...(index === 0 ? {} : { isContinuation: true }),
      checkpointId: 10,
      location: { kind: 'file', file: 'shared/10-v-0-0.seg', offsetBytes: 9_999_000_000 + index * 131_072 },
      lengthBytes: 131_072,
      crc32c: 0xffff_ffff,
      entries: 12_000,
    }
  })
  const manifest = withOperator({ keyGroups: [{ keyGroup: 5, segments }] })
  const bytes = encodeManifest(manifest)
  assert.ok(bytes.length < pieces * 40 + 4_000, `${bytes.length} bytes`)
  assert.deepEqual(parse(bytes), manifest)
})

function withOperator(change: Partial<CheckpointManifest['operators'][number]>): CheckpointManifest {
  const [operator] = MANIFEST.operators
  assert.ok(operator !== undefined)
  return { ...MANIFEST, jobName: 'job', operators: [{ ...operator, ...change }] }
}

type Json = Record<string, unknown>

function operatorOf(json: Json, change: (operator: Json) => void): void {
  change((json.operators as Json[])[0] as Json)
}

function tableOf(json: Json, index: number, change: (table: Json) => void): void {
  operatorOf(json, (operator) => change((operator.tables as Json[])[index] as Json))
}

function segmentOf(json: Json, change: (segment: Json) => void, index = 0): void {
  operatorOf(json, (operator) => {
    change((((operator.keyGroups as Json[])[0] as Json).segments as Json[])[index] as Json)
  })
}

function rowOf(json: Json, change: (row: unknown[]) => void): void {
  operatorOf(json, (operator) => {
    change((((operator.keyGroups as Json[])[0] as Json).segments as unknown[][])[0] as unknown[])
  })
}

function bodyOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(bytes.indexOf(10) + 1))
}

function withBody(body: string, version: number = MANIFEST_VERSION): Uint8Array {
  const bytes = new TextEncoder().encode(body)
  const checksum = crc32c(bytes).toString(16).padStart(8, '0')
  const header = new TextEncoder().encode(`MILLRACE-CHECKPOINT ${version} crc32c=${checksum} length=${bytes.length}\n`)
  return new Uint8Array([...header, ...bytes])
}

function assertCode(action: () => unknown, code: ErrorCode): void {
  assert.throws(action, (error) => error instanceof MillraceError && error.code === code)
}
