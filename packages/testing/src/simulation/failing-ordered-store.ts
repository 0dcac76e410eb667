/** A real store whose writing fails when the simulation says so. Nothing in it is to outlive a crash, so that is all there is to simulate. */
import type { OrderedBatch, OrderedScan, OrderedStore } from '@millrace/runtime'

export class FailingOrderedStore implements OrderedStore {
  readonly #store: OrderedStore
  readonly #beforeWriting: () => void

  /** `beforeWriting` may throw what a disk would. */
  constructor(store: OrderedStore, beforeWriting: () => void) {
    this.#store = store
    this.#beforeWriting = beforeWriting
  }

  get path(): string {
    return this.#store.path
  }

  takeNumber(): number {
    return this.#store.takeNumber()
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    return this.#store.getMany(keys)
  }

  batch(): OrderedBatch {
    const batch = this.#store.batch()
    return {
      put: (key, value) => batch.put(key, value),
      remove: (key) => batch.remove(key),
      write: () => {
        this.#beforeWriting()
        batch.write()
      },
      clear: () => batch.clear(),
    }
  }

  removeRange(from: Uint8Array, end: Uint8Array): void {
    this.#beforeWriting()
    this.#store.removeRange(from, end)
  }

  scan(from: Uint8Array, end: Uint8Array): OrderedScan {
    return this.#store.scan(from, end)
  }

  metrics(): Readonly<Record<string, number>> {
    return {}
  }
}
