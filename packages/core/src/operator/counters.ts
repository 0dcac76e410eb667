/** The counters that user code asks for by name. */
import type { Counter, OperatorHost } from './operator.ts'

export class Counters {
  readonly #host: OperatorHost
  readonly #byName = new Map<string, Counter>()

  constructor(host: OperatorHost) {
    this.#host = host
  }

  readonly count = (metric: string, increment = 1): void => {
    let counter = this.#byName.get(metric)
    if (counter === undefined) {
      counter = this.#host.counter(metric)
      this.#byName.set(metric, counter)
    }
    counter.add(increment)
  }
}
