/** What a snapshot of the tables of a backend is begun with. */

/** The tables of one operator. */
export interface OperatorTables<Table> {
  readonly uid: string
  readonly tables: Table[]
  readonly byName: Map<string, Table>
  /** Per key group of the range: 1 when a completed snapshot holds a base that deltas can build on. */
  readonly hasBase: Uint8Array
}

export interface SnapshotBounds {
  readonly id: number
  /** What was written in this epoch and before belongs to it. */
  readonly epoch: number
  /** Deltas hold what is newer than this. */
  readonly completedEpoch: number
  /** What came later no other snapshot knows that is complete or may become so. */
  readonly knownEpoch: number
  readonly firstGroup: number
  /** Entries between two looks at the clock. */
  readonly stepEntries: number
  /** Wall clock when it began: what had expired by then is in no base. */
  readonly nowMs: number
  /** What it may hold of encoded entries; default: `SNAPSHOT_BYTES_MAX`. */
  readonly heldBytesMax?: number | undefined
}

export interface SnapshotPlan<Table> {
  readonly bounds: SnapshotBounds
  readonly operators: Iterable<OperatorTables<Table>>
  decide(operatorUid: string, keyGroup: number): 'base' | 'delta'
  monotonicMs(): number
  /** Everything is encoded: the view may be given up. */
  onDone(): void
}
