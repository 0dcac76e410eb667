/** What a simulation did: the last actions for the report of a failure, counts of everything for coverage. */

export class ActionLog {
  readonly #keptMax: number
  readonly #actions: string[] = []
  readonly #counts = new Map<string, number>()
  #total = 0
  /** Of all actions so far; equal for equal runs. */
  #hash = 0

  /** How many of the last actions are kept for the report. */
  constructor(keptMax: number) {
    this.#keptMax = keptMax
  }

  /** `kind` is counted; `detail` is only shown. */
  add(kind: string, detail = ''): void {
    this.#total++
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
    const line = detail === '' ? kind : `${kind} ${detail}`
    for (let i = 0; i < line.length; i++) this.#hash = (Math.imul(this.#hash, 31) + line.charCodeAt(i)) | 0
    this.#actions.push(`${this.#total}: ${line}`)
    if (this.#actions.length > 4 * this.#keptMax) this.#actions.splice(0, 3 * this.#keptMax)
  }

  get total(): number {
    return this.#total
  }

  get hash(): number {
    return this.#hash
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** The last actions, oldest first. */
  get recent(): readonly string[] {
    return this.#actions.slice(-this.#keptMax)
  }
}
