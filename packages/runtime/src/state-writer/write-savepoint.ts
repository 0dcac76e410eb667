/**
 * Writes a savepoint without a running job: state out of records or of stored entries for operators of a job, alone or over
 * another savepoint of which operators are replaced or removed. Sources and sinks that are not in it start fresh.
 *
 * Input is dealt out to its key groups first (`KeyGroupSpool`); then one key group after the other becomes a segment. The
 * savepoint appears by its manifest, when everything else is written; what was written on the way is removed, also after an
 * error.
 *
 * Invariant: nothing is written that the job would refuse at its start: the manifest goes through the same checks.
 */
import {
  buildGraph,
  type ErrorCode,
  FileError,
  type FileSystem,
  type JobDefinition,
  type LogicalGraph,
  MillraceError,
  parseJobParams,
} from '@millrace/api'
import {
  assignRestore,
  type CheckpointManifest,
  checkStoredStates,
  compilePlan,
  type DeclaredTable,
  type KeyGroupSnapshot,
  keyGroupOf,
  MANIFEST_VERSION,
  type OperatorSnapshot,
  type PhysicalPlan,
  type TableDescriptor,
} from '@millrace/core'
import type { NewSegment } from '../checkpoint-storage/checkpoint-storage.ts'
import { FileCheckpointStorage, openSnapshot } from '../checkpoint-storage/file-checkpoint-storage.ts'
import { checkSavepointFolder } from '../checkpoint-storage/savepoint-folder.ts'
import { SystemClock, SystemRandom } from '../clock/clock.ts'
import { checkOperator, tablesOf } from './check-operator.ts'
import { addressEntry, type SegmentTarget, segmentsOfEntries, segmentsOfRecords } from './group-segments.ts'
import { KeyGroupSpool } from './key-group-spool.ts'
import type { OperatorState, StoredStateEntry, Values } from './operator-state.ts'

export interface WriteSavepointOptions {
  /** By the uid of a keyed step of the job: its state, or `'remove'` for what `from` holds of it. */
  readonly operators: Readonly<Record<string, OperatorState | 'remove'>>
  /** A savepoint or checkpoint to begin with; operators that are not named stay as they are in it. */
  readonly from?: string
  /** Parameters of the job, as on its command line. */
  readonly params?: Readonly<Record<string, unknown>>
  /** `pipeline.max-parallelism` of the job. Default: that of `from`, else the job's. */
  readonly maxParallelism?: number
  /** Input that is held in memory before a file is used; default 64 MiB. */
  readonly memoryBytesMax?: number
}

/** What was on its way to an operator went out from state that is written anew here. */
function refuseInFlight({ operators }: CheckpointManifest, from: string): void {
  const held = operators.find(({ inFlight = [] }) => inFlight.length > 0)
  if (held === undefined) return
  throw new MillraceError(
    'SAVEPOINT_FAILED',
    `${from} holds records in flight to "${held.uid}": its barriers were not aligned`,
    {
      details: { from, operator: held.uid },
      hint: 'Begin with a savepoint, or with a checkpoint that was taken with aligned barriers.',
    },
  )
}

export interface WrittenOperator {
  readonly uid: string
  /** Records or entries that went in. */
  readonly records: number
  readonly keyGroups: number
}

const MEMORY_BYTES_MAX = 64 * 1024 * 1024
/** Segments that are written together. */
const BATCH_BYTES = 8 * 1024 * 1024

/**
 * Writes a savepoint for `job` into the new or empty folder `path`. Throws `SAVEPOINT_FAILED`, `STATE_NOT_FOUND` for an operator or
 * a state that the job does not have, and what a start from such a savepoint would throw.
 */
export async function writeSavepoint<P>(
  files: FileSystem,
  path: string,
  job: JobDefinition<P>,
  options: WriteSavepointOptions,
): Promise<readonly WrittenOperator[]> {
  await checkSavepointFolder(files, path)
  const graph = buildGraph(job, (await parseJobParams(job, options.params ?? {})) as never)
  const origin = options.from === undefined ? undefined : await openSnapshot(files, options.from)
  const before = origin?.manifest
  if (before !== undefined) refuseInFlight(before, options.from ?? '')
  const keyed = before?.operators.find(({ keyGroups }) => keyGroups.length > 0)
  const maxParallelism = options.maxParallelism ?? keyed?.maxParallelism
  const plan = compilePlan(graph, { parallelism: 1, ...(maxParallelism === undefined ? {} : { maxParallelism }) })
  const given = Object.entries(options.operators)
  for (const [uid, state] of given) checkOperator(uid, state, graph, before)
  const random = new SystemRandom()
  const scratch = `${path.replace(/\/+$/, '')}.writing-${random.hex(8)}`
  const storage = new FileCheckpointStorage(files, scratch)
  try {
    await storage.open()
    const writing = new SavepointWriting(files, storage, scratch, {
      checkpointId: before?.checkpointId ?? 1,
      nowMs: new SystemClock().now(),
      memoryBytesMax: options.memoryBytesMax ?? MEMORY_BYTES_MAX,
    })
    const operators: OperatorSnapshot[] = []
    for (const operator of before?.operators ?? []) {
      if (Object.hasOwn(options.operators, operator.uid)) continue
      const copied = await writing.copy(operator, new FileCheckpointStorage(files, origin?.folder ?? scratch))
      // What was drained is no end here: the job is to read on from it.
      operators.push(before?.isFinal === true ? { ...copied, finishedSubtasks: [] } : copied)
    }
    for (const [uid, state] of given) {
      if (state !== 'remove') operators.push(await writing.operator(uid, state, graph, plan))
    }
    const manifest: CheckpointManifest = {
      version: MANIFEST_VERSION,
      jobName: plan.jobName,
      lineage: before?.lineage ?? random.hex(16),
      ...(before?.futures === undefined ? {} : { futures: before.futures }),
      checkpointId: before?.checkpointId ?? 1,
      kind: 'savepoint',
      triggeredAtMs: writing.nowMs,
      completedAtMs: new SystemClock().now(),
      operators,
      isFinal: false,
    }
    assignRestore(manifest, plan, { allowNonRestoredState: false, file: path })
    checkStoredStates(manifest, graph, { allowNonRestoredState: false, file: path })
    await storage.writeSavepoint(manifest, path)
    return writing.written
  } catch (cause) {
    throw asTold(path, cause)
  } finally {
    await removeFolder(files, scratch)
  }
}

