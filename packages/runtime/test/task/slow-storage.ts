/** A snapshot store whose writes wait until the test says that they are done, or have failed. */
import type { SegmentRef } from '@millrace/core'
import type { NewSegment, SegmentWriting } from '../../src/checkpoint-storage/checkpoint-storage.ts'
import type { SnapshotStore } from '../../src/task/task-ports.ts'

export class SlowStorage implements SnapshotStore {
  /** In the order in which they were begun. */
  readonly writings: SlowWriting[] = []

  begin(checkpointId: number): SlowWriting {
    const writing = new SlowWriting(checkpointId)
    this.writings.push(writing)
    return writing
  }
}

export class SlowWriting implements SegmentWriting {
  readonly checkpointId: number
  /** Bytes of each write, in their order. */
  readonly writes: number[] = []
  isFinished = false
  isDiscarded = false
  readonly #refs: SegmentRef[] = []
  #waiting: PromiseWithResolvers<void> | undefined
  #bytes = 0

  constructor(checkpointId: number) {
    this.checkpointId = checkpointId
  }

  /** A write is under way. */
  get isBusy(): boolean {
    return this.#waiting !== undefined
  }

  write(pieces: readonly NewSegment[]): Promise<void> {
    if (this.isBusy) throw new Error('a second write while one is under way')
    this.#waiting = Promise.withResolvers<void>()
    let bytes = 0
    for (const { kind, isContinuation = false, bytes: segment, entries } of pieces) {
      this.#refs.push({
        kind,
        ...(isContinuation ? { isContinuation } : {}),
        checkpointId: this.checkpointId,
        location: { kind: 'file', file: `shared/${this.checkpointId}`, offsetBytes: this.#bytes + bytes },
        lengthBytes: segment.length,
        crc32c: 0,
        entries,
      })
      bytes += segment.length
    }
    this.#bytes += bytes
    this.writes.push(bytes)
    return this.#waiting.promise
  }

  async finish(): Promise<readonly SegmentRef[]> {
    if (this.isDiscarded) throw new Error('it was given up')
    this.isFinished = true
    return this.#refs
  }

  async discard(): Promise<void> {
    if (!this.isFinished) this.isDiscarded = true
  }

  /** The write that is under way is done, or fails; resolves when whoever waits for it has heard. */
  async settle(error?: Error): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (error === undefined) waiting?.resolve()
    else waiting?.reject(error)
    await turn()
  }
}

/** Lets promises settle. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
