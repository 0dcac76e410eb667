/**
 * npm run bench:report -- FILE...: puts what `npm run bench -- --json FILE` measured into docs/performance.md. Parts that the
 * files have no lines for stay as they are.
 */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { MarkerError } from './page.ts'
import { LineError } from './parse-lines.ts'
import { writePage } from './write-page.ts'

const PAGE = new URL('../../docs/performance.md', import.meta.url)

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('usage: npm run bench:report -- FILE...   files of npm run bench -- --json FILE')
  process.exitCode = 2
} else {
  try {
    console.log(`${fileURLToPath(PAGE)}: ${writePage(PAGE, files).join(', ')}`)
  } catch (error) {
    if (!isOfUser(error)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}

function isOfUser(error: unknown): error is Error {
  if (error instanceof LineError || error instanceof MarkerError) return true
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
