/**
 * A digest of a multiset of rows that is cheap and comes out the same in every language, so that an engine's results can
 * be held against a peer's without keeping them. `bench/peers/flink` has the same arithmetic in Java (`RowDigest`); a
 * golden test on both sides keeps them together.
 *
 * A row is mixed field by field, in the order that its definition gives: start with `ROW_START`, apply one `mix…` per
 * field, hand the result to `RowDigest.add`. Only 32-bit integer arithmetic is used, and of doubles only multiplication,
 * addition and rounding down, which IEEE 754 leaves no choice about. The order of rows does not matter, how often each
 * occurs does. It finds mistakes, not forgeries: of a string it looks at the length and three characters.
 */

export const ROW_START = 0x2f0b4a27

const NULL_UNITS = 0x6e75_6c6c
const TWO_POW_32 = 4_294_967_296

/** A safe integer: its low and its high 32 bits, in two's complement. */
export function mixInteger(hash: number, value: number): number {
  const low = value | 0
  // Most fit into 32 bits, and then the high ones are all like the sign.
  const high = low === value ? low >> 31 : Math.floor(value / TWO_POW_32) | 0
  return mixInt32(mixInt32(hash, low), high)
}

export function mixBoolean(hash: number, value: boolean): number {
  return mixInt32(hash, value ? 1 : 0)
}

export function mixNull(hash: number): number {
  return mixInt32(hash, NULL_UNITS)
}

/** Length, and the first, the middle and the last UTF-16 code unit. */
export function mixString(hash: number, value: string): number {
  const { length } = value
  if (length === 0) return mixInt32(hash, 0)
  const ends = value.charCodeAt(0) | (value.charCodeAt(length >>> 1) << 16)
  return mixInt32(mixInt32(mixInt32(hash, length), ends), value.charCodeAt(length - 1))
}

const DIGITS = 10
const DIGITS_MIN = 1e9
const DIGITS_MAX = 1e10
/** Every power of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

/**
 * A double, rounded to ten significant digits (half away from zero): its sign, the ten digits as an integer, and the power
 * of ten. Defined for 0 and from 1e-12 up to 1e22, which is all that a benchmark gives; throws outside.
 */
export function mixDouble(hash: number, value: number): number {
  if (value === 0) return mixInt32(hash, 0)
  const magnitude = Math.abs(value)
  if (!(magnitude >= 1e-12 && magnitude < 1e22)) throw new RangeError(`No digest is defined for the double ${value}`)
  let exponent = 0
  let scaled = magnitude
  if (magnitude < DIGITS_MIN) {
    while (scaled < DIGITS_MIN) scaled = magnitude * (POWERS[++exponent] as number)
  } else {
    while (scaled >= DIGITS_MAX) scaled = magnitude / (POWERS[-(--exponent)] as number)
  }
  let digits = Math.floor(scaled + 0.5)
  if (digits >= DIGITS_MAX) {
    digits = DIGITS_MIN
    exponent--
  }
  return mixInteger(mixInt32(hash, (value < 0 ? -1 : 1) * (exponent + DIGITS * 10)), digits)
}

/** One step of the 32-bit MurmurHash3. */
function mixInt32(hash: number, value: number): number {
  let units = Math.imul(value, 0xcc9e2d51)
  units = (units << 15) | (units >>> 17)
  const mixed = hash ^ Math.imul(units, 0x1b873593)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** The sums over all rows. Digests of parts of a result add up to the digest of the whole. */
export class RowDigest {
  rows = 0
  /** Both as 32 bits, signed. */
  sumA = 0
  sumB = 0

  /** Takes what the `mix…` functions made of a row's fields. */
  add(hash: number): void {
    this.rows++
    this.sumA = (this.sumA + finishA(hash)) | 0
    this.sumB = (this.sumB + finishB(hash)) | 0
  }

  addAll(other: { readonly rows: number; readonly sumA: number; readonly sumB: number }): void {
    this.rows += other.rows
    this.sumA = (this.sumA + other.sumA) | 0
    this.sumB = (this.sumB + other.sumB) | 0
  }

  /** 16 hexadecimal digits, the form in which runs are compared; the count of rows is compared beside it. */
  toString(): string {
    return hex(this.sumA) + hex(this.sumB)
  }
}

/** The finaliser of MurmurHash3. */
function finishA(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Another one of the same form, with other constants. */
function finishB(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad)
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97)
  return h ^ (h >>> 15)
}

function hex(sum: number): string {
  return (sum >>> 0).toString(16).padStart(8, '0')
}
