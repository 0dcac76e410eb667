import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileError, type FileSystem } from '@millrace/api'
import { type CsvSinkOptions, csvSink } from '../../src/csv/csv-sink.ts'
import type { PartCommittable } from '../../src/sink/part-file.ts'
import { parseFinishedPartName } from '../../src/sink/part-file-name.ts'
import { diskFileSystem } from '../disk-file-system.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { LINEAGE, type Row, SinkRun } from './sink-run.ts'

function newRun(files: FileSystem, options: CsvSinkOptions = {}, lineage = LINEAGE): SinkRun {
  return new SinkRun(csvSink<Row>('out', options), files, lineage)
}

async function finishedRun(files: FileSystem, lineage: string): Promise<void> {
  const run = newRun(files, {}, lineage)
  await run.start(1, { restoredCheckpoint: undefined, firstAttempt: false })
  await run.write(0, 2)
  await run.checkpoint('end')
}

const finished = (disk: MemoryFileSystem) => disk.names('out').filter((name) => !name.startsWith('.'))
const temporary = (disk: MemoryFileSystem) => disk.names('out').filter((name) => name.startsWith('.'))

test('a part is invisible until its checkpoint is committed, and its name says which one that was', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk)
  await run.start(1)
  await run.write(0, 3)
  await run.checkpoint('checkpoint', true)
  assert.deepEqual(finished(disk), [])
  assert.equal(temporary(disk).length, 1)
  await run.write(0, 1)
  await run.checkpoint('checkpoint')
  const names = finished(disk)
  assert.deepEqual(
    names.map((name) => parseFinishedPartName('part', name)?.epoch),
    [1, 2],
  )
  assert.deepEqual(
    names.map((name) => disk.text(`out/${name}`)),
    ['0\n1\n2\n', '3\n'],
  )
  assert.match(names[0] as string, /^part-01234567-[0-9a-f]{6}-1-0-0-1a0\.csv$/)
  assert.deepEqual(temporary(disk), [])
})

test('the output folder outlives a crash, also where its maker was killed before its name was durable', async () => {
  const disk = new MemoryFileSystem()
  await disk.makeFolder('out')
  const run = newRun(disk)
  await run.start(1)
  await run.write(0, 3)
  await run.checkpoint('checkpoint')
  disk.crash()
  assert.equal(finished(disk).length, 1)
})

test('parts are closed at their size', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk, { rollBytes: '10 b' })
  await run.start(1)
  await run.write(0, 12)
  await run.checkpoint('end')
  assert.deepEqual(
    finished(disk).map((name) => disk.text(`out/${name}`)),
    ['0\n1\n2\n3\n4\n', '5\n6\n7\n8\n9\n', '10\n11\n'],
  )
})

test('a header line begins every part when asked for', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk, { header: true })
  await run.start(2)
  await run.write(0, 1)
  await run.write(1, 1)
  await run.checkpoint('end')
  assert.deepEqual(
    finished(disk).map((name) => disk.text(`out/${name}`)),
    ['n\n0\n', 'n\n1\n'],
  )
})

test('a fresh run refuses, keeps or replaces the parts of another run, and nothing else', async () => {
  const disk = new MemoryFileSystem()
  await finishedRun(disk, 'ffffffffffffffff')
  disk.put('out/notes.txt', 'mine')
  disk.put('out/part-of-my-diary.csv', 'mine')
  disk.put('out/.part-ffffffffffffffff-abcdef-0-0-1a0.1a0.tmp', 'of a job that may still run')
  const others = finished(disk)
  await assert.rejects(newRun(disk).start(1), { code: 'SINK_FOLDER_IN_USE', message: /part-ffffffff-/ })
  assert.deepEqual(finished(disk), others)

  const appending = newRun(disk, { existing: 'append' })
  await appending.start(1)
  assert.deepEqual(finished(disk), others)

  const overwriting = newRun(disk, { existing: 'overwrite' })
  await overwriting.start(1)
  assert.deepEqual(finished(disk), ['notes.txt', 'part-of-my-diary.csv'])
  assert.equal(temporary(disk).length, 1)
  assert.match(overwriting.reports.join(), /1 part file/)
})

test('a later attempt of the same run takes the folder as it is', async () => {
  const disk = new MemoryFileSystem()
  await finishedRun(disk, 'ffffffffffffffff')
  await newRun(disk).start(1, { firstAttempt: false })
  assert.equal(finished(disk).length, 1)
})

