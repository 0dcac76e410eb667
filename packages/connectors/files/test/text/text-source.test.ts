import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { RejectedInput } from '@millrace/api'
import { textFiles } from '../../src/text/text-files.ts'
import { diskFileSystem } from '../disk-file-system.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { readAll, readerContext } from '../read-source.ts'

function disk(files: Record<string, string | Uint8Array>): MemoryFileSystem {
  const memory = new MemoryFileSystem()
  for (const [path, content] of Object.entries(files)) memory.put(path, content)
  return memory
}

async function ids(paths: string | string[], files: Record<string, string>, order?: 'name'): Promise<string[]> {
  const source = textFiles(paths, order === undefined ? {} : { order })
  return (await source.enumerate({ files: disk(files), parallelism: 1 })).map(({ id }) => id)
}

const tree = {
  'in/b.txt': '',
  'in/a.txt': '',
  'in/c.csv': '',
  'in/.part.tmp': '',
  'in/_done': '',
  'in/sub/d.txt': '',
  'none/_done': '',
  'e.txt': '',
}

test('a file, a folder and a pattern give files', async () => {
  assert.deepEqual(await ids('e.txt', tree), ['e.txt'])
  assert.deepEqual(await ids('in', tree), ['in/a.txt', 'in/b.txt', 'in/c.csv'])
  assert.deepEqual(await ids('in/*.txt', tree), ['in/a.txt', 'in/b.txt'])
  assert.deepEqual(await ids('in/?.csv', tree), ['in/c.csv'])
  assert.deepEqual(await ids('in/.p*', tree), ['in/.part.tmp'])
  assert.deepEqual(await ids('*.txt', tree), ['e.txt'])
  assert.deepEqual(await ids(['in/*.txt', 'e.txt'], tree), ['in/a.txt', 'in/b.txt', 'e.txt'])
  assert.deepEqual(await ids(['in/*.txt', 'e.txt'], tree, 'name'), ['e.txt', 'in/a.txt', 'in/b.txt'])
})

test('a file whose name looks like a pattern is that file', async () => {
  assert.deepEqual(await ids('in/[1]*.txt', { 'in/[1]*.txt': '', 'in/1.txt': '' }), ['in/[1]*.txt'])
})

test('what is missing or named twice is refused when files are listed', async () => {
  const refused: [string | string[], string][] = [
    ['gone.txt', 'INPUT_NOT_FOUND'],
    ['gone/*.txt', 'INPUT_NOT_FOUND'],
    ['in/*.gz', 'INPUT_NOT_FOUND'],
    ['in/sub.*', 'INPUT_NOT_FOUND'],
    ['none', 'INPUT_NOT_FOUND'],
    [['in', 'in/a.txt'], 'OPTION_INVALID'],
  ]
  for (const [paths, code] of refused) await assert.rejects(ids(paths, tree), { code }, String(paths))
})

test('order by name makes the files follow each other', () => {
  assert.equal(textFiles('in', { order: 'name' }).splitOrder, 'sequential')
  assert.equal(textFiles('in').splitOrder, 'interleaved')
})

test('splits carry the size of the stored file and readers how much of it they have read', async () => {
  const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join('')
  const stored = gzipSync(lines)
  const files = disk({ 'in.txt': stored })
  const source = textFiles('in.txt')
  const [split] = await source.enumerate({ files, parallelism: 1 })
  assert(split)
  assert.deepEqual(split.size, { unit: 'bytes', amount: stored.length })
  const reader = await source.open(split, undefined, readerContext(files))
  let before = 0
  for (;;) {
    const { end } = await reader.next(1_000)
    const progress = reader.progress?.() ?? 0
    assert(progress >= before && progress <= stored.length)
    before = progress
    if (end) break
  }
  assert.equal(before, stored.length)
  await reader.close()
})

test('a batch that is at hand comes without a promise', async () => {
  const files = disk({ 'in.txt': 'a\nb\nc\n' })
  const source = textFiles('in.txt')
  const [split] = await source.enumerate({ files, parallelism: 1 })
  assert(split)
  const reader = await source.open(split, undefined, readerContext(files))
  const first = reader.next(1)
  assert(!(first instanceof Promise), 'opening has read the first chunk')
  assert.deepEqual(first, { records: ['a'], end: false })
  assert.deepEqual(reader.next(1), { records: ['b'], end: false })
})

