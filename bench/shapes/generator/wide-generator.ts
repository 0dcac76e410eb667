/**
 * Records with 3, 10, 30 or 60 fields: integers, strings and doubles in turns. Field 0 is the key, field 2 is what the job
 * filters by. Written out field by field, as a user would, so that every record of a width has one shape.
 */
import { hashIndex, mix32, pick32 } from '../../nexmark/generator/integer-hash.ts'
import { DEFAULT_NEXMARK_OPTIONS } from '../../nexmark/generator/nexmark-generator.ts'
import { POOL_LENGTH, textPools } from '../../nexmark/generator/text-pools.ts'

export interface WideOptions {
  /** A 32-bit integer. Default 1. */
  readonly seed?: number
  /** How many values field 0 has. Default 1,000. */
  readonly keys?: number
}

export type WideFields = 3 | 10 | 30 | 60

export interface Wide3 {
  readonly f0: number
  readonly f1: string
  readonly f2: number
}

export interface Wide10 {
  readonly f0: number
  readonly f1: string
  readonly f2: number
  readonly f3: number
  readonly f4: string
  readonly f5: number
  readonly f6: number
  readonly f7: string
  readonly f8: number
  readonly f9: number
}

export interface Wide30 {
  readonly f0: number
  readonly f1: string
  readonly f2: number
  readonly f3: number
  readonly f4: string
  readonly f5: number
  readonly f6: number
  readonly f7: string
  readonly f8: number
  readonly f9: number
  readonly f10: string
  readonly f11: number
  readonly f12: number
  readonly f13: string
  readonly f14: number
  readonly f15: number
  readonly f16: string
  readonly f17: number
  readonly f18: number
  readonly f19: string
  readonly f20: number
  readonly f21: number
  readonly f22: string
  readonly f23: number
  readonly f24: number
  readonly f25: string
  readonly f26: number
  readonly f27: number
  readonly f28: string
  readonly f29: number
}

export interface Wide60 {
  readonly f0: number
  readonly f1: string
  readonly f2: number
  readonly f3: number
  readonly f4: string
  readonly f5: number
  readonly f6: number
  readonly f7: string
  readonly f8: number
  readonly f9: number
  readonly f10: string
  readonly f11: number
  readonly f12: number
  readonly f13: string
  readonly f14: number
  readonly f15: number
  readonly f16: string
  readonly f17: number
  readonly f18: number
  readonly f19: string
  readonly f20: number
  readonly f21: number
  readonly f22: string
  readonly f23: number
  readonly f24: number
  readonly f25: string
  readonly f26: number
  readonly f27: number
  readonly f28: string
  readonly f29: number
  readonly f30: number
  readonly f31: string
  readonly f32: number
  readonly f33: number
  readonly f34: string
  readonly f35: number
  readonly f36: number
  readonly f37: string
  readonly f38: number
  readonly f39: number
  readonly f40: string
  readonly f41: number
  readonly f42: number
  readonly f43: string
  readonly f44: number
  readonly f45: number
  readonly f46: string
  readonly f47: number
  readonly f48: number
  readonly f49: string
  readonly f50: number
  readonly f51: number
  readonly f52: string
  readonly f53: number
  readonly f54: number
  readonly f55: string
  readonly f56: number
  readonly f57: number
  readonly f58: string
  readonly f59: number
}

const FIELD_STEP = 0x9e3779b9

