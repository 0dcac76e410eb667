/** What the job must have written, computed by a plain loop that uses nothing of the engine. */
import {
  GENERATED_ITEMS,
  generatedItem,
  type Item,
  LISTED_FILES,
  LISTED_ITEMS_PER_FILE,
  listedItem,
  WINDOW_MS,
} from './items.ts'

export interface Answer {
  /** Lines `key,end,n,total`, sorted. */
  readonly windows: readonly string[]
  /** Lines `key,n`, sorted: the n-th record of each key. */
  readonly running: readonly string[]
}

export function computeAnswer(generatedItems = GENERATED_ITEMS): Answer {
  const items: Item[] = []
  for (let index = 0; index < generatedItems; index++) items.push(generatedItem(index))
  for (let index = 0; index < LISTED_FILES * LISTED_ITEMS_PER_FILE; index++) items.push(listedItem(index))
  const windows = new Map<string, { n: number; total: number }>()
  const seen = new Map<string, number>()
  const running: string[] = []
  for (const { key, at, amount } of items) {
    const name = `${key},${(Math.floor(at / WINDOW_MS) + 1) * WINDOW_MS}`
    const sums = windows.get(name) ?? { n: 0, total: 0 }
    windows.set(name, { n: sums.n + 1, total: sums.total + amount })
    const n = (seen.get(key) ?? 0) + 1
    seen.set(key, n)
    running.push(`${key},${n}`)
  }
  return {
    windows: [...windows].map(([name, { n, total }]) => `${name},${n},${total}`).sort(),
    running: running.sort(),
  }
}
