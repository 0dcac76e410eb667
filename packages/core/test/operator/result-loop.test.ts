import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generateResultLoop } from '../../src/operator/result-loop.ts'

const WINDOW = { start: 0, end: 10 }

/** Takes so many records. */
class Output {
  readonly records: unknown[] = []
  readonly timestamps: number[] = []
  readonly #room: number

  constructor(room: number) {
    this.#room = room
  }

  get isFull(): boolean {
    return this.records.length >= this.#room
  }

  emit(record: unknown, timestamp: number): void {
    this.records.push(record)
    this.timestamps.push(timestamp)
  }
}

function run(
  width: number,
  room = 100,
  project = (result: unknown, { key }: { key: unknown }) => [key, result] as unknown,
) {
  const loop = generateResultLoop({
    aggregate: { result: (accumulator) => accumulator },
    project,
    width,
    uid: 'a */ \n b',
  })
  const rows = {
    keys: ['a', 'b', 'c', 'd'],
    wholeUntil: Float64Array.of(9, 9, 8, 9),
    whole: { width, numbers: Float64Array.from({ length: Math.max(1, width) * 4 }, (_, n) => n), get: () => null },
  }
  const output = new Output(room)
  const next = loop(rows, 1, 4, 8, { key: undefined, window: WINDOW }, output, 7)
  return { next, records: output.records, timestamps: output.timestamps }
}

describe('the loop of results', () => {
  for (const { width, expected } of [
    { width: 0, expected: 1 },
    { width: 1, expected: [1] },
    { width: 3, expected: [3, 4, 5] },
  ]) {
    it(`emits rows that are ready, ${width} numbers each`, () => {
      assert.deepEqual(run(width), { next: 2, records: [['b', expected]], timestamps: [7] })
    })
  }

  it('stops when the output is full', () => {
    assert.deepEqual(run(1, 0), { next: 1, records: [], timestamps: [] })
  })

  it('refuses a projection that returns a promise', () => {
    assert.throws(() => run(1, 100, async () => 1), {
      code: 'USER_FUNCTION_FAILED',
      message: /projection returned a promise/,
    })
  })
})
