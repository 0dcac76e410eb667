/**
 * What is wrong with the disks of a simulation, and for how long: operations fail, local stores have no room, syncs say that
 * they are done and are not, bytes of stored checkpoints change. It remembers which files may be damaged by that, so that an
 * error about any other is a fault of the engine.
 */
import { type ErrorData, type FileErrorKind, MillraceError } from '@millrace/api'
import type { SeededRandom } from '../random/seeded-random.ts'
import type { DiskOperation, SimulatedDisk } from '../sim-disk/simulated-disk.ts'
import type { ActionLog } from './action-log.ts'

interface Failing {
  readonly kind: FileErrorKind
  /** Paths that begin so. */
  readonly folder: string
  operations: number
  readonly chance: number
}

/** What a checkpoint is read from; the lock and the name of its history are not. */
const CHECKPOINT_FILE = /\/(shared\/[^/]+|chk-\d+\/_metadata)$/
const CHECKPOINT_FILE_WRITTEN = /\/(shared\/[^/]+|chk-\d+\/_metadata\.tmp)$/
const DAMAGED_CODES: ReadonlySet<string> = new Set(['CHECKPOINT_DAMAGED', 'BYTES_DAMAGED'])

export class DiskTrouble {
  readonly #random: SeededRandom
  readonly #log: ActionLog
  readonly #checkpointFolder: string
  #failing: Failing | undefined
  /** The process that runs has met a failing disk. */
  hadTrouble = false
  /** Writings of local state stores that fail. */
  #storeFaults = 0
  /** Syncs of files of checkpoints that do nothing. */
  #lies = 0
  readonly #liedAbout = new Set<string>()
  readonly #damaged = new Set<string>()

  constructor(random: SeededRandom, log: ActionLog, checkpointFolder: string) {
    this.#random = random
    this.#log = log
    this.#checkpointFolder = checkpointFolder
  }

  /** Files of checkpoints that may hold other bytes than were written. */
  get damaged(): ReadonlySet<string> {
    return this.#damaged
  }

  onProcess(): void {
    this.hadTrouble = this.#failing !== undefined
  }

  fail(kind: FileErrorKind, folder: string): void {
    const operations = 1 + this.#random.below(20)
    this.#failing = { kind, folder, operations, chance: this.#random.pick([0.2, 0.5, 1]) }
    this.hadTrouble = true
  }

  failStores(): void {
    this.#storeFaults = 1 + this.#random.below(3)
  }

  lie(): void {
    this.#lies = 1 + this.#random.below(6)
  }

  /** Changes a byte of a stored checkpoint; false when there is none. */
  rot(disk: SimulatedDisk): boolean {
    const files = [...disk.contents()]
      .map(([path, bytes]) => [path.startsWith('/') ? path : `/${path}`, bytes.length] as const)
      .filter(([path, length]) => length > 0 && CHECKPOINT_FILE.test(path) && path.startsWith(this.#checkpointFolder))
    if (files.length === 0) return false
    const [path, length] = this.#random.pick(files)
    disk.corrupt(path, this.#random.below(length))
    this.#damaged.add(path)
    return true
  }

  /** Somebody looks after the disk. */
  calm(): void {
    this.#failing = undefined
  }

  /** The machine has lost what was not synced. */
  onCrash(): void {
    for (const path of this.#liedAbout) this.#damaged.add(path)
    this.#liedAbout.clear()
  }

  faultOf({ kind, path }: DiskOperation): FileErrorKind | undefined {
    const failing = this.#failing
    if (failing === undefined || kind === 'close' || !path.startsWith(failing.folder)) return undefined
    if (--failing.operations <= 0) this.#failing = undefined
    if (!this.#random.chance(failing.chance)) return undefined
    const isWriting = kind === 'write' || kind === 'create' || kind === 'make-folder' || kind === 'sync'
    if (failing.kind === 'no-space' && !isWriting) return undefined
    this.#log.add(`disk-failed:${kind}`)
    return failing.kind
  }

  /** Whether a sync that takes effect only says so. */
  isLie({ kind, path }: DiskOperation): boolean {
    if (this.#lies === 0 || kind !== 'sync') return false
    if (!CHECKPOINT_FILE_WRITTEN.test(path) || !path.startsWith(this.#checkpointFolder)) return false
    this.#lies--
    this.#log.add('disk-lied', path)
    this.#liedAbout.add(path.replace(/\.tmp$/, ''))
    return true
  }

  /** Throws what a local state store meets when its disk is full. */
  onStoreWriting(): void {
    if (this.#storeFaults === 0) return
    this.#storeFaults--
    this.#log.add('disk-failed:local')
    throw new MillraceError('DISK_FAILED', `injected: no room for a local state store, ${this.#log.total}`)
  }

  /** Whether damage explains an error: it has to name a file that may be damaged, or the checkpoint whose manifest is. */
  explains(error: ErrorData): boolean {
    if (!isDamage(error)) return false
    const text = JSON.stringify(error)
    return [...this.#damaged].some((path) => new RegExp(`${path.replace(/\/_metadata$/, '')}(?!\\d)`).test(text))
  }
}

/** Whether an error, or what caused it, says that bytes are damaged. */
export function isDamage(error: ErrorData): boolean {
  for (let each: ErrorData | undefined = error; each !== undefined; each = each.cause) {
    if (each.code !== undefined && DAMAGED_CODES.has(each.code)) return true
  }
  return false
}
