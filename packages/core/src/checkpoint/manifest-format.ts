/**
 * The bytes of a manifest: one header line (`MILLRACE-CHECKPOINT <version> crc32c=<8 hex> length=<bytes>`), then JSON
 * in ASCII. Reading checks length, checksum and every field, and never returns a manifest that was not written.
 */
import { MillraceError, type PlainValue } from '@millrace/api'
import { crc32c } from '../codec/crc32c.ts'
import { latin1At } from '../codec/string-codec.ts'
import type { StoredForm, StoredPart } from '../state/stored-form.ts'
import type { TableDescriptor } from '../state/table-descriptor.ts'
import type { SubtaskRecord } from './checkpoint-statistics.ts'
import { FieldReader } from './field-reader.ts'
import type { Future } from './future.ts'
import {
  type ListedFile,
  ListedFiles,
  listedFileFromJson,
  listSegments,
  segmentFromJson,
  segmentsFromJson,
} from './listed-segments.ts'
import {
  type CheckpointManifest,
  type InFlightSnapshot,
  type KeyGroupSnapshot,
  MANIFEST_VERSION,
  type OperatorSnapshot,
  type VertexMeasures,
} from './manifest.ts'
import { fromJsonValue, stringifyAscii, toJsonValue } from './plain-json.ts'
import { chainProblem } from './segment-chain.ts'

const MAGIC = 'MILLRACE-CHECKPOINT'
const HEADER_BYTES_MAX = 128

/**
 * Throws `VALUE_NOT_ENCODABLE` when an entry or committable is not a plain value. What is returned has been read back
 * once: a manifest that could not be restored is never written.
 */
export function encodeManifest(manifest: CheckpointManifest): Uint8Array {
  const files = new ListedFiles()
  const operators = manifest.operators.map((operator) => operatorToJson(operator, files))
  const body = asciiBytes(stringifyAscii({ ...manifest, operators, files: files.list }))
  const checksum = crc32c(body).toString(16).padStart(8, '0')
  const header = asciiBytes(`${MAGIC} ${manifest.version} crc32c=${checksum} length=${body.length}\n`)
  const bytes = new Uint8Array(header.length + body.length)
  bytes.set(header)
  bytes.set(body, header.length)
  try {
    parseManifest(bytes, 'in memory')
  } catch (cause) {
    throw new MillraceError('INTERNAL', `Checkpoint ${manifest.checkpointId} has a manifest that cannot be read back`, {
      details: { checkpointId: manifest.checkpointId },
      cause,
    })
  }
  return bytes
}

/**
 * Reads a manifest. `file` is named in errors: `BYTES_DAMAGED` when anything is not as it was written,
 * `CHECKPOINT_NEWER_VERSION` when a newer Millrace wrote it.
 */
export function parseManifest(bytes: Uint8Array, file: string): CheckpointManifest {
  const headerEnd = bytes.subarray(0, HEADER_BYTES_MAX).indexOf(0x0a)
  const header = headerEnd < 0 ? '' : asciiText(bytes.subarray(0, headerEnd))
  const match = /^MILLRACE-CHECKPOINT ([1-9]\d{0,8}) (.*)$/.exec(header ?? '')
  if (match === null) throw damaged(file, 'it does not begin with the header line of a checkpoint')
  const version = Number(match[1])
  if (version > MANIFEST_VERSION) throw newerVersion(file, version)
  const facts = /^crc32c=([0-9a-f]{8}) length=(0|[1-9]\d{0,15})$/.exec(match[2] ?? '')
  if (facts === null) throw damaged(file, 'its header line is garbled')
  const body = bytes.subarray(headerEnd + 1)
  const length = Number(facts[2])
  if (body.length !== length) throw damaged(file, `it holds ${body.length} bytes of ${length}`)
  if (crc32c(body) !== Number.parseInt(facts[1] ?? '', 16)) throw damaged(file, 'its checksum is wrong')
  return manifestFromJson(parseJson(body, file), version, file)
}

function operatorToJson(operator: OperatorSnapshot, files: ListedFiles): unknown {
  return {
    ...operator,
    keyGroups: operator.keyGroups.map(({ keyGroup, segments }) => ({
      keyGroup,
      segments: listSegments(segments, files),
    })),
    entries: operator.entries.map((entry, i) => toJsonValue(entry, `entry ${i} of ${operator.uid}`)),
    committables: operator.committables.map((each, i) => toJsonValue(each, `committable ${i} of ${operator.uid}`)),
  }
}