/** One generator for each width, all of the same values. */
export function wideGenerators({ seed = 1, keys = 1_000 }: WideOptions = {}) {
  const seedHash = mix32(seed)
  const texts = textPools(DEFAULT_NEXMARK_OPTIONS).itemNames
  const draw = (hash: number, field: number): number => mix32(hash + Math.imul(field, FIELD_STEP))
  const key = (hash: number): number => pick32(draw(hash, 0), keys)
  const integer = (hash: number, field: number): number => draw(hash, field) >>> 1
  const text = (hash: number, field: number): string => texts[draw(hash, field) & (POOL_LENGTH - 1)] as string
  const amount = (hash: number, field: number): number => (draw(hash, field) >>> 8) / 4
  return {
    3: (index: number): Wide3 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: key(hash),
        f1: text(hash, 1),
        f2: amount(hash, 2),
      }
    },
    10: (index: number): Wide10 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: key(hash),
        f1: text(hash, 1),
        f2: amount(hash, 2),
        f3: integer(hash, 3),
        f4: text(hash, 4),
        f5: amount(hash, 5),
        f6: integer(hash, 6),
        f7: text(hash, 7),
        f8: amount(hash, 8),
        f9: integer(hash, 9),
      }
    },
    30: (index: number): Wide30 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: key(hash),
        f1: text(hash, 1),
        f2: amount(hash, 2),
        f3: integer(hash, 3),
        f4: text(hash, 4),
        f5: amount(hash, 5),
        f6: integer(hash, 6),
        f7: text(hash, 7),
        f8: amount(hash, 8),
        f9: integer(hash, 9),
        f10: text(hash, 10),
        f11: amount(hash, 11),
        f12: integer(hash, 12),
        f13: text(hash, 13),
        f14: amount(hash, 14),
        f15: integer(hash, 15),
        f16: text(hash, 16),
        f17: amount(hash, 17),
        f18: integer(hash, 18),
        f19: text(hash, 19),
        f20: amount(hash, 20),
        f21: integer(hash, 21),
        f22: text(hash, 22),
        f23: amount(hash, 23),
        f24: integer(hash, 24),
        f25: text(hash, 25),
        f26: amount(hash, 26),
        f27: integer(hash, 27),
        f28: text(hash, 28),
        f29: amount(hash, 29),
      }
    },
    60: (index: number): Wide60 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: key(hash),
        f1: text(hash, 1),
        f2: amount(hash, 2),
        f3: integer(hash, 3),
        f4: text(hash, 4),
        f5: amount(hash, 5),
        f6: integer(hash, 6),
        f7: text(hash, 7),
        f8: amount(hash, 8),
        f9: integer(hash, 9),
        f10: text(hash, 10),
        f11: amount(hash, 11),
        f12: integer(hash, 12),
        f13: text(hash, 13),
        f14: amount(hash, 14),
        f15: integer(hash, 15),
        f16: text(hash, 16),
        f17: amount(hash, 17),
        f18: integer(hash, 18),
        f19: text(hash, 19),
        f20: amount(hash, 20),
        f21: integer(hash, 21),
        f22: text(hash, 22),
        f23: amount(hash, 23),
        f24: integer(hash, 24),
        f25: text(hash, 25),
        f26: amount(hash, 26),
        f27: integer(hash, 27),
        f28: text(hash, 28),
        f29: amount(hash, 29),
        f30: integer(hash, 30),
        f31: text(hash, 31),
        f32: amount(hash, 32),
        f33: integer(hash, 33),
        f34: text(hash, 34),
        f35: amount(hash, 35),
        f36: integer(hash, 36),
        f37: text(hash, 37),
        f38: amount(hash, 38),
        f39: integer(hash, 39),
        f40: text(hash, 40),
        f41: amount(hash, 41),
        f42: integer(hash, 42),
        f43: text(hash, 43),
        f44: amount(hash, 44),
        f45: integer(hash, 45),
        f46: text(hash, 46),
        f47: amount(hash, 47),
        f48: integer(hash, 48),
        f49: text(hash, 49),
        f50: amount(hash, 50),
        f51: integer(hash, 51),
        f52: text(hash, 52),
        f53: amount(hash, 53),
        f54: integer(hash, 54),
        f55: text(hash, 55),
        f56: amount(hash, 56),
        f57: integer(hash, 57),
        f58: text(hash, 58),
        f59: amount(hash, 59),
      }
    },
  }
}
