/**
 * How far event time had come for each key group, in state: so that a window that fired before a snapshot does not fire
 * again after it, and what was late before is late after it.
 *
 * The watermark itself is not restored: it begins anew at −∞ and grows with the input. Until it has caught up, a key
 * group is as far as the snapshot says, and groups from different subtasks of another parallelism may differ; that is
 * why it is kept per key group. (Flink has it in its timers: one per key and window, gone when it has fired.)
 */
import { windowProgressTable } from '../state/declared-tables.ts'
import type { KeyedStateBackend, ValueTable } from '../state/state-backend.ts'

export class WindowProgress {
  readonly #state: KeyedStateBackend
  readonly #table: ValueTable<number>
  readonly #firstGroup: number
  /** Per key group of the range, what the snapshot said; `undefined` when the watermark has passed all of it. */
  #restored: Float64Array | undefined
  #restoredMax = Number.NEGATIVE_INFINITY
  /** What the table holds. */
  readonly #written: Float64Array

  constructor(state: KeyedStateBackend, operatorUid: string) {
    this.#state = state
    this.#table = state.valueTable<number>(windowProgressTable(operatorUid))
    const { first, last } = state.keyGroups
    this.#firstGroup = first
    this.#written = new Float64Array(Math.max(0, last - first + 1)).fill(Number.NEGATIVE_INFINITY)
    this.#read()
  }

  /** The furthest key group of the snapshot; −∞ when there was none. */
  get restoredMax(): number {
    return this.#restoredMax
  }

  /** Whether some key group is further than the watermark. */
  get isAhead(): boolean {
    return this.#restored !== undefined
  }

  /** How far event time is for a key group. */
  eventTime(keyGroup: number, watermark: number): number {
    return this.#restored === undefined ? watermark : Math.max(watermark, this.#restoredTime(keyGroup))
  }

  /** The watermark has come to `watermark`. */
  onWatermark(watermark: number): void {
    if (watermark >= this.#restoredMax) this.#restored = undefined
  }

  /** Writes how far each key group is; `eventTime` is the operator's own. */
  write(eventTime: number): void {
    for (let index = 0; index < this.#written.length; index++) {
      const keyGroup = this.#firstGroup + index
      const time = this.eventTime(keyGroup, eventTime)
      if (time === this.#written[index]) continue
      this.#state.setCurrentKey(null, keyGroup)
      this.#table.put(time)
      this.#written[index] = time
    }
  }

  #read(): void {
    for (let index = 0; index < this.#written.length; index++) {
      this.#state.setCurrentKey(null, this.#firstGroup + index)
      const time = this.#table.get()
      if (time === undefined) continue
      this.#written[index] = time
      this.#restoredMax = Math.max(this.#restoredMax, time)
    }
    if (this.#restoredMax > Number.NEGATIVE_INFINITY) this.#restored = this.#written.slice()
  }

  #restoredTime(keyGroup: number): number {
    return this.#restored?.[keyGroup - this.#firstGroup] ?? Number.NEGATIVE_INFINITY
  }
}