/** What the folder beside the savepoint could not hold is told of the savepoint: of that folder the caller knows nothing. */
function asTold(path: string, cause: unknown): unknown {
  const isOfStorage = cause instanceof MillraceError && STORAGE_CODES.has(cause.code)
  if (!isOfStorage && !(cause instanceof FileError)) return cause
  const why = isOfStorage && cause.cause instanceof Error ? cause.cause.message : cause.message
  return new MillraceError('SAVEPOINT_FAILED', `The savepoint in ${path} could not be written: ${why}`, {
    details: { folder: path },
    hint: 'Name a new or empty folder that can be written, on a disk with room for the savepoint twice.',
    cause,
  })
}

const STORAGE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CHECKPOINT_FOLDER_UNUSABLE', 'CHECKPOINT_FAILED'])

class SavepointWriting {
  readonly nowMs: number
  readonly written: WrittenOperator[] = []
  readonly #files: FileSystem
  readonly #storage: FileCheckpointStorage
  readonly #scratch: string
  readonly #checkpointId: number
  readonly #memoryBytesMax: number
  #batches = 0

  constructor(
    files: FileSystem,
    storage: FileCheckpointStorage,
    scratch: string,
    facts: { readonly checkpointId: number; readonly nowMs: number; readonly memoryBytesMax: number },
  ) {
    this.#files = files
    this.#storage = storage
    this.#scratch = scratch
    this.#checkpointId = facts.checkpointId
    this.nowMs = facts.nowMs
    this.#memoryBytesMax = facts.memoryBytesMax
  }

  /** An operator as it is in another snapshot. */
  async copy(operator: OperatorSnapshot, from: FileCheckpointStorage): Promise<OperatorSnapshot> {
    const batch = new GroupBatch((pieces) => this.#store(pieces))
    for (const { keyGroup, segments } of operator.keyGroups) {
      for (const ref of segments) {
        const { kind, entries, isContinuation = false } = ref
        await batch.add(keyGroup, { kind, entries, isContinuation, bytes: await from.readSegment(ref) })
      }
    }
    return { ...operator, keyGroups: await batch.finish() }
  }

  async operator(
    uid: string,
    state: OperatorState,
    graph: LogicalGraph,
    plan: PhysicalPlan,
  ): Promise<OperatorSnapshot> {
    const { name, maxParallelism } = placeOf(uid, plan)
    const declared = tablesOf(uid, graph)
    const tables = declared.map(({ descriptor }) => descriptor)
    const spool = new KeyGroupSpool(this.#files, `${this.#scratch}/input-${this.written.length}`, this.#memoryBytesMax)
    try {
      const records =
        state.kind === 'records'
          ? await this.#spoolRecords(state, spool, name, maxParallelism)
          : await this.#spoolEntries(state.entries, spool, { uid, declared, maxParallelism })
      const batch = new GroupBatch((pieces) => this.#store(pieces))
      for (const keyGroup of spool.keyGroups) {
        const target: SegmentTarget = {
          checkpointId: this.#checkpointId,
          operatorUid: uid,
          operatorName: name,
          keyGroup,
          maxParallelism,
          nowMs: this.nowMs,
        }
        const values = spool.values(keyGroup)
        const pieces =
          state.kind === 'records'
            ? await segmentsOfRecords(target, state, values)
            : await segmentsOfEntries(target, tables, values)
        spool.forget(keyGroup)
        for (const piece of pieces) await batch.add(keyGroup, piece)
      }
      const keyGroups = await batch.finish()
      this.written.push({ uid, records, keyGroups: keyGroups.length })
      return {
        uid,
        name,
        parallelism: 1,
        maxParallelism,
        tables,
        keyGroups,
        entries: [],
        committables: [],
        finishedSubtasks: [],
      }
    } finally {
      await spool.close()
    }
  }

  async #spoolRecords(
    { options }: OperatorState & { readonly kind: 'records' },
    spool: KeyGroupSpool,
    name: string,
    maxParallelism: number,
  ): Promise<number> {
    let records = 0
    for await (const record of options.records) {
      await spool.add(keyGroupOf(options.key(record), maxParallelism), record, `record ${records} for "${name}"`)
      records++
    }
    return records
  }

  async #spoolEntries(
    entries: Values<StoredStateEntry>,
    spool: KeyGroupSpool,
    { uid, declared, maxParallelism }: { uid: string; declared: readonly DeclaredTable[]; maxParallelism: number },
  ): Promise<number> {
    let written = 0
    for await (const entry of entries) {
      const addressed = addressEntry(entry, declared, { uid, nowMs: this.nowMs })
      const keyGroup = isPerKeyGroup(declared, addressed.table)
        ? checkedKeyGroup(entry.keyGroup, uid, maxParallelism)
        : keyGroupOf(entry.key, maxParallelism)
      if (entry.keyGroup !== undefined && entry.keyGroup !== keyGroup && isAnyPerKeyGroup(declared)) {
        throw otherKeyGroups(uid, maxParallelism)
      }
      await spool.add(keyGroup, addressed, `an entry of "${uid}"`)
      written++
    }
    return written
  }

  #store(pieces: readonly NewSegment[]): ReturnType<FileCheckpointStorage['writeSegments']> {
    return this.#storage.writeSegments({
      checkpointId: this.#checkpointId,
      attempt: 0,
      vertexId: 'savepoint',
      subtask: this.#batches++,
      pieces,
      inlineBytesMax: 0,
    })
  }
}

