import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FileError, type FileErrorKind, type FileSystem } from '@millrace/api'
import { type DiskOperation, SimulatedDisk, type SimulatedDiskOptions } from '../../src/sim-disk/simulated-disk.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (disk: SimulatedDisk, path: string): string | undefined => {
  const content = disk.contents().get(path)
  return content === undefined ? undefined : new TextDecoder().decode(content)
}

/** A disk whose crash keeps nothing (random 0.999…) or everything (random 0) that was not synced. */
function worstDisk(options: Partial<SimulatedDiskOptions> = {}): { disk: SimulatedDisk; files: FileSystem } {
  const disk = new SimulatedDisk({ random: () => 0.999, ...options })
  return { disk, files: disk.mount() }
}

async function put(files: FileSystem, path: string, text: string, sync = true): Promise<void> {
  const file = await files.create(path)
  await file.write(bytes(text))
  if (sync) await file.sync()
  await file.close()
}

const isKind =
  (kind: FileErrorKind) =>
  (error: unknown): boolean =>
    error instanceof FileError && error.kind === kind

test('the calls of the contract behave as on a real disk', async () => {
  const { files } = worstDisk()
  await files.makeFolder('a/b')
  await files.makeFolder('a/b')
  await put(files, 'a/b/two', 'second')
  await put(files, 'a/b/one', 'first')
  assert.deepEqual(await files.list('a/b'), [
    { name: 'one', kind: 'file' },
    { name: 'two', kind: 'file' },
  ])
  assert.deepEqual(await files.stat('a/b/one'), { kind: 'file', sizeBytes: 5, modifiedMs: 0 })
  assert.equal((await files.stat('a/b'))?.kind, 'folder')
  assert.equal(await files.stat('a/c'), undefined)
  const file = await files.openRead('a/b/two')
  const into = new Uint8Array(4)
  assert.equal(await file.read(into, 3), 3)
  assert.equal(await file.read(into, 6), 0)
  assert.equal(await file.sizeBytes(), 6)
  await files.rename('a/b/one', 'a/b/two')
  assert.deepEqual(await files.list('a/b'), [{ name: 'two', kind: 'file' }])
  await assert.rejects(files.rename('a/b/one', 'a/b/x'), isKind('not-found'))
  await assert.rejects(files.openRead('a/b/one'), isKind('not-found'))
  await assert.rejects(files.list('nowhere'), isKind('not-found'))
  await assert.rejects(files.create('a/b/two', { exclusive: true }), isKind('exists'))
  await assert.rejects(files.removeFolder('a/b'), isKind('exists'))
  assert.equal(await files.remove('a/b/two'), true)
  assert.equal(await files.remove('a/b/two'), false)
  await files.removeFolder('a/b')
  await files.removeFolder('a/b')
})

test('a crash loses names whose folder was not synced and bytes that were not', async () => {
  const { disk, files } = worstDisk()
  await files.makeFolder('f')
  await files.syncFolder('.')
  await put(files, 'f/unsynced-name', 'x')
  disk.crash()
  assert.equal(textOf(disk, 'f/unsynced-name'), undefined)
  const again = disk.mount()
  await put(again, 'f/kept', 'x')
  await again.syncFolder('f')
  disk.crash()
  assert.equal(textOf(disk, 'f/kept'), 'x')
})

test('a rename that was not synced is kept or lost as a whole', async () => {
  for (const [random, name, text] of [
    [0.999, 'old', 'text'],
    [0, 'new', 'text'],
  ] as const) {
    const disk = new SimulatedDisk({ random: () => random })
    const files = disk.mount()
    await put(files, 'old', 'text')
    await files.syncFolder('.')
    await files.rename('old', 'new')
    disk.crash()
    assert.deepEqual([...disk.contents().keys()], [name])
    assert.equal(textOf(disk, name), text)
  }
})

test('a name may survive without its bytes', async () => {
  const disk = new SimulatedDisk({ random: () => 0 })
  const files = disk.mount()
  await put(files, 'a', 'never synced', false)
  disk.crash()
  assert.equal(textOf(disk, 'a'), '')
})

test('killing the process keeps everything that was answered', async () => {
  const { disk, files } = worstDisk()
  await put(files, 'a', 'text', false)
  disk.killProcess()
  assert.equal(textOf(disk, 'a'), 'text')
})

test('after a failed sync a later one does not bring the bytes back', async () => {
  let failing = true
  const disk = new SimulatedDisk({
    random: () => 0,
    fault: (operation) => (operation.kind === 'sync' && failing ? 'io' : undefined),
  })
  const files = disk.mount()
  const file = await files.create('a')
  await file.write(bytes('text'))
  await assert.rejects(file.sync(), isKind('io'))
  failing = false
  await file.sync()
  await files.syncFolder('.')
  assert.equal(textOf(disk, 'a'), 'text')
  disk.crash()
  assert.equal(textOf(disk, 'a'), '\0ext')
})

test('a sync that lies is answered, and a crash loses what it was asked to keep', async () => {
  let lies = 1
  const asked: string[] = []
  const disk = new SimulatedDisk({
    random: () => 0,
    isLie: ({ kind, path }) => {
      asked.push(`${kind} ${path}`)
      return lies-- > 0
    },
  })
  const files = disk.mount()
  await put(files, 'lost', 'text')
  await put(files, 'kept', 'text')
  await files.syncFolder('.')
  assert.deepEqual(asked, ['sync lost', 'sync kept'], 'syncs of files only')
  disk.crash()
  assert.deepEqual([textOf(disk, 'lost'), textOf(disk, 'kept')], ['', 'text'])
})

test('a full disk refuses, and a failed write may leave a part', async () => {
  const { disk, files } = worstDisk({ capacityBytes: 5 })
  const file = await files.create('a')
  await file.write(bytes('123'))
  await assert.rejects(file.write(bytes('456')), isKind('no-space'))
  assert.equal(file.lengthBytes, 5, 'what fits is written')
  await assert.rejects(file.write(bytes('6')), isKind('no-space'))
  disk.setCapacity(6)
  await file.write(bytes('6'))
  assert.deepEqual(disk.contents().get('a'), bytes('123456'))
})

test('nothing happens before the scheduler says so, and nothing is answered after the end', async () => {
  const waiting: { operation: DiskOperation; complete: () => void }[] = []
  const disk = new SimulatedDisk({
    random: () => 0.999,
    schedule: (operation, { complete }) => waiting.push({ operation, complete }),
  })
  const files = disk.mount()
  let answered = 0
  const first = files.makeFolder('a').then(() => answered++)
  assert.equal(disk.operations, 0)
  waiting.shift()?.complete()
  await first
  assert.equal(answered, 1)
  void files.makeFolder('b').then(() => answered++)
  disk.killProcess()
  waiting.shift()?.complete()
  await Promise.resolve()
  assert.equal(answered, 1)
  await assert.rejects(async () => {
    const rejecting = disk.mount({ afterDeath: 'reject' })
    disk.crash()
    await rejecting.stat('a')
  }, isKind('io'))
})

test('corrupt changes bytes for good', async () => {
  const { disk, files } = worstDisk()
  await put(files, 'a', 'text')
  disk.corrupt('a', 0)
  assert.notEqual(textOf(disk, 'a'), 'text')
})
