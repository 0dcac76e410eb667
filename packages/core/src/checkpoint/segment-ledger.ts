/**
 * What one task knows of the segments of its keyed state: per operator and key group, the chain (one base, then deltas)
 * of the last completed checkpoint. It decides whether a base or a delta is written next, and which segments a new
 * snapshot names. It reads and writes no bytes.
 *
 * Invariant: a chain that it names consists of segments of completed checkpoints, plus at most one base or delta, with its
 * continuations, of the snapshot that is being taken. A savepoint is a full checkpoint that is also copied (decision 0006): what comes after it
 * builds on it as on any other.
 */
import type { CheckpointId, SnapshotKind } from '../channel/stream-element.ts'
import type { KeyGroupSnapshot, SegmentRef } from './manifest.ts'
import { continues, measureChain } from './segment-chain.ts'

/** A chain holds at most this many deltas. */
export const DELTAS_MAX = 8
/** Deltas together may reach this share of their base. */
export const DELTA_SHARE_MAX = 0.5
/** A base this small is written again rather than followed by deltas. */
const BASE_BYTES_MIN = 1_024
/** A file of which less than this share is still named is emptied by writing new bases. */
export const LIVE_SHARE_MIN = 0.5

/** Whether the next segment over a chain is a base or a delta. */
export function decideSegmentKind(chain: readonly SegmentRef[], snapshotKind: SnapshotKind): 'base' | 'delta' {
  if (chain.length === 0 || snapshotKind !== 'checkpoint') return 'base'
  const { baseBytes, deltas, deltaBytes } = measureChain(chain)
  if (deltas >= DELTAS_MAX) return 'base'
  return deltaBytes >= Math.max(baseBytes, BASE_BYTES_MIN) * DELTA_SHARE_MAX ? 'base' : 'delta'
}

/** A segment that was stored for a snapshot. */
export interface StoredPiece {
  readonly operatorUid: string
  readonly keyGroup: number
  readonly ref: SegmentRef
}

export interface OperatorKeyGroups {
  readonly operatorUid: string
  readonly keyGroups: readonly KeyGroupSnapshot[]
}

interface OpenSnapshot {
  readonly decided: Map<string, 'base' | 'delta'>
  /** What its deltas build on: the chains when it began, whatever completes meanwhile. */
  readonly earlier: ReadonlyMap<string, readonly SegmentRef[]>
  /** Set when the pieces are stored. */
  chains: ReadonlyMap<string, readonly SegmentRef[]> | undefined
}

export class SegmentLedger {
  #chains: ReadonlyMap<string, readonly SegmentRef[]>
  readonly #open = new Map<CheckpointId, OpenSnapshot>()
  /** The largest known extent per file, to tell how much of it is dead. */
  readonly #fileBytes = new Map<string, number>()

  /** `restored`: the key groups of this task in the checkpoint that it starts from. */
  constructor(restored: readonly OperatorKeyGroups[] = []) {
    const chains = new Map<string, readonly SegmentRef[]>()
    for (const { operatorUid, keyGroups } of restored) {
      for (const { keyGroup, segments } of keyGroups) chains.set(chainKey(operatorUid, keyGroup), segments)
    }
    this.#chains = chains
    this.#noteFiles(chains)
  }

  /** For `KeyedStateBackend.beginSnapshot`. The answers are remembered for `chainsOf`. */
  decide(id: CheckpointId, snapshotKind: SnapshotKind): (operatorUid: string, keyGroup: number) => 'base' | 'delta' {
    const decided = new Map<string, 'base' | 'delta'>()
    this.#open.set(id, { decided, earlier: this.#chains, chains: undefined })
    const sparse = this.#sparseFiles()
    return (operatorUid, keyGroup) => {
      const key = chainKey(operatorUid, keyGroup)
      const chain = this.#chains.get(key) ?? []
      const isSparse = chain.some(({ location }) => location.kind === 'file' && sparse.has(location.file))
      const kind = isSparse ? 'base' : decideSegmentKind(chain, snapshotKind)
      decided.set(key, kind)
      return kind
    }
  }

