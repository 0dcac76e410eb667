/** The files of a local state store in memory: nothing of them is to outlive a crash, so there is no disk to simulate. */
import type { StoreFile, StoreFolder } from '@millrace/runtime'

export class MemoryStoreFolder implements StoreFolder {
  readonly path = 'memory'
  readonly #beforeWriting: () => void

  /** `beforeWriting` may throw what a disk would. */
  constructor(beforeWriting: () => void) {
    this.#beforeWriting = beforeWriting
  }

  create(): StoreFile {
    this.#beforeWriting()
    let bytes = new Uint8Array(1_024)
    let size = 0
    return {
      append: (from, length, atBytes) => {
        this.#beforeWriting()
        if (atBytes !== size) throw new Error(`appended at ${atBytes} to a file of ${size} bytes`)
        size += length
        if (size > bytes.length) {
          const grown = new Uint8Array(size * 2)
          grown.set(bytes)
          bytes = grown
        }
        bytes.set(from.subarray(0, length), atBytes)
      },
      read: (into, length, atBytes) => {
        const there = bytes.subarray(atBytes, Math.min(atBytes + length, size))
        into.set(there)
        return there.length
      },
      close: () => {
        bytes = new Uint8Array(0)
        size = 0
      },
    }
  }
}
