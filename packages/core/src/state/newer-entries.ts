/**
 * What the newer segments of a key group have said, while the older ones are read: which entries they hold or delete, and which maps
 * and namespaces they drop as a whole. With it a chain can be read from its newest segment to its base, some of it at a time, and each
 * entry is met once, with its last value.
 *
 * Of a delta its keys are kept, of a base nothing: there is nothing older that it could stand before.
 */

/** By name of the table. */
export class NewerEntries {
  readonly #tables = new Map<string, NewerKeys>()

  of(table: string): NewerKeys {
    let keys = this.#tables.get(table)
    if (keys === undefined) {
      keys = new NewerKeys()
      this.#tables.set(table, keys)
    }
    return keys
  }
}

/** Of one table. An outer key has all its inner ones below it (a map, a namespace); both are keys of a `Map` (`toMapKey`). */
export class NewerKeys {
  readonly #dropped = new Set<unknown>()
  readonly #said = new Map<unknown, Set<unknown>>()

  /** Whether nothing was said yet. */
  get isEmpty(): boolean {
    return this.#dropped.size === 0 && this.#said.size === 0
  }

  /** Whether nothing older under an outer key counts. */
  isDropped(outer: unknown): boolean {
    return this.#dropped.has(outer)
  }

  /** The inner keys under an outer one of which nothing older counts. */
  saidOf(outer: unknown): ReadonlySet<unknown> | undefined {
    return this.#said.get(outer)
  }

  /** The entry is there, or is deleted. */
  say(outer: unknown, inner: unknown): void {
    if (this.#dropped.has(outer)) return
    const said = this.#said.get(outer)
    if (said === undefined) this.#said.set(outer, new Set([inner]))
    else said.add(inner)
  }

  /** All under an outer key is dropped but for what was said before. */
  drop(outer: unknown): void {
    this.#dropped.add(outer)
    this.#said.delete(outer)
  }
}