  /**
   * All key groups of snapshot `id`, for the acknowledgement: the chains with the new pieces, in the order of encoding. A group that was to
   * get a base and got none has no state any more; a group that was not asked for, or got no delta, is unchanged.
   */
  chainsOf(id: CheckpointId, pieces: readonly StoredPiece[]): readonly OperatorKeyGroups[] {
    const open = this.#open.get(id)
    if (open === undefined) throw new Error(`snapshot ${id} was not begun or has ended`)
    const chains = new Map(open.earlier)
    for (const [key, kind] of open.decided) if (kind === 'base') chains.delete(key)
    const grown = new Map<string, SegmentRef[]>()
    for (const { operatorUid, keyGroup, ref } of pieces) {
      const key = chainKey(operatorUid, keyGroup)
      const chain = grown.get(key) ?? (ref.kind === 'base' ? [] : [...(chains.get(key) ?? [])])
      const isAskedFor = ref.kind === (open.decided.get(key) ?? 'base') && fitsBehind(ref, chain, grown.has(key))
      if (!isAskedFor) {
        throw new Error(`a ${ref.kind} for key group ${keyGroup} of ${operatorUid} that was not asked for`)
      }
      chain.push(ref)
      grown.set(key, chain)
    }
    for (const [key, chain] of grown) chains.set(key, chain)
    open.chains = chains
    return groupByOperator(chains)
  }

  /** Checkpoint `id` is complete: what it names is what the next deltas build on. */
  onComplete(id: CheckpointId): void {
    const open = this.#open.get(id)
    this.#open.delete(id)
    if (open?.chains === undefined) return
    this.#chains = open.chains
    this.#noteFiles(open.chains)
    for (const older of [...this.#open.keys()]) if (older < id) this.#open.delete(older)
  }

  onAborted(id: CheckpointId): void {
    this.#open.delete(id)
  }

  /** Bytes that the last completed checkpoint names for this task. */
  get stateBytes(): number {
    return [...this.#chains.values()].flat().reduce((sum, ref) => sum + ref.lengthBytes, 0)
  }

  #noteFiles(chains: ReadonlyMap<string, readonly SegmentRef[]>): void {
    const live = new Set<string>()
    for (const { location, lengthBytes } of [...chains.values()].flat()) {
      if (location.kind !== 'file') continue
      live.add(location.file)
      const end = location.offsetBytes + lengthBytes
      this.#fileBytes.set(location.file, Math.max(end, this.#fileBytes.get(location.file) ?? 0))
    }
    for (const file of this.#fileBytes.keys()) if (!live.has(file)) this.#fileBytes.delete(file)
  }

  #sparseFiles(): ReadonlySet<string> {
    const liveBytes = new Map<string, number>()
    for (const { location, lengthBytes } of [...this.#chains.values()].flat()) {
      if (location.kind === 'file') liveBytes.set(location.file, (liveBytes.get(location.file) ?? 0) + lengthBytes)
    }
    const sparse = new Set<string>()
    for (const [file, bytes] of this.#fileBytes) {
      if ((liveBytes.get(file) ?? 0) < bytes * LIVE_SHARE_MIN) sparse.add(file)
    }
    return sparse
  }
}

/** `isGrown`: the snapshot has a piece in the chain already. */
function fitsBehind(ref: SegmentRef, chain: readonly SegmentRef[], isGrown: boolean): boolean {
  if (ref.isContinuation === true) return isGrown && continues(ref, chain.at(-1))
  return !isGrown && (ref.kind === 'base' || chain.length > 0)
}

function chainKey(operatorUid: string, keyGroup: number): string {
  return `${keyGroup}/${operatorUid}`
}

function groupByOperator(chains: ReadonlyMap<string, readonly SegmentRef[]>): readonly OperatorKeyGroups[] {
  const operators = new Map<string, KeyGroupSnapshot[]>()
  for (const [key, segments] of chains) {
    const slash = key.indexOf('/')
    const uid = key.slice(slash + 1)
    const groups = operators.get(uid) ?? []
    groups.push({ keyGroup: Number(key.slice(0, slash)), segments })
    operators.set(uid, groups)
  }
  return [...operators].map(([operatorUid, keyGroups]) => ({
    operatorUid,
    keyGroups: keyGroups.sort((a, b) => a.keyGroup - b.keyGroup),
  }))
}
