/**
 * Numbers by integer keys in typed arrays: open addressing with linear probing, grown when half full. Keys are 0 to 2^31 - 1.
 */

const SLOTS_MIN = 1_024
const EMPTY = -1

export class NumberTable {
  size = 0
  /** Of a slot; `EMPTY` where there is none. */
  keys = new Int32Array(SLOTS_MIN).fill(EMPTY)
  values = new Float64Array(SLOTS_MIN)
  #shift = 32 - Math.log2(SLOTS_MIN)

  /** Adds to a key's number and returns the sum. */
  add(key: number, value: number): number {
    if (this.size * 2 >= this.keys.length) this.#grow()
    const { keys, values } = this
    const slot = this.#slotOf(key)
    if (keys[slot] === EMPTY) {
      keys[slot] = key
      this.size++
    }
    const sum = (values[slot] as number) + value
    values[slot] = sum
    return sum
  }

  clear(): void {
    this.keys.fill(EMPTY)
    this.values.fill(0)
    this.size = 0
  }

  #slotOf(key: number): number {
    const { keys } = this
    const mask = keys.length - 1
    let slot = Math.imul(key, 0x9e3779b1) >>> this.#shift
    while (keys[slot] !== EMPTY && keys[slot] !== key) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const { keys, values } = this
    this.keys = new Int32Array(keys.length * 2).fill(EMPTY)
    this.values = new Float64Array(keys.length * 2)
    this.#shift--
    for (let from = 0; from < keys.length; from++) {
      const key = keys[from] as number
      if (key === EMPTY) continue
      const slot = this.#slotOf(key)
      this.keys[slot] = key
      this.values[slot] = values[from] as number
    }
  }
}
