/** Waits for all of them, also when one fails; then throws what the first that failed threw. */
export async function allDone(works: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(works)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
