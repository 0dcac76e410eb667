/** A source of lists, one per split, whose readers cut batches as they are told, at once or after a promise. */
import {
  type ComputedBatch,
  type PlainValue,
  type ReaderContext,
  RejectedInput,
  type Source,
  type SourceBatch,
  type SourceSplit,
  type SplitReader,
} from '@millrace/api'

export interface ListItem {
  readonly split: string
  readonly at: number
  readonly n: number
}

export interface ListSourceOptions {
  readonly lists: readonly (readonly (ListItem | RejectedInput)[])[]
  /** Lengths of batches, from the first that any reader gives, in turn; 0 is an empty batch. */
  readonly cuts: readonly number[]
  /** Whether each of those batches comes after a promise. */
  readonly delays: readonly boolean[]
  readonly splitOrder: 'sequential' | 'interleaved'
  /** The end of a split comes in a batch of its own, without records. */
  readonly separateEnd?: boolean
  /** Batches give a function of the place in the list instead of records; for lists without rejected items. */
  readonly isComputed?: boolean
}

export const deadLetter = (raw: string): RejectedInput =>
  new RejectedInput('deadLetter', { raw, file: 'list', line: 1, column: 1, reason: 'bad' })

export const splitsOf = (lists: readonly unknown[][] | ListSourceOptions['lists']): SourceSplit[] =>
  lists.map((_, index) => ({ id: `split ${index}`, payload: index }))

export function listSource(options: ListSourceOptions): Source<unknown> & { readonly closed: string[] } {
  const { lists, cuts, delays, splitOrder, separateEnd, isComputed } = options
  const closed: string[] = []
  let batches = 0
  return {
    kind: 'lists',
    options: {},
    boundedness: 'bounded',
    replayable: true,
    splitOrder,
    closed,
    enumerate: async () => splitsOf(lists),
    open: async (split, position): Promise<SplitReader<unknown>> => {
      const list = lists[split.payload as number] ?? []
      let next = (position as number | undefined) ?? 0
      const reader: SplitReader<unknown> = {
        next(): SourceBatch<unknown> | Promise<SourceBatch<unknown>> {
          const turn = batches++
          const records = list.slice(next, next + (cuts[turn % cuts.length] ?? 1))
          const isLate = separateEnd === true && records.length > 0
          next += records.length
          const batch = {
            records,
            hasRejected: records.some((record) => record instanceof RejectedInput),
            end: next === list.length && !isLate,
          }
          return delays[turn % delays.length] === true ? Promise.resolve(batch) : batch
        },
        position: () => next,
        close: async () => {
          closed.push(split.id)
        },
      }
      if (isComputed !== true) return reader
      const computed = (first: number, { records, end }: SourceBatch<unknown>): ComputedBatch<unknown> => {
        return { compute: (index) => list[index], name: 'list', first, stride: 1, count: records.length, end }
      }
      return {
        ...reader,
        nextComputed() {
          const first = next
          const batch = reader.next(1)
          return batch instanceof Promise ? batch.then((given) => computed(first, given)) : computed(first, batch)
        },
      }
    },
  }
}

export const readerContext: ReaderContext = {
  files: undefined as never,
  now: () => 0,
  delay: async () => {},
  count: () => {},
}

export const asPlain = (value: unknown): PlainValue => JSON.parse(JSON.stringify(value)) as PlainValue
