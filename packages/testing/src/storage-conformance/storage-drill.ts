/**
 * What a coordinator and two slots do with checkpoint storage, without a job: segments at the same time, the manifest,
 * retention, and after a failure the clearing away; over as many lives as it takes. It remembers which checkpoints must be
 * there, and checks them.
 */
import assert from 'node:assert/strict'
import { MillraceError } from '@millrace/api'
import { type CheckpointManifest, decideRetention, filesOf, MANIFEST_VERSION, type SegmentRef } from '@millrace/core'
import type { CheckpointStorage, NewSegment, SegmentTarget } from '@millrace/runtime'

const SUBTASKS = 2
const RETAINED = 2
/** Of each subtask; the second one's are small enough to be inlined now and then. */
const GROUPS = 3
/** Behind the label of a segment that continues another. */
const CONTINUED = '+'

/** How a life went: it did all its rounds, could not begin, or must end because nobody knows what is stored. */
export type DrillEnd = 'done' | 'not-begun' | 'outcome-unknown'

export class StorageDrill {
  /** Completed and, as far as the process knew, not dropped. */
  readonly completed = new Set<number>()
  /** Checkpoints that could not be stored. */
  failures = 0
  #nextId = 1
  #attempt = 0
  #retained: readonly CheckpointManifest[] = []

