/** Numbers, smallest first: a binary heap in one growing typed array. Holds what is pushed, duplicates too. */
export class NamespaceQueue {
  #values = new Float64Array(16)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The smallest, or `undefined`. */
  peek(): number | undefined {
    return this.#size === 0 ? undefined : this.#values[0]
  }

  push(value: number): void {
    if (this.#size === this.#values.length) this.#grow()
    const values = this.#values
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >>> 1
      const above = values[parent] as number
      if (above <= value) break
      values[at] = above
      at = parent
    }
    values[at] = value
  }

  pop(): void {
    if (this.#size === 0) return
    const values = this.#values
    const size = --this.#size
    const value = values[size] as number
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= size) break
      if (child + 1 < size && (values[child + 1] as number) < (values[child] as number)) child++
      const below = values[child] as number
      if (below >= value) break
      values[at] = below
      at = child
    }
    values[at] = value
  }

  clear(): void {
    this.#size = 0
  }

  #grow(): void {
    const values = new Float64Array(this.#values.length * 2)
    values.set(this.#values)
    this.#values = values
  }
}