test('parts newer than the restored checkpoint are refused by name, or removed when asked for', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk)
  await run.start(1)
  await run.write(0, 1)
  await run.checkpoint('checkpoint')
  const restored = run.completed
  await run.write(0, 1)
  await run.checkpoint('checkpoint')
  run.completed = restored
  const [, newer] = finished(disk)
  await assert.rejects(run.start(1), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'SINK_NEWER_PARTS')
    assert(error.message.includes(newer as string))
    return true
  })
  await run.start(1, { discardNewer: true })
  assert.equal(finished(disk).length, 1)
  await run.write(0, 1)
  await run.checkpoint('end')
  assert.deepEqual(
    finished(disk).map((name) => disk.text(`out/${name}`)),
    ['0\n', '1\n'],
  )
})

test('a part that was open at the restored checkpoint is continued, also after it was finished and discarded', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk, { rollOnCheckpoint: false })
  await run.start(1)
  await run.write(0, 2)
  await run.checkpoint('checkpoint')
  const restored = run.completed
  assert.deepEqual(finished(disk), [])
  await run.write(0, 2)
  await run.checkpoint('savepoint')
  assert.deepEqual(
    finished(disk).map((name) => disk.text(`out/${name}`)),
    ['0\n1\n2\n3\n'],
  )
  run.completed = restored
  await run.start(1, { discardNewer: true })
  await run.write(0, 1)
  await run.checkpoint('end')
  assert.deepEqual(
    finished(disk).map((name) => disk.text(`out/${name}`)),
    ['0\n1\n2\n'],
  )
  assert.deepEqual(temporary(disk), [])
})

test('a restored open part whose bytes are gone or other is data loss', async () => {
  for (const change of ['gone', 'shorter', 'other'] as const) {
    const disk = new MemoryFileSystem()
    const run = newRun(disk, { rollOnCheckpoint: false })
    await run.start(1)
    await run.write(0, 2)
    await run.checkpoint('checkpoint')
    const path = `out/${temporary(disk)[0]}`
    if (change === 'gone') await disk.remove(path)
    else disk.put(path, change === 'shorter' ? '0\n' : '0\n2\n')
    await assert.rejects(run.start(1), { code: 'SINK_DATA_LOSS' }, change)
  }
})

test('committing again is fine; a part under neither name or of another length is data loss', async () => {
  const disk = new MemoryFileSystem()
  const sink = csvSink<Row>('out')
  const run = new SinkRun(sink, disk)
  await run.start(1)
  await run.write(0, 2)
  await run.checkpoint('checkpoint')
  const committables = run.completed?.committables ?? []
  const committer = await sink.openCommitter?.({ files: disk, uid: 'out', report: () => {} })
  await committer?.commit(committables)
  const final = `out/${finished(disk)[0]}`
  const [committable] = committables
  assert(committable?.kind === 'part')
  await disk.rename(final, `out/${committable.temporary}`)
  await committer?.commit(committables)
  await disk.remove(final)
  await assert.rejects(async () => committer?.commit(committables), { code: 'SINK_DATA_LOSS' })
  disk.put(`out/${committable.temporary}`, '0\n')
  await assert.rejects(async () => committer?.commit(committables), {
    code: 'SINK_DATA_LOSS',
    message: /2 bytes instead of 4/,
  })
})

test('left-over temporary files of this job are removed, those of others stay', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk)
  await run.start(1)
  await run.write(0, 1)
  await run.checkpoint('checkpoint', true)
  const [own] = temporary(disk)
  const foreign = [
    '.part-ffffffffffffffff-abcdef-0-0-1a0.1a0.tmp',
    '.other.tmp',
    '.part-x.tmp',
    own?.replace(/-[0-9a-f]{6}-0-0/, '-000000-0-0'),
  ]
  for (const name of foreign) disk.put(`out/${name}`, '')
  await run.start(1)
  assert.deepEqual(temporary(disk), [...foreign].sort())
})

test('close without a preparation leaves nothing behind', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk, { rollBytes: '4 b' })
  await run.start(1)
  await run.write(0, 5)
  assert.notEqual(disk.names('out').length, 0)
  await run.close()
  assert.deepEqual(disk.names('out'), [])
})

