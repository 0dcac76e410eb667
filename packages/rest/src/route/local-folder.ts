/** A folder as clients write it: a path, or a `file:` URI as Flink's users do. */
import { fileURLToPath } from 'node:url'
import { refusal } from './request-body.ts'

/** Other file systems are refused, and so is no path at all. Throws 400. */
export function parseFolder(text: string): string {
  if (text.trim() === '') throw refusal('the folder is empty; name one, or leave it out')
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return text
  if (scheme !== 'file') throw refusal(`the folder "${text}" is not on a local disk; write a path or file:///…`)
  try {
    // `file:/x` is how Java prints a path.
    return fileURLToPath(new URL(text))
  } catch (error) {
    throw refusal(`"${text}" is no folder: ${error instanceof Error ? error.message : String(error)}`)
  }
}
