import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ProgressSnapshot } from '../../src/progress/progress-snapshot.ts'
import { renderProgress } from '../../src/progress/render-progress.ts'
import { textWidth } from '../../src/text/fit-text.ts'
import { colourPaint } from '../../src/text/paint.ts'

const names = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom('数据源 -> 过滤', '👩‍👩‍👧‍👦'.repeat(9), 'a\u001b[2Jb\nc', 'e\u0301'.repeat(30)),
)
const counts = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e18, noNaN: true }))
const times = fc.oneof(
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
  fc.constantFrom(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, 1e300),
)
const ratios = fc.double({ min: 0, max: 1, noNaN: true })

const snapshots: fc.Arbitrary<ProgressSnapshot> = fc.record({
  jobName: names,
  state: fc.constantFrom('RUNNING' as const, 'RESTARTING' as const, 'FINISHED' as const),
  attempt: fc.nat(),
  nowMs: fc.integer({ min: 0, max: 4e12 }),
  elapsedMs: fc.nat(),
  operators: fc.array(
    fc.record({
      name: names,
      parallelism: fc.integer({ min: 1, max: 32_768 }),
      isSource: fc.boolean(),
      isSink: fc.boolean(),
      isFinished: fc.boolean(),
      recordsIn: counts,
      recordsOut: counts,
      recordsInPerSecond: counts,
      recordsOutPerSecond: counts,
      busy: ratios,
      backPressured: ratios,
      watermarkMs: times,
    }),
    { maxLength: 8 },
  ),
  input: fc.option(fc.record({ ratio: ratios, leftMs: fc.option(fc.nat(), { nil: undefined }) }), { nil: undefined }),
  checkpointsCompleted: fc.nat(),
  checkpointsFailed: fc.nat(),
  lastCheckpoint: fc.option(
    fc.record({
      id: fc.nat(),
      kind: fc.constantFrom('checkpoint' as const, 'savepoint' as const),
      outcome: fc.constantFrom('completed' as const, 'failed' as const),
      endedAtMs: fc.integer({ min: 0, max: 4e12 }),
      durationMs: fc.nat(),
      bytes: counts,
      reason: fc.option(names, { nil: undefined }),
    }),
    { nil: undefined },
  ),
  lostRecords: fc.nat(),
})

test('no line is wider than the width, none holds a control character, and there are no more than asked for', () => {
  fc.assert(
    fc.property(
      snapshots,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 40 }),
      (snapshot, width, linesMax) => {
        const lines = renderProgress(snapshot, width, { linesMax })
        assert.ok(lines.length <= linesMax)
        for (const line of lines) {
          assert.ok(textWidth(line) <= width, `${textWidth(line)} > ${width}: ${line}`)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
          assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/)
        }
      },
    ),
  )
})

test('colour changes no width', () => {
  fc.assert(
    fc.property(snapshots, fc.integer({ min: 1, max: 200 }), (snapshot, width) => {
      assert.deepEqual(
        renderProgress(snapshot, width, { paint: colourPaint }).map(textWidth),
        renderProgress(snapshot, width).map(textWidth),
      )
    }),
  )
})
