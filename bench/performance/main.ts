/**
 * npm run bench:report -- FILE...: puts what `npm run bench -- --json FILE` measured into docs/performance.md. Parts that the
 * files have no lines for stay as they are.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { generate, MarkerError, replaceParts } from './page.ts'
import { LineError, parseLines } from './parse-lines.ts'

const PAGE = new URL('../../docs/performance.md', import.meta.url)

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof LineError || error instanceof MarkerError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function main(files: readonly string[]): number {
  if (files.length === 0) {
    console.error('usage: npm run bench:report -- FILE...   files of npm run bench -- --json FILE')
    return 2
  }
  const sessions = files.flatMap((file) => parseLines(file, readFileSync(file, 'utf8')))
  const { parts, pictures } = generate(sessions)
  if (parts.size === 0) {
    console.error(`${files.join(', ')}: no figures`)
    return 1
  }
  // The page is made whole before anything is written.
  const page = replaceParts(readFileSync(PAGE, 'utf8'), parts)
  for (const [name, svg] of pictures) writeFileSync(new URL(name, PAGE), svg)
  writeFileSync(PAGE, page)
  console.log(`${fileURLToPath(PAGE)}: ${[...parts.keys(), ...pictures.keys()].join(', ')}`)
  return 0
}
