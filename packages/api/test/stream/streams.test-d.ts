/** What the compiler infers along a stream and what it refuses. Never run. */
import {
  aggregateFunction,
  aggregatingState,
  ascending,
  average,
  collect,
  collection,
  count,
  countDistinct,
  type DataStream,
  type DeadLetter,
  defineJob,
  type Env,
  filtered,
  first,
  fromAsyncIterable,
  generator,
  type KeyedStream,
  keyedProcess,
  last,
  mapState,
  max,
  min,
  process,
  reducingState,
  type Sink,
  type StandardSchema,
  sum,
  tumbling,
  type,
  valueState,
} from '../../src/index.ts'
import { type Equal, expectType } from './expect-type.ts'

type Flight = { airport: string; delay: number; distance: number | null; at: number; seats: bigint; note?: string }
type Visit = { user: string }

declare const env: Env
declare const flights: Flight[]
declare const flight: Flight
declare const flightSink: Sink<Flight>
declare const flightSchema: StandardSchema<unknown, Flight>
declare const numberSchema: StandardSchema<unknown, number>
const stream = env.from(collection(flights), { watermarks: ascending((f) => f.at) })

// Steps
const delays = stream.map((f) => ({ at: f.airport, delay: f.delay }))
expectType<Equal<typeof delays, DataStream<{ at: string; delay: number }>>>()
const words = stream.flatMap((f) => f.airport.split(' '))
expectType<Equal<typeof words, DataStream<string>>>()
const noted = stream.filter((f): f is Flight & { note: string } => f.note !== undefined)
expectType<Equal<typeof noted, DataStream<Flight & { note: string }>>>()
const both = stream.union(delays)
expectType<Equal<typeof both, DataStream<Flight | { at: string; delay: number }>>>()
const three = stream.union(delays, words.rebalance())
expectType<Equal<typeof three, DataStream<Flight | { at: string; delay: number } | string>>>()
declare const manyDelays: (typeof delays)[]
const unitedDelays = words.union(...manyDelays)
expectType<Equal<typeof unitedDelays, DataStream<string | { at: string; delay: number }>>>()
function withOthers<A, B>(a: DataStream<A>, b: DataStream<B>): DataStream<A | B> {
  return a.union(b)
}
expectType<Equal<ReturnType<typeof withOthers<1, 2>>, DataStream<1 | 2>>>()
// @ts-expect-error no stream
stream.union(['BOS'])
const same = stream.union(stream.filter((f) => f.delay > 0)).rebalance()
expectType<Equal<typeof same, DataStream<Flight>>>()
const generated = env.from(generator({ generate: (index) => ({ index }), records: 10 }))
generated.map((g) => g.index.toFixed())
env
  .from(
    fromAsyncIterable(async function* () {
      yield 1
    }),
  )
  .map((n) => n.toFixed())
// @ts-expect-error no such field
stream.map((f) => f.gate)
// @ts-expect-error a watermark of other records
env.from(collection(flights), { watermarks: ascending((v: Visit) => v.user.length) })
// @ts-expect-error no such option
stream.map((f) => f, { uuid: 'x' })
// @ts-expect-error no such word
stream.map((f) => f, { chain: 'sometimes' })

// Keys
expectType<Equal<ReturnType<typeof byAirport>, KeyedStream<Flight, string>>>()
function byAirport() {
  return stream.keyBy('airport')
}
const byPair = stream.keyBy((f) => [f.airport, f.at])
expectType<Equal<typeof byPair, KeyedStream<Flight, readonly [string, number]>>>()
const byObject = stream.keyBy((f) => ({ airport: f.airport }))
expectType<Equal<typeof byObject, KeyedStream<Flight, { readonly airport: string }>>>()
stream.union(stream.filter((f) => f.delay > 0)).keyBy('airport')
// @ts-expect-error no such field
stream.keyBy('gate')
// @ts-expect-error a field that may be absent is no key
stream.keyBy('note')

