/** Compares lines as multisets: how often each occurs counts, their order does not. */

export interface LineDifference {
  readonly line: string
  readonly expected: number
  readonly actual: number
}

/** Every line that does not occur as often as expected; those that are missing first. */
export function compareLines(expected: readonly string[], actual: readonly string[]): readonly LineDifference[] {
  const expectedCounts = countLines(expected)
  const actualCounts = countLines(actual)
  const differences: LineDifference[] = []
  for (const [line, count] of expectedCounts) {
    const found = actualCounts.get(line) ?? 0
    if (found !== count) differences.push({ line, expected: count, actual: found })
  }
  for (const [line, count] of actualCounts) {
    if (!expectedCounts.has(line)) differences.push({ line, expected: 0, actual: count })
  }
  return differences
}

function countLines(lines: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1)
  return counts
}
