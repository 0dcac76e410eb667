/**
 * Draws lines in place at the end of a terminal, over those that it drew before. A drawing is one write, in the
 * terminal's synchronised mode where it has one, so that nothing flickers; lines of others go above it.
 */
import type { TextOutput } from '../cli-environment.ts'
import { textWidth } from '../text/fit-text.ts'

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
const BEGIN_SYNCHRONISED = '\u001b[?2026h'
const END_SYNCHRONISED = '\u001b[?2026l'
const CLEAR_TO_LINE_END = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

export class LiveView {
  readonly #output: TextOutput
  #drawn: readonly string[] = []

  constructor(output: TextOutput) {
    this.#output = output
  }

  draw(lines: readonly string[]): void {
    this.#output.write(`${BEGIN_SYNCHRONISED}${HIDE_CURSOR}${this.#over(lines)}${END_SYNCHRONISED}`)
    this.#drawn = lines
  }

  /** Writes lines that stay, above the drawing. */
  print(lines: readonly string[]): void {
    const drawn = this.#drawn
    this.#output.write(`${BEGIN_SYNCHRONISED}${this.#over([...lines, ...drawn])}${END_SYNCHRONISED}`)
  }

  /** Takes the drawing away, for somebody else to write; `draw` puts it back. */
  erase(): readonly string[] {
    const drawn = this.#drawn
    if (drawn.length > 0) this.#output.write(this.#over([]))
    this.#drawn = []
    return drawn
  }

  /** Leaves the drawing as it stands and gives the cursor back. */
  close(): void {
    this.#output.write(SHOW_CURSOR)
    this.#drawn = []
  }

  /** The text that replaces the drawing by `lines`. */
  #over(lines: readonly string[]): string {
    const up = this.#drawnRows()
    const back = up === 0 ? '' : `\u001b[${up}A\r`
    return `${back}${lines.map((line) => `${line}${CLEAR_TO_LINE_END}\n`).join('')}${CLEAR_BELOW}`
  }

  /** In a terminal that was made narrower meanwhile, a drawn line may take several rows. */
  #drawnRows(): number {
    const columns = Math.max(1, this.#output.size().columns)
    return this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(textWidth(line) / columns)), 0)
  }
}
