/**
 * Rows by time, the earliest first: a heap in two growing typed arrays. Holds what is pushed, duplicates too. Each place has four below
 * it, which stand side by side: half as many steps down as with two, each to another cache line.
 */
const WIDTH = 4

export class RowQueue {
  #times = new Float64Array(16)
  #rows = new Int32Array(16)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Of a queue that is not empty. */
  get firstTime(): number {
    return this.#times[0] as number
  }

  get firstRow(): number {
    return this.#rows[0] as number
  }

  push(time: number, row: number): void {
    if (this.#size === this.#times.length) this.#grow()
    const times = this.#times
    const rows = this.#rows
    let at = this.#size++
    while (at > 0) {
      const parent = Math.floor((at - 1) / WIDTH)
      const above = times[parent] as number
      if (above <= time) break
      times[at] = above
      rows[at] = rows[parent] as number
      at = parent
    }
    times[at] = time
    rows[at] = row
  }

  pop(): void {
    if (this.#size === 0) return
    const times = this.#times
    const rows = this.#rows
    const size = --this.#size
    const time = times[size] as number
    const row = rows[size] as number
    let at = 0
    for (;;) {
      const first = at * WIDTH + 1
      if (first >= size) break
      let child = first
      const end = Math.min(first + WIDTH, size)
      for (let next = first + 1; next < end; next++)
        if ((times[next] as number) < (times[child] as number)) child = next
      const below = times[child] as number
      if (below >= time) break
      times[at] = below
      rows[at] = rows[child] as number
      at = child
    }
    times[at] = time
    rows[at] = row
  }

  /** The rows with a time. Looks only at what is not later: for the earliest time, at those that it finds. */
  rowsAt(time: number): number[] {
    const times = this.#times
    const found: number[] = []
    const open = [0]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const own = times[at] as number
      if (at >= this.#size || own > time) continue
      if (own === time) found.push(this.#rows[at] as number)
      const child = at * WIDTH + 1
      for (let next = child; next < child + WIDTH; next++) open.push(next)
    }
    return found
  }

  clear(): void {
    this.#size = 0
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    times.set(this.#times)
    this.#times = times
    const rows = new Int32Array(this.#rows.length * 2)
    rows.set(this.#rows)
    this.#rows = rows
  }
}
