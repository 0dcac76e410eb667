/**
 * Parameters of the shapes' jobs and loops, from texts: `events`; `splits`, default 1; `keys`; `sizeMs` and `slideMs` of
 * windows; `fields` of wide records; `skew` of changes; the options of the generator. README.md gives their meaning.
 */
import { nexmarkOptionsOf } from '../nexmark/generator-params.ts'
import type { BidOptions } from './generator/bid-generator.ts'
import type { ChangeOptions } from './generator/change-generator.ts'
import type { WideFields, WideOptions } from './generator/wide-generator.ts'

export const WIDE_FIELDS: readonly WideFields[] = [3, 10, 30, 60]
export const RUNNING_SUM_KEYS = 1_000_000
/** Wide records are filtered by field 2, about three of four stay. */
export const AMOUNT_MIN = 1_048_576

type Params = Readonly<Record<string, unknown>>

/** `keys`: what they are by default, 0 for the auctions of Nexmark. */
export function bidOptionsOf(params: Params, keys = 0): BidOptions {
  return { ...nexmarkOptionsOf(params), keys: Number(params.keys ?? keys) }
}

export function wideOptionsOf(params: Params): WideOptions {
  const { seed } = nexmarkOptionsOf(params)
  return {
    ...(seed === undefined ? {} : { seed }),
    ...(params.keys === undefined ? {} : { keys: Number(params.keys) }),
  }
}

export function changeOptionsOf(params: Params): ChangeOptions {
  return {
    ...wideOptionsOf(params),
    ...(params.skew === undefined ? {} : { skew: Number(params.skew) }),
  }
}

export function windowOf(params: Params): { readonly sizeMs: number; readonly slideMs: number } {
  return { sizeMs: Number(params.sizeMs ?? 10_000), slideMs: Number(params.slideMs ?? 2_000) }
}

export function wideFieldsOf(params: Params): WideFields {
  const fields = WIDE_FIELDS.find((one) => one === Number(params.fields ?? 10))
  if (fields === undefined) throw new RangeError(`fields is ${WIDE_FIELDS.join(', ')}, not ${params.fields}`)
  return fields
}