// Aggregates
const isLate = ({ delay }: { delay: number }) => delay > 0
const results = byAirport().aggregate({
  flights: count(),
  mean: average((f) => f.delay),
  meanByName: average('delay'),
  meanDistance: average('distance'),
  worst: max((f) => f.delay),
  best: min('airport'),
  farthest: max('distance'),
  total: sum((f) => f.delay),
  totalByName: sum('delay'),
  seats: sum((f) => f.seats),
  airports: countDistinct('airport'),
  notes: countDistinct((f) => f.note),
  late: filtered(count(), (f) => f.delay > 0),
  lateTotal: filtered(sum('delay'), (f) => f.delay > 0),
  lateAirports: filtered(countDistinct('airport'), (f) => f.delay > 0),
  airportsLate: filtered(countDistinct('airport'), isLate),
  worstLate: filtered(max('delay'), (f) => f.delay > 0),
  firstAirport: first('airport'),
  lastFlight: last((f) => f),
  own: aggregateFunction({
    name: 'own',
    create: () => 0,
    add: (a, f: Flight) => a + f.delay,
    result: (a) => String(a),
  }),
})
expectType<
  Equal<
    typeof results extends DataStream<infer R> ? { [N in keyof R]: R[N] } : never,
    {
      flights: number
      mean: number
      meanByName: number
      meanDistance: number | undefined
      worst: number
      best: string
      farthest: number | undefined
      total: number
      totalByName: number
      seats: bigint
      airports: number
      notes: number
      late: number
      lateTotal: number
      lateAirports: number
      airportsLate: number
      worstLate: number | undefined
      firstAirport: string
      lastFlight: Flight
      own: string
    }
  >
>()
// @ts-expect-error no such field
byAirport().aggregate({ mean: average('gate') })
// @ts-expect-error not a number
byAirport().aggregate({ mean: average('airport') })
// @ts-expect-error not a number
byAirport().aggregate({ total: sum((f) => f.airport) })
const ofVisitsOnly = aggregateFunction({
  name: 'own',
  create: () => 0,
  add: (a, v: Visit) => a + v.user.length,
  result: (a) => a,
})
// @ts-expect-error an aggregate of other records
byAirport().aggregate({ own: ofVisitsOnly })
const projected = byAirport().aggregate({ n: count() }, ({ n }, { key }) => [key, n] as const, { uid: 'n' })
expectType<Equal<typeof projected, DataStream<readonly [string, number]>>>()

// Windows
const windowed = byAirport()
  .window(tumbling({ size: '1 h' }), { allowedLateness: '5 min' })
  .aggregate({ n: count() }, ({ n }, { key, window }) => ({ key, n, from: window.start }))
expectType<Equal<typeof windowed, DataStream<{ key: string; n: number; from: number }, { readonly late: Flight }>>>()
const unprojected = byAirport()
  .window(tumbling({ size: '1 h' }))
  .aggregate({ n: count(), worst: max('delay') }, { uid: 'unprojected' })
unprojected.map(({ n, worst }) => n.toFixed() + worst.toFixed())
expectType<Equal<ReturnType<typeof unprojected.sideOutput<'late'>>, DataStream<Flight>>>()
expectType<Equal<ReturnType<typeof late>, DataStream<Flight>>>()
function late() {
  return windowed.sideOutput('late')
}
// @ts-expect-error no such side output
windowed.sideOutput('lat')
// @ts-expect-error a filter has none
stream.filter(() => true).sideOutput('late')
// @ts-expect-error no duration
tumbling({ size: '1 hour' })
const reduced = byAirport()
  .window(tumbling({ size: '1 h' }))
  .reduce((a, b) => (a.delay > b.delay ? a : b))
expectType<Equal<typeof reduced, DataStream<Flight, { readonly late: Flight }>>>()
const reducedTo = byAirport()
  .window(tumbling({ size: '1 h' }))
  .reduce(
    (a) => a,
    (f, { key }) => ({ key, delay: f.delay }),
    { uid: 'r' },
  )
expectType<Equal<typeof reducedTo, DataStream<{ key: string; delay: number }, { readonly late: Flight }>>>()
const reducedLater = byAirport().reduce((a, b) => (a.delay > b.delay ? a : b), {
  uid: 'worst',
  version: 2,
  migrate: (old: { airport: string }) => ({ ...flight, airport: old.airport }),
})
expectType<Equal<typeof reducedLater, DataStream<Flight>>>()
// @ts-expect-error migrate gives a record
byAirport().reduce((a) => a, { version: 2, migrate: () => 1 })
byAirport()
  .window(tumbling({ size: '1 h' }))
  .reduce((a) => a, { version: 2, migrate: () => flight, schema: flightSchema })
