/** One value per key. Where its row holds it as an array of numbers, it can be changed in there. */
import type { ValueCells, ValueTable } from '@millrace/core'
import type { RestoredEntry } from '../restored-group.ts'
import { atOf, type EntryMap } from './entry-map.ts'
import { KeyedTable } from './keyed-table.ts'

export class HeapValueTable<V> extends KeyedTable implements ValueTable<V>, ValueCells {
  readonly isNested = false
  #numbers: Float64Array = new Float64Array(0)

  get cells(): ValueCells {
    return this
  }

  get numbers(): Float64Array {
    return this.#numbers
  }

  open(width: number): number {
    const { map } = this
    const row = this.find()
    // An expired value that may be returned once more is returned by `get`.
    if (this.expiry?.returnsExpired === true || !this.isVisible(map, row)) return -1
    const part = map.partOf(row)
    if (part.cellsWidth !== width) return -1
    this.changeInPlace(map, row)
    this.#numbers = part.cells
    return part.cellsAt(atOf(row))
  }

  get(): V | undefined {
    return this.read(this.map, this.find()) as V | undefined
  }

  put(value: V): void {
    const { key, keyGroup, hash } = this.home.current
    this.noteFound(this.write(this.map, this.find(), hash, key, keyGroup, value))
  }

  remove(): void {
    const row = this.find()
    if (this.isVisible(this.map, row)) this.erase(this.map, row)
  }

  restoreEntry(keyGroup: number, restored: RestoredEntry): void {
    this.restoreInto(this.map, restored.key, keyGroup, restored.writtenAtMs, restored.value)
  }

  onEmptied(_map: EntryMap): void {}
}
