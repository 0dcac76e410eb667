/**
 * Rows by a number that each has, smallest first: a binary heap that knows where every row stands in it, so that any of them can be
 * taken out at once. Nothing that was taken out is left behind, and nothing is ever built anew.
 *
 * Invariants: no number is smaller than the one above it; a row that is in stands where `#places` says. Each operation moves one row
 * down or up the heap, at most once for each of its levels.
 */

const ROOM_FIRST = 16
const NONE = -1

export class RowQueue {
  /** By place. */
  #numbers = new Float64Array(ROOM_FIRST)
  #rows = new Int32Array(ROOM_FIRST)
  /** By row. */
  #places = new Int32Array(ROOM_FIRST).fill(NONE)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The smallest, or `undefined`. */
  get first(): number | undefined {
    return this.#size === 0 ? undefined : this.#numbers[0]
  }

  /** All numbers, ascending, each as often as it is in. */
  get numbers(): readonly number[] {
    return [...this.#numbers.subarray(0, this.#size).toSorted()]
  }

  /** Adds a row that is not in. */
  add(row: number, number: number): void {
    if (this.#size === this.#rows.length) this.#growPlaces()
    while (row >= this.#places.length) this.#growRows()
    this.#up(this.#size++, row, number)
  }

  /** Takes out a row that is in. */
  remove(row: number): void {
    const place = this.#places[row] as number
    this.#places[row] = NONE
    const end = --this.#size
    if (place === end) return
    const last = this.#rows[end] as number
    const number = this.#numbers[end] as number
    if (number < (this.#numbers[place] as number)) this.#up(place, last, number)
    else this.#down(place, last, number)
  }

  /** `to`, which is not in, takes the place of `from` with its number. */
  replace(from: number, to: number): void {
    while (to >= this.#places.length) this.#growRows()
    const place = this.#places[from] as number
    this.#places[from] = NONE
    this.put(place, to, this.#numbers[place] as number)
  }

  /** One step of work. */
  protected put(place: number, row: number, number: number): void {
    this.#numbers[place] = number
    this.#rows[place] = row
    this.#places[row] = place
  }

  /** Puts a row where it belongs on the way from a place to the top. */
  #up(from: number, row: number, number: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >>> 1
      const above = this.#numbers[parent] as number
      if (above <= number) break
      this.put(place, this.#rows[parent] as number, above)
      place = parent
    }
    this.put(place, row, number)
  }

  /** Puts a row where it belongs on the way from a place to the bottom. */
  #down(from: number, row: number, number: number): void {
    const numbers = this.#numbers
    const size = this.#size
    let place = from
    for (;;) {
      let child = place * 2 + 1
      if (child >= size) break
      if (child + 1 < size && (numbers[child + 1] as number) < (numbers[child] as number)) child++
      const below = numbers[child] as number
      if (below >= number) break
      this.put(place, this.#rows[child] as number, below)
      place = child
    }
    this.put(place, row, number)
  }

  #growPlaces(): void {
    const numbers = new Float64Array(this.#numbers.length * 2)
    numbers.set(this.#numbers)
    this.#numbers = numbers
    const rows = new Int32Array(this.#rows.length * 2)
    rows.set(this.#rows)
    this.#rows = rows
  }

  #growRows(): void {
    const places = new Int32Array(this.#places.length * 2).fill(NONE, this.#places.length)
    places.set(this.#places)
    this.#places = places
  }
}
