/** A snapshot encoded to its end, with all of its pieces in memory: for state that is known to be small, and for tools. */
import type { KeyedSnapshot, SnapshotPiece } from './state-backend.ts'

/** `budgetMs`: of each step; by default all is encoded at once. */
export function encodeWhole(snapshot: KeyedSnapshot, budgetMs = Number.POSITIVE_INFINITY): readonly SnapshotPiece[] {
  const pieces: SnapshotPiece[] = []
  for (;;) {
    const isDone = snapshot.encode(budgetMs)
    for (const piece of snapshot.takePieces()) {
      pieces.push(piece)
      snapshot.release(piece.bytes.length)
    }
    if (isDone) return pieces
  }
}