test('a full disk fails with the name of the part', async () => {
  const disk = new MemoryFileSystem()
  const run = newRun(disk)
  await run.start(1)
  await run.write(0, 1)
  disk.onChange = (operation, path) => {
    if (operation === 'write') throw new FileError('no-space', path, 'no space')
  }
  await assert.rejects(run.checkpoint('checkpoint'), { code: 'SINK_WRITE_FAILED', message: /disk is full/ })
})

test('a folder that cannot be made is refused; one that a fault of the disk kept from being made is tried again', async () => {
  const disk = new MemoryFileSystem()
  for (const [kind, code] of [
    ['denied', 'SINK_FOLDER_UNUSABLE'],
    ['not-found', 'SINK_FOLDER_UNUSABLE'],
    ['no-space', 'SINK_WRITE_FAILED'],
    ['io', 'SINK_WRITE_FAILED'],
  ] as const) {
    disk.onChange = (operation, path) => {
      if (operation === 'makeFolder') throw new FileError(kind, path, 'no')
    }
    await assert.rejects(newRun(disk).start(1), { code, message: /"out"/ }, kind)
  }
})

test('subtasks that derive different columns are refused before anything is visible', async () => {
  const disk = new MemoryFileSystem()
  const sink = csvSink('out')
  const context = {
    files: disk,
    lineage: LINEAGE,
    jobName: 'j',
    uid: 'out',
    parallelism: 2,
    attempt: 0,
    firstEpoch: 1,
    now: () => 0,
    count: () => {},
  }
  await disk.makeFolder('out')
  const committables: PartCommittable[] = []
  for (const [subtask, record] of [
    { a: 1, b: 2 },
    { b: 2, a: 1 },
  ].entries()) {
    const writer = await sink.openWriter({ ...context, subtask, nonce: `${subtask}` }, [])
    await writer.write([record], [])
    committables.push(...(await writer.prepare(1, 'checkpoint')).committables)
  }
  const committer = await sink.openCommitter?.({ files: disk, uid: 'out', report: () => {} })
  await assert.rejects(async () => committer?.commit(committables), { code: 'OPTION_INVALID' })
  assert.deepEqual(finished(disk), [])
})

test('a restored writer goes on with the columns that were derived', async () => {
  const disk = new MemoryFileSystem()
  const sink = csvSink('out')
  const context = {
    files: disk,
    lineage: LINEAGE,
    jobName: 'j',
    uid: 'out',
    subtask: 0,
    parallelism: 1,
    attempt: 0,
    firstEpoch: 1,
    nonce: 'a',
    now: () => 0,
    count: () => {},
  }
  await disk.makeFolder('out')
  const writer = await sink.openWriter(context, [])
  await writer.write([{ a: 1, b: 2 }], [])
  const { states } = await writer.prepare(1, 'checkpoint')
  const restored = await sink.openWriter({ ...context, nonce: 'b' }, states)
  await restored.write([{ b: 4, a: 3 }], [])
  await restored.prepare(2, 'checkpoint')
  assert.deepEqual(
    disk.names('out').map((name) => disk.text(`out/${name}`)),
    ['1,2\n', '3,4\n'],
  )
})

test('works on the disk of the machine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sink-'))
  try {
    const out = join(folder, 'a', 'b')
    const run = new SinkRun(csvSink<Row>(out, { rollOnCheckpoint: false, rollBytes: '64 kb' }), diskFileSystem)
    await run.start(2)
    for (let i = 0; i < 20; i++) await run.write(i, 2_000)
    await run.checkpoint('checkpoint')
    await run.write(0, 50)
    await run.close()
    await run.start(1)
    await run.write(0, 10)
    await run.checkpoint('end')
    const names = await readdir(out)
    assert(names.every((name) => name.startsWith('part-')))
    const rows = (await Promise.all(names.map((name) => readFile(join(out, name), 'utf8'))))
      .join('')
      .trimEnd()
      .split('\n')
      .map(Number)
    assert.deepEqual(
      rows.sort((x, y) => x - y),
      Array.from({ length: 40_010 }, (_, n) => n),
    )
    await writeFile(join(folder, 'file'), '')
    for (const path of ['file', 'file/a/b']) {
      await assert.rejects(new SinkRun(csvSink<Row>(join(folder, path)), diskFileSystem).start(1), {
        code: 'SINK_FOLDER_UNUSABLE',
        message: /is a file/,
      })
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
