/** Opens the splits of sources for tests, on a clock that moves only when somebody waits for it. */
import type { FileSystem, PlainValue, ReaderContext, Source, SplitReader } from '../../src/index.ts'

/** These sources touch no files. */
const noFiles = {} as FileSystem

export class TestClock implements ReaderContext {
  readonly files = noFiles
  nowMs = 1_000_000

  now(): number {
    return this.nowMs
  }

  async delay(ms: number): Promise<void> {
    this.nowMs += ms
  }

  count(): void {}
}

export async function openSplit<T, P extends PlainValue>(
  source: Source<T, P>,
  options: { readonly split?: number; readonly position?: P; readonly context?: ReaderContext } = {},
): Promise<SplitReader<T, P>> {
  const splits = await source.enumerate({ files: noFiles, parallelism: 1 })
  const split = splits[options.split ?? 0]
  if (split === undefined) throw new Error('There is no such split')
  return source.open(split, options.position, options.context ?? new TestClock())
}

/** Reads a split to its end. */
export async function readAll<T, P extends PlainValue>(reader: SplitReader<T, P>, recordsMax = 3): Promise<T[]> {
  const records: T[] = []
  for (;;) {
    const batch = await reader.next(recordsMax)
    records.push(...(batch.records as T[]))
    if (batch.end) return records
  }
}
