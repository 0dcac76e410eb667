import { count, filter, groupBy, map, mergeMap, range, Subject, tap } from 'rxjs'
import { RowDigest } from '../../digest/row-digest.ts'
import type { Bid } from '../../nexmark/generator/nexmark-event.ts'
import { bidGenerator } from '../../shapes/generator/bid-generator.ts'
import { bidOptionsOf, windowOf } from '../../shapes/shape-params.ts'
import { mixWindowCount, type WindowCount } from '../../shapes/shape-rows.ts'
import type { LoopParams } from '../loop/loop-params.ts'

/** Groups by window, which end when event time has passed them, and in these groups by auction. */
export function keyedTumbling(params: LoopParams): RowDigest {
  const { sizeMs } = windowOf(params)
  const digest = new RowDigest()
  const windowEndOf = ({ dateTime }: Bid): number => (Math.floor(dateTime / sizeMs) + 1) * sizeMs
  /** Ends of windows that begin; records are in order of time. */
  const windowEnds = new Subject<number>()
  let latest = 0
  range(0, Number(params.events))
    .pipe(
      map(bidGenerator(bidOptionsOf(params))),
      tap((bid) => {
        const windowEnd = windowEndOf(bid)
        if (windowEnd === latest) return
        latest = windowEnd
        windowEnds.next(windowEnd)
      }),
      groupBy(windowEndOf, { duration: ({ key }) => windowEnds.pipe(filter((windowEnd) => windowEnd > key)) }),
      mergeMap((window) =>
        window.pipe(
          groupBy(({ auction }) => auction),
          mergeMap((bids) =>
            bids.pipe(
              count(),
              map((count): WindowCount => ({ auction: bids.key, windowEnd: window.key, count })),
            ),
          ),
        ),
      ),
    )
    .subscribe((row) => digest.add(mixWindowCount(row)))
  return digest
}
