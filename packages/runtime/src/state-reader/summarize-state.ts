/** What is in a checkpoint or savepoint, by operator and state: entries, keys, bytes, the largest keys, the oldest entries. */
import { type CheckpointManifest, inFlightOf, type OperatorSnapshot, type TableDescriptor } from '@millrace/core'
import { type EntryFilter, encoded, entryBytes, isExpired, type SavedEntry, type SavedState } from './saved-state.ts'

export interface KeyBytes {
  readonly key: unknown
  readonly keyGroup: number
  readonly entries: number
  readonly bytes: number
}

export interface StateSummary {
  readonly state: TableDescriptor
  readonly entries: number
  readonly keys: number
  /** Of keys and values as they are stored; a file also holds what was deleted or written again since its base. */
  readonly bytes: number
  readonly keyGroups: number
  /** Largest first. */
  readonly largestKeys: readonly KeyBytes[]
  /** Of state with a time to live: when the entry, or the element of a list, that was written first was written, epoch ms. */
  readonly oldestWrittenAtMs: number | undefined
  /** Of timers and windows: the earliest and the latest time, epoch ms. */
  readonly timeMin: number | undefined
  readonly timeMax: number | undefined
  /** Over their time to live, but not yet removed. */
  readonly expired: number
}

export interface OperatorSummary {
  readonly operator: Pick<OperatorSnapshot, 'uid' | 'name' | 'parallelism' | 'maxParallelism'>
  readonly states: readonly StateSummary[]
  /** What is not keyed: positions of sources, states of sink writers. */
  readonly entries: number
  readonly committables: number
  /** Records on their way to it, or partial results of such, which barriers had overtaken: in no state yet. */
  readonly inFlight: number
  /** Bytes of its segments, whatever of them was asked for. */
  readonly segmentBytes: number
}

export interface SavedStateSummary {
  readonly checkpoint: Pick<
    CheckpointManifest,
    'jobName' | 'checkpointId' | 'kind' | 'triggeredAtMs' | 'completedAtMs' | 'isFinal'
  >
  readonly operators: readonly OperatorSummary[]
}

/** The filter says what is counted; default: everything. */
export interface SummaryOptions extends EntryFilter {
  /** How many of the largest keys. Default 3. */
  readonly largest?: number
  /** Wall clock, epoch ms: what has expired by then. */
  readonly nowMs: number
}

/** Reads what the filter leaves, a key group at a time. Throws as `SavedState.entries`. */
export async function summarizeState(saved: SavedState, options: SummaryOptions): Promise<SavedStateSummary> {
  const operators: OperatorSummary[] = []
  for (const operator of saved.operators(options)) {
    const asked = operator.tables.filter(({ name }) => options.state === undefined || name === options.state)
    const states = new Map(asked.map((state) => [state.name, new StateCount(state, options)]))
    for (const group of saved.keyGroupsOf(operator, options)) {
      const read = await saved.groupEntries(operator, group, options)
      for (const [name, entries] of Map.groupBy(read, (entry) => entry.state.name)) {
        let count = states.get(name)
        if (count === undefined) {
          count = new StateCount((entries[0] as SavedEntry).state, options)
          states.set(name, count)
        }
        count.addGroup(entries)
      }
    }
    const { uid, name, parallelism, maxParallelism } = operator
    operators.push({
      operator: { uid, name, parallelism, maxParallelism },
      states: Array.from(states.values(), (count) => count.summary()),
      entries: operator.entries.length,
      committables: operator.committables.length,
      inFlight: inFlightOf(operator).reduce((sum, segment) => sum + segment.entries, 0),
      segmentBytes: operator.keyGroups
        .flatMap(({ segments }) => segments)
        .reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    })
  }
  const { jobName, checkpointId, kind, triggeredAtMs, completedAtMs, isFinal } = saved.manifest
  return { checkpoint: { jobName, checkpointId, kind, triggeredAtMs, completedAtMs, isFinal }, operators }
}

class StateCount {
  readonly #state: TableDescriptor
  readonly #nowMs: number
  readonly #largestMax: number
  #entries = 0
  #keys = 0
  #bytes = 0
  #keyGroups = 0
  #expired = 0
  #largest: readonly KeyBytes[] = []
  #oldest: number | undefined
  #timeMin: number | undefined
  #timeMax: number | undefined

  constructor(state: TableDescriptor, { nowMs, largest = 3 }: SummaryOptions) {
    this.#state = state
    this.#nowMs = nowMs
    this.#largestMax = largest
  }

  /** All entries of one key group; a key is in one group only. */
  addGroup(entries: readonly SavedEntry[]): void {
    this.#keyGroups++
    const keys = new Map<string, { key: unknown; keyGroup: number; entries: number; bytes: number }>()
    for (const entry of entries) {
      const bytes = entryBytes(entry)
      this.#entries++
      this.#bytes += bytes
      if (isExpired(entry, this.#nowMs)) this.#expired++
      // Of a list the times of its elements say more: its own is the latest of them.
      for (const timeMs of entry.elementTimesMs ?? [entry.writtenAtMs]) this.#oldest = least(this.#oldest, timeMs)
      if (this.#state.kind === 'namespaced') this.#noteTime(entry.sub as number)
      const name = Buffer.from(encoded(entry.key)).toString('latin1')
      const key = keys.get(name) ?? { key: entry.key, keyGroup: entry.keyGroup, entries: 0, bytes: 0 }
      key.entries++
      key.bytes += bytes
      keys.set(name, key)
    }
    this.#keys += keys.size
    this.#largest = [...this.#largest, ...keys.values()].sort((a, b) => b.bytes - a.bytes).slice(0, this.#largestMax)
  }

  summary(): StateSummary {
    return {
      state: this.#state,
      entries: this.#entries,
      keys: this.#keys,
      bytes: this.#bytes,
      keyGroups: this.#keyGroups,
      largestKeys: this.#largest,
      oldestWrittenAtMs: this.#oldest,
      timeMin: this.#timeMin,
      timeMax: this.#timeMax,
      expired: this.#expired,
    }
  }

  #noteTime(time: number): void {
    this.#timeMin = least(this.#timeMin, time)
    this.#timeMax = this.#timeMax === undefined ? time : Math.max(this.#timeMax, time)
  }
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.min(a, b)
}
