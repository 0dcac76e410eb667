/** What becomes read-only, what stays as it is, and that values and their read-only forms fit together. Never run. */
import type { DeepReadonly } from '../../src/index.ts'
import { type Equal, expectType } from '../stream/expect-type.ts'

declare const brand: unique symbol
type UserId = string & { readonly [brand]: 'user' }
type Point = { x: number } & { readonly [brand]: 'point' }
type Shape = { kind: 'circle'; radius: number } | { kind: 'path'; points: number[] }
interface Row {
  n: number
  tags: string[]
  at: Date
  counts: Map<string, { n: number }>
  seen: Set<string>
  note?: { text: string }
}

// Read-only at every depth
expectType<
  Equal<
    DeepReadonly<Row>,
    {
      readonly n: number
      readonly tags: readonly string[]
      readonly at: Date
      readonly counts: ReadonlyMap<string, { readonly n: number }>
      readonly seen: ReadonlySet<string>
      readonly note?: { readonly text: string }
    }
  >
>()
expectType<Equal<DeepReadonly<{ n: number }[][]>, readonly (readonly { readonly n: number }[])[]>>()
expectType<Equal<DeepReadonly<[number, string[]]>, readonly [number, readonly string[]]>>()
expectType<Equal<DeepReadonly<[number, string?]>, readonly [number, string?]>>()
expectType<Equal<DeepReadonly<[number, ...string[]]>, readonly [number, ...string[]]>>()
expectType<
  Equal<
    DeepReadonly<Shape>,
    { readonly kind: 'circle'; readonly radius: number } | { readonly kind: 'path'; readonly points: readonly number[] }
  >
>()
expectType<Equal<DeepReadonly<Record<string, number[]>>, { readonly [name: string]: readonly number[] }>>()

// As they are
expectType<Equal<DeepReadonly<string | number | bigint | boolean | null | undefined>, Plain>>()
type Plain = string | number | bigint | boolean | null | undefined
expectType<Equal<DeepReadonly<UserId>, UserId>>()
expectType<
  Equal<DeepReadonly<Date | Uint8Array | ArrayBuffer | DataView>, Date | Uint8Array | ArrayBuffer | DataView>
>()
expectType<Equal<DeepReadonly<(list: string[]) => number[]>, (list: string[]) => number[]>>()
// biome-ignore lint/suspicious/noExplicitAny: what is not typed stays so
expectType<Equal<DeepReadonly<any>, any>>()
expectType<Equal<DeepReadonly<unknown>, unknown>>()
expectType<Equal<DeepReadonly<never>, never>>()

// A value fits its read-only form, also of types that contain themselves; flat ones fit back
type Json = null | string | number | boolean | Json[] | { [name: string]: Json }
interface Tree {
  value: number
  children: Tree[]
}
declare const json: Json
declare const tree: Tree
declare const row: Row
export const readonlyJson: DeepReadonly<Json> = json
export const readonlyTree: DeepReadonly<Tree> = tree
export const readonlyRow: DeepReadonly<Row> = row
declare const readonlyPoint: DeepReadonly<Point>
export const point: Point = readonlyPoint
declare const readonlyVisit: DeepReadonly<{ user: string; at: Date; bytes: Uint8Array }>
export const visit: { user: string; at: Date; bytes: Uint8Array } = readonlyVisit
// @ts-expect-error a list that others may change
export const changeable: string[] = readonlyRow.tags
