/** Prices in cents from 1.00 to 1,000,000.00, spread evenly over their logarithm, by integers only. */
import { pick16 } from './integer-hash.ts'

const STEPS_PER_DECADE = 64
const DECADES = 6

/** 10^7 × 10^(k / 64), rounded, for k from 0 to 64: between them a price is linear. */
const MANTISSAS = new Int32Array([
  10000000, 10366329, 10746078, 11139739, 11547820, 11970850, 12409378, 12863969, 13335214, 13823722, 14330126,
  14855080, 15399265, 15963385, 16548171, 17154379, 17782794, 18434230, 19109530, 19809568, 20535250, 21287517,
  22067341, 22875732, 23713737, 24582441, 25482967, 26416483, 27384196, 28387360, 29427272, 30505279, 31622777,
  32781212, 33982083, 35226947, 36517413, 37855152, 39241898, 40679443, 42169650, 43714448, 45315836, 46975888,
  48696753, 50480657, 52329911, 54246909, 56234133, 58294153, 60429639, 62643354, 64938163, 67317038, 69783058,
  72339416, 74989421, 77736503, 80584219, 83536255, 86596432, 89768713, 93057204, 96466162, 100000000,
])

/**
 * By step: its first price in units of its decade, how much the prices rise for each of 65,536 places, and the unit. The half keeps
 * what is multiplied instead of divided on the right side of each whole number.
 */
const FROM = new Float64Array(DECADES * STEPS_PER_DECADE)
const RISE = new Float64Array(DECADES * STEPS_PER_DECADE)
const UNIT = new Float64Array(DECADES * STEPS_PER_DECADE)
for (let step = 0; step < FROM.length; step++) {
  const at = step % STEPS_PER_DECADE
  const from = MANTISSAS[at] as number
  FROM[step] = from + 0.5
  RISE[step] = ((MANTISSAS[at + 1] as number) - from) / 65_536
  UNIT[step] = 1 / 10 ** (DECADES - 1 - Math.floor(step / STEPS_PER_DECADE))
}

/** The upper 16 bits choose the step, the lower 16 bits the place within it. */
export function priceOf(hash: number): number {
  const step = pick16(hash, DECADES * STEPS_PER_DECADE)
  const rise = ((hash & 0xffff) * (RISE[step] as number)) | 0
  return (((FROM[step] as number) + rise) * (UNIT[step] as number)) | 0
}
