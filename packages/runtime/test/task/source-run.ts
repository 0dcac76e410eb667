/** Drives a `SourceDriver` and keeps what it feeds its chain, in order. */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { DeadLetter, RejectedInput, Source, SourceSpec, WatermarkStrategy } from '@millrace/api'
import type { FusedStep, OperatorChain, OperatorOutput, RecordBatch } from '@millrace/core'
import { SourceDriver, type SplitEntry } from '../../src/task/source-driver.ts'
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
  readonly steps?: readonly FusedStep[]
  readonly developmentMode?: boolean
}

export class SourceRun {
  readonly driver: SourceDriver
  readonly fed: Fed[] = []
  readonly letters: string[] = []
  readonly rejected: RejectedInput['policy'][] = []
  wakes = 0
  onActive: () => void = () => {}
  #take: ((batch: RecordBatch) => void) | undefined
  #chain: OperatorChain | undefined

  constructor(options: SourceRunOptions) {
    const { source, watermarks, entries } = options
    this.driver = new SourceDriver({
      spec: { kind: 'source', source, watermarks } as SourceSpec,
      name: 'lists',
      uid: 'lists-uid',
      subtask: 0,
      entries,
      context: readerContext,
      steps: options.steps ?? [],
      developmentMode: options.developmentMode ?? false,
      target: {
        output: {
          isFull: false,
          emit: () => assert.fail('there is room for whole batches'),
          pushBatch: (batch) => {
            batch.records.forEach((record, i) => {
              this.fed.push({ kind: 'record', record, at: batch.timestamps[i] as number })
            })
            this.#take?.(batch)
          },
        },
        onActive: () => this.onActive(),
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
  feed(chain: OperatorChain): void {
    this.#chain = chain
    this.#take = (batch) => chain.pushBatch(batch)
  }

  /** The same with a chain of no stages: records go into what follows it at once. */
  feedThrough(chain: OperatorChain, output: OperatorOutput): void {
    this.#chain = chain
    this.#take = ({ records, timestamps }) => {
      records.forEach((record, i) => void output.emit(record, timestamps[i] as number))
    }
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
