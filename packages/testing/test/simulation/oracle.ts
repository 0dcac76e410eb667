/** The undisturbed answers, computed by plain loops over the input, without any code of the engine. */
import type { Rec } from './input.ts'

/** Lines as the sink writes them, in any order. */
export type Lines = readonly string[]

export function windowsOf(t: number, sizeMs: number, slideMs: number): { start: number; end: number }[] {
  const windows = []
  for (let start = Math.floor(t / slideMs) * slideMs; start > t - sizeMs; start -= slideMs) {
    windows.push({ start, end: start + sizeMs })
  }
  return windows
}

export interface WindowRow {
  readonly k: number
  readonly end: number
  n: number
  v: number
}

export function windowRows(records: readonly Rec[], sizeMs: number, slideMs: number): WindowRow[] {
  const rows = new Map<string, WindowRow>()
  for (const { k, t, v } of records) {
    for (const { end } of windowsOf(t, sizeMs, slideMs)) {
      const row = rows.get(`${k} ${end}`) ?? { k, end, n: 0, v: 0 }
      row.n++
      row.v += v
      rows.set(`${k} ${end}`, row)
    }
  }
  return [...rows.values()]
}

/** One split read in order, with a watermark every so many records: what is late and what late records update. */
export function lateWindows(
  records: readonly Rec[],
  given: {
    readonly sizeMs: number
    readonly slideMs: number
    readonly latenessMs: number
    readonly boundMs: number
    readonly watermarkEvery: number
  },
): { readonly main: Lines; readonly late: Lines } {
  const { sizeMs, slideMs, latenessMs, boundMs, watermarkEvery } = given
  const main: string[] = []
  const late: string[] = []
  const open = new Map<string, WindowRow>()
  let watermark = Number.NEGATIVE_INFINITY
  let highest = Number.NEGATIVE_INFINITY
  const emit = ({ k, end, n, v }: WindowRow): unknown => main.push(`${k},${end},${n},${v}`)
  for (const [index, record] of records.entries()) {
    const { k, t, v } = record
    const windows = windowsOf(t, sizeMs, slideMs).filter(({ end }) => end - 1 + latenessMs > watermark)
    if (windows.length === 0) late.push(`${k},${t},${v}`)
    for (const { end } of windows) {
      const row = open.get(`${k} ${end}`) ?? { k, end, n: 0, v: 0 }
      row.n++
      row.v += v
      open.set(`${k} ${end}`, row)
      if (end - 1 <= watermark) emit(row)
    }
    highest = Math.max(highest, t)
    if ((index + 1) % watermarkEvery !== 0) continue
    const next = highest - boundMs - 1
    for (const row of open.values()) if (row.end - 1 > watermark && row.end - 1 <= next) emit(row)
    watermark = Math.max(watermark, next)
  }
  for (const row of open.values()) if (row.end - 1 > watermark) emit(row)
  return { main, late }
}

export function topRows(rows: readonly WindowRow[], top: number): Lines {
  const byEnd = Map.groupBy(rows, ({ end }) => end)
  return [...byEnd].flatMap(([end, all]) =>
    all
      .toSorted((a, b) => b.v - a.v || a.k - b.k)
      .slice(0, top)
      .map(({ k, v }, rank) => `${end},${rank + 1},${k},${v}`),
  )
}

/** Per record its predecessor of the same key and split; per key and bucket its sum and the how manieth of the key it is. */
export function ledger(splits: readonly (readonly Rec[])[], bucketMs: number): Lines {
  const lines: string[] = []
  const previous = new Map<string, number>()
  for (const { k, s, n } of splits.flat()) {
    lines.push(`r,${k},${s},${n},${previous.get(`${k} ${s}`) ?? -1},0`)
    previous.set(`${k} ${s}`, n)
  }
  const byKey = Map.groupBy(splits.flat(), ({ k }) => k)
  for (const [k, records] of byKey) {
    const buckets = Map.groupBy(records, ({ t }) => (Math.floor(t / bucketMs) + 1) * bucketMs)
    const ends = [...buckets.keys()].toSorted((a, b) => a - b)
    for (const [index, end] of ends.entries()) {
      const own = buckets.get(end) as readonly Rec[]
      lines.push(`b,${k},${end},${own.length},${own.reduce((sum, { v }) => sum + v, 0)},${index + 1}`)
    }
  }
  return lines
}
