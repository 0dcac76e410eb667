/** What a format of part files is: records to text. Files, sizes, checkpoints and names are the part writer's. */

export interface PartEncoder<T> {
  /** The text of a record with its line break. Throws `VALUE_NOT_ENCODABLE` for what the format cannot hold. */
  encode(record: T): string
  /** What every part file begins with; asked for after at least one record has been encoded. */
  header(): string
  /** Columns that were not declared but taken from the first record. */
  readonly derivedColumns?: readonly string[] | undefined
}

/** `columns`: what a restored writer had derived. */
export type CreatePartEncoder<T> = (columns: readonly string[] | undefined) => PartEncoder<T>
