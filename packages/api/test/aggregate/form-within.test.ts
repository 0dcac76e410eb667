/** Forms that are declared for the values of an aggregate, and what they make of its accumulators. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { reducingAggregate } from '../../src/aggregate/combine-aggregates.ts'
import { type AggregateFunction, aggregateFunction, filtered, first, last, max, min } from '../../src/index.ts'

interface Visit {
  readonly page: string
  readonly site: string
}
type Row = { readonly visit: Visit; readonly price: number }
// biome-ignore lint/suspicious/noExplicitAny: aggregates of every type
type AnyAggregate = AggregateFunction<any, any, any>

const schema = z.object({ page: z.string(), site: z.string().default('main') })
const migrate = (page: unknown) => ({ page: String(page), site: 'old' })
const form = { version: 2, migrate, schema }
const keepsFirst = aggregateFunction<Row, Visit | undefined, Visit | undefined>({
  name: 'keepsFirst',
  ...form,
  create: () => undefined,
  add: (kept, { visit }) => kept ?? visit,
  result: (kept) => kept,
})

const KINDS: readonly (readonly [string, AnyAggregate, (value: unknown) => unknown, unknown])[] = [
  ['first', first(({ visit }: Row) => visit, form), (value) => [7, value], []],
  ['last', last<Row, 'visit'>('visit', form), (value) => [7, value], []],
  [
    'filtered last',
    filtered(
      last(({ visit }: Row) => visit, form),
      () => true,
    ),
    (value) => [7, value],
    [],
  ],
  ['filtered own', filtered(keepsFirst, () => true), (value) => [value], []],
  [
    'reduce',
    reducingAggregate<Visit>((a) => a, { version: 2, evolution: { migrate, schema } }),
    (value) => [value],
    [],
  ],
]

for (const [name, aggregate, within, nothing] of KINDS) {
  describe(`the form of the values of ${name}`, () => {
    const validate = (stored: unknown) => aggregate.schema?.['~standard'].validate(stored)

    it('is that of its accumulators', () => {
      assert.equal(aggregate.version, 2)
      assert.deepEqual(aggregate.migrate?.(within('/'), 1), within({ page: '/', site: 'old' }))
      assert.deepEqual(validate(within({ page: '/' })), { value: within({ page: '/', site: 'main' }) })
    })

    it('says what is wrong with a value as the schema does, and describes itself as that', () => {
      const result = validate(within({ page: 3 }))
      assert.ok(result !== undefined && 'issues' in result)
      assert.deepEqual(result.issues?.[0]?.path, ['page'])
      const described = (of: AnyAggregate['schema']) =>
        of?.['~standard'].jsonSchema?.output({ target: 'draft-2020-12' }).properties
      assert.deepEqual(described(aggregate.schema), described(schema))
    })

    it('leaves an accumulator without a value alone', () => {
      assert.deepEqual(aggregate.migrate?.(nothing, 1), nothing)
      assert.deepEqual(validate(nothing), { value: nothing })
    })

    it('leaves what is stored as it is', () => {
      const stored = within({ page: '/' })
      aggregate.migrate?.(stored, 1)
      validate(stored)
      assert.deepEqual(stored, within({ page: '/' }))
    })
  })
}

describe('forms of values', () => {
  it('are of numbers and texts too, where those are kept as they are', () => {
    for (const aggregate of [
      min<Row, number>(({ price }) => price, { version: 2, migrate: (cents: number) => cents / 100 }),
      max<Row, 'price'>('price', { version: 2, migrate: (cents: number) => cents / 100 }),
    ]) {
      assert.equal(aggregate.migrate?.(250, 1), 2.5)
      assert.equal(aggregate.migrate?.(undefined, 1), undefined)
    }
    assert.equal(max<Row, 'price'>('price').version, undefined)
  })

  it('refuse a migration that gives nothing, or a promise, also within an accumulator', () => {
    const lost = () => Promise.reject(new Error('nobody waits for it'))
    for (const [wrong, message] of [
      [() => undefined, /migrate returned undefined/],
      [lost, /migrate returned a promise/],
    ] as const) {
      const aggregate = last(({ visit }: Row) => visit, { version: 2, migrate: wrong as never })
      assert.throws(() => aggregate.migrate?.([7, 'old'], 1), { message })
    }
  })

  it('are refused where they are none', () => {
    assert.throws(() => last<Row, 'visit'>('visit', { version: 0 }), {
      code: 'OPTION_INVALID',
      message: /last: version/,
    })
    assert.throws(() => max<Row, 'price'>('price', { schema: 3 as never }), {
      code: 'OPTION_INVALID',
      message: /schema/,
    })
    assert.throws(() => min<Row, 'price'>('price', { versoin: 2 } as never), { code: 'OPTION_UNKNOWN' })
  })
})
