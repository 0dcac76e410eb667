/** Links lead somewhere, and every path of the repository that a document names in code type exists. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { documents, prose, readDocument, root } from './documents.ts'

/** Documents whose paths in code type are paths of the repository. */
const WITH_PATHS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']

test('relative links lead to files and headings that exist', () => {
  const broken: string[] = []
  for (const document of documents()) {
    for (const [, target] of prose(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (target === undefined || /^[a-z]+:/.test(target)) continue
      const [path = '', heading] = target.split('#')
      const file = path === '' ? document : normalize(join(dirname(document), path))
      if (!existsSync(join(root, file))) broken.push(`${document}: ${target}`)
      else if (heading !== undefined && !headings(file).has(heading)) broken.push(`${document}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})

test('paths in code type exist', () => {
  const missing: string[] = []
  for (const document of WITH_PATHS) {
    for (const [, path] of prose(document).matchAll(
      /`((?:packages|test|examples|bench|demo|docs|scripts)\/[^`\s*<>…]*)`/g,
    )) {
      if (path !== undefined && !existsSync(join(root, path))) missing.push(`${document}: ${path}`)
    }
  }
  assert.deepEqual(missing, [])
})

/** As GitHub names them. */
function headings(file: string): ReadonlySet<string> {
  const names = [...readDocument(file).matchAll(/^#+\s+(.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
  return new Set(names)
}
