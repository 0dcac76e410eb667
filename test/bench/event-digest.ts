/** Digests of generated records: all fields, in the order in which they are written, kinds as 0, 1 and 2. */
import { mixInteger, mixString, ROW_START, RowDigest } from '../../bench/digest/row-digest.ts'
import type { NexmarkEvent } from '../../bench/nexmark/generator/nexmark-event.ts'

const KINDS = { person: 0, auction: 1, bid: 2 }

export function digestOfEvents(events: Iterable<NexmarkEvent>): string {
  const digest = new RowDigest()
  for (const { kind, ...fields } of events) {
    let hash = mixInteger(ROW_START, KINDS[kind])
    for (const value of Object.values(fields)) {
      hash = typeof value === 'number' ? mixInteger(hash, value) : mixString(hash, value)
    }
    digest.add(hash)
  }
  return digest.toString()
}

/** The first `count` of what a generator gives. */
export function firstOf<T>(count: number, recordAt: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => recordAt(index))
}
