import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LatencyHistogram } from '../../bench/latency/latency-histogram.ts'
import { LATENCY_JOBS, runLatencyJob } from '../../bench/latency/latency-run.ts'
import { PACED_AFTER_WARM_UP, PACED_RECORDS, readerOf } from '../../bench/latency/paced-source.ts'

describe('LatencyHistogram', () => {
  it('gives percentiles within one per cent, also when it is put together of parts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.nat(),
        (latencies, share, cut) => {
          const whole = new LatencyHistogram()
          const parts = [new LatencyHistogram(), new LatencyHistogram()] as const
          for (const [index, ms] of latencies.entries()) parts[index < cut % latencies.length ? 0 : 1].record(ms)
          for (const part of parts) whole.addAll(part.toData())
          const sorted = latencies.toSorted((a, b) => a - b)
          const exact = sorted[Math.ceil(share * sorted.length) - 1] as number
          const found = whole.percentile(share)
          assert.ok(Math.abs(found - exact) <= exact * 0.01 + 0.0011, `${found} for ${exact}`)
          assert.deepEqual([whole.count, whole.maxMs], [latencies.length, Math.max(...latencies)])
        },
      ),
    )
  })

  it('has no percentile without a latency', () => {
    assert.ok(Number.isNaN(new LatencyHistogram().percentile(0.5)))
  })
})

describe('the paced source', () => {
  it('stamps records with when they were due, however late it is asked', async () => {
    let nowMs = 1_000
    const counts: Record<string, number> = {}
    const reader = readerOf(
      {
        generate: (index, dueMs) => ({ index, dueMs }),
        perSecond: 2_000,
        warmUpMs: 10,
        durationMs: 10,
        splits: 2,
      },
      1,
      async (ms) => {
        nowMs += ms
      },
      (metric, increment) => {
        counts[metric] = (counts[metric] ?? 0) + increment
      },
      () => nowMs,
    )
    assert.deepEqual(await reader.next(100), { records: [], end: false })
    // A pause of 15 ms: 15 records of this split are due, and the first has waited since 1,001.
    nowMs = 1_014
    const { records } = await reader.next(100)
    assert.deepEqual(
      records,
      Array.from({ length: 15 }, (_, i) => ({ index: 1 + 2 * i, dueMs: 1_001 + i })),
    )
    nowMs = 5_000
    const last = await reader.next(3)
    assert.deepEqual([last.records.length, last.end], [3, false])
    const rest = await reader.next(100)
    assert.deepEqual([rest.records.length, rest.end, reader.position()], [2, true, 20])
    assert.deepEqual(counts, { [PACED_RECORDS]: 20, [PACED_AFTER_WARM_UP]: 20 })
  })
})

describe('the latency jobs', () => {
  const settings = { perSecond: 20_000, bufferTimeoutMs: 10, warmUpMs: 0, durationMs: 600, checkpointEveryMs: 100 }
  for (const job of LATENCY_JOBS) {
    it(`${job} takes the latency of every row, checkpoints running`, async () => {
      const run = await runLatencyJob({ ...settings, job, parallelism: 2 })
      assert.equal(run.records, 12_000)
      assert.equal(run.recorded, run.rows)
      assert.ok(run.checkpoints > 0)
      assert.ok(run.p50Ms > 0 && run.p50Ms <= run.p99Ms && run.p99Ms <= run.maxMs)
      if (job === 'chain') assert.equal(run.rows, 9_000)
      if (job === 'keyed') assert.equal(run.rows, 12_000)
      if (job === 'window') assert.ok(run.rows > 0)
    })
  }
})
