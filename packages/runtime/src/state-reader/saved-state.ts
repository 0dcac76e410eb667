/**
 * The keyed state of a checkpoint or savepoint, entry by entry, without the job that wrote it: state stores its own types. A key
 * group is read at a time, so that only that much is in memory. Reads only.
 */
import { type FileSystem, MillraceError, nearestName } from '@millrace/api'
import {
  ByteWriter,
  type CheckpointManifest,
  canonicalKey,
  encodeValue,
  type KeyGroupSnapshot,
  keyGroupOf,
  type OperatorSnapshot,
  type RestoredSegment,
  type TableDescriptor,
} from '@millrace/core'
import {
  FileCheckpointStorage,
  type OpenedSnapshot,
  openSnapshot,
} from '../checkpoint-storage/file-checkpoint-storage.ts'
import { type RestoredEntry, readGroup } from '../state/restored-group.ts'

/** One entry of one state, as a restore would read it. */
export interface SavedEntry {
  readonly operatorUid: string
  readonly state: TableDescriptor
  readonly keyGroup: number
  readonly key: unknown
  /** Of map state, the key within the map; of timers and windows their time (epoch ms); else `undefined`. */
  readonly sub: unknown
  readonly value: unknown
  /** Wall clock, epoch ms; for state with a time to live. */
  readonly writtenAtMs: number | undefined
  /** Of lists with a time to live, one for each element, where they have times of their own. */
  readonly elementTimesMs?: readonly number[]
}

/** Which entries are wanted; what is left out is not looked at. */
export interface EntryFilter {
  /** Uid of the operator. */
  readonly operator?: string | undefined
  /** Name of the state. */
  readonly state?: string | undefined
  readonly keyGroup?: number | undefined
  /** One key, whose key group alone is then read. Given as an object, since `undefined` would be no key. */
  readonly key?: { readonly is: unknown } | undefined
}

export class SavedState {
  /** As it was named. */
  readonly path: string
  readonly manifest: CheckpointManifest
  readonly #files: FileSystem
  readonly #manifestFile: string
  readonly #storage: FileCheckpointStorage

  private constructor(path: string, files: FileSystem, { manifest, manifestFile, folder }: OpenedSnapshot) {
    this.path = path
    this.manifest = manifest
    this.#files = files
    this.#manifestFile = manifestFile
    this.#storage = new FileCheckpointStorage(files, folder)
  }

  /** `path`: the folder of a savepoint or checkpoint, or the `_metadata` in it. Throws as `openSnapshot`. */
  static async open(files: FileSystem, path: string): Promise<SavedState> {
    return new SavedState(path, files, await openSnapshot(files, path))
  }

  /** The operators that the filter leaves; throws `STATE_NOT_FOUND` for one, or a state, that is not there. */
  operators({ operator, state }: EntryFilter = {}): readonly OperatorSnapshot[] {
    const found = this.#operatorsOf(operator)
    if (found.length === 0 && operator !== undefined) {
      throw this.#notFound(
        'operator',
        operator,
        this.manifest.operators.map(({ uid }) => uid),
      )
    }
    const names = stateNamesOf(found)
    if (state !== undefined && !names.includes(state)) throw this.#notFound('state', state, names)
    return found
  }

  /** Whether the operator and the state that the filter names are there. */
  has({ operator, state }: EntryFilter): boolean {
    const found = this.#operatorsOf(operator)
    if (operator !== undefined && found.length === 0) return false
    return state === undefined || stateNamesOf(found).includes(state)
  }

  /** The key groups of an operator that the filter leaves: where a key is named, the one that it belongs to. */
  keyGroupsOf({ keyGroups, maxParallelism }: OperatorSnapshot, filter: EntryFilter = {}): readonly KeyGroupSnapshot[] {
    const { key } = filter
    const wanted = [
      ...(filter.keyGroup === undefined ? [] : [filter.keyGroup]),
      ...(key === undefined ? [] : [keyGroupOf(key.is, maxParallelism)]),
    ]
    return keyGroups.filter(({ keyGroup }) => wanted.every((each) => each === keyGroup))
  }

  /**
   * Key group by key group, in no particular order within one. Throws `CHECKPOINT_DAMAGED` and `BYTES_DAMAGED`, and
   * `CHECKPOINT_NOT_FOUND` for a checkpoint that its job has removed meanwhile.
   */
  async *entries(filter: EntryFilter = {}): AsyncGenerator<SavedEntry> {
    for (const operator of this.operators(filter)) {
      for (const snapshot of this.keyGroupsOf(operator, filter)) {
        yield* await this.groupEntries(operator, snapshot, filter)
      }
    }
  }

  /** The entries of one key group of one operator. */
  async groupEntries(
    { uid }: OperatorSnapshot,
    { keyGroup, segments }: KeyGroupSnapshot,
    { state, key }: EntryFilter = {},
  ): Promise<readonly SavedEntry[]> {
    const bytes = await this.#storage.readSegments(segments).catch(async (error: unknown) => {
      throw (await this.#files.stat(this.#manifestFile)) === undefined ? this.#removed(error) : error
    })
    const read = segments.map((ref, index): RestoredSegment => ({ ref, bytes: bytes[index] as Uint8Array }))
    const wanted = key === undefined ? undefined : encoded(canonicalKey(key.is))
    const found: SavedEntry[] = []
    for (const table of readGroup(keyGroup, uid, read)) {
      if (state !== undefined && table.descriptor.name !== state) continue
      for (const entry of table.entries()) {
        if (wanted !== undefined && Buffer.compare(encoded(entry.key), wanted) !== 0) continue
        found.push({ operatorUid: uid, state: table.descriptor, keyGroup, ...entry })
      }
    }
    return found
  }

  #operatorsOf(uid: string | undefined): readonly OperatorSnapshot[] {
    const all = this.manifest.operators
    return uid === undefined ? all : all.filter((each) => each.uid === uid)
  }

  /** A job removes a manifest before what it names, so that nothing is damaged. */
  #removed(cause: unknown): MillraceError {
    return new MillraceError('CHECKPOINT_NOT_FOUND', `${this.path} was removed while it was read`, {
      details: { path: this.path },
      hint: 'A running job removes its older checkpoints: read a newer one, retain more of them (execution.checkpointing.num-retained), or read a savepoint.',
      cause,
    })
  }

  #notFound(what: string, name: string, names: readonly string[]): MillraceError {
    const near = nearestName(name, names)
    const has = names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`
    return new MillraceError('STATE_NOT_FOUND', `There is no ${what} "${name}" in ${this.path}`, {
      details: { path: this.path, [what]: name },
      hint: near === undefined ? has : `Did you mean "${near}"? ${has}`,
    })
  }
}

/** Whether an entry is no longer returned: its state has a time to live, and that is over. */
export function isExpired({ state: { ttlMs }, writtenAtMs }: SavedEntry, nowMs: number): boolean {
  return ttlMs !== undefined && writtenAtMs !== undefined && nowMs - writtenAtMs >= ttlMs
}

/** Bytes of an entry's key, inner key and value as they are stored. */
export function entryBytes({ key, sub, value }: RestoredEntry): number {
  return encoded(key).length + (sub === undefined ? 0 : encoded(sub).length) + encoded(value).length
}

/** The bytes that stand for a stored value; the same value gives the same ones. */
export function encoded(value: unknown): Uint8Array {
  const writer = new ByteWriter(64)
  encodeValue(writer, value)
  return writer.toBytes()
}

function stateNamesOf(operators: readonly OperatorSnapshot[]): readonly string[] {
  return [...new Set(operators.flatMap(({ tables }) => tables.map(({ name }) => name)))]
}
