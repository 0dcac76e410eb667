import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascending, boundedOutOfOrderness, customWatermarks, type WatermarkStrategy } from '../../src/index.ts'

/** The watermark after each of the timestamps. */
function watermarksOf(strategy: WatermarkStrategy<number>, timestamps: readonly number[]): number[] {
  const generator = strategy.createGenerator()
  return timestamps.map((record) => {
    generator.onRecord(strategy.timestamp(record), record)
    return generator.current()
  })
}

test('the watermark stays one millisecond behind ascending timestamps', () => {
  const strategy = ascending((at: number) => at)
  assert.equal(strategy.createGenerator().current(), Number.NEGATIVE_INFINITY)
  assert.deepEqual(watermarksOf(strategy, [-5, 0, 10, 10, 7]), [-6, -1, 9, 9, 9])
  assert.equal(strategy.idleTimeoutMs, undefined)
})

test('bounded: highest timestamp − bound − 1', () => {
  const strategy = boundedOutOfOrderness('2 s', (at: number) => at, { idleTimeout: '1 min' })
  assert.deepEqual(watermarksOf(strategy, [10_000, 9_000, 12_500]), [7_999, 7_999, 10_499])
  assert.equal(strategy.idleTimeoutMs, 60_000)
  assert.deepEqual(
    watermarksOf(
      boundedOutOfOrderness('0 ms', (at: number) => at),
      [10],
    ),
    [9],
  )
})

test('a restored generator continues where the snapshot was taken, through JSON', () => {
  for (const strategy of [ascending((at: number) => at), boundedOutOfOrderness('5 ms', (at: number) => at)]) {
    for (const timestamps of [[], [0], [100, 50]]) {
      const generator = strategy.createGenerator()
      for (const at of timestamps) generator.onRecord(at, at)
      const restored = strategy.createGenerator()
      restored.restore(JSON.parse(JSON.stringify(generator.snapshot())))
      assert.equal(restored.current(), generator.current())
      restored.onRecord(70, 70)
      generator.onRecord(70, 70)
      assert.equal(restored.current(), generator.current())
    }
  }
  assert.throws(() => ascending(Number).createGenerator().restore({ other: 1 }), { code: 'STATE_MISREAD' })
})

test('a strategy of the user passes through', () => {
  const strategy = customWatermarks<{ mark?: number; at: number }>({
    name: 'marks',
    timestamp: (record) => record.at,
    createGenerator() {
      let mark: number | null = null
      return {
        onRecord(_timestamp, record) {
          mark = record.mark ?? mark
        },
        current: () => mark ?? Number.NEGATIVE_INFINITY,
        snapshot: () => mark,
        restore(state) {
          mark = state as number | null
        },
      }
    },
  })
  const generator = strategy.createGenerator()
  generator.onRecord(1, { at: 1 })
  assert.equal(generator.current(), Number.NEGATIVE_INFINITY)
  generator.onRecord(2, { at: 2, mark: 1 })
  assert.equal(generator.current(), 1)
  assert.equal(strategy.name, 'marks')
})

test('what is no strategy is refused', () => {
  assert.throws(() => ascending(undefined as never), { code: 'OPTION_INVALID' })
  assert.throws(() => ascending(Number, { idleTimeout: '0 s' }), { code: 'DURATION_INVALID' })
  assert.throws(() => ascending(Number, { idle: '1 s' } as never), { code: 'OPTION_UNKNOWN' })
  assert.throws(() => boundedOutOfOrderness('soon' as never, Number), { code: 'DURATION_INVALID' })
  assert.throws(() => customWatermarks({ timestamp: Number } as never), { code: 'OPTION_INVALID' })
})
