/**
 * What was dropped as a whole of a table (the map of a key, a namespace), by key group, until a completed snapshot has said it; and what
 * of that one snapshot has to say.
 *
 * Invariant: the drops of a key group are said before anything else of the table in that group, so that what came back later survives
 * them.
 */
import type { SegmentWriter, TableKind } from '@millrace/core'

interface Drop {
  readonly outerKey: unknown
  readonly epoch: number
}

export class TableDrops {
  readonly #firstGroup: number
  /** By number of the key group within the range, in the order of their epochs. */
  readonly #byGroup: (readonly Drop[] | undefined)[] = []

  constructor(firstGroup: number) {
    this.#firstGroup = firstGroup
  }

  /** Everything under an outer key is gone, which was in these key groups. */
  add(outerKey: unknown, keyGroups: readonly number[], epoch: number): void {
    const drop = { outerKey, epoch }
    for (const keyGroup of keyGroups) {
      const group = keyGroup - this.#firstGroup
      const drops = this.#byGroup[group]
      if (drops === undefined) this.#byGroup[group] = [drop]
      else (drops as Drop[]).push(drop)
    }
  }

  /** A completed snapshot has said those up to this epoch. */
  forget(completedEpoch: number): void {
    this.#byGroup.forEach((drops, group) => {
      // Not in place: a snapshot may still have to say them.
      const kept = drops?.filter(({ epoch }) => epoch > completedEpoch) ?? []
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
