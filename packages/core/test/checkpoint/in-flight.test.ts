import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  countRecords,
  type InFlightSection,
  type InFlightStage,
  joinInFlight,
  latestWatermark,
  selectInFlight,
  standingOf,
  takesInFlightOf,
} from '../../src/checkpoint/in-flight.ts'
import { keyGroupOf, subtaskOfKeyGroup } from '../../src/key/key-group.ts'
import { hashKey } from '../../src/key/key-hash.ts'

const MAX_PARALLELISM = 16

function sectionOf(isKeyed: boolean, records: readonly number[]): InFlightSection {
  return {
    from: 'source',
    fromSubtask: 0,
    isKeyed,
    elements: [
      { kind: 'watermark', timestamp: 1 },
      {
        kind: 'batch',
        batch: {
          records: [...records],
          timestamps: records.map((key) => key * 10),
          keyHashes: isKeyed ? records.map((key) => hashKey(key)) : undefined,
          ...(isKeyed ? { accumulators: [records.map((key) => `sum of ${key}`)] } : {}),
        },
      },
    ],
  }
}

function recordsOf(stages: readonly InFlightStage[]): number[] {
  return stages
    .flat()
    .flatMap(({ elements }) =>
      elements.flatMap((element) => (element.kind === 'batch' ? (element.batch.records as number[]) : [])),
    )
}

const subtaskOf = (key: number, parallelism: number): number =>
  subtaskOfKeyGroup(keyGroupOf(key, MAX_PARALLELISM), parallelism, MAX_PARALLELISM)

test('at any parallelism every record goes to exactly one subtask, a keyed one to that of its key', () => {
  const parallelism = fc.integer({ min: 1, max: 6 })
  fc.assert(
    fc.property(
      fc.array(fc.nat(200), { maxLength: 40 }),
      fc.boolean(),
      parallelism,
      parallelism,
      (keys, isKeyed, before, now) => {
        const inFlight = Array.from({ length: before }, (_, old) => [
          [
            sectionOf(
              isKeyed,
              isKeyed ? keys.filter((key) => subtaskOf(key, before) === old) : keys.map((key) => key + old * 1_000),
            ),
          ],
        ])
        const taken = Array.from({ length: now }, (_, subtask) => {
          const receiver = { subtask, parallelism: now, maxParallelism: MAX_PARALLELISM }
          const parts = inFlight.flatMap((stages, old) => {
            const part = selectInFlight(stages, old, receiver)
            if (!takesInFlightOf(old, before, receiver)) {
              assert.equal(countRecords(part), 0, 'nothing is left where nobody looks')
              return []
            }
            return [part]
          })
          return joinInFlight(parts)
        })
        if (isKeyed) {
          for (const [subtask, stages] of taken.entries()) {
            for (const key of recordsOf(stages)) assert.equal(subtaskOf(key, now), subtask)
          }
        }
        const ascending = (a: number, b: number): number => a - b
        assert.deepEqual(taken.flatMap(recordsOf).sort(ascending), inFlight.flatMap(recordsOf).sort(ascending))
      },
    ),
    { numRuns: 300 },
  )
})

test('what belongs to a record stays with it', () => {
  const keys = Array.from({ length: 40 }, (_, key) => key)
  const [part] = selectInFlight([[sectionOf(true, keys)]], 0, {
    subtask: 1,
    parallelism: 2,
    maxParallelism: MAX_PARALLELISM,
  })
  const [watermark, batch] = part?.[0]?.elements ?? []
  assert.deepEqual(watermark, { kind: 'watermark', timestamp: 1 })
  assert.ok(batch?.kind === 'batch' && batch.batch.records.length > 0 && batch.batch.records.length < 40)
  for (const [index, key] of (batch.batch.records as number[]).entries()) {
    assert.equal(batch.batch.timestamps[index], key * 10)
    assert.equal(batch.batch.keyHashes?.[index], hashKey(key))
    assert.equal(batch.batch.accumulators?.[0]?.[index], `sum of ${key}`)
  }
})

test('stages are joined one by one, so that what came first is first', () => {
  const [early, late, other] = [sectionOf(false, [1]), sectionOf(false, [2]), sectionOf(false, [3])]
  assert.deepEqual(joinInFlight([[[early], [late]], [[other]]]), [[early, other], [late]])
})

test('how far an input was is said again, and the furthest that it brings is known', () => {
  assert.deepEqual(standingOf({ watermark: Number.NEGATIVE_INFINITY, isIdle: false, isEnded: false }), [])
  const ended = standingOf({ watermark: 7, isIdle: true, isEnded: true })
  assert.deepEqual(ended, [{ kind: 'watermark', timestamp: 7 }, { kind: 'status', idle: true }, { kind: 'end' }])
  const open = { ...sectionOf(false, [1]), elements: standingOf({ watermark: 5, isIdle: false, isEnded: false }) }
  assert.equal(latestWatermark([[open, { ...open, elements: ended }]]), 5)
})
