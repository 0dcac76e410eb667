/** Closing several things of which one may fail: what stays open holds files, connections and memory of an attempt that is over. */

/**
 * Calls one after the other, whatever of it fails. Throws what failed first; where more did, an `AggregateError` that names it first
 * and has all of them.
 */
export async function closeAll(closes: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of closes) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length === 0) return
  if (failures.length === 1) throw failures[0]
  const message = failures
    .map((failure) => (failure instanceof Error ? failure.message : String(failure)))
    .join('; then: ')
  throw new AggregateError(failures, message, { cause: failures[0] })
}
