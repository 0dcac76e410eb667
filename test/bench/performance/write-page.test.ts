import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { LineError } from '../../../bench/performance/parse-lines.ts'
import { writePage } from '../../../bench/performance/write-page.ts'
import { ABOUT, runLine, textOf } from './run-line.ts'

describe('writing the page', () => {
  const empty = '<!-- generated: curves -->\nNo figures yet.\n<!-- end -->\n'
  let folder: string
  let page: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-page-'))
    page = join(folder, 'page.md')
    writeFileSync(page, empty)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  function fileOf(name: string, text: string): string {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  const width = textOf(
    ABOUT,
    runLine({ suite: 'curve-width', peer: 'millrace', shape: 'wide', fields: 3, cpuSeconds: 2 }),
  )
  const keys = textOf(ABOUT, runLine({ suite: 'curve-keys', peer: 'millrace', keys: 10, cpuSeconds: 2 }))

  it('takes all files together, and puts pictures beside it', () => {
    const written = writePage(pathToFileURL(page), [fileOf('a.jsonl', width), fileOf('b.jsonl', keys)])
    assert.deepEqual(written, ['curves', 'performance-keys.svg', 'performance-width.svg'])
    const text = readFileSync(page, 'utf8')
    assert.ok(text.includes('(performance-keys.svg)') && text.includes('(performance-width.svg)'))
    assert.match(readFileSync(join(folder, 'performance-keys.svg'), 'utf8'), /^<svg /)
  })

  it('writes nothing when a line is not known or there are no figures', () => {
    const [good, bad, none] = [fileOf('a.jsonl', width), fileOf('b.jsonl', '{}'), fileOf('c.jsonl', textOf(ABOUT))]
    assert.throws(() => writePage(pathToFileURL(page), [good, bad]), LineError)
    assert.throws(() => writePage(pathToFileURL(page), [none]), /no figures/)
    assert.equal(readFileSync(page, 'utf8'), empty)
    assert.deepEqual(readdirSync(folder).toSorted(), ['a.jsonl', 'b.jsonl', 'c.jsonl', 'page.md'])
  })
})
