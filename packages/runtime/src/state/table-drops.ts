/**
 * What was dropped as a whole of a table (the map of a key, a namespace), by key group, until a completed snapshot has said it; and what
 * of that one snapshot has to say.
 *
 * Invariants: the drops of a key group are said before anything else of the table in that group, so that what came back later survives
 * them. What only snapshots knew that were given up is not to be said, so drops do not pile up while checkpoints fail.
 */
import type { SegmentWriter, TableKind } from '@millrace/core'

/** Where the backend is in time; see `Epochs`. */
interface DropEpochs {
  readonly epoch: number
  readonly completedEpoch: number
  readonly knownEpoch: number
}

interface Drop {
  readonly outerKey: unknown
  /** In which what was dropped had come, and in which it was dropped. */
  readonly createdEpoch: number
  readonly epoch: number
}

export class TableDrops {
  readonly #firstGroup: number
  /** By number of the key group within the range, in the order of their epochs. */
  readonly #byGroup: (readonly Drop[] | undefined)[] = []

  constructor(firstGroup: number) {
    this.#firstGroup = firstGroup
  }

  /** Everything under an outer key is gone now, which was in these key groups and had come in `createdEpoch`. */
  add(
    outerKey: unknown,
    keyGroups: readonly number[],
    createdEpoch: number,
    { epoch, knownEpoch }: Omit<DropEpochs, 'completedEpoch'>,
  ): void {
    if (createdEpoch > knownEpoch) return
    const drop = { outerKey, createdEpoch, epoch }
    for (const keyGroup of keyGroups) {
      const group = keyGroup - this.#firstGroup
      const drops = this.#byGroup[group]
      if (drops === undefined) this.#byGroup[group] = [drop]
      else (drops as Drop[]).push(drop)
    }
  }

  /** A snapshot is complete or was given up: some were said, or nobody knows of them any more. */
  forget({ completedEpoch, knownEpoch }: Omit<DropEpochs, 'epoch'>): void {
    this.#byGroup.forEach((drops, group) => {
      // Not in place: a snapshot may still have to say them.
      const kept =
        drops?.filter(({ createdEpoch, epoch }) => epoch > completedEpoch && createdEpoch <= knownEpoch) ?? []
      this.#byGroup[group] = kept.length === 0 ? undefined : kept
    })
  }

  /** For a snapshot that begins now: all there are of key groups that get no base. `index`: of the table in its segments. */
  toSay(index: number, kind: TableKind, isBase: Uint8Array): DropsToSay {
    return new DropsToSay(this.#byGroup, index, kind, isBase)
  }
}

/** The drops that were there when a snapshot began; each is said once. */
export class DropsToSay {
  readonly #index: number
  readonly #isMap: boolean
  readonly #byGroup: readonly (readonly Drop[] | undefined)[]
  /** By key group: how many there were, for what comes later is behind them; and how many have been said. */
  readonly #counts: Uint32Array
  readonly #said: Uint32Array

  constructor(byGroup: readonly (readonly Drop[] | undefined)[], index: number, kind: TableKind, isBase: Uint8Array) {
    this.#index = index
    this.#isMap = kind === 'map'
    this.#byGroup = [...byGroup]
    this.#counts = Uint32Array.from(isBase, (base, group) => (base === 1 ? 0 : (byGroup[group]?.length ?? 0)))
    this.#said = new Uint32Array(isBase.length)
  }

  /** Whether some of a key group have not been said. */
  has(group: number): boolean {
    return (this.#said[group] as number) < (this.#counts[group] as number)
  }

  /** Writes the next one of a key group that has some. */
  sayNext(group: number, writer: SegmentWriter): void {
    const at = this.#said[group] as number
    this.#said[group] = at + 1
    const { outerKey } = (this.#byGroup[group] as readonly Drop[])[at] as Drop
    if (this.#isMap) writer.clear(this.#index, outerKey)
    else writer.dropNamespace(this.#index, outerKey as number)
  }
}
