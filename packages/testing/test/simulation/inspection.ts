/** The invariants of what is on the disk, read byte by byte without the code that writes and restores it. */
import assert from 'node:assert/strict'
import { type CheckpointManifest, hasSegmentChecksum, parseManifest, type SegmentRef } from '@millrace/core'
import type { SimulatedDisk } from '@millrace/testing'

export type Contents = ReturnType<SimulatedDisk['contents']>

const FINISHED = /^\/out\/\w+\/part-[0-9a-f]{8}-[0-9a-f]{6}-(\d+)-\d+-\d+-[0-9a-z]+\.csv$/
const MANIFEST = /^\/ckpt\/chk-(\d+)\/_metadata$/

export function contentsOf(disk: SimulatedDisk): Contents {
  return new Map([...disk.contents()].map(([path, bytes]) => [path.startsWith('/') ? path : `/${path}`, bytes]))
}

/** Law 6: nothing is visible that no completed checkpoint covers. */
export function checkCovered(contents: Contents): void {
  let newest = 0
  for (const path of contents.keys()) newest = Math.max(newest, Number(MANIFEST.exec(path)?.[1] ?? 0))
  for (const path of contents.keys()) {
    const epoch = Number(FINISHED.exec(path)?.[1] ?? 0)
    assert.ok(epoch <= newest, `${path} is finished, and the newest checkpoint is ${newest}`)
  }
}

export function countCheckpoints(contents: Contents): number {
  let count = 0
  for (const path of contents.keys()) if (MANIFEST.test(path)) count++
  return count
}

/** Every manifest is whole, and so is every segment that it names, but for files that a fault of the disk may have `damaged`. */
export function checkManifests(
  contents: Contents,
  damaged: ReadonlySet<string> = new Set(),
): readonly CheckpointManifest[] {
  const manifests: CheckpointManifest[] = []
  for (const [path, bytes] of contents) {
    if (!MANIFEST.test(path) || damaged.has(path)) continue
    const manifest = parseManifest(bytes, path)
    manifests.push(manifest)
    assert.ok(manifest.measures !== undefined, `${path} does not say what its tasks measured`)
    checkSegments(contents, manifest, path, '/ckpt', damaged)
  }
  return manifests.sort((a, b) => a.checkpointId - b.checkpointId)
}

/** A savepoint is whole and names nothing outside its folder. */
export function checkSavepoint(contents: Contents, folder: string): CheckpointManifest {
  const path = `${folder}/_metadata`
  const bytes = contents.get(path)
  assert.ok(bytes !== undefined, `the savepoint ${folder} is gone`)
  const manifest = parseManifest(bytes, path)
  assert.equal(manifest.kind, 'savepoint')
  checkSegments(contents, manifest, path, folder)
  return manifest
}

/** Whether no fault of the disk has touched what a checkpoint is made of. */
export function isUntouched(manifest: CheckpointManifest, damaged: ReadonlySet<string>): boolean {
  return segmentsOf(manifest).every(
    ({ location }) => location.kind !== 'file' || !damaged.has(`/ckpt/${location.file}`),
  )
}

function segmentsOf({ operators }: CheckpointManifest): readonly SegmentRef[] {
  return operators.flatMap(({ keyGroups, inFlight = [] }) => [
    ...keyGroups.flatMap((group) => group.segments),
    ...inFlight.map(({ segment }) => segment),
  ])
}

function checkSegments(
  contents: Contents,
  manifest: CheckpointManifest,
  path: string,
  folder: string,
  damaged: ReadonlySet<string> = new Set(),
): void {
  for (const { uid, keyGroups, inFlight = [] } of manifest.operators) {
    const segments = [...keyGroups.flatMap((group) => group.segments), ...inFlight.map(({ segment }) => segment)]
    for (const { location, lengthBytes, crc32c: sum } of segments) {
      if (location.kind !== 'file' || damaged.has(`${folder}/${location.file}`)) continue
      const file = contents.get(`${folder}/${location.file}`)
      const what = `${location.file}, which ${path} names for ${uid}`
      assert.ok(file !== undefined, `${what}, is missing`)
      const segment = file.subarray(location.offsetBytes, location.offsetBytes + lengthBytes)
      assert.equal(segment.length, lengthBytes, `${what}, is cut off`)
      assert.ok(hasSegmentChecksum(segment, sum), `${what}, holds other bytes`)
    }
  }
}

