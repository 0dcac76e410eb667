/** What `collect` sinks have committed, by the name of the sink. A delivery that comes again after a recovery changes nothing. */
export class CollectedOutput {
  /** By name and id of the delivery, in the order of first arrival. */
  readonly #deliveries = new Map<string, Map<string, readonly unknown[]>>()

  add(name: string, deliveryId: string, values: readonly unknown[]): void {
    const deliveries = this.#deliveries.get(name) ?? new Map<string, readonly unknown[]>()
    deliveries.set(deliveryId, values)
    this.#deliveries.set(name, deliveries)
  }

  byName(): Readonly<Record<string, readonly unknown[]>> {
    return Object.fromEntries(
      [...this.#deliveries].map(([name, deliveries]) => [name, [...deliveries.values()].flat()]),
    )
  }
}