/** `version`: as the header line has it, which the checksum does not cover. */
function manifestFromJson(json: unknown, version: number, file: string): CheckpointManifest {
  const fields = new FieldReader(json, 'manifest', (problem) => damaged(file, problem))
  const files = fields.has('files') ? fields.list('files', listedFileFromJson) : []
  const manifest: CheckpointManifest = {
    version: versionFromJson(fields, version),
    jobName: fields.string('jobName'),
    lineage: fields.string('lineage', /^[0-9a-f]{16}$/),
    ...(fields.has('futures') ? { futures: fields.list('futures', futureFromJson) } : {}),
    checkpointId: fields.integer('checkpointId', 1),
    kind: fields.oneOf('kind', ['checkpoint', 'savepoint']),
    triggeredAtMs: fields.number('triggeredAtMs'),
    completedAtMs: fields.number('completedAtMs'),
    operators: fields.list('operators', (operator) => operatorFromJson(operator, files)),
    isFinal: fields.boolean('isFinal'),
    ...(fields.has('measures') ? { measures: fields.list('measures', measuresFromJson) } : {}),
  }
  fields.refuseOthers()
  const uids = new Set(manifest.operators.map((operator) => operator.uid))
  if (uids.size !== manifest.operators.length) throw damaged(file, 'two of its operators have the same uid')
  return manifest
}

/** Every earlier version lacks only what may be missing, so what is read is of this one. */
function versionFromJson(fields: FieldReader, version: number): typeof MANIFEST_VERSION {
  fields.integer('version', version, version)
  return MANIFEST_VERSION
}

function futureFromJson(fields: FieldReader): Future {
  const future: Future = { id: fields.string('id', /^[0-9a-f]{16}$/), after: fields.integer('after', 0) }
  fields.refuseOthers()
  return future
}

function measuresFromJson(fields: FieldReader): VertexMeasures {
  const measures: VertexMeasures = {
    vertexId: fields.string('vertexId'),
    name: fields.string('name'),
    subtasks: fields.list('subtasks', subtaskFromJson),
  }
  fields.refuseOthers()
  if (!measures.subtasks.every(({ subtask }, index) => subtask === index)) throw fields.fail('subtasks', 'out of order')
  return measures
}

function subtaskFromJson(fields: FieldReader): SubtaskRecord {
  const subtask: SubtaskRecord = {
    subtask: fields.integer('subtask', 0),
    acknowledgedAtMs: fields.number('acknowledgedAtMs'),
    endToEndDurationMs: fields.number('endToEndDurationMs'),
    syncDurationMs: fields.number('syncDurationMs'),
    asyncDurationMs: fields.number('asyncDurationMs'),
    alignmentDurationMs: fields.number('alignmentDurationMs'),
    startDelayMs: fields.number('startDelayMs'),
    processedBytes: fields.number('processedBytes'),
    persistedBytes: fields.number('persistedBytes'),
    ...(fields.has('isUnaligned') ? { isUnaligned: fields.boolean('isUnaligned') } : {}),
    checkpointedBytes: fields.number('checkpointedBytes'),
    stateBytes: fields.number('stateBytes'),
  }
  fields.refuseOthers()
  return subtask
}

function operatorFromJson(fields: FieldReader, files: readonly ListedFile[]): OperatorSnapshot {
  const uid = fields.string('uid')
  const maxParallelism = fields.integer('maxParallelism', 1)
  const parallelism = fields.integer('parallelism', 1, maxParallelism)
  const operator: OperatorSnapshot = {
    uid,
    name: fields.string('name'),
    parallelism,
    maxParallelism,
    tables: fields.list('tables', tableFromJson),
    keyGroups: fields.list('keyGroups', (group) => keyGroupFromJson(group, maxParallelism, files)),
    entries: plainList(fields, 'entries', uid),
    committables: plainList(fields, 'committables', uid),
    finishedSubtasks: fields.integers('finishedSubtasks', 0, parallelism - 1),
    ...(fields.has('inFlight')
      ? { inFlight: fields.list('inFlight', (each) => inFlightFromJson(each, parallelism)) }
      : {}),
  }
  fields.refuseOthers()
  operator.keyGroups.reduce((previous, group) => {
    if (group.keyGroup <= previous) throw fields.fail('keyGroups', 'out of order')
    return group.keyGroup
  }, -1)
  return operator
}

