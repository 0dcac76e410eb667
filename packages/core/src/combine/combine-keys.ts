/**
 * The keys of a combiner, numbered from 0 in the order in which they came. A number stands for its key until `clear`, so
 * that the hash of a key is computed once, not for each record or partial result.
 *
 * Whole numbers of 32 bits are found by open addressing in a typed table, which the generated loop reads itself
 * (`combine-loop.ts`). Arrays and objects are found by their hash, as tables of state find them; every other key goes
 * through a map.
 */
import { HashIndex, mixHash } from '../key/hash-index.ts'
import { hashKey } from '../key/key-hash.ts'
import { isSameKey } from '../key/same-key.ts'

const CAPACITY_FIRST = 512

export class CombineKeys {
  /** Pairs of a key and its number + 1; 0 for none. At most half of them are taken. */
  table: Int32Array
  /** What takes a hash of 32 bits down to a place in the table. */
  shift: number
  count = 0
  /** Keys by number, in the form in which they came first. */
  readonly keys: unknown[] = []
  readonly keyHashes: number[] = []
  readonly #keysMax: number
  readonly #others = new Map<unknown, number>()
  #wholeNumbers = 0
  /** From the hashes of arrays and objects to their numbers. */
  readonly #composites = new HashIndex()

  constructor(keysMax: number) {
    this.#keysMax = keysMax
    this.table = new Int32Array(CAPACITY_FIRST * 2)
    this.shift = 32 - Math.log2(CAPACITY_FIRST)
  }

  /** The number of a key, given to it now if need be; -1 when no more can be given. Throws `KEY_INVALID` for what is no key. */
  numberOf(key: unknown): number {
    if (typeof key === 'number' && key === (key | 0)) return this.#numberOfWhole(key)
    if (typeof key === 'object' && key !== null) return this.#numberOfComposite(key)
    const known = this.#others.get(key)
    if (known !== undefined) return known
    const number = this.#add(key, hashKey(key))
    if (number >= 0) this.#others.set(key, number)
    return number
  }

  clear(): void {
    this.table.fill(0)
    this.count = 0
    this.keys.length = 0
    this.keyHashes.length = 0
    this.#others.clear()
    this.#wholeNumbers = 0
    this.#composites.clear()
  }

  #numberOfWhole(key: number): number {
    const at = this.#placeOf(key)
    const known = (this.table[at + 1] as number) - 1
    if (known >= 0) return known
    const number = this.#add(key + 0, hashKey(key))
    if (number < 0) return number
    this.table[at] = key
    this.table[at + 1] = number + 1
    if (++this.#wholeNumbers * 4 > this.table.length) this.#grow()
    return number
  }

  #placeOf(key: number): number {
    const { table } = this
    const mask = table.length - 1
    let at = (Math.imul(key, 0x9e3779b1) >>> this.shift) << 1
    while (table[at + 1] !== 0 && table[at] !== key) at = (at + 2) & mask
    return at
  }

  #numberOfComposite(key: object): number {
    const hash = hashKey(key)
    const mixed = mixHash(hash)
    const places = this.#composites.partOf(mixed)
    for (let slot = places.first(mixed); ; slot = places.next(slot)) {
      const number = places.rowAt(slot)
      if (number < 0) break
      if (places.hashAt(slot) === mixed && isSameKey(this.keys[number], key)) return number
    }
    const number = this.#add(key, hash)
    if (number >= 0) this.#composites.add(mixed, number)
    return number
  }

  #add(key: unknown, hash: number): number {
    if (this.count === this.#keysMax) return -1
    this.keyHashes.push(hash)
    this.keys.push(key)
    return this.count++
  }

  #grow(): void {
    const old = this.table
    this.table = new Int32Array(old.length * 2)
    this.shift--
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue
      const at = this.#placeOf(old[i] as number)
      this.table[at] = old[i] as number
      this.table[at + 1] = old[i + 1] as number
    }
  }
}