// @ts-expect-error a schema of something else
byAirport().reduce((a) => a, { schema: numberSchema })
byAirport().aggregate({
  worst: max('delay', { version: 2, migrate: (minutes: number) => minutes * 60, schema: numberSchema }),
  latest: last((f) => f, { version: 2, migrate: () => flight, schema: flightSchema }),
  // @ts-expect-error migrate gives a number
  first: first('delay', { version: 2, migrate: () => 'late' }),
})
const letters = stream.sideOutput('deadLetter')
expectType<Equal<typeof letters, DataStream<DeadLetter>>>()

// Process functions
const split = stream.process({
  emits: type<number>(),
  sideOutputs: { late: type<Visit>() },
  onRecord(f, ctx) {
    ctx.emit(f.delay)
    ctx.emitTo('late', { user: f.airport })
    // @ts-expect-error emits numbers
    ctx.emit(f.airport)
    // @ts-expect-error no such side output
    ctx.emitTo('lat', { user: f.airport })
    // @ts-expect-error another type
    ctx.emitTo('late', { name: f.airport })
  },
})
expectType<Equal<typeof split, DataStream<number, { readonly late: Visit }>>>()
const visits = split.sideOutput('late')
expectType<Equal<typeof visits, DataStream<Visit>>>()
const silent = process({
  onRecord(f: Flight, ctx) {
    // @ts-expect-error nothing was declared
    ctx.emit(f)
  },
})
stream.process(silent)
const inline = byAirport().process({
  state: {
    seen: valueState<number>({ ttl: '1 h' }),
    per: mapState<string, number>(),
    most: reducingState<number>(Math.max),
    mean: aggregatingState(average((f: Flight) => f.delay)),
  },
  emits: type<string>(),
  onRecord(f, ctx) {
    expectType<Equal<typeof ctx.key, string>>()
    const seen = ctx.state.seen.get()
    expectType<Equal<typeof seen, number | undefined>>()
    ctx.state.per.set(f.airport, f.delay)
    ctx.state.most.add(f.delay)
    ctx.state.mean.add(f)
    const mean = ctx.state.mean.get()
    expectType<Equal<typeof mean, number | undefined>>()
    ctx.emit(ctx.key)
    // @ts-expect-error a number
    ctx.state.seen.set('1')
  },
})
inline.map((key) => key.toUpperCase())
// @ts-expect-error it declares no side outputs
inline.sideOutput('late')
const ofNumbers = keyedProcess({
  key: type<number>(),
  onRecord(_f: Flight, ctx) {
    ctx.key.toFixed()
  },
})
const ofAnyKey = keyedProcess({
  onRecord(_f: Flight, ctx) {
    expectType<Equal<typeof ctx.key, unknown>>()
  },
})
const ofVisits = keyedProcess({ onRecord(_v: Visit) {} })
const ofMore = keyedProcess({ onRecord(_v: Flight & { gate: string }) {} })
stream.keyBy('at').process(ofNumbers)
stream.keyBy('at').process(ofAnyKey)
// @ts-expect-error keys are strings
byAirport().process(ofNumbers)
// @ts-expect-error other records
byAirport().process(ofVisits)
// @ts-expect-error records with less than it needs
byAirport().process(ofMore)

// Process functions are synchronous
// @ts-expect-error a promise
stream.process({ async onRecord() {} })
// @ts-expect-error a promise
stream.process({ onRecord() {}, async onEnd() {} })
// @ts-expect-error a promise
byAirport().process({ async onRecord() {} })
// @ts-expect-error a promise
byAirport().process({ onRecord() {}, async onTimer() {} })
// @ts-expect-error a promise
process({ onRecord: async (_f: Flight) => {} })
// @ts-expect-error a promise
keyedProcess({ async onRecord(_f: Flight) {} })
byAirport().process({ emits: type<string>(), onRecord: (f, ctx) => ctx.emit(f.airport) })

// Sinks
stream.to(flightSink)
stream.to(collect('flights'), { uid: 'out' })
noted.to(flightSink)
// @ts-expect-error other records
words.to(flightSink)
// @ts-expect-error records with less than it needs
delays.to(flightSink)

// Jobs
defineJob({
  name: 'plain',
  build(_env, params) {
    expectType<Equal<typeof params, Readonly<Record<string, unknown>>>>()
  },
})
// @ts-expect-error build is synchronous
defineJob({ name: 'async', async build() {} })
// @ts-expect-error no such part
defineJob({ name: 'more', build() {}, parallelism: 2 })

// A sink of whatever the stream has
declare function rowSink<T extends object>(path: string): Sink<T>
stream.to(rowSink('out'))
// @ts-expect-error rows are objects
words.to(rowSink('out'))