  /** The first rounds of a process, `rounds` checkpoints long. Any error that a storage may not throw is thrown on. */
  async run(storage: CheckpointStorage, rounds: number): Promise<DrillEnd> {
    this.#attempt++
    try {
      await storage.open()
      const listed = await storage.listCheckpoints()
      this.#retained = listed.flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
      this.#nextId = Math.max(this.#nextId, (listed.at(-1)?.checkpointId ?? 0) + 1)
      await storage.removeLeftovers()
    } catch {
      return 'not-begun'
    }
    for (let round = 0; round < rounds; round++) {
      const id = this.#nextId++
      try {
        await this.#takeCheckpoint(storage, id)
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error
        if (error.code === 'CHECKPOINT_FOLDER_UNUSABLE') return 'outcome-unknown'
        assert.equal(error.code, 'CHECKPOINT_FAILED', String(error))
        this.failures++
        await storage.removeUnnamedSegments(id, id, filesOf(this.#retained))
      }
    }
    return 'done'
  }

  /** Everything that was completed is there and all that is there is whole, down to the bytes. */
  async check(storage: CheckpointStorage): Promise<readonly CheckpointManifest[]> {
    const listed = await storage.listCheckpoints()
    const ids = listed.map(({ checkpointId }) => checkpointId)
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
      'oldest first',
    )
    const manifests = listed.map((each) => {
      if (each.state === 'damaged') throw new Error(`${each.path} is damaged`, { cause: each.problem })
      return each.manifest
    })
    for (const manifest of manifests) await checkSegments(storage, manifest)
    for (const id of this.completed) assert.ok(ids.includes(id), `checkpoint ${id} was completed and is gone`)
    this.#retained = manifests
    return manifests
  }

  /** Drops every checkpoint. */
  async discardAll(storage: CheckpointStorage): Promise<void> {
    const listed = await storage.listCheckpoints()
    const manifests = listed.flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
    this.completed.clear()
    await storage.discard(
      listed.map(({ checkpointId }) => checkpointId),
      [...filesOf(manifests)],
    )
    this.#retained = []
  }

  async #takeCheckpoint(storage: CheckpointStorage, id: number): Promise<void> {
    const written = await Promise.allSettled(
      Array.from({ length: SUBTASKS }, (_, subtask) => this.#writeSubtask(storage, id, subtask)),
    )
    const chains = written.flatMap((each) => {
      if (each.status === 'rejected') throw each.reason
      return each.value
    })
    const manifest = manifestOf(id, chains)
    await storage.writeManifest(manifest)
    this.completed.add(id)
    const { keep, drop, deadFiles } = decideRetention({
      checkpoints: [...this.#retained, manifest],
      retainedMax: RETAINED,
    })
    this.#retained = keep
    for (const { checkpointId } of drop) this.completed.delete(checkpointId)
    if (drop.length === 0) return
    await storage.discard(
      drop.map(({ checkpointId }) => checkpointId),
      deadFiles,
    )
  }

  /**
   * Every third checkpoint is a new base, the others add a delta; the first group's goes on in a second segment. The first subtask
   * writes piece by piece, and every other time gives up a first try.
   */
  async #writeSubtask(storage: CheckpointStorage, id: number, subtask: number): Promise<(readonly SegmentRef[])[]> {
    const last = this.#retained.at(-1)?.operators[0]?.keyGroups ?? []
    const chains = Array.from({ length: GROUPS }, (_, group) => last[subtask * GROUPS + group]?.segments ?? [])
    const isBase = id % 3 === 1 || chains.some((chain) => chain.length === 0)
    const kind = isBase ? 'base' : 'delta'
    const pieces = chains.map((_, group) => segmentOf(kind, id, `${subtask}.${group}`))
    pieces.push({ ...segmentOf(kind, id, `${subtask}.0${CONTINUED}`), isContinuation: true })
    const target = { checkpointId: id, attempt: this.#attempt, vertexId: 'v', subtask }
    const inlineBytesMax = subtask === 1 && id % 2 === 0 ? 1_000 : 0
    if (subtask === 0 && id % 2 === 0) {
      const givenUp = storage.beginSegments({ ...target, vertexId: 'given-up', inlineBytesMax })
      for (const piece of pieces.slice(0, 2)) await givenUp.write([piece])
      await givenUp.discard()
    }
    const refs =
      subtask === 0
        ? await writeEach(storage, { ...target, inlineBytesMax }, pieces)
        : await storage.writeSegments({ ...target, inlineBytesMax, pieces })
    return chains.map((chain, group) => {
      const own = group === 0 ? [refs[0], refs[GROUPS]] : [refs[group]]
      return [...(isBase ? [] : chain), ...(own as SegmentRef[])]
    })
  }
}

/** Segment by segment, as they come while they are encoded. */
export async function writeEach(
  storage: CheckpointStorage,
  target: SegmentTarget,
  pieces: readonly NewSegment[],
): Promise<readonly SegmentRef[]> {
  const writing = storage.beginSegments(target)
  for (const piece of pieces) await writing.write([piece])
  return writing.finish()
}

/** Bytes that tell which segment they are. */
export function segmentOf(kind: 'base' | 'delta', checkpointId: number, group: string, lengthBytes = 60): NewSegment {
  return { kind, bytes: bytesOf(kind, checkpointId, group, lengthBytes), entries: 1 }
}

/** One operator whose key group i holds the i-th chain. */
export function manifestOf(
  checkpointId: number,
  chains: readonly (readonly SegmentRef[])[],
  entries: readonly string[] = [],
): CheckpointManifest {
  return {
    version: MANIFEST_VERSION,
    jobName: 'drill',
    lineage: '0123456789abcdef',
    checkpointId,
    kind: 'checkpoint',
    triggeredAtMs: 1,
    completedAtMs: 2,
    isFinal: false,
    operators: [
      {
        uid: 'op',
        name: 'Op',
        parallelism: SUBTASKS,
        maxParallelism: 128,
        tables: [],
        keyGroups: chains.map((segments, keyGroup) => ({ keyGroup, segments })),
        entries,
        committables: [],
        finishedSubtasks: [],
      },
    ],
  }
}

/** Of a checkpoint of the drill: every segment has the bytes of its place, read alone and read together. */
export async function checkSegments(storage: CheckpointStorage, manifest: CheckpointManifest): Promise<void> {
  const groups = manifest.operators.flatMap(({ keyGroups }) => keyGroups)
  const expected = groups.flatMap(({ keyGroup, segments }) =>
    segments.map(({ kind, checkpointId, lengthBytes, isContinuation }) => {
      const label = `${Math.floor(keyGroup / GROUPS)}.${keyGroup % GROUPS}${isContinuation === true ? CONTINUED : ''}`
      return bytesOf(kind, checkpointId, label, lengthBytes)
    }),
  )
  const refs = groups.flatMap(({ segments }) => segments)
  const together = await storage.readSegments(refs)
  assert.equal(together.length, refs.length)
  for (const [index, bytes] of together.entries()) {
    assert.deepEqual([...bytes], [...(expected[index] as Uint8Array)])
  }
  for (const [index, ref] of refs.entries()) {
    assert.deepEqual([...(await storage.readSegment(ref))], [...(expected[index] as Uint8Array)])
  }
}

function bytesOf(kind: 'base' | 'delta', checkpointId: number, group: string, lengthBytes: number): Uint8Array {
  const label = `${kind} ${checkpointId} ${group} `
  return Uint8Array.from({ length: lengthBytes }, (_, at) => label.charCodeAt(at % label.length))
}
