/**
 * How segments are read: which ranges of which files, so that few reads give all of them. A segment is a few kilobytes of a
 * key group, a file holds those of a subtask one behind the other; a read for each would be most of the time of a restore,
 * and with an object store each is a request.
 *
 * Invariant: every segment of a file lies within exactly one range; a range is no longer than `rangeBytesMax` unless a
 * single segment is; nothing is read twice.
 */
import type { SegmentRef } from './manifest.ts'

export interface ReadLimits {
  /** Longer ranges are cut between two segments. */
  readonly rangeBytesMax: number
  /** So many bytes that nobody asked for are read along rather than asked around. */
  readonly gapBytesMax: number
}

export interface ReadRange {
  readonly file: string
  readonly offsetBytes: number
  readonly lengthBytes: number
  /** What lies in it, by ascending offset. */
  readonly parts: readonly ReadPart[]
}

export interface ReadPart {
  /** Of the segment in the list that was given. */
  readonly index: number
  readonly offsetBytes: number
  readonly lengthBytes: number
}

/** The ranges by file and offset. Segments that are inlined are in none. */
export function planReads(refs: readonly SegmentRef[], { rangeBytesMax, gapBytesMax }: ReadLimits): ReadRange[] {
  const byFile = new Map<string, ReadPart[]>()
  refs.forEach(({ location, lengthBytes }, index) => {
    if (location.kind !== 'file') return
    const parts = byFile.get(location.file) ?? []
    parts.push({ index, offsetBytes: location.offsetBytes, lengthBytes })
    byFile.set(location.file, parts)
  })
  const ranges: ReadRange[] = []
  for (const [file, parts] of byFile) {
    parts.sort((a, b) => a.offsetBytes - b.offsetBytes)
    let open: ReadPart[] = []
    let from = 0
    let to = 0
    const close = (): void => {
      if (open.length > 0) ranges.push({ file, offsetBytes: from, lengthBytes: to - from, parts: open })
      open = []
    }
    for (const part of parts) {
      const end = Math.max(to, part.offsetBytes + part.lengthBytes)
      if (open.length > 0 && (part.offsetBytes - to > gapBytesMax || end - from > rangeBytesMax)) close()
      if (open.length === 0) {
        from = part.offsetBytes
        to = from
      }
      open.push(part)
      to = Math.max(to, part.offsetBytes + part.lengthBytes)
    }
    close()
  }
  return ranges
}
