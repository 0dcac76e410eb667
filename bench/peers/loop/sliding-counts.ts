import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf, windowOf } from '../../shapes/shape-params.ts'
import type { LoopParams } from './loop-params.ts'

/**
 * Counts per slide, and of the window the sum of its slides: what enters is added, what leaves is taken off. `onWindow` is
 * called for each window that has records; the counts are valid during the call. Size is a multiple of slide.
 */
export function slidingCounts(
  params: LoopParams,
  onWindow: (windowEnd: number, counts: ReadonlyMap<number, number>) => void,
): void {
  const bidAt = bidGenerator(bidOptionsOf(params))
  const { sizeMs, slideMs } = windowOf(params)
  if (sizeMs % slideMs !== 0) throw new RangeError('The size of a window is a multiple of its slide')
  const events = Number(params.events)
  const slices = new Map<number, Map<number, number>>()
  const counts = new Map<number, number>()
  let slice = new Map<number, number>()
  let sliceEnd = Number.NEGATIVE_INFINITY
  for (let index = 0; index < events; index++) {
    const { auction, dateTime } = bidAt(index)
    if (dateTime >= sliceEnd) {
      closeUntil(Math.floor(dateTime / slideMs) * slideMs)
      sliceEnd = (Math.floor(dateTime / slideMs) + 1) * slideMs
      slice = new Map()
      slices.set(sliceEnd, slice)
    }
    slice.set(auction, (slice.get(auction) ?? 0) + 1)
  }
  closeUntil(Number.POSITIVE_INFINITY)

  /** Windows that end by then. */
  function closeUntil(time: number): void {
    for (let end = sliceEnd; end <= time && slices.size > 0; end += slideMs) {
      for (const [auction, count] of slices.get(end) ?? []) counts.set(auction, (counts.get(auction) ?? 0) + count)
      onWindow(end, counts)
      const leaving = end - sizeMs + slideMs
      for (const [auction, count] of slices.get(leaving) ?? []) {
        const left = (counts.get(auction) as number) - count
        if (left === 0) counts.delete(auction)
        else counts.set(auction, left)
      }
      slices.delete(leaving)
    }
  }
}
