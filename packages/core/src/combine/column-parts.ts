/** Which aggregates have a column of their own in partial results. */
import type { AggregatePart } from '@millrace/api'

/** `undefined`: what an aggregate comes to is in one column as a whole, because it is of one part, or parts of it share something. */
export function columnPartsOf({
  parts,
}: {
  readonly parts?: readonly AggregatePart[]
}): readonly AggregatePart[] | undefined {
  return parts?.some(({ heldAt }) => heldAt !== undefined) === true ? undefined : parts
}
