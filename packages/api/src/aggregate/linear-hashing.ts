/**
 * Where a hash belongs among pages that are added one at a time: adding one takes values from one other page only, so
 * a table of any size grows in short steps.
 */

/** The index of the page of a hash among `pages` pages. */
export function pageOf(hash: number, pages: number): number {
  const wide = (1 << (32 - Math.clz32(pages - 1))) - 1
  const page = hash & wide
  return page < pages ? page : hash & (wide >>> 1)
}

/** The page from which the next one, number `pages`, takes values: those that `pageOf` then puts there. */
export function pageToSplit(pages: number): number {
  return pages - (1 << (31 - Math.clz32(pages)))
}

/** Spreads the bits of an integer; a page takes the low ones. */
export function mixBits(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
