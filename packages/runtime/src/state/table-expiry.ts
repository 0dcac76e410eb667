/** How the entries of one table expire: its rules, and how many entries were written when. Removing is the table's affair. */
import { type TableDescriptor, type TableUsage, WrittenTimes } from '@millrace/core'

/** Between the beginnings of two walks over a table passes at least this part of its time to live. */
const WALKS_PER_TTL = 8

export class TableExpiry {
  readonly ttlMs: number
  /** Reading begins the time of an entry anew. */
  readonly renewsOnRead: boolean
  /** An expired entry may be read once more. */
  readonly returnsExpired: boolean
  /** A time for each entry that is not deleted. */
  readonly times: WrittenTimes
  /** A job that does not declare a state does not decide over what is in it either. */
  readonly isDeclared: boolean
  readonly #isSwept: boolean
  #walkBeganAtMs = Number.NEGATIVE_INFINITY

  constructor(ttlMs: number, { ttlRules }: TableDescriptor, isDeclared: boolean, times = new WrittenTimes(ttlMs)) {
    this.ttlMs = ttlMs
    this.times = times
    this.renewsOnRead = ttlRules?.update === 'onReadAndWrite'
    this.returnsExpired = ttlRules?.visibility === 'returnExpiredIfNotCleanedUp'
    this.isDeclared = isDeclared
    this.#isSwept = isDeclared && ttlRules?.cleanupInBackground !== false
  }

  isOver(writtenAtMs: number, nowMs: number): boolean {
    return nowMs - writtenAtMs >= this.ttlMs
  }

  /** What of the usage of a table with so many entries is about expiry. */
  usage(
    nowMs: number,
    entries: number,
    bytesOf: (entries: number) => number,
  ): Pick<TableUsage, 'expiredEntries' | 'expiredBytesEstimate' | 'nextExpiryMs'> {
    // Of a map that was removed the times may be there still.
    const expiredEntries = Math.min(entries, this.times.expiredAt(nowMs))
    const nextExpiryMs = this.times.nextExpiryAfter(nowMs)
    const expired = { expiredEntries, expiredBytesEstimate: bytesOf(expiredEntries) }
    return nextExpiryMs === undefined ? expired : { ...expired, nextExpiryMs }
  }

  /** When a walk over the table is worth it; `undefined` for never. */
  get walkDueMs(): number | undefined {
    const expiryMs = this.#isSwept ? this.times.nextExpiryMs : undefined
    return expiryMs === undefined ? undefined : Math.max(expiryMs, this.#walkBeganAtMs + this.ttlMs / WALKS_PER_TTL)
  }

  onWalk(nowMs: number): void {
    this.#walkBeganAtMs = nowMs
  }
}

interface ExpiringTable {
  readonly walkDueMs: number | undefined
}

/** When a walk over one of the tables is worth it; `undefined` for never. */
export function nextWalkMs(tables: Iterable<ExpiringTable>): number | undefined {
  let due: number | undefined
  for (const { walkDueMs } of tables) {
    if (walkDueMs !== undefined && (due === undefined || walkDueMs < due)) due = walkDueMs
  }
  return due
}

/** Of the tables that are worth a walk, the one that has been so for longest. */
export function dueTable<Table extends ExpiringTable>(tables: Iterable<Table>, nowMs: number): Table | undefined {
  let longest: Table | undefined
  let longestDueMs = Number.POSITIVE_INFINITY
  for (const table of tables) {
    const { walkDueMs } = table
    if (walkDueMs === undefined || walkDueMs > nowMs || walkDueMs >= longestDueMs) continue
    longest = table
    longestDueMs = walkDueMs
  }
  return longest
}
