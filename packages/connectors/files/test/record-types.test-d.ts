/** Record types follow from the declared columns; checked by the compiler, never run. */
import type { Source } from '@millrace/api'
import { csvFiles, jsonLinesFiles, parquetFiles, textFiles } from '../src/index.ts'

type RecordsOf<S> = S extends Source<infer T> ? T : never
type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
function expectType<_T extends true>(): void {}

const csv = csvFiles('in', {
  columns: {
    user: 'int',
    name: 'string',
    big: 'bigint',
    ok: 'boolean',
    at: 'timestamp',
    score: { type: 'float', nullable: true },
    sure: { type: 'float', nullable: false },
    third: { type: 'string', index: 2 },
  },
})
expectType<
  Equal<
    RecordsOf<typeof csv>,
    {
      user: number
      name: string
      big: bigint
      ok: boolean
      at: number
      score: number | null
      sure: number
      third: string
    }
  >
>()

const parquet = parquetFiles('in', { columns: { delay: { type: 'int', nullable: true }, origin: 'string' } })
expectType<Equal<RecordsOf<typeof parquet>, { delay: number | null; origin: string }>>()

const lines = textFiles('in')
expectType<Equal<RecordsOf<typeof lines>, string>>()

const json = jsonLinesFiles('in', { columns: { n: 'int' } })
expectType<Equal<RecordsOf<typeof json>, { n: number }>>()
const parsed = jsonLinesFiles('in', { parse: (value) => ({ length: String(value).length }) })
expectType<Equal<RecordsOf<typeof parsed>, { length: number }>>()
const any = jsonLinesFiles('in')
expectType<Equal<RecordsOf<typeof any>, unknown>>()

// @ts-expect-error no such type
csvFiles('in', { columns: { user: 'integer' } })
// @ts-expect-error columns are needed
csvFiles('in', {})
// @ts-expect-error no such option
csvFiles('in', { columns: { user: 'int' }, delimeter: ';' })
// @ts-expect-error a size has a unit
textFiles('in', { lineBytesMax: 1000 })
