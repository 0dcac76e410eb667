/**
 * The job whose savepoints are kept: every kind of keyed step, of state and of timer, values of every kind. Nothing leaves it before its
 * input has ended, so what a restored one puts out is all that an undisturbed one does. It must go on fitting the savepoints: steps
 * may be added, those that are there stay as they are.
 */
import {
  aggregateFunction,
  aggregatingState,
  ascending,
  average,
  count,
  countDistinct,
  defineJob,
  generator,
  keyedProcess,
  listState,
  mapState,
  max,
  reducingState,
  sliding,
  sum,
  tumbling,
  type,
  valueState,
} from 'millrace'
import { jsonLinesSink } from 'millrace/files'

interface Event {
  readonly user: string
  readonly page: number
  readonly size: number
  readonly at: number
}

const COUNT = 900
const USERS = 12

const event = (i: number): Event => ({ user: `user ${i % USERS} é日`, page: (i * 7) % 31, size: (i % 10) / 4, at: i })

const values = (i: number) => ({
  nothing: undefined,
  null: null,
  numbers: [i, -0, Number.NaN, Number.POSITIVE_INFINITY, 0.1, 2 ** 40],
  text: `${i} \u0000 😀`,
  big: 12n ** 30n + BigInt(i),
  when: new Date(i),
  map: new Map<unknown, unknown>([
    [i, 'x'],
    ['y', [true, false]],
  ]),
  set: new Set([i, 'z']),
  bytes: Uint8Array.of(1, 2, i % 256),
  floats: new Float64Array([i, 0.5]),
})

/** Everything in a value, as text that says what JSON does not. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(' ')}]`
  if (value instanceof Map) return `map ${shown([...value])}`
  if (value instanceof Set) return `set ${shown([...value])}`
  if (value instanceof Date) return value.toISOString()
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${shown([...(value as unknown as number[])])}`
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([name, part]) => `${name}: ${shown(part)}`)
      .join(', ')}}`
  }
  return Object.is(value, -0) ? '-0' : typeof value === 'bigint' ? `${value}n` : String(value)
}

const mean = aggregateFunction({
  name: 'mean',
  create: () => ({ sum: 0, count: 0 }),
  add: (into: { sum: number; count: number }, { size }: Event) => ({ sum: into.sum + size, count: into.count + 1 }),
  result: ({ sum, count }) => sum / count,
})

const everything = keyedProcess({
  key: type<string>(),
  state: {
    last: valueState<ReturnType<typeof values>>(),
    // Long enough that nothing of a golden savepoint expires.
    seen: valueState<number>({ ttl: '36500 d' }),
    pages: listState<number>(),
    sizes: mapState<readonly [number, string], number>(),
    highest: reducingState<number>((a, b) => Math.max(a, b)),
    mean: aggregatingState(mean),
  },
  emits: type<{ key: string; kept: string }>(),
  onRecord({ page, size, at }: Event, { state, timers }) {
    state.last.set(values(at))
    state.seen.set((state.seen.get() ?? 0) + 1)
    state.pages.add(page)
    state.sizes.set([page, 'size'], (state.sizes.get([page, 'size']) ?? 0) + size)
    state.highest.add(page)
    state.mean.add({ user: '', page, size, at })
    timers.eventTime(10_000)
    // Never fires, but is stored.
    timers.processingTime(Date.UTC(2200, 0, 1))
  },
  onTimer(_at, { key, state, emit }, domain) {
    if (domain === 'processing') return
    const sizes = [...state.sizes.entries()].map(shown).sort()
    const parts = [state.last.get(), state.seen.get(), state.pages.get(), sizes, state.highest.get(), state.mean.get()]
    emit({ key, kept: shown(parts) })
  },
})

export default defineJob({
  name: 'golden',
  build(env, params) {
    const output = String(params.output)
    const events = env
      .from(generator({ records: COUNT, perSecond: 700, generate: event }), {
        uid: 'events',
        parallelism: 1,
        watermarks: ascending(({ at }) => at),
      })
      .keyBy('user')
    events
      .process(everything, { uid: 'everything' })
      .to(jsonLinesSink(`${output}/everything`), { uid: 'everything-out' })
    events
      .window(sliding({ size: '400 ms', slide: '100 ms' }))
      .aggregate(
        { n: count(), pages: countDistinct('page'), mean: average('size'), top: max('page') },
        ({ n, pages, mean, top }, { key, window }) => ({ key, end: window.end, n, pages, mean, top }),
        { uid: 'sliding' },
      )
      .to(jsonLinesSink(`${output}/sliding`), { uid: 'sliding-out' })
    events
      .window(tumbling({ size: '300 ms' }))
      .aggregate({ mean }, ({ mean }, { key, window }) => ({ key, end: window.end, mean }), { uid: 'tumbling' })
      .to(jsonLinesSink(`${output}/tumbling`), { uid: 'tumbling-out' })
    events
      .aggregate({ n: count(), size: sum('size') }, ({ n, size }, { key }) => ({ key, n, size }), { uid: 'running' })
      .filter(({ n }) => n === COUNT / USERS)
      .to(jsonLinesSink(`${output}/running`), { uid: 'running-out' })
    events
      .reduce((a: Event, b: Event): Event => ({ ...b, size: a.size + b.size }), { uid: 'reduced' })
      .filter(({ at }) => at >= COUNT - USERS)
      .to(jsonLinesSink(`${output}/reduced`), { uid: 'reduced-out' })
  },
})
