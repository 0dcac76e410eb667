/** The life of a simulated process, or of one slot in it. What has ended neither acts nor is answered any more. */
export class Life {
  readonly #parent: Life | undefined
  #hasEnded = false

  /** Ends with its parent. */
  constructor(parent?: Life) {
    this.#parent = parent
  }

  get isAlive(): boolean {
    return !this.#hasEnded && (this.#parent?.isAlive ?? true)
  }

  end(): void {
    this.#hasEnded = true
  }
}
