/** Whether an accumulator is so small that holding some more of it does no harm. */

const TEXT_LENGTH_MAX = 64
const PARTS_MAX = 16
const DEPTH_MAX = 2
const BIGINT_MAX = 1n << 256n

export function isCompact(accumulator: unknown, depth = 0): boolean {
  if (typeof accumulator === 'number') return true
  if (typeof accumulator === 'string') return accumulator.length <= TEXT_LENGTH_MAX
  if (typeof accumulator === 'bigint') return accumulator >= -BIGINT_MAX && accumulator <= BIGINT_MAX
  if (typeof accumulator !== 'object' || accumulator === null) return true
  if (depth === DEPTH_MAX) return false
  if (Array.isArray(accumulator)) {
    if (accumulator.length > PARTS_MAX) return false
    for (let i = 0; i < accumulator.length; i++) if (!isCompact(accumulator[i], depth + 1)) return false
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(accumulator)
  if (prototype !== Object.prototype && prototype !== null) return false
  let parts = 0
  for (const name in accumulator) {
    if (++parts > PARTS_MAX || !isCompact((accumulator as Record<string, unknown>)[name], depth + 1)) return false
  }
  return true
}
