/** The documents of the repository as the tests of documents see them: their text, code blocks and links. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

const FOLDERS_LEFT_OUT = new Set(['node_modules', 'dist', 'coverage', '.git', '.millrace'])

export interface CodeBlock {
  readonly document: string
  /** Of the opening fence, from 1. */
  readonly line: number
  readonly language: string
  /** What follows the language: `run -- --output out`. */
  readonly note: string
  readonly text: string
}

/** Every Markdown file, relative to the root, sorted. */
export function documents(): readonly string[] {
  const found: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!FOLDERS_LEFT_OUT.has(entry.name)) walk(path)
      } else if (entry.name.endsWith('.md')) found.push(path)
    }
  }
  walk('')
  return found.sort()
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function codeBlocks(document: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = []
  let open: { readonly line: number; readonly language: string; readonly note: string } | undefined
  let lines: string[] = []
  for (const [index, line] of readDocument(document).split('\n').entries()) {
    const fence = /^```(\S*)\s*(.*)$/.exec(line)
    if (fence === null) {
      if (open !== undefined) lines.push(line)
    } else if (open === undefined) {
      open = { line: index + 1, language: fence[1] ?? '', note: (fence[2] ?? '').trim() }
      lines = []
    } else {
      blocks.push({ document, ...open, text: `${lines.join('\n')}\n` })
      open = undefined
    }
  }
  if (open !== undefined) throw new Error(`${document}:${open.line}: a code block without an end`)
  return blocks
}

/** A document without its code blocks, line numbers kept. */
export function prose(document: string): string {
  return readDocument(document).replaceAll(/^```[\s\S]*?^```/gm, (block) => block.replaceAll(/[^\n]/g, ''))
}
