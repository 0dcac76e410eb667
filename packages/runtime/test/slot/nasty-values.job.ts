/** Values that a careless codec would change, through every kind of exchange. */
import { collect, defineJob, generator, type, valueState } from '@millrace/api'

type Nasty = { readonly n: number; readonly value: unknown }
type Remembered = Nasty & { readonly last: unknown }

const VALUES: readonly ((n: number) => unknown)[] = [
  () => -0,
  () => Number.NaN,
  () => Number.NEGATIVE_INFINITY,
  (n) => (n % 3 === 0 ? 2 ** 31 : n % 3 === 1 ? -1 : 0.5),
  (n) => 2n ** 70n + BigInt(n),
  (n) => new Date(n * 1_000),
  () => new Date(Number.NaN),
  (n) =>
    new Map<unknown, unknown>([
      ['n', n],
      [n, undefined],
    ]),
  (n) => new Set([n, -0, 'x']),
  (n) => Uint8Array.of(n & 255, 0, 255),
  (n) => Float64Array.of(n, Number.NaN, -0),
  () => '\ud800 alone \udc00',
  (n) => Object.assign(new Array<number>(3), [n]),
  () => ({ __proto__: null, a: 1 }),
  () => JSON.parse('{ "__proto__": 1, "constructor": 2 }') as unknown,
  (n) => (n % 2 === 0 ? { a: undefined } : {}),
  (n) => ({ [`key ${n % 50}`]: { deep: [{ er: n }] } }),
  () => null,
  () => undefined,
  (n) => (n % 2 === 0 ? 'text' : n),
]

/** What a value is, so that two runs can be compared whatever carries the result. */
function describe(value: unknown): string {
  if (Object.is(value, -0)) return '-0'
  if (typeof value !== 'object' || value === null) return `${typeof value} ${codePointsOf(String(value))}`
  if (value instanceof Date) return `Date ${value.getTime()}`
  if (value instanceof Map) return `Map ${[...value].map(([k, v]) => `${describe(k)}=${describe(v)}`).join()}`
  if (value instanceof Set) return `Set ${[...value].map(describe).join()}`
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${[...(value as Uint8Array)].map(describe).join()}`
  const kind = Array.isArray(value) ? `Array ${value.length}` : String(Object.getPrototypeOf(value) === null)
  return `${kind} {${Object.entries(value).map(([k, v]) => `${k}: ${describe(v)}`)}}`
}

const codePointsOf = (text: string): string => [...text].map((c) => c.codePointAt(0)?.toString(16)).join('.')

export default defineJob({
  name: 'nasty values',
  build(env) {
    const records = env.from(
      generator<Nasty>({
        records: 2_000,
        splits: 2,
        generate: (n) => ({ n, value: VALUES[n % VALUES.length]?.(n) }),
      }),
      { uid: 'values' },
    )
    records
      .rebalance()
      .map(({ n, value }) => (n % 5 === 0 ? { n, value } : { n, kind: n % 5, value }), { uid: 'reshape' })
      .keyBy(({ n }) => `k${n % 11}`)
      .process(
        {
          state: { last: valueState<unknown>() },
          emits: type<Remembered>(),
          onRecord(record, ctx) {
            const last = ctx.state.last.get()
            ctx.state.last.set(record.value)
            ctx.emit({ n: record.n, value: record.value, last })
          },
        },
        { uid: 'remember' },
      )
      .keyBy(({ n }) => n % 3)
      .reduce((_, b) => b, { uid: 'newest' })
      .map((record) => `${record.n}: ${describe(record.value)}`, { uid: 'describe' })
      .to(collect('described'), { uid: 'out' })
  },
})
