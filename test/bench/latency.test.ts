import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LatencyHistogram } from '../../bench/latency/latency-histogram.ts'
import { decideLatencyVerdict, type LatencyLine, latencyVerdictText } from '../../bench/latency/latency-line.ts'
import { LATENCY_JOBS, runLatencyJob } from '../../bench/latency/latency-run.ts'
import { decideNextTrial, type Trial } from '../../bench/latency/maximal-rate.ts'
import { PACED_BACKLOG, PACED_IN_TIME, PACED_RECORDS, readerOf } from '../../bench/latency/paced-source.ts'

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
    // 15 when it was asked in time, and 3 when it was asked first after its time. Before, nothing was left at the best moment.
    assert.deepEqual(counts, { [PACED_RECORDS]: 20, [PACED_IN_TIME]: 18, [PACED_BACKLOG]: 0 })
  })

  it('tells the backlog of the best moment of its last second: a pause is none, a job that is too slow has one', async () => {
    const backlogOf = async (perCall: number, pauseMs: number) => {
      let nowMs = 0
      let backlog: number | undefined
      const reader = readerOf(
        { generate: () => 0, perSecond: 1_000, warmUpMs: 0, durationMs: 5_000, splits: 1 },
        0,
        async (ms) => {
          nowMs += ms
        },
        (metric, increment) => {
          if (metric === PACED_BACKLOG) backlog = increment
        },
        () => nowMs,
      )
      for (let isEnd = false; !isEnd; ) {
        isEnd = (await reader.next(perCall)).end
        nowMs += 10
        if (nowMs > 4_500 && nowMs <= 4_510) nowMs += pauseMs
      }
      return backlog
    }
    assert.equal(await backlogOf(100, 300), 0)
    // 9 of the 10 that are due in each call: it is one in ten behind, some 400 when the last second begins.
    const backlog = (await backlogOf(9, 0)) ?? 0
    assert.ok(backlog > 390 && backlog < 410, `${backlog}`)
  })
})

describe('the maximal rate', () => {
  /** With a job that keeps up with rates up to this. */
  function searchOf(unpaced: number, limit: number): { readonly trials: readonly Trial[]; readonly found: number } {
    const trials: Trial[] = []
    for (;;) {
      const next = decideNextTrial(unpaced, trials)
      if (next.kind !== 'try') return { trials, found: next.kind === 'found' ? next.perSecond : 0 }
      assert.ok(!trials.some(({ perSecond }) => perSecond === next.perSecond), 'no rate twice')
      trials.push({ perSecond: next.perSecond, keepsUp: next.perSecond <= limit })
    }
  }

  it('is a rate that was kept up with, a tenth below one that was not, after few runs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10_000, max: 10_000_000 }),
        fc.double({ min: 0.02, max: 2, noNaN: true }),
        (unpaced, share) => {
          const limit = unpaced * share
          const { trials, found } = searchOf(unpaced, limit)
          assert.ok(found <= limit && (found === unpaced || found * 1.11 >= limit), `${found} for ${limit}`)
          assert.ok(trials.length <= 16)
        },
      ),
    )
  })

  it('is the rate without a pace when that is kept up with, and none when hardly anything is', () => {
    assert.deepEqual(searchOf(1_000_000, 2_000_000), { trials: [{ perSecond: 1e6, keepsUp: true }], found: 1e6 })
    assert.equal(searchOf(1_000_000, 1_000).found, 0)
  })
})

describe('the verdict of a latency run', () => {
  const line = {
    ...{ latency: 'chain', parallelism: 1, warmUpMs: 1, durationMs: 10_000, checkpointEveryMs: 1, bufferTimeoutMs: 10 },
    ...{ perSecond: 1_000, ratePercent: 50, records: 1, rows: 1, recorded: 1, reachedPerSecond: 1, backlogMs: 0 },
    ...{ checkpoints: 10, p50Ms: 1, p90Ms: 2, p99Ms: 3, p999Ms: 4, maxMs: 5 },
    ...{ cpuSeconds: 1, wallSeconds: 1, peakMemoryBytes: 1 },
  } satisfies LatencyLine

  it('is no success where the source waited for the job, and none where there was too little', () => {
    const cases: readonly [Partial<LatencyLine>, string | undefined, string][] = [
      [{}, 'reached', 'reached'],
      [{ p99Ms: 20 }, 'not reached', 'NOT reached'],
      [{ backlogMs: 11 }, 'does not keep up', 'NOT reached: does not keep up'],
      [{ durationMs: 9_000 }, 'too short', 'too short to say'],
      [{ checkpoints: 2 }, 'too short', 'too short to say'],
      [{ ratePercent: 90 }, undefined, ''],
      [{ ratePercent: 90, backlogMs: 11 }, undefined, 'does not keep up'],
      [{ bufferTimeoutMs: 0 }, undefined, ''],
    ]
    for (const [more, verdict, text] of cases) {
      assert.equal(decideLatencyVerdict({ ...line, ...more }), verdict)
      assert.equal(latencyVerdictText({ ...line, ...more }), text)
    }
  })
})

describe('the latency jobs', () => {
  const settings = { perSecond: 20_000, bufferTimeoutMs: 10, warmUpMs: 0, durationMs: 600, checkpointEveryMs: 100 }
  for (const job of LATENCY_JOBS) {
    it(`${job} takes the latency of every row, checkpoints running`, async () => {
      const run = await runLatencyJob({ ...settings, job, parallelism: 2 })
      assert.equal(run.records, 12_000)
      // The end of the input lets windows out before they are due.
      if (job === 'window') assert.ok(run.recorded > 0 && run.recorded <= run.rows)
      else assert.equal(run.recorded, run.rows)
      assert.ok(run.checkpoints > 0)
      assert.ok(run.p50Ms > 0 && run.p50Ms <= run.p99Ms && run.p99Ms <= run.maxMs)
      if (job === 'chain') assert.equal(run.rows, 9_000)
      if (job === 'keyed') assert.equal(run.rows, 12_000)
    })
  }

  it('leave the records of the warm-up out', async () => {
    const run = await runLatencyJob({ ...settings, job: 'chain', parallelism: 1, warmUpMs: 300, durationMs: 300 })
    assert.equal(run.rows, 9_000)
    // Those due in the second half; the first one's due time is where the warm-up begins.
    assert.ok(Math.abs(run.recorded - 4_500) <= 15, `${run.recorded} of ${run.rows}`)
  })

  it('fail when no row is due after the warm-up', async () => {
    const nothing = { ...settings, perSecond: 10, job: 'chain' as const, parallelism: 1, warmUpMs: 200, durationMs: 1 }
    await assert.rejects(runLatencyJob(nothing), /no row was due after the warm-up/)
  })
})