const changes: [string, string | Uint8Array, string | Uint8Array][] = [
  ['shorter', 'aa\nbb\ncc\n', 'aa\n'],
  ['other lines', 'aa\nbb\ncc\n', 'aaabbbccc\n'],
  ['shorter gzip', gzipSync('aa\nbb\ncc\n'), gzipSync('aa\n')],
  ['other lines in gzip', gzipSync('aa\nbb\ncc\n'), gzipSync('aaabbbccc\n')],
]
for (const [name, before, after] of changes) {
  test(`a file with ${name} than when its position was recorded is refused`, async () => {
    const files = disk({ 'in.txt': before })
    const source = textFiles('in.txt')
    const [split] = await source.enumerate({ files, parallelism: 1 })
    assert(split)
    const reader = await source.open(split, undefined, readerContext(files))
    await reader.next(2)
    const position = reader.position()
    assert.deepEqual(position, { offset: 6, line: 3 })
    files.put('in.txt', after)
    await assert.rejects(source.open(split, position, readerContext(files)), { code: 'INPUT_CHANGED' })
  })
}

test('a last line without line break that has grown is refused', async () => {
  const files = disk({ 'in.txt': 'aa\nbb' })
  const source = textFiles('in.txt')
  const [split] = await source.enumerate({ files, parallelism: 1 })
  assert(split)
  const position = { offset: 5, line: 3 }
  const reader = await source.open(split, position, readerContext(files))
  assert.deepEqual(await reader.next(9), { records: [], end: true })
  files.put('in.txt', 'aa\nbbb\n')
  await assert.rejects(source.open(split, position, readerContext(files)), { code: 'INPUT_CHANGED' })
})

test('a file that is gone when it is opened is named', async () => {
  const files = disk({ 'in.txt': 'a' })
  const source = textFiles('in.txt')
  const [split] = await source.enumerate({ files, parallelism: 1 })
  assert(split)
  await files.remove('in.txt')
  await assert.rejects(source.open(split, undefined, readerContext(files)), {
    code: 'INPUT_NOT_FOUND',
    message: /in\.txt/,
  })
})

for (const [name, content] of Object.entries({ plain: '', gzip: gzipSync('') })) {
  test(`an empty file (${name}) is refused as a line is: skipped and counted, or sent with its position`, async () => {
    const files = disk({ 'in/a.txt': 'a\n', 'in/b.txt': content, 'in/c.txt': 'c\n' })
    const counts = new Map<string, number>()
    assert.deepEqual(await readAll(textFiles('in', { onError: 'skip' }), files, counts), ['a', 'c'])
    assert.deepEqual([...counts], [['numRecordsSkipped', 1]])
    const [, letter, c] = await readAll(textFiles('in', { onError: 'deadLetter' }), files)
    assert(letter instanceof RejectedInput)
    assert.deepEqual(letter.letter, { raw: '', file: 'in/b.txt', line: 1, column: 1, reason: 'the file is empty' })
    assert.equal(c, 'c')
    await assert.rejects(readAll(textFiles('in'), files), { code: 'INPUT_MALFORMED', message: /b\.txt.*is empty/ })
  })
}

test('an empty file is refused once, and has changed when it is empty no longer', async () => {
  const files = disk({ 'in.txt': '' })
  const counts = new Map<string, number>()
  const source = textFiles('in.txt', { onError: 'skip' })
  const [split] = await source.enumerate({ files, parallelism: 1 })
  assert(split)
  const reader = await source.open(split, undefined, readerContext(files, counts))
  assert.deepEqual(await reader.next(9), { records: [], end: true })
  const position = reader.position()
  const resumed = await source.open(split, position, readerContext(files, counts))
  assert.deepEqual(await resumed.next(9), { records: [], end: true })
  assert.deepEqual(resumed.position(), position)
  assert.deepEqual([...counts], [['numRecordsSkipped', 1]])
  files.put('in.txt', 'a\n')
  await assert.rejects(source.open(split, position, readerContext(files)), { code: 'INPUT_CHANGED' })
})

test('reads files of many chunks from the disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  try {
    const lines = Array.from({ length: 120_000 }, (_, i) => `${i} ${'é'.repeat(i % 20)}`)
    await writeFile(join(folder, 'a.txt'), lines.join('\n'))
    await writeFile(join(folder, 'b.txt.gz'), gzipSync(`${lines.join('\r\n')}\r\n`))
    assert.deepEqual(await readAll(textFiles(folder), diskFileSystem), [...lines, ...lines])
  } finally {
    await rm(folder, { recursive: true })
  }
})
