/**
 * How a manifest lists the segments of key groups. Of large state they are most of it: a base is in many pieces, and each of them
 * would say its file, its kind and its checkpoint again. So a manifest lists files once, and a base or delta is a row of it:
 *
 *     ["base", file, offset, length, checksum, entries, offset, length, checksum, entries, …]
 *
 * with the number of the file in that list, and four numbers for each piece: the first one, and those that continue it. What does not
 * fit into a row, because it is inlined or does not lie behind what it continues, is an object that says everything, as every segment
 * was before version 4 of manifests.
 */
import type { FieldReader } from './field-reader.ts'
import type { SegmentLocation, SegmentRef } from './manifest.ts'

/** Relative, without empty, `.` or `..` parts: a manifest never points out of its folder. */
const SEGMENT_FILE = /^(?!\.{1,2}(?:\/|$))[^/]+(?:\/(?!\.{1,2}(?:\/|$))[^/]+)*$/
const CHECKSUM_MAX = 0xffff_ffff
/** Of a row, before its pieces; and of each piece. */
const HEAD_FIELDS = 2
const PIECE_FIELDS = 4

type Row = [kind: SegmentRef['kind'], file: number, ...pieces: number[]]

/** A file, and which checkpoint wrote the segments in it: in a savepoint they are of several. */
export interface ListedFile {
  readonly file: string
  readonly checkpointId: number
}

/** The files of one manifest, numbered as they come. */
export class ListedFiles {
  readonly list: ListedFile[] = []
  readonly #numbers = new Map<string, number>()

  numberOf(file: string, checkpointId: number): number {
    const name = `${checkpointId}/${file}`
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.list.length)
    return this.list.push({ file, checkpointId }) - 1
  }
}

/** The chain of a key group, as it stands in the manifest. */
export function listSegments(segments: readonly SegmentRef[], files: ListedFiles): readonly unknown[] {
  const listed: unknown[] = []
  /** That the next segment may continue. */
  let open: Row | undefined
  for (const segment of segments) {
    const { kind, isContinuation = false, checkpointId, location, lengthBytes, crc32c, entries } = segment
    const file = location.kind === 'file' ? files.numberOf(location.file, checkpointId) : undefined
    const isBehind = open !== undefined && open[0] === kind && open[1] === file
    if (location.kind !== 'file' || file === undefined || (isContinuation && !isBehind)) {
      open = undefined
      listed.push(segment)
      continue
    }
    if (open === undefined || !isContinuation) {
      open = [kind, file]
      listed.push(open)
    }
    open.push(location.offsetBytes, lengthBytes, crc32c, entries)
  }
  return listed
}

/** `segments` of a key group, as `listSegments` gives them; `files` of the same manifest. */
export function segmentsFromJson(fields: FieldReader, files: readonly ListedFile[]): readonly SegmentRef[] {
  return fields.mixedList('segments', segmentFromJson, (row) => {
    const segments = segmentsOfRow(row, files)
    if (segments === undefined) throw fields.fail('segments', 'not made of rows of segments')
    return segments
  })
}

export function listedFileFromJson(fields: FieldReader): ListedFile {
  const listed: ListedFile = {
    file: fields.string('file', SEGMENT_FILE),
    checkpointId: fields.integer('checkpointId', 1),
  }
  fields.refuseOthers()
  return listed
}

export function segmentFromJson(fields: FieldReader): SegmentRef {
  const segment: SegmentRef = {
    kind: fields.oneOf('kind', ['base', 'delta']),
    ...(fields.has('isContinuation') ? { isContinuation: fields.boolean('isContinuation') } : {}),
    checkpointId: fields.integer('checkpointId', 1),
    location: locationFromJson(fields.record('location')),
    lengthBytes: fields.integer('lengthBytes', 0),
    crc32c: fields.integer('crc32c', 0, CHECKSUM_MAX),
    entries: fields.integer('entries', 0),
  }
  fields.refuseOthers()
  return segment
}

function locationFromJson(fields: FieldReader): SegmentLocation {
  const kind = fields.oneOf('kind', ['file', 'inline'])
  const location: SegmentLocation =
    kind === 'file'
      ? { kind, file: fields.string('file', SEGMENT_FILE), offsetBytes: fields.integer('offsetBytes', 0) }
      : { kind, base64: fields.string('base64', /^[A-Za-z0-9+/]*={0,2}$/) }
  fields.refuseOthers()
  return location
}

/** `undefined` for what is no row. */
function segmentsOfRow(row: readonly unknown[], files: readonly ListedFile[]): SegmentRef[] | undefined {
  const [kind, number] = row
  const from = typeof number === 'number' ? files[number] : undefined
  if ((kind !== 'base' && kind !== 'delta') || from === undefined) return undefined
  if (row.length === HEAD_FIELDS || (row.length - HEAD_FIELDS) % PIECE_FIELDS !== 0) return undefined
  const { file, checkpointId } = from
  const segments: SegmentRef[] = []
  for (let at = HEAD_FIELDS; at < row.length; at += PIECE_FIELDS) {
    const [offsetBytes, lengthBytes, crc32c, entries] = row.slice(at, at + PIECE_FIELDS)
    if (!isCount(offsetBytes) || !isCount(lengthBytes) || !isCount(crc32c) || !isCount(entries)) return undefined
    if (crc32c > CHECKSUM_MAX) return undefined
    segments.push({
      kind,
      ...(at > HEAD_FIELDS ? { isContinuation: true } : {}),
      checkpointId,
      location: { kind: 'file', file, offsetBytes },
      lengthBytes,
      crc32c,
      entries,
    })
  }
  return segments
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
