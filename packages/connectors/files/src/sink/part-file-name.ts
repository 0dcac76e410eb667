/**
 * Names of part files. A finished part tells whose it is and from which checkpoint on it counts; a temporary one begins
 * with a dot, so that readers of the folder leave it out, and carries the whole lineage, so that only its own job
 * removes it.
 *
 *   finished   part-<lineage: 8 hex>-<sink: 6 hex>-<epoch>-<subtask>-<counter>-<nonce>.csv
 *   temporary  .part-<lineage: 16 hex>-<sink: 6 hex>-<subtask>-<counter>-<nonce>.<copy>.tmp
 *
 * `sink` is a hash of the sink's uid: sinks of a job may share a folder. `<subtask>-<counter>-<nonce>` is the part's
 * identity, which stays with its bytes when they are copied after a restore; `copy` then differs.
 */
import { createHash } from 'node:crypto'

export interface SinkIdentity {
  /** 16 hex digits. */
  readonly lineage: string
  /** 6 hex digits. */
  readonly sink: string
}

export interface PartIdentity {
  readonly subtask: number
  readonly counter: number
  readonly nonce: string
}

export interface FinishedPartName {
  /** The first 8 hex digits. */
  readonly lineage: string
  readonly sink: string
  /** The checkpoint with which the part becomes visible at the earliest. */
  readonly epoch: number
  readonly part: PartIdentity
}

export interface TemporaryPartName {
  readonly lineage: string
  readonly sink: string
  readonly part: PartIdentity
}

const LINEAGE_SHOWN = 8

export function sinkIdentity(lineage: string, uid: string): SinkIdentity {
  return { lineage, sink: createHash('sha256').update(uid).digest('hex').slice(0, 6) }
}

export function finishedPartName(
  prefix: string,
  { lineage, sink }: SinkIdentity,
  epoch: number,
  part: PartIdentity,
  suffix: string,
): string {
  return `${prefix}-${lineage.slice(0, LINEAGE_SHOWN)}-${sink}-${epoch}-${partKey(part)}${suffix}`
}

export function temporaryPartName(
  prefix: string,
  { lineage, sink }: SinkIdentity,
  part: PartIdentity,
  copy: string,
): string {
  return `.${prefix}-${lineage}-${sink}-${partKey(part)}.${copy}.tmp`
}

/** The parts of a finished part's name, or `undefined` when the name is no such name. Any suffix is taken. */
export function parseFinishedPartName(prefix: string, name: string): FinishedPartName | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined
  const match = /^([0-9a-f]{8})-([0-9a-f]{6})-(\d+)-(\d+)-(\d+)-([0-9a-z]+)(?![0-9a-z])/.exec(
    name.slice(prefix.length + 1),
  )
  if (match === null) return undefined
  const [, lineage, sink, epoch, subtask, counter, nonce] = match as unknown as [string, ...string[]]
  return {
    lineage: lineage as string,
    sink: sink as string,
    epoch: Number(epoch),
    part: { subtask: Number(subtask), counter: Number(counter), nonce: nonce as string },
  }
}

/** Whose a temporary part is, or `undefined` when the name is no such name. */
export function parseTemporaryPartName(prefix: string, name: string): TemporaryPartName | undefined {
  if (!name.startsWith(`.${prefix}-`)) return undefined
  const match = /^([0-9a-f]{16})-([0-9a-f]{6})-(\d+)-(\d+)-([0-9a-z]+)\.[0-9a-z]+\.tmp$/.exec(
    name.slice(prefix.length + 2),
  )
  if (match === null) return undefined
  const [, lineage, sink, subtask, counter, nonce] = match as unknown as [string, string, string, ...string[]]
  return { lineage, sink, part: { subtask: Number(subtask), counter: Number(counter), nonce: nonce as string } }
}

/** Equal for a part and its copies. */
export function partKey({ subtask, counter, nonce }: PartIdentity): string {
  return `${subtask}-${counter}-${nonce}`
}
