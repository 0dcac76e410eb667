/**
 * The segments of one snapshot while they are encoded, for every backend: one is open for each operator and key group that
 * has something to say; what is finished waits to be written. When the open ones take too much memory together, the largest are finished as pieces
 * and continued in others.
 *
 * Invariant: what encoding holds stays within `heldBytesMax` and one entry, whatever the size of the state. Two things may go
 * beyond: entries that were encoded because they were about to change (`isOverdrawn` says when that must end), and, where
 * there are very many key groups, one segment of `PIECE_SHARE_MIN` each: smaller pieces would make manifests large. Those are open until
 * all is encoded, so that nothing ever waits for them.
 */
import { finishedSegmentChecksum, SegmentWriter, type SnapshotPiece, type TableDescriptor } from '@millrace/core'

/** What the snapshot of one subtask may hold of encoded state; less in a small heap (`slotStateSettingsOf`). */
export const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024

/**
 * Shares of what may be held: in open segments, in finished pieces, and in buffers of finished segments for those that continue
 * them: new ones all the time would keep the garbage collector busy. What is left is the room of a segment that grows.
 */
const OPEN_SHARE = 10 / 16
const FINISHED_SHARE = 4 / 16
const SPARE_SHARE = 1 / 16
/** A segment does not grow beyond this, so much is finished at once, and so much is worth a write. */
const PIECE_SHARE = 1 / 16
const PIECE_SHARE_MIN = 1 / 512
/** Pieces that are not written yet may take so many times what may be held, where entries had to be encoded because they changed. */
const OVERDRAFT = 4
const WRITER_BYTES_INITIAL = 512

/** The segments of one operator. */
export class OperatorPieces {
  readonly operatorUid: string
  readonly tables: readonly TableDescriptor[]
  /** Per key group of the range: 1 for a base. */
  readonly isBase: Uint8Array
  /** Per key group: the open segment, and how much of its memory is counted. */
  readonly writers: (SegmentWriter | undefined)[]
  readonly countedBytes: number[]
  /** Per key group: 1 when a piece of it is finished, which the next one continues. */
  readonly hasPiece: Uint8Array

  constructor(operatorUid: string, tables: readonly TableDescriptor[], isBase: Uint8Array) {
    this.operatorUid = operatorUid
    this.tables = tables
    this.isBase = isBase
    this.writers = new Array<SegmentWriter | undefined>(isBase.length).fill(undefined)
    this.countedBytes = new Array<number>(isBase.length).fill(0)
    this.hasPiece = new Uint8Array(isBase.length)
  }
}

export class SnapshotPieces {
  readonly #checkpointId: number
  readonly #firstGroup: number
  readonly #heldBytesMax: number
  readonly #operators: OperatorPieces[] = []
  #openBytes = 0
  /** When open segments take more, some are finished. */
  #cutAboveBytes: number
  #finished: SnapshotPiece[] = []
  #finishedBytes = 0
  /** Of pieces that are being written. */
  #takenBytes = 0
  readonly #spare: Uint8Array[] = []
  #spareBytes = 0

  constructor(checkpointId: number, firstGroup: number, heldBytesMax = SNAPSHOT_BYTES_MAX) {
    this.#checkpointId = checkpointId
    this.#firstGroup = firstGroup
    this.#heldBytesMax = heldBytesMax
    this.#cutAboveBytes = heldBytesMax * OPEN_SHARE
  }

  /** See `KeyedSnapshot`, as the next two. */
  get heldBytes(): number {
    return this.#openBytes + this.#finishedBytes + this.#takenBytes + this.#spareBytes
  }

  get isFull(): boolean {
    return this.#finishedBytes + this.#takenBytes >= this.#heldBytesMax * FINISHED_SHARE
  }

  get isOverdrawn(): boolean {
    return this.#finishedBytes + this.#takenBytes > this.#heldBytesMax * OVERDRAFT
  }

  add(operator: OperatorPieces): void {
    this.#operators.push(operator)
  }

  /** The open segment of a key group (its number within the range). Whoever has written to it calls `onWritten`. */
  writerOf(operator: OperatorPieces, group: number): SegmentWriter {
    let writer = operator.writers[group]
    if (writer === undefined) {
      writer = new SegmentWriter(
        {
          kind: operator.isBase[group] === 1 ? 'base' : 'delta',
          checkpointId: this.#checkpointId,
          operatorUid: operator.operatorUid,
          keyGroup: this.#firstGroup + group,
          tables: operator.tables,
        },
        this.#takeSpare(operator, group) ?? WRITER_BYTES_INITIAL,
      )
      operator.writers[group] = writer
    }
    return writer
  }

