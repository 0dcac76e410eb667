/** Plain lines: every line is a record. */
import { contentEnd, lineEnd, type TextFormat } from './text-format.ts'

export class LineFormat implements TextFormat<string> {
  readonly recordLines = 1
  #from = 0
  #end = 0

  scan(bytes: Buffer, from: number, to: number, isLast: boolean): number {
    const end = lineEnd(bytes, from, to)
    if (end === to && !isLast) return -1
    this.#from = from
    this.#end = contentEnd(bytes, from, end)
    return end < to ? end + 1 : to
  }

  build(bytes: Buffer, isAscii: boolean): string {
    return isAscii ? bytes.toString('latin1', this.#from, this.#end) : bytes.toString('utf8', this.#from, this.#end)
  }
}
