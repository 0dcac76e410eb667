/**
 * Records with 3, 10, 30 or 60 fields: integers, strings and doubles in turns. Field 0 is the key, field 2 is what the job
 * filters by. Written out field by field, as a user would, so that every record of a width has one shape.
 */
import { hashIndex, mix32, pick32 } from '../../nexmark/generator/integer-hash.ts'
import { DEFAULT_NEXMARK_OPTIONS } from '../../nexmark/generator/nexmark-generator.ts'
import { textPools } from '../../nexmark/generator/text-pools.ts'

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

/** One generator for each width, all of the same values. */
export function wideGenerators({ seed = 1, keys = 1_000 }: WideOptions = {}) {
  const seedHash = mix32(seed)
  const texts = textPools(DEFAULT_NEXMARK_OPTIONS).itemNames
  // A multiplication for each field, in place: calls would cost more than the field.
  return {
    3: (index: number): Wide3 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: pick32(mix32(hash), keys),
        f1: texts[Math.imul(hash, 0xdaa66d13) >>> 22] as string,
        f2: (Math.imul(hash, 0x17156075) >>> 8) / 4,
      }
    },
    10: (index: number): Wide10 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: pick32(mix32(hash), keys),
        f1: texts[Math.imul(hash, 0xdaa66d13) >>> 22] as string,
        f2: (Math.imul(hash, 0x17156075) >>> 8) / 4,
        f3: Math.imul(hash, 0x538453d7) >>> 1,
        f4: texts[Math.imul(hash, 0x8ff34739) >>> 22] as string,
        f5: (Math.imul(hash, 0xcc623a9b) >>> 8) / 4,
        f6: Math.imul(hash, 0x08d12dfd) >>> 1,
        f7: texts[Math.imul(hash, 0x4540215f) >>> 22] as string,
        f8: (Math.imul(hash, 0x81af14c1) >>> 8) / 4,
        f9: Math.imul(hash, 0xbe1e0823) >>> 1,
      }
    },
    30: (index: number): Wide30 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: pick32(mix32(hash), keys),
        f1: texts[Math.imul(hash, 0xdaa66d13) >>> 22] as string,
        f2: (Math.imul(hash, 0x17156075) >>> 8) / 4,
        f3: Math.imul(hash, 0x538453d7) >>> 1,
        f4: texts[Math.imul(hash, 0x8ff34739) >>> 22] as string,
        f5: (Math.imul(hash, 0xcc623a9b) >>> 8) / 4,
        f6: Math.imul(hash, 0x08d12dfd) >>> 1,
        f7: texts[Math.imul(hash, 0x4540215f) >>> 22] as string,
        f8: (Math.imul(hash, 0x81af14c1) >>> 8) / 4,
        f9: Math.imul(hash, 0xbe1e0823) >>> 1,
        f10: texts[Math.imul(hash, 0xfa8cfb85) >>> 22] as string,
        f11: (Math.imul(hash, 0x36fbeee7) >>> 8) / 4,
        f12: Math.imul(hash, 0x736ae249) >>> 1,
        f13: texts[Math.imul(hash, 0xafd9d5ab) >>> 22] as string,
        f14: (Math.imul(hash, 0xec48c90d) >>> 8) / 4,
        f15: Math.imul(hash, 0x28b7bc6f) >>> 1,
        f16: texts[Math.imul(hash, 0x6526afd1) >>> 22] as string,
        f17: (Math.imul(hash, 0xa195a333) >>> 8) / 4,
        f18: Math.imul(hash, 0xde049695) >>> 1,
        f19: texts[Math.imul(hash, 0x1a7389f7) >>> 22] as string,
        f20: (Math.imul(hash, 0x56e27d59) >>> 8) / 4,
        f21: Math.imul(hash, 0x935170bb) >>> 1,
        f22: texts[Math.imul(hash, 0xcfc0641d) >>> 22] as string,
        f23: (Math.imul(hash, 0x0c2f577f) >>> 8) / 4,
        f24: Math.imul(hash, 0x489e4ae1) >>> 1,
        f25: texts[Math.imul(hash, 0x850d3e43) >>> 22] as string,
        f26: (Math.imul(hash, 0xc17c31a5) >>> 8) / 4,
        f27: Math.imul(hash, 0xfdeb2507) >>> 1,
        f28: texts[Math.imul(hash, 0x3a5a1869) >>> 22] as string,
        f29: (Math.imul(hash, 0x76c90bcb) >>> 8) / 4,
      }
    },
    60: (index: number): Wide60 => {
      const hash = hashIndex(index, seedHash)
      return {
        f0: pick32(mix32(hash), keys),
        f1: texts[Math.imul(hash, 0xdaa66d13) >>> 22] as string,
        f2: (Math.imul(hash, 0x17156075) >>> 8) / 4,
        f3: Math.imul(hash, 0x538453d7) >>> 1,
        f4: texts[Math.imul(hash, 0x8ff34739) >>> 22] as string,
        f5: (Math.imul(hash, 0xcc623a9b) >>> 8) / 4,
        f6: Math.imul(hash, 0x08d12dfd) >>> 1,
        f7: texts[Math.imul(hash, 0x4540215f) >>> 22] as string,
        f8: (Math.imul(hash, 0x81af14c1) >>> 8) / 4,
        f9: Math.imul(hash, 0xbe1e0823) >>> 1,
        f10: texts[Math.imul(hash, 0xfa8cfb85) >>> 22] as string,
        f11: (Math.imul(hash, 0x36fbeee7) >>> 8) / 4,
        f12: Math.imul(hash, 0x736ae249) >>> 1,
        f13: texts[Math.imul(hash, 0xafd9d5ab) >>> 22] as string,
        f14: (Math.imul(hash, 0xec48c90d) >>> 8) / 4,
        f15: Math.imul(hash, 0x28b7bc6f) >>> 1,
        f16: texts[Math.imul(hash, 0x6526afd1) >>> 22] as string,
        f17: (Math.imul(hash, 0xa195a333) >>> 8) / 4,
        f18: Math.imul(hash, 0xde049695) >>> 1,
        f19: texts[Math.imul(hash, 0x1a7389f7) >>> 22] as string,
        f20: (Math.imul(hash, 0x56e27d59) >>> 8) / 4,
        f21: Math.imul(hash, 0x935170bb) >>> 1,
        f22: texts[Math.imul(hash, 0xcfc0641d) >>> 22] as string,
        f23: (Math.imul(hash, 0x0c2f577f) >>> 8) / 4,
        f24: Math.imul(hash, 0x489e4ae1) >>> 1,
        f25: texts[Math.imul(hash, 0x850d3e43) >>> 22] as string,
        f26: (Math.imul(hash, 0xc17c31a5) >>> 8) / 4,
        f27: Math.imul(hash, 0xfdeb2507) >>> 1,
        f28: texts[Math.imul(hash, 0x3a5a1869) >>> 22] as string,
        f29: (Math.imul(hash, 0x76c90bcb) >>> 8) / 4,
        f30: Math.imul(hash, 0xb337ff2d) >>> 1,
        f31: texts[Math.imul(hash, 0xefa6f28f) >>> 22] as string,
        f32: (Math.imul(hash, 0x2c15e5f1) >>> 8) / 4,
        f33: Math.imul(hash, 0x6884d953) >>> 1,
        f34: texts[Math.imul(hash, 0xa4f3ccb5) >>> 22] as string,
        f35: (Math.imul(hash, 0xe162c017) >>> 8) / 4,
        f36: Math.imul(hash, 0x1dd1b379) >>> 1,
        f37: texts[Math.imul(hash, 0x5a40a6db) >>> 22] as string,
        f38: (Math.imul(hash, 0x96af9a3d) >>> 8) / 4,
        f39: Math.imul(hash, 0xd31e8d9f) >>> 1,
        f40: texts[Math.imul(hash, 0x0f8d8101) >>> 22] as string,
        f41: (Math.imul(hash, 0x4bfc7463) >>> 8) / 4,
        f42: Math.imul(hash, 0x886b67c5) >>> 1,
        f43: texts[Math.imul(hash, 0xc4da5b27) >>> 22] as string,
        f44: (Math.imul(hash, 0x01494e89) >>> 8) / 4,
        f45: Math.imul(hash, 0x3db841eb) >>> 1,
        f46: texts[Math.imul(hash, 0x7a27354d) >>> 22] as string,
        f47: (Math.imul(hash, 0xb69628af) >>> 8) / 4,
        f48: Math.imul(hash, 0xf3051c11) >>> 1,
        f49: texts[Math.imul(hash, 0x2f740f73) >>> 22] as string,
        f50: (Math.imul(hash, 0x6be302d5) >>> 8) / 4,
        f51: Math.imul(hash, 0xa851f637) >>> 1,
        f52: texts[Math.imul(hash, 0xe4c0e999) >>> 22] as string,
        f53: (Math.imul(hash, 0x212fdcfb) >>> 8) / 4,
        f54: Math.imul(hash, 0x5d9ed05d) >>> 1,
        f55: texts[Math.imul(hash, 0x9a0dc3bf) >>> 22] as string,
        f56: (Math.imul(hash, 0xd67cb721) >>> 8) / 4,
        f57: Math.imul(hash, 0x12ebaa83) >>> 1,
        f58: texts[Math.imul(hash, 0x4f5a9de5) >>> 22] as string,
        f59: (Math.imul(hash, 0x8bc99147) >>> 8) / 4,
      }
    },
  }
}
