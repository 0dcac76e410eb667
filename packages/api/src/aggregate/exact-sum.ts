/**
 * Running sums that are exact for whole numbers of any size and the same in every order; only fractions round as
 * floating point does.
 */
import { MillraceError } from '../error/millrace-error.ts'

/**
 * A number; a bigint when bigints are summed; or a bigint in an array when a sum of whole numbers grew beyond what a
 * number holds exactly.
 */
export type SumAccumulator = number | bigint | readonly [bigint]

/**
 * The sum with one more value. A sum of numbers takes no bigint and the other way round, and neither takes anything
 * else, as texts of digits (`USER_FUNCTION_FAILED`).
 */
export function addToSum(sum: SumAccumulator, value: number | bigint): SumAccumulator {
  // Apart from the rest and so small that V8 inlines it. What is in this range is exact, or had a fraction before.
  if (typeof sum === 'number' && typeof value === 'number') {
    const total = sum + value
    if (total >= Number.MIN_SAFE_INTEGER && total <= Number.MAX_SAFE_INTEGER) return total
  }
  return addWithCare(sum, value)
}

function addWithCare(sum: SumAccumulator, value: number | bigint): SumAccumulator {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw notSummable(value)
  return mergeSums(sum, value)
}

/** Adds two sums. Associative for whole numbers. */
export function mergeSums(a: SumAccumulator, b: SumAccumulator): SumAccumulator {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum) || !Number.isSafeInteger(a) || !Number.isSafeInteger(b)) return sum
    return [BigInt(a) + BigInt(b)]
  }
  if (typeof a === 'bigint' || typeof b === 'bigint') return mergeBigints(a, b)
  return mergeGrown(a, b)
}

/** The sum as a number (rounded once when it is larger than a number holds exactly), or as a bigint of bigints. */
export function sumResult(sum: SumAccumulator): number | bigint {
  return typeof sum === 'object' ? Number(sum[0]) : sum
}

function mergeBigints(a: SumAccumulator, b: SumAccumulator): bigint {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a + b
  // 0 is the sum of nothing, whatever is summed.
  if (a === 0) return b as bigint
  if (b === 0) return a as bigint
  throw new MillraceError('USER_FUNCTION_FAILED', 'A sum was given both numbers and bigints', {
    hint: 'Convert in the selector, as (row) => Number(row.amount).',
  })
}

function notSummable(value: unknown): MillraceError {
  const what = typeof value === 'string' ? `the text "${value}"` : `a value of type ${typeof value}`
  return new MillraceError('USER_FUNCTION_FAILED', `A sum was given ${what}, which is no number`, {
    hint: 'Declare the column as a number, or convert in the selector, as (row) => Number(row.amount).',
  })
}

function mergeGrown(a: number | readonly [bigint], b: number | readonly [bigint]): SumAccumulator {
  if (isFraction(a) || isFraction(b)) return Number(sumResult(a)) + Number(sumResult(b))
  const sum = toBigint(a) + toBigint(b)
  // Back to a number as soon as one holds it, so that the same sum has one form whatever the order.
  const small = Number(sum)
  return Number.isSafeInteger(small) ? small : [sum]
}

function isFraction(sum: number | readonly [bigint]): sum is number {
  return typeof sum === 'number' && !Number.isSafeInteger(sum)
}

function toBigint(sum: number | readonly [bigint]): bigint {
  return typeof sum === 'number' ? BigInt(sum) : sum[0]
}
