/** What the file sink puts into checkpoints: parts that were open, and parts that wait to be committed. */
import type { PartIdentity } from './part-file-name.ts'

/** A part that was open at a checkpoint: its first `lengthBytes` bytes belong to it. Names are within `folder`. */
export type OpenPartState = {
  readonly kind: 'open'
  readonly folder: string
  readonly temporary: string
  readonly part: PartIdentityValue
  readonly lengthBytes: number
  /** CRC-32 of these bytes: a file of that name with other content is not taken for it. */
  readonly crc32: number
}

/** The columns that a writer took from its first record; a restored writer goes on with them. */
export type ColumnsState = { readonly kind: 'columns'; readonly columns: readonly string[] }

export type PartWriterState = OpenPartState | ColumnsState

/** A part that is complete and durable under a temporary name and gets its own name at the commit. */
export type PendingPart = {
  readonly kind: 'part'
  readonly folder: string
  readonly temporary: string
  readonly final: string
  readonly lengthBytes: number
  /** Of the writer, where they were not declared; all parts of a sink must have the same. */
  readonly columns?: readonly string[]
}

/** A temporary file that no checkpoint from this one on refers to. */
export type SupersededFile = { readonly kind: 'superseded'; readonly folder: string; readonly temporary: string }

export type PartCommittable = PendingPart | SupersededFile

type PartIdentityValue = { readonly [Key in keyof PartIdentity]: PartIdentity[Key] }
