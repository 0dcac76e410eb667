/** Which types can be keys, by selector and by field name, and what the compiler says of others. Never run. */
import type { CheckedKey, DataStream, Key, KeyedStream, KeyField, NotAKey } from '../../src/index.ts'
import { type Equal, expectType } from './expect-type.ts'

declare const brand: unique symbol
type UserId = string & { readonly [brand]: 'user' }
interface Place {
  airport: string
  gate: { hall: number; letters: string[] }
  floor?: number
}
interface Dated {
  at: Date
}
type Json = null | string | number | boolean | Json[] | { [name: string]: Json }
interface Tree {
  name: string
  children: Tree[]
}
interface Flight {
  airport: string
  delay: number | null
  size: 'small' | 'large' | 1 | 1n | true
  user: UserId
  place: Place
  tags: string[]
  json: Json
  tree: Tree
  // biome-ignore lint/suspicious/noExplicitAny: what is not typed is not checked
  untyped: any
  note?: string
  orUndefined: string | undefined
  when: Date
  whenOrText: Date | string
  dated: Dated
  bytes: Uint8Array
  counts: Map<string, number>
  seen: Set<string>
  later: Promise<number>
  unknown: unknown
  object: object
  symbol: symbol
  compute(): number
}
declare const flights: DataStream<Flight>

// What can be a key
expectType<
  Equal<KeyField<Flight>, 'airport' | 'delay' | 'size' | 'user' | 'place' | 'tags' | 'json' | 'tree' | 'untyped'>
>()
const byPlace = flights.keyBy((f) => f.place)
expectType<Equal<typeof byPlace, KeyedStream<Flight, Place>>>()
const byPlaceField = flights.keyBy('place')
expectType<Equal<typeof byPlaceField, KeyedStream<Flight, Place>>>()
const byPair = flights.keyBy((f) => [f.airport, f.delay])
expectType<Equal<typeof byPair, KeyedStream<Flight, readonly [string, number | null]>>>()
const byObject = flights.keyBy((f) => ({ user: f.user, in: [f.place] }))
expectType<Equal<typeof byObject, KeyedStream<Flight, { readonly user: UserId; readonly in: readonly [Place] }>>>()
const byWord = flights.keyBy((f) => (f.delay === null ? 'none' : f.delay))
expectType<Equal<typeof byWord, KeyedStream<Flight, number | 'none'>>>()
flights.keyBy(() => 'all')
flights.keyBy((f) => f.json)
flights.keyBy((f) => f.tree)
flights.keyBy((f) => f.untyped)
flights.keyBy((f) => f.when.getTime())
flights.keyBy((f) => f.note ?? 'none')

// What cannot
// @ts-expect-error a date
flights.keyBy('when')
// @ts-expect-error a date
flights.keyBy((f) => f.when)
// @ts-expect-error a date within
flights.keyBy((f) => f.dated)
// @ts-expect-error a date within
flights.keyBy('dated')
// @ts-expect-error a date within
flights.keyBy((f) => [f.airport, f.when])
// @ts-expect-error a date within
flights.keyBy((f) => ({ at: f.when }))
// @ts-expect-error now and then a date
flights.keyBy((f) => f.whenOrText)
// @ts-expect-error may be absent
flights.keyBy((f) => f.note)
// @ts-expect-error may be undefined
flights.keyBy('orUndefined')
// @ts-expect-error may be undefined
flights.keyBy((f) => [f.airport, f.orUndefined])
// @ts-expect-error may be undefined
flights.keyBy((f) => ({ note: f.orUndefined }))
// @ts-expect-error returns nothing
flights.keyBy(() => {})
// @ts-expect-error a promise
flights.keyBy(async (f) => f.airport)
// @ts-expect-error a promise
flights.keyBy('later')
// @ts-expect-error not compared by content
flights.keyBy((f) => f.bytes)
// @ts-expect-error not compared by content
flights.keyBy((f) => f.counts)
// @ts-expect-error not compared by content
flights.keyBy((f) => f.seen)
// @ts-expect-error a symbol
flights.keyBy((f) => f.symbol)
// @ts-expect-error a function
flights.keyBy((f) => f.compute)
// @ts-expect-error anything
flights.keyBy((f) => f.unknown)
// @ts-expect-error any object
flights.keyBy((f) => f.object)
// @ts-expect-error records with all of that
flights.keyBy((f) => f)

// What the compiler says
expectType<Equal<CheckedKey<Date>, NotAKey<'the key is a date: take its time in ms, date.getTime()'>>>()
expectType<Equal<CheckedKey<Dated>, NotAKey<'the key.at is a date: take its time in ms, date.getTime()'>>>()
expectType<Equal<CheckedKey<readonly [1, string | undefined]>, NotAKey<'an item of the key may be undefined'>>>()

// Functions that are generic in records or keys
export function latest<T, K extends Key>(stream: DataStream<T>, key: (record: T) => K): DataStream<T> {
  return stream.keyBy(key).reduce((_, b) => b)
}
latest(flights, (f) => f.airport)
export function byId<T extends { id: string }>(stream: DataStream<T>): KeyedStream<T, string> {
  return stream.keyBy((record) => record.id)
}
