/** A source over records that are there when the job is built; one split, replayable by index. */
import type { Source, SplitReader } from '../connector/source.ts'
import { invalidOption } from '../option/check-options.ts'

/** Reads the items in order, once. The list is copied when the job is built. */
export function collection<T>(items: readonly T[]): Source<T, number> {
  if (!Array.isArray(items)) throw invalidOption('collection', 'the items', items, 'an array')
  const copy = items.slice()
  return {
    kind: 'collection',
    options: { records: copy.length },
    boundedness: 'bounded',
    replayable: true,
    enumerate: async () => [{ id: 'items', payload: null, size: { unit: 'records', amount: copy.length } }],
    open: async (_split, position) => new ListReader(copy, position ?? 0),
  }
}

class ListReader<T> implements SplitReader<T, number> {
  readonly #items: readonly T[]
  #position: number

  constructor(items: readonly T[], position: number) {
    this.#items = items
    this.#position = position
  }

  next(recordsMax: number): { readonly records: T[]; readonly end: boolean } {
    const records = this.#items.slice(this.#position, this.#position + recordsMax)
    this.#position += records.length
    return { records, end: this.#position >= this.#items.length }
  }

  position(): number {
    return this.#position
  }

  progress(): number {
    return this.#position
  }

  async close(): Promise<void> {}
}
