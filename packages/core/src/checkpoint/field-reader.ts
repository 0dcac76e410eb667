/**
 * Reads the fields of untrusted JSON one by one and refuses what does not fit: a small schema without a library.
 * Every field has to be asked for; `refuseOthers` then refuses what nobody asked for.
 */
export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>
  readonly #place: string
  readonly #error: (problem: string) => Error
  readonly #read = new Set<string>()

  /** `error` makes what is thrown from a sentence that says what is wrong where. */
  constructor(json: unknown, place: string, error: (problem: string) => Error) {
    this.#place = place
    this.#error = error
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw error(`${place} is not an object`)
    this.#fields = json as Readonly<Record<string, unknown>>
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined
  }

  string(name: string, pattern?: RegExp): string {
    const value = this.#take(name)
    if (typeof value !== 'string' || pattern?.test(value) === false) throw this.fail(name, 'not the expected text')
    return value
  }

  boolean(name: string): boolean {
    const value = this.#take(name)
    if (typeof value !== 'boolean') throw this.fail(name, 'neither true nor false')
    return value
  }

  number(name: string): number {
    const value = this.#take(name)
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.fail(name, 'not a number')
    return value
  }

  integer(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
    return this.#checkInteger(name, this.#take(name), min, max)
  }

  strings(name: string): readonly string[] {
    return this.values(name).map((value) => {
      if (typeof value !== 'string') throw this.fail(name, 'not a list of texts')
      return value
    })
  }

  integers(name: string, min: number, max: number): readonly number[] {
    return this.values(name).map((value) => this.#checkInteger(name, value, min, max))
  }

  oneOf<const V extends string | number>(name: string, allowed: readonly V[]): V {
    const value = this.#take(name)
    const found = allowed.find((each) => each === value)
    if (found === undefined) throw this.fail(name, `none of ${allowed.join(', ')}`)
    return found
  }

  values(name: string): readonly unknown[] {
    const value = this.#take(name)
    if (!Array.isArray(value)) throw this.fail(name, 'not a list')
    return value
  }

  list<T>(name: string, parse: (fields: FieldReader) => T): readonly T[] {
    return this.values(name).map((value, i) =>
      parse(new FieldReader(value, `${this.#place}.${name}[${i}]`, this.#error)),
    )
  }

  /** A list of objects, with lists among them that stand for several. */
  mixedList<T>(
    name: string,
    parse: (fields: FieldReader) => T,
    parseList: (list: readonly unknown[]) => readonly T[],
  ): readonly T[] {
    return this.values(name).flatMap((value, i) =>
      Array.isArray(value)
        ? parseList(value)
        : [parse(new FieldReader(value, `${this.#place}.${name}[${i}]`, this.#error))],
    )
  }

  record(name: string): FieldReader {
    return new FieldReader(this.#take(name), `${this.#place}.${name}`, this.#error)
  }

  refuseOthers(): void {
    for (const name of Object.keys(this.#fields)) if (!this.#read.has(name)) throw this.fail(name, 'not a known field')
  }

  fail(name: string, problem: string): Error {
    return this.#error(`${this.#place}.${name} is ${problem}`)
  }

  #take(name: string): unknown {
    this.#read.add(name)
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined
  }

  #checkInteger(name: string, value: unknown, min: number, max: number): number {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.fail(name, 'not a whole number in its range')
    }
    return value
  }
}
