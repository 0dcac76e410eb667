/**
 * Text measured in the columns that a terminal gives it: wide characters take two, combining ones none, colour codes
 * none. Nothing that is laid out here is wider than it was told.
 */
import stringWidth from 'string-width'

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g

export function textWidth(text: string): number {
  return stringWidth(text)
}

/** One line without control characters, so that a name from outside cannot move the cursor. */
export function asOneLine(text: string): string {
  return text.replace(CONTROLS, ' ')
}

/** Cut to at most `columns`, with `…` in place of what is cut off. For text without colour codes. */
export function cutText(text: string, columns: number): string {
  if (columns <= 0) return ''
  if (textWidth(text) <= columns) return text
  let kept = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const width = textWidth(segment)
    if (used + width > columns - 1) break
    kept += segment
    used += width
  }
  return `${kept}…`
}

/** Exactly `columns` wide: cut or filled up with spaces. */
export function padText(text: string, columns: number, align: 'left' | 'right'): string {
  const cut = cutText(text, columns)
  const space = ' '.repeat(Math.max(0, columns - textWidth(cut)))
  return align === 'left' ? cut + space : space + cut
}

/** Lines of at most `columns`, broken between words; a longer word has a line of its own. */
export function foldText(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && textWidth(longer) > columns) {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  lines.push(line)
  return lines
}
