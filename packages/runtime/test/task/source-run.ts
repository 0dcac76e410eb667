/** Drives a `SourceDriver` and keeps what it feeds its chain, in order. */
import { setImmediate } from 'node:timers/promises'
import type { DeadLetter, RejectedInput, Source, SourceSpec, WatermarkStrategy } from '@millrace/api'
import { SourceDriver, type SourceTarget, type SplitEntry } from '../../src/task/source-driver.ts'
import { readerContext } from './list-source.ts'

export type Fed =
  | { readonly kind: 'record'; readonly record: unknown; readonly at: number }
  | { readonly kind: 'watermark'; readonly at: number }
  | { readonly kind: 'end' }

export interface SourceRunOptions {
  readonly source: Source<unknown>
  readonly watermarks?: WatermarkStrategy<never> | undefined
  readonly entries: readonly SplitEntry[]
  readonly watermarkEveryRecords?: number
  readonly monotonicMs?: () => number
}

export class SourceRun {
  readonly driver: SourceDriver
  readonly fed: Fed[] = []
  readonly letters: string[] = []
  readonly rejected: RejectedInput['policy'][] = []
  wakes = 0
  #chain: SourceTarget | undefined

  constructor(options: SourceRunOptions) {
    const { source, watermarks, entries } = options
    this.driver = new SourceDriver({
      spec: { kind: 'source', source, watermarks } as SourceSpec,
      name: 'lists',
      uid: 'lists-uid',
      subtask: 0,
      entries,
      context: readerContext,
      target: {
        pushBatch: (batch) => {
          batch.records.forEach((record, i) => {
            this.fed.push({ kind: 'record', record, at: batch.timestamps[i] as number })
          })
          this.#chain?.pushBatch(batch)
        },
        pushWatermark: (at) => {
          this.fed.push({ kind: 'watermark', at })
          this.#chain?.pushWatermark(at)
        },
        pushEnd: () => {
          this.fed.push({ kind: 'end' })
          this.#chain?.pushEnd()
        },
      },
      deadLetters: { isFull: false, emit: (letter) => void this.letters.push((letter as DeadLetter).raw) },
      monotonicMs: options.monotonicMs ?? (() => 0),
      watermarkEveryRecords: options.watermarkEveryRecords ?? 1_000,
      wake: () => this.wakes++,
      onRejected: (policy) => void this.rejected.push(policy),
    })
  }

  /** From now on what is fed goes on into a chain. */
  feed(chain: SourceTarget): void {
    this.#chain = chain
  }

  /** Steps until `stepsMax` or the end; lets promises settle when a reader waits. */
  async step(pieces: Iterator<number>, stepsMax = Number.POSITIVE_INFINITY): Promise<void> {
    for (let steps = 0; steps < stepsMax; steps++) {
      const result = this.driver.step(pieces.next().value as number)
      if (result === 'ended') return
      if (result === 'waiting') await setImmediate()
    }
  }

  get records(): unknown[] {
    return this.fed.flatMap((each) => (each.kind === 'record' ? [each.record] : []))
  }

  get watermarks(): number[] {
    return this.fed.flatMap((each) => (each.kind === 'watermark' ? [each.at] : []))
  }
}

export const piecesOf = (size: number): Iterator<number> => ({ next: () => ({ done: false, value: size }) })