/** Collects segments of key groups, in the order of these, and stores several at once. */
class GroupBatch {
  readonly #store: (pieces: readonly NewSegment[]) => ReturnType<FileCheckpointStorage['writeSegments']>
  readonly #groups: { readonly keyGroup: number; readonly segments: KeyGroupSnapshot['segments'][number][] }[] = []
  #waiting: { readonly keyGroup: number; readonly piece: NewSegment }[] = []
  #bytes = 0

  constructor(store: (pieces: readonly NewSegment[]) => ReturnType<FileCheckpointStorage['writeSegments']>) {
    this.#store = store
  }

  async add(keyGroup: number, piece: NewSegment): Promise<void> {
    this.#waiting.push({ keyGroup, piece })
    this.#bytes += piece.bytes.length
    if (this.#bytes >= BATCH_BYTES) await this.#write()
  }

  async finish(): Promise<readonly KeyGroupSnapshot[]> {
    if (this.#waiting.length > 0) await this.#write()
    return this.#groups
  }

  async #write(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    this.#bytes = 0
    const refs = await this.#store(waiting.map(({ piece }) => piece))
    for (const [index, ref] of refs.entries()) {
      const { keyGroup } = waiting[index] as { keyGroup: number }
      let group = this.#groups.at(-1)
      if (group?.keyGroup !== keyGroup) {
        group = { keyGroup, segments: [] }
        this.#groups.push(group)
      }
      group.segments.push(ref)
    }
  }
}

function placeOf(uid: string, plan: PhysicalPlan): { readonly name: string; readonly maxParallelism: number } {
  for (const { steps, maxParallelism } of plan.vertices) {
    const step = steps.find((candidate) => candidate.uid === uid)
    if (step !== undefined) return { name: step.name, maxParallelism }
  }
  throw new MillraceError('INTERNAL', `The plan has no step "${uid}"`)
}

/** How far event time was is kept once per key group, under no key. */
const PER_KEY_GROUP: ReadonlySet<string> = new Set(['_window-progress'] satisfies TableDescriptor['name'][])

function isPerKeyGroup(declared: readonly DeclaredTable[], table: number): boolean {
  return PER_KEY_GROUP.has(declared[table]?.descriptor.name ?? '')
}

function isAnyPerKeyGroup(declared: readonly DeclaredTable[]): boolean {
  return declared.some((_, table) => isPerKeyGroup(declared, table))
}

function checkedKeyGroup(keyGroup: number | undefined, uid: string, maxParallelism: number): number {
  if (keyGroup !== undefined && Number.isInteger(keyGroup) && keyGroup >= 0 && keyGroup < maxParallelism)
    return keyGroup
  throw otherKeyGroups(uid, maxParallelism)
}

function otherKeyGroups(uid: string, maxParallelism: number): MillraceError {
  return new MillraceError(
    'STATE_MISREAD',
    `The entries of "${uid}" are from a job with another number of key groups than ${maxParallelism}`,
    {
      details: { operator: uid, maxParallelism },
      hint: 'Windows keep per key group what has fired: write the savepoint with the maxParallelism that their job had.',
    },
  )
}

/** With everything in it. */
async function removeFolder(files: FileSystem, path: string): Promise<void> {
  if ((await files.stat(path)) === undefined) return
  for (const { name, kind } of await files.list(path)) {
    if (kind === 'folder') await removeFolder(files, `${path}/${name}`)
    else await files.remove(`${path}/${name}`)
  }
  await files.removeFolder(path)
}
