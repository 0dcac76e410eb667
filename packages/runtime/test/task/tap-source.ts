/** A source of unbounded splits whose batches are given from outside. */
import { setImmediate } from 'node:timers/promises'
import type { Source, SourceBatch, SourceSplit } from '@millrace/api'
import { freshSplitEntry, type SplitEntry } from '../../src/task/source-driver.ts'
import type { ListItem } from './list-source.ts'

/** One of its splits. */
export class Tap {
  readonly split: SourceSplit
  #give: ((batch: SourceBatch<ListItem>) => void) | undefined

  constructor(split: SourceSplit) {
    this.split = split
  }

  next(): Promise<SourceBatch<ListItem>> {
    return new Promise((resolve) => {
      this.#give = resolve
    })
  }

  /** A batch of records with these timestamps; the reader has it when this resolves. */
  async give(...ats: number[]): Promise<void> {
    this.#give?.({ records: ats.map((at) => ({ split: this.split.id, at, n: at })), end: false })
    await setImmediate()
  }
}

export interface TapSource {
  readonly all: readonly Tap[]
  readonly source: Source<unknown>
  readonly entries: readonly SplitEntry[]
}

export function taps(count: number): TapSource {
  const all = Array.from({ length: count }, (_, index) => new Tap({ id: `tap ${index}`, payload: index }))
  const source: Source<unknown> = {
    kind: 'taps',
    options: {},
    boundedness: 'unbounded',
    replayable: false,
    enumerate: async () => all.map(({ split }) => split),
    open: async (split) => {
      const tap = all[split.payload as number] as Tap
      return { next: () => tap.next(), position: () => 0, close: async () => {} }
    },
  }
  return { all, source, entries: all.map(({ split }, index) => freshSplitEntry(split, index)) }
}
