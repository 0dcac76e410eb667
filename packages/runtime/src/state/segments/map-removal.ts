/**
 * Takes what is in maps that were removed out of the segment store: of a small map at once, of a large one bit by bit. Until then its
 * entries are in its index as before, and may be written elsewhere or leave the cache, but no table leads there any more.
 */
import { HASHES_END, type MapOwner, type RecordMap } from '../store/record-map.ts'

/** What it needs of the store. */
export interface RemovingStore {
  /** Takes the entries at these places out, which are in no index any more. Needs their records where the table has times. */
  release(map: RecordMap, places: readonly number[]): void
}

/** A record is read to see when it was written. */
const READ_UNITS = 16
/** Of a map that costs no more nothing is left. */
const UNITS_AT_ONCE = 1_024
const HASHES_TOGETHER = 256

interface Leftover {
  readonly map: RecordMap
  /** That are being gone through, from `at` on; then those from `from` on. */
  readonly hashes: number[]
  at: number
  from: number
}

export class MapRemoval {
  readonly #store: RemovingStore
  readonly #leftovers: Leftover[] = []
  readonly #places: number[] = []
  readonly #placesOfHash: number[] = []

  constructor(store: RemovingStore) {
    this.#store = store
  }

  get isDone(): boolean {
    return this.#leftovers.length === 0
  }

  remove(map: RecordMap): void {
    if (map.size * unitsOf(map.table) > UNITS_AT_ONCE) {
      this.#leftovers.push({ map, hashes: [], at: 0, from: 0 })
      return
    }
    const places = this.#places
    places.length = 0
    map.forEach((place) => {
      places.push(place)
    })
    map.clear()
    this.#store.release(map, places)
  }

  /** Goes on with what is left for about so many units; returns what is left of them, at most 0 when it is not done. */
  step(units: number): number {
    let left = units
    for (let one = this.#leftovers.at(-1); one !== undefined && left > 0; one = this.#leftovers.at(-1)) {
      left -= 1 + this.#takeSome(one) * unitsOf(one.map.table)
      if (one.map.size > 0 && (one.at < one.hashes.length || one.from < HASHES_END)) continue
      this.#leftovers.pop()
      one.map.clear()
      one.map.table.onCleared(one.map)
    }
    return this.isDone ? left : Math.min(left, 0)
  }

  close(): void {
    this.#leftovers.length = 0
  }

  /** Returns how many places it has taken out. */
  #takeSome(one: Leftover): number {
    const { map, hashes } = one
    if (one.at === hashes.length) {
      one.from = map.someHashesFrom(one.from, hashes)
      one.at = 0
    }
    const places = this.#places
    places.length = 0
    const end = Math.min(one.at + HASHES_TOGETHER, hashes.length)
    for (; one.at < end; one.at++) {
      const mixed = (hashes[one.at] as number) | 0
      const found = this.#placesOfHash
      const count = map.placesOf(mixed, found)
      for (let i = 0; i < count; i++) {
        const place = found[i] as number
        map.remove(mixed, place)
        places.push(place)
      }
    }
    this.#store.release(map, places)
    return places.length
  }
}

function unitsOf({ descriptor }: MapOwner): number {
  return descriptor.ttlMs === undefined ? 1 : READ_UNITS
}
