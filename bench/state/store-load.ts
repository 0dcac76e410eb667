/** The work that the stores are given, and what is measured of it. */
import process from 'node:process'

export interface StoreLoad {
  readonly keys: number
  /** Of `BATCH_KEYS` keys each. */
  readonly batches: number
  readonly valueBytes: number
  readonly cacheBytes: number
  /** Exponent of the Zipf distribution of keys; undefined: uniform. */
  readonly skew: number | undefined
}

export interface BenchedStore {
  readonly name: string
  /** Keys `from` to below `to` get their first value. */
  fill(from: number, to: number): void
  /** Reads the values of the keys, changes each, and writes it back. */
  change(keys: readonly number[]): void
  /** Bytes on disk. */
  diskBytes(): number
  /** The first number of a key's value, by which lost changes would be seen. */
  countOf(key: number): number
  close(): Promise<void>
}

export interface StoreFigures {
  readonly store: string
  readonly keysPerCpuSecond: number
  readonly keysPerSecond: number
  readonly cpuSeconds: number
  readonly wallSeconds: number
  /** Keys per CPU second of the first and the last fifth: whether the speed is steady. */
  readonly firstFifth: number
  readonly lastFifth: number
  readonly diskBytes: number
  readonly peakMemoryBytes: number
}

const BATCH_KEYS = 4_096
const SEED = 12_345

export async function measureStore(store: BenchedStore, load: StoreLoad): Promise<StoreFigures> {
  for (let from = 0; from < load.keys; from += BATCH_KEYS) store.fill(from, Math.min(from + BATCH_KEYS, load.keys))
  const nextKey = load.skew === undefined ? uniform(load.keys) : zipf(load.keys, load.skew)
  const batches = Array.from({ length: load.batches }, () => Array.from({ length: BATCH_KEYS }, nextKey))
  const fifths: number[] = []
  const begun = process.hrtime.bigint()
  const cpu = process.cpuUsage()
  let part = process.cpuUsage()
  for (const [index, keys] of batches.entries()) {
    store.change(keys)
    if ((index + 1) % Math.floor(load.batches / 5) !== 0) continue
    fifths.push(secondsOf(process.cpuUsage(part)))
    part = process.cpuUsage()
  }
  const cpuSeconds = secondsOf(process.cpuUsage(cpu))
  const wallSeconds = Number(process.hrtime.bigint() - begun) / 1e9
  check(store, batches)
  const diskBytes = store.diskBytes()
  await store.close()
  const changed = load.batches * BATCH_KEYS
  return {
    store: store.name,
    keysPerCpuSecond: Math.round(changed / cpuSeconds),
    keysPerSecond: Math.round(changed / wallSeconds),
    cpuSeconds,
    wallSeconds,
    firstFifth: Math.round(changed / 5 / (fifths[0] as number)),
    lastFifth: Math.round(changed / 5 / (fifths[4] as number)),
    diskBytes,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  }
}

/** A hundred keys must have been changed as often as they were named. */
function check(store: BenchedStore, batches: readonly (readonly number[])[]): void {
  const counts = new Map<number, number>()
  for (const key of (batches[0] as readonly number[]).slice(0, 100)) counts.set(key, 0)
  for (const keys of batches) for (const key of keys) if (counts.has(key)) counts.set(key, (counts.get(key) ?? 0) + 1)
  for (const [key, count] of counts) {
    if (store.countOf(key) !== count) throw new Error(`${store.name} lost changes of key ${key}`)
  }
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6
}

function random(): () => number {
  let state = SEED
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function uniform(keys: number): () => number {
  const next = random()
  return () => Math.floor(next() * keys)
}

/** Ranks by the inverse of their cumulated weights, spread over the keys. */
function zipf(keys: number, exponent: number): () => number {
  const cumulated = new Float64Array(keys)
  let sum = 0
  for (let rank = 0; rank < keys; rank++) {
    sum += (rank + 1) ** -exponent
    cumulated[rank] = sum
  }
  const next = random()
  return () => {
    const wanted = next() * sum
    let low = 0
    let high = keys - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((cumulated[middle] as number) < wanted) low = middle + 1
      else high = middle
    }
    return (low * 7_919) % keys
  }
}