function inFlightFromJson(fields: FieldReader, parallelism: number): InFlightSnapshot {
  const inFlight: InFlightSnapshot = {
    subtask: fields.integer('subtask', 0, parallelism - 1),
    from: fields.strings('from'),
    segment: segmentFromJson(fields.record('segment')),
  }
  fields.refuseOthers()
  return inFlight
}

function tableFromJson(fields: FieldReader): TableDescriptor {
  const table: TableDescriptor = {
    operatorUid: fields.string('operatorUid'),
    name: fields.string('name'),
    kind: fields.oneOf('kind', ['value', 'list', 'map', 'namespaced']),
    version: fields.integer('version', 1),
    ttlMs: fields.has('ttlMs') ? fields.integer('ttlMs', 1) : undefined,
    ...(fields.has('form') ? { form: formFromJson(fields.record('form')) } : {}),
  }
  fields.refuseOthers()
  return table
}

function formFromJson(fields: FieldReader): StoredForm {
  const kind = fields.oneOf('kind', ['aggregate', 'schema'])
  const form: StoredForm =
    kind === 'aggregate'
      ? {
          kind,
          name: fields.string('name'),
          ...(fields.has('parts') ? { parts: fields.list('parts', partFromJson) } : {}),
          ...(fields.has('schema') ? { schema: schemaText(fields, 'schema') as string } : {}),
        }
      : { kind, value: schemaText(fields, 'value'), key: schemaText(fields, 'key') }
  fields.refuseOthers()
  return form
}

function partFromJson(fields: FieldReader): StoredPart {
  const part: StoredPart = {
    name: fields.string('name'),
    aggregate: fields.string('aggregate'),
    version: fields.integer('version', 1),
    ...(fields.has('heldAt') ? { heldAt: fields.integer('heldAt', 0) } : {}),
    ...(fields.has('schema') ? { schema: schemaText(fields, 'schema') as string } : {}),
  }
  fields.refuseOthers()
  return part
}

function schemaText(fields: FieldReader, name: string): string | undefined {
  if (!fields.has(name)) return undefined
  const text = fields.string(name)
  try {
    JSON.parse(text)
  } catch {
    throw fields.fail(name, 'no JSON')
  }
  return text
}

function keyGroupFromJson(fields: FieldReader, maxParallelism: number, files: readonly ListedFile[]): KeyGroupSnapshot {
  const group: KeyGroupSnapshot = {
    keyGroup: fields.integer('keyGroup', 0, maxParallelism - 1),
    segments: segmentsFromJson(fields, files),
  }
  fields.refuseOthers()
  const problem = chainProblem(group.segments)
  if (problem !== undefined) throw fields.fail('segments', problem)
  return group
}

function plainList(fields: FieldReader, name: string, uid: string): readonly PlainValue[] {
  return fields.values(name).map((value, i) => fromJsonValue(value, `${name}[${i}] of ${uid}`))
}

function parseJson(body: Uint8Array, file: string): unknown {
  const text = asciiText(body)
  if (text === undefined) throw damaged(file, 'it holds bytes that are not ASCII')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw damaged(file, 'its JSON cannot be read', cause)
  }
}

function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

function asciiText(bytes: Uint8Array): string | undefined {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) > 0x7e) return undefined
  return latin1At(bytes, 0, bytes.length)
}

function damaged(file: string, problem: string, cause?: unknown): MillraceError {
  return new MillraceError('BYTES_DAMAGED', `The checkpoint manifest ${file} is damaged: ${problem}`, {
    details: { file },
    hint: 'Restore from another checkpoint or savepoint with -s, or from a copy of this file.',
    ...(cause === undefined ? {} : { cause }),
  })
}

function newerVersion(file: string, version: number): MillraceError {
  return new MillraceError(
    'CHECKPOINT_NEWER_VERSION',
    `The checkpoint manifest ${file} has version ${version}; this Millrace reads up to ${MANIFEST_VERSION}`,
    {
      details: { file, version },
      hint: 'Run the job with the Millrace version that wrote the checkpoint, or a newer one.',
    },
  )
}
