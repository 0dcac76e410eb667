import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DoneStep, decideNextStep, expectedMinutes, STEPS, type Step, stepsLeft } from '../../../bench/all/plan.ts'
import { type BenchArguments, parseBenchArguments } from '../../../bench/bench-arguments.ts'
import { type CurveName, pointsOf } from '../../../bench/curves/curve.ts'
import { QUERIES } from '../../../bench/workload.ts'

describe('the plan of the whole measurement', () => {
  const all: readonly BenchArguments[] = STEPS.map(({ args }) => parseBenchArguments(args))

  it('is of calls that the benchmark understands, each of one kind and with a name of its own', () => {
    assert.equal(new Set(STEPS.map(({ name }) => name)).size, STEPS.length)
    for (const { workloads, latency, curves, costs } of all) {
      const kinds = [workloads, latency, curves, costs].filter((names) => names.length > 0)
      assert.equal(kinds.length, 1)
    }
  })

  it('has state beyond memory with keys that are uniform and skewed, on both backends', () => {
    const large = all.filter(({ workloads }) => workloads.some(({ name }) => name === 'large-state'))
    assert.deepEqual(
      large.map(({ settings }) => settings.skew),
      [undefined, 0.99],
    )
    for (const { peers, settings } of large) {
      assert.deepEqual(peers, ['flink', 'rocksdb'])
      assert.ok(
        settings.events >= 2 * (settings.keys ?? Number.POSITIVE_INFINITY),
        'half of the records meet a key again',
      )
    }
  })

  it('has every query, every shape with a goal, all latencies and costs', () => {
    const names = all.flatMap(({ workloads }) => workloads.map(({ name }) => name))
    for (const name of [...QUERIES, 'chain', 'exchange', 'keyed-tumbling', 'sliding-best', 'running-sum']) {
      assert.ok(names.includes(name), name)
    }
    assert.deepEqual(all.flatMap(({ latency }) => latency).toSorted(), ['chain', 'keyed', 'window'])
    assert.deepEqual(all.flatMap(({ costs }) => costs).toSorted(), ['checkpoints', 'pauses', 'scaling'])
    const exchange = all.find(({ workloads }) => workloads.some(({ name }) => name === 'exchange'))
    assert.equal(exchange?.settings.parallelism, 2, 'its goal is of two slots')
  })

  it('has every point of every curve, in one step', () => {
    for (const curve of ['keys', 'windows', 'parallelism', 'width'] as const satisfies readonly CurveName[]) {
      const placesOf = (points: ReturnType<typeof pointsOf>) =>
        points.map(({ workload, settings: { events: _, ...place } }) => JSON.stringify([workload.name, place]))
      const wanted = new Set(placesOf(pointsOf(curve, { events: 1_000 })))
      const steps = all
        .filter(({ curves }) => curves.includes(curve))
        .map(({ settings }) => placesOf(pointsOf(curve, settings)))
      const found = steps.flatMap((places) => [...new Set(places)])
      assert.deepEqual(found.toSorted(), [...wanted].toSorted(), curve)
    }
  })
})

describe('the next step', () => {
  const steps: readonly Step[] = [
    { name: 'long', minutes: 30, args: [] },
    { name: 'short', minutes: 3, args: [] },
    { name: 'also short', minutes: 3, args: [] },
  ]
  const done = (step: string, minutes: number, exitStatus: number | null = 0): DoneStep => ({
    ...{ step, minutes, exitStatus, rounds: 3 },
  })
  const next = (minutesLeft: number, ...all: DoneStep[]) => decideNextStep(steps, all, 3, minutesLeft)?.name

  it('is the cheapest that is not done, as long as it fits', () => {
    assert.equal(next(90), 'short')
    assert.equal(next(90, done('short', 3)), 'also short')
    assert.equal(next(90, done('short', 3), done('also short', 3, 1)), 'long')
    assert.equal(next(29, done('short', 3), done('also short', 3)), undefined)
    assert.equal(next(2), undefined)
    assert.equal(next(90, ...steps.map(({ name }) => done(name, 3))), undefined)
    assert.deepEqual(
      stepsLeft(steps, [done('long', 9)]).map(({ name }) => name),
      ['short', 'also short'],
    )
  })

  it('takes as long as others did by their guess, and as many rounds', () => {
    const [long] = steps as [Step]
    assert.equal(expectedMinutes(long, steps, [], 3), 30)
    assert.equal(expectedMinutes(long, steps, [], 1), 10)
    // Ten minutes of the guess, and the three or thirty that were measured.
    assert.equal(expectedMinutes(long, steps, [done('short', 16)], 3), (30 * 26) / 13)
    assert.equal(expectedMinutes(long, steps, [done('long', 70)], 3), (30 * 80) / 40)
    assert.equal(expectedMinutes(long, steps, [{ ...done('long', 30), rounds: 1 }], 3), (30 * 40) / 20)
    assert.equal(expectedMinutes(long, steps, [done('short', 0.1, 1), done('of another plan', 99)], 3), 30)
  })
})
