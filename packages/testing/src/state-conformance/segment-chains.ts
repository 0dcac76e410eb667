/** The segments of keyed state as a checkpoint names them, in memory: enough to take snapshots and to restore from them. */
import {
  type KeyedSnapshot,
  type KeyedStateBackend,
  measureChain,
  NewerEntries,
  type RestoredSegment,
  type SnapshotPiece,
} from '@millrace/core'

interface Chain {
  readonly operatorUid: string
  readonly keyGroup: number
  readonly segments: readonly RestoredSegment[]
}

/** Immutable: a base and deltas, with their continuations, per operator and key group. */
export class SegmentChains {
  static readonly EMPTY: SegmentChains = new SegmentChains(new Map())
  readonly #chains: ReadonlyMap<string, Chain>

  private constructor(chains: ReadonlyMap<string, Chain>) {
    this.#chains = chains
  }

  /** A base where there is none yet or `deltasMax` deltas are there, else a delta. */
  decide(deltasMax: number): (operatorUid: string, keyGroup: number) => 'base' | 'delta' {
    return (operatorUid, keyGroup) => {
      const chain = this.#chains.get(chainKey(operatorUid, keyGroup))
      if (chain === undefined) return 'base'
      return measureChain(chain.segments.map(({ ref }) => ref)).deltas >= deltasMax ? 'base' : 'delta'
    }
  }

  /** With the pieces of a snapshot for which `decide` gave the answers; an absent base means that there is no state. */
  with(id: number, decided: ReadonlyMap<string, 'base' | 'delta'>, pieces: readonly SnapshotPiece[]): SegmentChains {
    const chains = new Map(this.#chains)
    for (const [key, kind] of decided) if (kind === 'base') chains.delete(key)
    for (const piece of pieces) {
      const key = chainKey(piece.operatorUid, piece.keyGroup)
      if (decided.get(key) !== piece.kind) throw new Error(`a ${piece.kind} for ${key} that was not asked for`)
      const earlier = chains.get(key)?.segments ?? []
      const { operatorUid, keyGroup } = piece
      chains.set(key, { operatorUid, keyGroup, segments: [...earlier, segmentOf(id, piece)] })
    }
    return new SegmentChains(chains)
  }

  /** All chains of several subtasks. */
  static union(parts: readonly SegmentChains[]): SegmentChains {
    return new SegmentChains(new Map(parts.flatMap((part) => [...part.#chains])))
  }

  /** Restores the key groups that belong to the backend: each as a whole, or in parts of some segments, the newest first. */
  restoreInto(backend: KeyedStateBackend, how: 'whole' | { readonly partSegments: number } = 'whole'): void {
    const { first, last } = backend.keyGroups
    for (const { operatorUid, keyGroup, segments } of this.#chains.values()) {
      if (keyGroup < first || keyGroup > last) continue
      if (how === 'whole') {
        backend.restore(keyGroup, operatorUid, segments)
        continue
      }
      const newer = new NewerEntries()
      const backwards = segments.toReversed()
      for (let at = 0; at < backwards.length; at += how.partSegments) {
        backend.restore(keyGroup, operatorUid, backwards.slice(at, at + how.partSegments), newer)
      }
    }
  }

  /** Those of the key groups of a backend. */
  within(backend: KeyedStateBackend): SegmentChains {
    const { first, last } = backend.keyGroups
    return new SegmentChains(
      new Map([...this.#chains].filter(([, { keyGroup }]) => keyGroup >= first && keyGroup <= last)),
    )
  }

  /** The lengths of the chains, for tests that want to see deltas. */
  get segments(): readonly RestoredSegment[] {
    return [...this.#chains.values()].flatMap(({ segments }) => segments)
  }
}

/** A snapshot that is being taken over the chains of the last completed one. */
export class OpenChainsSnapshot {
  readonly id: number
  readonly #earlier: SegmentChains
  readonly #decided = new Map<string, 'base' | 'delta'>()
  readonly #snapshot: KeyedSnapshot
  readonly #pieces: SnapshotPiece[] = []

  constructor(backend: KeyedStateBackend, earlier: SegmentChains, id: number, deltasMax: number) {
    this.id = id
    this.#earlier = earlier
    const decide = earlier.decide(deltasMax)
    this.#snapshot = backend.beginSnapshot(id, (operatorUid, keyGroup) => {
      const kind = decide(operatorUid, keyGroup)
      this.#decided.set(chainKey(operatorUid, keyGroup), kind)
      return kind
    })
  }

  /** Encoded bytes that are in memory. */
  get heldBytes(): number {
    return this.#snapshot.heldBytes
  }

  /** One bounded step; true when everything is encoded. Pieces are written at once, as far as the backend knows. */
  step(): boolean {
    const isDone = this.#snapshot.encode(0)
    for (const piece of this.#snapshot.takePieces()) {
      this.#pieces.push(piece)
      this.#snapshot.release(piece.bytes.length)
    }
    return isDone
  }

  /** Encodes what is left and gives the chains with it. */
  finish(): SegmentChains {
    while (!this.step());
    return this.#earlier.with(this.id, this.#decided, this.#pieces)
  }
}

function segmentOf(
  checkpointId: number,
  { kind, isContinuation, bytes, crc32c, entries }: SnapshotPiece,
): RestoredSegment {
  return {
    ref: {
      kind,
      ...(isContinuation ? { isContinuation } : {}),
      checkpointId,
      location: { kind: 'inline', base64: '' },
      lengthBytes: bytes.length,
      crc32c,
      entries,
    },
    bytes,
  }
}

function chainKey(operatorUid: string, keyGroup: number): string {
  return `${keyGroup}/${operatorUid}`
}