  onWritten(operator: OperatorPieces, group: number, { capacityBytes }: SegmentWriter): void {
    if (capacityBytes !== operator.countedBytes[group]) this.#onGrown(operator, group, capacityBytes)
  }

  /** Finishes what is open, a segment at a time. */
  *finish(): Generator<void> {
    for (const operator of this.#operators) {
      for (let group = 0; group < operator.writers.length; group++) {
        if (operator.writers[group] === undefined) continue
        this.#finish(operator, group)
        yield
      }
    }
    this.#spare.length = 0
    this.#spareBytes = 0
  }

  /** `isLast`: nothing more is encoded, so all are taken, whether or not they are worth a write. */
  take(isLast: boolean): readonly SnapshotPiece[] {
    const isWorthIt = this.isFull || this.#finishedBytes >= this.#heldBytesMax * PIECE_SHARE
    if (!isLast && !isWorthIt) return []
    const pieces = this.#finished
    this.#finished = []
    this.#takenBytes += this.#finishedBytes
    this.#finishedBytes = 0
    return pieces
  }

  release(bytes: number): void {
    this.#takenBytes -= bytes
  }

  #onGrown(operator: OperatorPieces, group: number, capacityBytes: number): void {
    this.#openBytes += capacityBytes - (operator.countedBytes[group] as number)
    operator.countedBytes[group] = capacityBytes
    if (capacityBytes > this.#heldBytesMax * PIECE_SHARE) this.#finish(operator, group)
    else if (this.#openBytes > this.#cutAboveBytes) this.#finishLargest()
  }

  #finishLargest(): void {
    const bytesMin = this.#heldBytesMax * PIECE_SHARE_MIN
    const large: { readonly operator: OperatorPieces; readonly group: number; readonly bytes: number }[] = []
    for (const operator of this.#operators) {
      for (const [group, writer] of operator.writers.entries()) {
        const bytes = writer?.lengthBytes ?? 0
        if (bytes >= bytesMin) large.push({ operator, group, bytes })
      }
    }
    large.sort((a, b) => b.bytes - a.bytes)
    const enough = this.#openBytes - this.#heldBytesMax * PIECE_SHARE
    for (const { operator, group } of large) {
      if (this.#openBytes <= enough) break
      this.#finish(operator, group)
    }
    const openBytesMax = this.#heldBytesMax * OPEN_SHARE
    // Many small ones take more: it is not looked again at each growth of one of them.
    this.#cutAboveBytes =
      this.#openBytes > openBytesMax ? this.#openBytes + this.#heldBytesMax * PIECE_SHARE : openBytesMax
  }

  #finish(operator: OperatorPieces, group: number): void {
    const writer = operator.writers[group] as SegmentWriter
    const { entries } = writer
    const bytes = writer.finish()
    this.#finished.push({
      operatorUid: operator.operatorUid,
      keyGroup: this.#firstGroup + group,
      kind: operator.isBase[group] === 1 ? 'base' : 'delta',
      isContinuation: operator.hasPiece[group] === 1,
      bytes,
      crc32c: finishedSegmentChecksum(bytes),
      entries,
    })
    this.#finishedBytes += bytes.length
    this.#openBytes -= operator.countedBytes[group] as number
    operator.countedBytes[group] = 0
    operator.writers[group] = undefined
    operator.hasPiece[group] = 1
    this.#keepSpare(writer.buffer)
  }

  #keepSpare(buffer: Uint8Array): void {
    if (this.#spareBytes + buffer.length > this.#heldBytesMax * SPARE_SHARE) return
    this.#spare.push(buffer)
    this.#spareBytes += buffer.length
  }

  /** For a segment that continues another and so is likely to become as large, unless an almost empty one would press others out. */
  #takeSpare(operator: OperatorPieces, group: number): Uint8Array | undefined {
    const next = this.#spare.at(-1)
    if (next === undefined || operator.hasPiece[group] === 0) return undefined
    if (this.#openBytes + next.length > this.#heldBytesMax * OPEN_SHARE) return undefined
    this.#spare.pop()
    this.#spareBytes -= next.length
    return next
  }
}
