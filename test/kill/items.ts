/** The records of the kill suite's job, by number; used by the job and by the plain loop that knows the answer. */

export interface Item {
  readonly key: string
  /** Event time, epoch ms; ascending in each source. */
  readonly at: number
  readonly amount: number
}

export const GENERATED_ITEMS = 6_000
export const LISTED_FILES = 3
export const LISTED_ITEMS_PER_FILE = 500
export const WINDOW_MS = 2_000

/** What the generator makes. */
export function generatedItem(index: number): Item {
  return { key: `k${(index * 7_919) % 23}`, at: index * 10, amount: (index * 31) % 97 }
}

/** What the input files list. */
export function listedItem(index: number): Item {
  return { key: `k${(index * 104_729) % 19}`, at: index * 40, amount: (index * 17) % 89 }
}
