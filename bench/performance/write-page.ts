/** Reads files of lines and writes the page and its pictures: what of the page touches the disk. */
import { readFileSync, writeFileSync } from 'node:fs'
import { generate, replaceParts } from './page.ts'
import { LineError, parseLines } from './parse-lines.ts'

/** Gives the names of what was written: parts, and files beside the page. Nothing is written when a line or a marker is not right. */
export function writePage(page: URL, files: readonly string[]): readonly string[] {
  const sessions = files.flatMap((file) => parseLines(file, readFileSync(file, 'utf8')))
  const { parts, pictures } = generate(sessions)
  if (parts.size === 0) throw new LineError(`${files.join(', ')}: no figures`)
  const text = replaceParts(readFileSync(page, 'utf8'), parts)
  for (const [name, svg] of pictures) writeFileSync(new URL(name, page), svg)
  writeFileSync(page, text)
  return [...parts.keys(), ...pictures.keys()]
}