/** Segments that go on where others ended, of one operator and key group. */
export function continuationsIn({ operators }: CheckpointManifest): number {
  const segments = operators.flatMap(({ keyGroups }) => keyGroups.flatMap((group) => group.segments))
  return segments.filter(({ isContinuation }) => isContinuation === true).length
}

/**
 * How many records of each split that it still holds a checkpoint has read; `undefined` where positions are not numbers of
 * records.
 */
export function recordsRead({ operators }: CheckpointManifest): ReadonlyMap<number, number> | undefined {
  const read = new Map<number, number>()
  for (const { uid, entries } of operators) {
    if (!uid.startsWith('src')) continue
    for (const { split, position, skip } of entries as unknown as readonly SplitPosition[]) {
      const number = typeof split.payload === 'number' ? split.payload : split.payload.first
      if (typeof number !== 'number' || typeof (position ?? 0) !== 'number') return undefined
      read.set(number, Number(position ?? 0) + skip)
    }
  }
  return read
}

interface SplitPosition {
  readonly split: { readonly payload: number | { readonly first?: unknown } }
  readonly position: unknown
  readonly skip: number
}

/** The segment files that no manifest names. */
export function deadSegments(contents: Contents, manifests: readonly CheckpointManifest[]): readonly string[] {
  const live = new Set<string>()
  for (const manifest of manifests) {
    for (const { location } of segmentsOf(manifest)) if (location.kind === 'file') live.add(`/ckpt/${location.file}`)
  }
  return [...contents.keys()].filter((path) => path.startsWith('/ckpt/shared/') && !live.has(path))
}

/** Files of savepoints that were begun and have no manifest, nor one that says that they are being discarded. */
export function halfSavepoints(contents: Contents): readonly string[] {
  return [...contents.keys()].filter((path) => {
    const folder = /^(\/savepoints\/[^/]+)\/[^/]+$/.exec(path)?.[1]
    return (
      folder !== undefined && !contents.has(`${folder}/_metadata`) && !contents.has(`${folder}/_metadata.discarded`)
    )
  })
}

/** The finished lines of a folder, sorted. */
export function finishedLines(contents: Contents, folder: string): readonly string[] {
  const lines: string[] = []
  for (const [path, bytes] of contents) {
    if (!path.startsWith(`${folder}/`) || !FINISHED.test(path)) continue
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    assert.ok(text === '' || text.endsWith('\n'), `${path} ends within a line`)
    lines.push(...text.split('\n').slice(0, -1))
  }
  return lines.sort()
}

export function temporaryFiles(contents: Contents): readonly string[] {
  return [...contents.keys()].filter((path) => path.startsWith('/out/') && path.includes('/.'))
}

/** Throws with what is missing and what is too much, not with all lines. */
export function checkLines(actual: readonly string[], expected: readonly string[], folder: string): void {
  const { missing, surplus } = compareLines(actual, expected)
  if (missing.length + surplus.length === 0) return
  const shown = (lines: readonly string[]): string => lines.slice(0, 8).join(' | ')
  assert.fail(
    `${folder}: ${missing.length} of ${expected.length} lines are missing (${shown(missing)}), ` +
      `${surplus.length} are too many (${shown(surplus)})`,
  )
}

export function compareLines(
  actual: readonly string[],
  expected: readonly string[],
): { readonly missing: readonly string[]; readonly surplus: readonly string[] } {
  const counts = new Map<string, number>()
  for (const line of expected) counts.set(line, (counts.get(line) ?? 0) + 1)
  for (const line of actual) counts.set(line, (counts.get(line) ?? 0) - 1)
  const missing: string[] = []
  const surplus: string[] = []
  for (const [line, left] of counts) {
    for (let i = 0; i < left; i++) missing.push(line)
    for (let i = 0; i > left; i--) surplus.push(line)
  }
  return { missing, surplus }
}
