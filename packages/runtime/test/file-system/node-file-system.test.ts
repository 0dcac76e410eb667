import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { FileError, type FileErrorKind, type FileSystem } from '@millrace/api'
import { NodeFileSystem } from '../../src/file-system/node-file-system.ts'

async function inFolder(body: (files: FileSystem, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  try {
    await body(new NodeFileSystem(), folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const isKind =
  (kind: FileErrorKind) =>
  (error: unknown): boolean =>
    error instanceof FileError && error.kind === kind && error.cause instanceof Error

test('writes, syncs, renames, lists, reads at a position and removes', () =>
  inFolder(async (files, folder) => {
    await files.makeFolder(`${folder}/a/b`)
    await files.makeFolder(`${folder}/a/b`)
    const file = await files.create(`${folder}/a/one`)
    await file.write(new TextEncoder().encode('hello '))
    await file.write(new TextEncoder().encode('world'))
    assert.equal(file.lengthBytes, 11)
    await file.sync()
    await file.close()
    await files.syncFolder(`${folder}/a`)
    await files.rename(`${folder}/a/one`, `${folder}/a/two`)
    assert.deepEqual(await files.list(`${folder}/a`), [
      { name: 'b', kind: 'folder' },
      { name: 'two', kind: 'file' },
    ])
    const facts = await files.stat(`${folder}/a/two`)
    assert.deepEqual([facts?.kind, facts?.sizeBytes], ['file', 11])
    assert.equal((await files.stat(`${folder}/a`))?.kind, 'folder')
    const reading = await files.openRead(`${folder}/a/two`)
    const into = new Uint8Array(100)
    assert.equal(await reading.read(into, 6), 5)
    assert.equal(new TextDecoder().decode(into.subarray(0, 5)), 'world')
    assert.equal(await reading.read(into, 11), 0)
    assert.equal(await reading.read(new Uint8Array(0), 0), 0)
    assert.equal(await reading.sizeBytes(), 11)
    await reading.close()
    assert.equal(await files.remove(`${folder}/a/two`), true)
    assert.equal(await files.remove(`${folder}/a/two`), false)
    await files.removeFolder(`${folder}/a/b`)
    await files.removeFolder(`${folder}/a/b`)
  }))

test('creating empties an existing file, or refuses it', () =>
  inFolder(async (files, folder) => {
    const path = `${folder}/x`
    const first = await files.create(path, { exclusive: true })
    await first.write(new Uint8Array(5))
    await first.close()
    await assert.rejects(files.create(path, { exclusive: true }), isKind('exists'))
    await (await files.create(path)).close()
    assert.equal((await files.stat(path))?.sizeBytes, 0)
  }))

test('folders are made with their parents, by several at once and by relative paths', () =>
  inFolder(async (files, folder) => {
    // Who is quicker differs from round to round.
    for (let round = 0; round < 50; round++) {
      const paths = ['a/b/c/d', 'a/b/c/e', 'a/b', 'a//b/c/'].map((path) => `${folder}/${round}/${path}`)
      await Promise.all([...paths, ...paths].map((path) => files.makeFolder(path)))
      for (const path of paths) assert.equal((await files.stat(path))?.kind, 'folder')
    }
    await files.makeFolder(relative(process.cwd(), `${folder}/x/y`))
    assert.equal((await files.stat(`${folder}/x/y`))?.kind, 'folder')
    await files.makeFolder('.')
    await files.makeFolder('/')
  }))

test('a folder that cannot be made is an error', { timeout: 30_000 }, () =>
  inFolder(async (files, folder) => {
    await (await files.create(`${folder}/file`)).close()
    await assert.rejects(files.makeFolder(`${folder}/file`), isKind('exists'))
    await assert.rejects(files.makeFolder(`${folder}/file/a/b`), isKind('not-found'))
    if (process.platform !== 'linux') return
    // The system answers there that the name does not exist, whatever exists above it.
    await assert.rejects(files.makeFolder('/proc/none'), isKind('not-found'))
    await assert.rejects(files.makeFolder('/proc/none/a/b'), isKind('not-found'))
  }),
)

test('failures carry their kind', () =>
  inFolder(async (files, folder) => {
    assert.equal(await files.stat(`${folder}/none`), undefined)
    await assert.rejects(files.openRead(`${folder}/none`), isKind('not-found'))
    await assert.rejects(files.list(`${folder}/none`), isKind('not-found'))
    await assert.rejects(files.rename(`${folder}/none`, `${folder}/x`), isKind('not-found'))
    await assert.rejects(files.create(`${folder}/none/x`), isKind('not-found'))
    await (await files.create(`${folder}/file`)).close()
    await assert.rejects(files.openRead(`${folder}/file/x`), isKind('not-found'))
    await files.makeFolder(`${folder}/full/x`)
    await assert.rejects(files.removeFolder(`${folder}/full`), isKind('exists'))
    await assert.rejects(files.syncFolder(`${folder}/none`), isKind('not-found'))
  }))
