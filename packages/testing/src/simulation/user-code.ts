/** Where the functions of a simulated job let the simulation throw: they call `run` for every record and timer. */
export class UserCode {
  #callsLeft: number | undefined
  #failures = 0

  run(): void {
    if (this.#callsLeft === undefined || this.#callsLeft-- > 0) return
    this.#callsLeft = undefined
    // No two errors are the same: the same one twice would end the job.
    throw new Error(`injected failure ${++this.#failures} of user code`)
  }

  /** Throws once, after this many more calls. */
  failAfter(calls: number): void {
    this.#callsLeft = calls
  }

  calm(): void {
    this.#callsLeft = undefined
  }
}
