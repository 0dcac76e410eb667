/** Drives a source as the engine does: splits, batches, positions. */
import type { FileSystem, PlainValue, ReaderContext, RejectedInput, Source, SplitReader } from '@millrace/api'

export function readerContext(files: FileSystem, counts: Map<string, number> = new Map()): ReaderContext {
  return {
    files,
    now: () => 0,
    delay: async () => {},
    count: (metric, increment) => void counts.set(metric, (counts.get(metric) ?? 0) + increment),
  }
}

/** All records of all splits. */
export async function readAll<T, P extends PlainValue>(
  source: Source<T, P>,
  files: FileSystem,
  counts?: Map<string, number>,
): Promise<(T | RejectedInput)[]> {
  const records: (T | RejectedInput)[] = []
  for (const split of await source.enumerate({ files, parallelism: 1 })) {
    const reader = await source.open(split, undefined, readerContext(files, counts))
    try {
      records.push(...(await drain(reader, 1_000)).flatMap(({ batch }) => batch))
    } finally {
      await reader.close()
    }
  }
  return records
}

export interface PositionedBatch<T, P> {
  /** Before the batch. */
  readonly position: P
  readonly batch: readonly (T | RejectedInput)[]
}

export async function drain<T, P extends PlainValue>(
  reader: SplitReader<T, P>,
  recordsMax: number,
): Promise<PositionedBatch<T, P>[]> {
  const batches: PositionedBatch<T, P>[] = []
  for (;;) {
    const position = reader.position()
    const { records, end } = await reader.next(recordsMax)
    batches.push({ position, batch: records })
    if (end) return batches
  }
}
