/**
 * What a text format has to know: where a record ends and how to build it. Reading files, positions, encodings, limits
 * and what happens to bad input are the reader's.
 */

export interface TextFormat<T> {
  /** Lines that the record found last spans; more than one with line breaks in quotes. */
  readonly recordLines: number
  /**
   * Finds the end of the record that begins at `from`: the index after its line break, or −1 when `[from, to)` holds
   * only a part of it. With `isLast` the input ends at `to`. Throws `RecordFailure`, with `recordEnd` (and `recordLines`
   * set) when the record's end is beyond doubt.
   */
  scan(bytes: Buffer, from: number, to: number, isLast: boolean): number
  /** Builds the record found last. `isAscii`: all its bytes are below 128; else they are valid UTF-8. Throws `RecordFailure`. */
  build(bytes: Buffer, isAscii: boolean): T
  /** Present when files begin with a header record; takes `[from, to)` and returns the index after it or −1, as `scan`. */
  readonly header?: TextHeader | undefined
}

export interface TextHeader {
  /** Whether records cannot be read without it, so that it is read again when a reader starts in the middle. */
  readonly isNeeded: boolean
  take(bytes: Buffer, from: number, to: number, isLast: boolean): number
}

/** Index of the line break at or after `from`, or `to` when `[from, to)` has none. */
export function lineEnd(bytes: Buffer, from: number, to: number): number {
  const at = bytes.indexOf(10, from)
  return at < 0 || at >= to ? to : at
}

/** End of a line's content: before the `\r` of a `\r\n`. */
export function contentEnd(bytes: Buffer, from: number, end: number): number {
  return end > from && bytes[end - 1] === 13 ? end - 1 : end
}
