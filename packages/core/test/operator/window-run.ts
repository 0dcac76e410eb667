/**
 * Windows against a slow, obvious recomputation: random shapes, records, watermarks, snapshots (completed and aborted) and
 * restores at random parallelism.
 */
import assert from 'node:assert/strict'
import { keyGroupOf, subtaskOfKeyGroup } from '@millrace/core'
import { type OperatorHarness, type OperatorHarnessOptions, SegmentChains } from '@millrace/testing'
import fc from 'fast-check'
import type { WindowResult } from './operator-nodes.ts'

export const MAX_PARALLELISM = 4

export interface Shape {
  readonly sizeMs: number
  readonly slideMs: number
  readonly offsetMs: number
  readonly latenessMs: number
}

export type Step =
  | { readonly kind: 'record'; readonly key: string; readonly at: number }
  | { readonly kind: 'watermark'; readonly by: number }
  | { readonly kind: 'restart'; readonly parallelism: number }
  | { readonly kind: 'abortSnapshot' }

export const shapes: fc.Arbitrary<Shape> = fc
  .record({
    sizeMs: fc.integer({ min: 1, max: 12 }),
    slideMs: fc.integer({ min: 1, max: 12 }),
    offsetMs: fc.nat(11),
    latenessMs: fc.oneof(fc.constant(0), fc.nat(15)),
  })
  .map((shape) => ({ ...shape, offsetMs: shape.offsetMs % shape.slideMs }))

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('record' as const),
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        at: fc.integer({ min: -20, max: 60 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('watermark' as const), by: fc.integer({ min: 1, max: 15 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('restart' as const), parallelism: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'abortSnapshot' as const }) },
  ),
  { maxLength: 60 },
)

/** Where records are relative to the watermark: some late, most not. */
const FIRST_WATERMARK = -25

/** Every record with all its windows, looked at anew for each result. */
export class Recomputation {
  readonly results: string[] = []
  readonly late: string[] = []
  readonly #shape: Shape
  #watermark = Number.NEGATIVE_INFINITY
  readonly #taken: { readonly key: string; readonly end: number; readonly value: number }[] = []

  constructor(shape: Shape) {
    this.#shape = shape
  }

  record(key: string, at: number, value: number): void {
    const { sizeMs, slideMs, offsetMs, latenessMs } = this.#shape
    let windows = 0
    let closed = 0
    for (let start = offsetMs - slideMs * 200; start <= at; start += slideMs) {
      const end = start + sizeMs
      if (at >= end) continue
      windows++
      if (end - 1 + latenessMs <= this.#watermark) {
        closed++
        continue
      }
      this.#taken.push({ key, end, value })
      if (end - 1 <= this.#watermark) this.#fire(key, end)
    }
    if (windows > 0 && windows === closed) this.late.push(`${key}:${value}`)
  }

  watermark(to: number): void {
    const due = new Map<string, { key: string; end: number }>()
    for (const { key, end } of this.#taken) {
      if (end - 1 > this.#watermark && end - 1 <= to) due.set(`${key}/${end}`, { key, end })
    }
    this.#watermark = to
    for (const { key, end } of due.values()) this.#fire(key, end)
  }

  #fire(key: string, end: number): void {
    const values = this.#taken.filter((taken) => taken.key === key && taken.end === end).map(({ value }) => value)
    this.results.push(`${key}[${end - this.#shape.sizeMs},${end})=${values.sort((a, b) => a - b).join(',')}`)
  }
}

export class WindowRun {
  readonly results: string[] = []
  readonly late: string[] = []
  readonly #open: (options: OperatorHarnessOptions) => OperatorHarness
  protected harnesses: OperatorHarness[]
  #watermark = Number.NEGATIVE_INFINITY

  constructor(open: (options: OperatorHarnessOptions) => OperatorHarness) {
    this.#open = open
    this.harnesses = [open({})]
  }

  record(key: string, at: number, value: number): void {
    const subtask = subtaskOfKeyGroup(keyGroupOf(key, MAX_PARALLELISM), this.harnesses.length, MAX_PARALLELISM)
    this.harnesses[subtask]?.processRecord({ key, value }, at)
  }

  watermark(to: number): void {
    this.#watermark = to
    for (const harness of this.harnesses) harness.advanceWatermark(to)
    this.#collect()
  }

  abortSnapshot(): void {
    for (const harness of this.harnesses) harness.abortSnapshot()
  }

  /** Sources send their last watermark again before the first record after a restore. */
  restart(parallelism: number, options: { readonly sendsWatermarkAgain: boolean }): void {
    this.#collect()
    const restore = SegmentChains.union(this.harnesses.map((harness) => harness.snapshot()))
    this.harnesses = Array.from({ length: parallelism }, (_, subtask) => this.#open({ subtask, parallelism, restore }))
    this.afterRestore()
    const again = this.#watermark
    this.#watermark = Number.NEGATIVE_INFINITY
    if (options.sendsWatermarkAgain && again > Number.NEGATIVE_INFINITY) {
      this.watermark(again - 7)
      this.watermark(again)
    }
  }

  /** Before anything else comes. */
  protected afterRestore(): void {}

  finish(): void {
    this.watermark(Number.POSITIVE_INFINITY)
    for (const harness of this.harnesses) {
      for (const { record } of harness.sideOutput('late')) this.#addLate(record)
    }
  }

  #collect(): void {
    for (const harness of this.harnesses) {
      for (const { record, timestamp } of harness.drainOutput()) {
        const { key, start, end, values } = record as WindowResult
        assert.equal(timestamp, end - 1)
        assert.ok(timestamp <= this.#watermark, 'a result left before the watermark reached it')
        this.results.push(`${key}[${start},${end})=${values}`)
      }
    }
  }

  #addLate(record: unknown): void {
    const { key, value } = record as { key: string; value: number }
    this.late.push(`${key}:${value}`)
  }

  /** Late records of harnesses that are given up. */
  collectLate(): void {
    for (const harness of this.harnesses) for (const { record } of harness.sideOutput('late')) this.#addLate(record)
  }
}

export function play(shape: Shape, list: readonly Step[], run: WindowRun, sendsWatermarkAgain: boolean): Recomputation {
  const expected = new Recomputation(shape)
  let watermark = FIRST_WATERMARK
  list.forEach((step, index) => {
    if (step.kind === 'record') {
      expected.record(step.key, step.at, index)
      run.record(step.key, step.at, index)
    } else if (step.kind === 'watermark') {
      watermark += step.by
      expected.watermark(watermark)
      run.watermark(watermark)
    } else if (step.kind === 'restart') {
      run.collectLate()
      run.restart(step.parallelism, { sendsWatermarkAgain })
    } else {
      run.abortSnapshot()
    }
  })
  expected.watermark(Number.POSITIVE_INFINITY)
  run.finish()
  return expected
}

/** The last result of each window and key. */
export const lastOf = (results: readonly string[]): [string, string][] => {
  const byWindow = new Map(results.map((result) => result.split('=') as [string, string]))
  return [...byWindow].sort()
}
