/**
 * Drives a sink as the engine does, over one input, and lets it crash at every step of the two-phase commit: what the
 * restored checkpoint holds is committed again, everything else of the attempt is lost, and the input is read on from there.
 */
import type {
  FileSystem,
  PlainValue,
  Sink,
  SinkCommitter,
  SinkTargetContext,
  SinkWriter,
  SinkWriterContext,
} from '@millrace/api'

/** Where an attempt dies. */
export const SINK_CRASHES = [
  'before prepare',
  'after prepare',
  'after the checkpoint, before commit',
  'between two commits',
  'after commit, before it is acknowledged',
] as const

export type SinkCrash = (typeof SINK_CRASHES)[number]

export interface DrillOptions<T> {
  readonly sink: Sink<T>
  readonly files: FileSystem
  /** Of all subtasks, in order; dealt out round robin. */
  readonly records: readonly T[]
  readonly subtasks: number
  /** Records between two checkpoints, of all subtasks together. */
  readonly recordsPerCheckpoint: number
  /** Dies in these checkpoints (from 1), once each. */
  readonly crashes: ReadonlyMap<number, SinkCrash>
  /** Checkpoints that are given up after all have prepared. */
  readonly aborted: ReadonlySet<number>
}

/** What a complete checkpoint holds. */
interface Restored {
  readonly checkpointId: number
  readonly position: number
  readonly states: readonly (readonly PlainValue[])[]
  readonly pending: readonly PlainValue[]
}

class Crash extends Error {}

const LINEAGE = '00112233445566ff'
const UID = 'out'

export class SinkDrill<T> {
  readonly #options: DrillOptions<T>
  readonly #crashes: Map<number, SinkCrash>
  #restored: Restored | undefined
  #attempt = 0
  /** Attempts that died. */
  crashed = 0

  constructor(options: DrillOptions<T>) {
    this.#options = options
    this.#crashes = new Map(options.crashes)
  }

  /** Runs attempts until the input has been processed and everything is committed. */
  async run(): Promise<void> {
    for (;;) {
      try {
        await this.#attemptOnce()
        return
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        this.crashed++
        this.#attempt++
      }
    }
  }

  async #attemptOnce(): Promise<void> {
    const { sink, records, subtasks, recordsPerCheckpoint } = this.#options
    const restored = this.#restored
    const firstEpoch = (restored?.checkpointId ?? 0) + 1
    const target = this.#targetContext(restored)
    if (this.#attempt === 0) await sink.checkTarget?.(target)
    await sink.prepareTarget?.(target)
    const committer = await sink.openCommitter?.({ files: this.#options.files, uid: UID, report() {} })
    if (restored !== undefined && restored.pending.length > 0) await committer?.commit(restored.pending)
    const writers: SinkWriter<T>[] = []
    for (let subtask = 0; subtask < subtasks; subtask++) {
      const states = restored?.states[subtask] ?? []
      writers.push(await sink.openWriter(this.#writerContext(subtask, firstEpoch), states))
    }
    let position = restored?.position ?? 0
    let pending: readonly PlainValue[] = []
    for (let checkpointId = firstEpoch; ; checkpointId++) {
      const to = Math.min(records.length, position + recordsPerCheckpoint)
      await this.#write(writers, position, to)
      position = to
      const isLast = position === records.length
      this.#dieAt('before prepare', checkpointId)
      const states: (readonly PlainValue[])[] = []
      for (const writer of writers) {
        const prepared = await writer.prepare(checkpointId, isLast ? 'end' : 'checkpoint')
        states.push(prepared.states)
        pending = [...pending, ...prepared.committables]
      }
      this.#dieAt('after prepare', checkpointId)
      // Given up once: what was prepared waits for the next one.
      if (this.#options.aborted.has(checkpointId) && !isLast) continue
      this.#restored = { checkpointId, position, states, pending }
      this.#dieAt('after the checkpoint, before commit', checkpointId)
      await this.#commit(committer, pending, checkpointId)
      pending = []
      if (isLast) break
    }
    for (const writer of writers) await writer.close()
    await committer?.close()
  }

  async #write(writers: readonly SinkWriter<T>[], from: number, to: number): Promise<void> {
    const { records } = this.#options
    for (const [subtask, writer] of writers.entries()) {
      const own = records.slice(from, to).filter((_, at) => (from + at) % writers.length === subtask)
      // In two batches, so that more than the first call is seen.
      const half = Math.ceil(own.length / 2)
      for (const batch of [own.slice(0, half), own.slice(half)]) {
        if (batch.length > 0)
          await writer.write(
            batch,
            batch.map(() => 0),
          )
      }
    }
  }

  async #commit(
    committer: SinkCommitter | undefined,
    pending: readonly PlainValue[],
    checkpointId: number,
  ): Promise<void> {
    const crash = this.#crashes.get(checkpointId)
    if (crash === 'between two commits') {
      const [first] = pending
      if (first !== undefined) await committer?.commit([first])
      this.#dieAt(crash, checkpointId)
    }
    if (pending.length > 0) await committer?.commit(pending)
    this.#dieAt('after commit, before it is acknowledged', checkpointId)
  }

  #dieAt(crash: SinkCrash, checkpointId: number): void {
    if (this.#crashes.get(checkpointId) !== crash) return
    this.#crashes.delete(checkpointId)
    throw new Crash(`${crash} of checkpoint ${checkpointId}`)
  }

  #targetContext(restored: Restored | undefined): SinkTargetContext {
    return {
      files: this.#options.files,
      uid: UID,
      lineage: LINEAGE,
      restoredCheckpoint: restored?.checkpointId,
      firstAttempt: this.#attempt === 0,
      discardNewer: false,
      pending: restored?.pending ?? [],
      writerStates: restored?.states.flat() ?? [],
      report() {},
    }
  }

  #writerContext(subtask: number, firstEpoch: number): SinkWriterContext {
    return {
      files: this.#options.files,
      lineage: LINEAGE,
      jobName: 'drill',
      uid: UID,
      subtask,
      parallelism: this.#options.subtasks,
      attempt: this.#attempt,
      firstEpoch,
      nonce: `${this.#attempt}${subtask}`,
      now: () => 0,
      count() {},
    }
  }
}
