/** Different values with marks, against a map of values to marks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Countable, DistinctValues } from '../../src/index.ts'

type Model = Map<Countable, number>

function addTo(values: DistinctValues, model: Model, value: Countable, marks: number): void {
  values.add(value, marks)
  // A map takes −0 for 0, and NaN for itself.
  model.set(value, (model.get(value) ?? 0) | marks)
}

function check(values: DistinctValues, model: Model): void {
  const held: Model = new Map()
  values.forEach((value, marks) => {
    assert.ok(!held.has(value), `${String(value)} twice`)
    assert.ok(!Object.is(value, -0))
    held.set(value, marks)
  })
  assert.equal(held.size, model.size)
  for (const [value, marks] of model) assert.equal(held.get(value), marks, String(value))
  assert.equal(values.distinct, model.size)
  for (let count = 0; count < values.counts; count++) {
    let size = 0
    for (const marks of model.values()) if ((marks & (1 << count)) !== 0) size++
    assert.equal(values.size(count), size)
  }
}

const value: fc.Arbitrary<Countable> = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, Number.NaN, 2 ** 31, -(2 ** 31), 2 ** 32, Number.POSITIVE_INFINITY),
  fc.string({ maxLength: 2 }),
  fc.bigInt({ min: -3n, max: 3n }),
  fc.boolean(),
)

test('each value counts once for every count that it is marked for', () => {
  const run = fc
    .constantFrom(1, 2, 9, DistinctValues.COUNTS_MAX)
    .chain((counts) =>
      fc.tuple(
        fc.constant(counts),
        fc.array(fc.tuple(value, fc.integer({ min: 1, max: 2 ** counts - 1 })), { maxLength: 60 }),
      ),
    )
  fc.assert(
    fc.property(run, ([counts, adds]) => {
      const values = new DistinctValues(counts)
      const model: Model = new Map()
      for (const [added, marks] of adds) addTo(values, model, added, marks)
      check(values, model)
    }),
  )
})

const KINDS: Readonly<Record<string, (i: number) => Countable>> = {
  'that follow one another': (i) => i,
  'far apart': (i) => i * 65_536,
  'of eight in a row': (i) => i * 8,
  below: (i) => -i,
  'beyond 32 bits': (i) => i * 4_294_967_296,
  fractions: (i) => i + 0.5,
}

for (const [name, numberOf] of Object.entries(KINDS)) {
  for (const counts of [1, 4, 20]) {
    test(`many numbers, ${name}, for ${counts} counts`, () => {
      const values = new DistinctValues(counts)
      const model: Model = new Map()
      // Beyond what lies in one array, and over several pages.
      for (let i = 0; i < 30_000; i++) addTo(values, model, numberOf(i), 1 + ((i * 7) % (2 ** counts - 1 || 1)))
      for (let i = 0; i < 30_000; i += 3) addTo(values, model, numberOf(i), 2 ** (counts - 1))
      check(values, model)
    })
  }
}

test('many texts', () => {
  const values = new DistinctValues(2)
  const model: Model = new Map()
  for (let i = 0; i < 140_000; i++) addTo(values, model, `user ${i}`, 1 + (i % 3))
  for (let i = 0; i < 140_000; i += 3) addTo(values, model, `user ${i}`, 2)
  check(values, model)
})

test('the estimate of memory follows what is held', () => {
  const bytesOf = (count: number, valueAt: (i: number) => Countable) => {
    const values = new DistinctValues()
    for (let i = 0; i < count; i++) values.add(valueAt(i))
    return values.bytesEstimate
  }
  assert.ok(bytesOf(0, Number) < 200)
  for (const count of [10, 3_000, 50_000]) {
    const numbers = bytesOf(count, Number)
    assert.ok(numbers > 8 * count && numbers < 40 * count + 200, `${count} numbers: ${numbers}`)
    const texts = bytesOf(count, (i) => String(i).padStart(100, '0'))
    assert.ok(texts > 100 * count && texts < 250 * count + 200, `${count} texts: ${texts}`)
  }
})
