import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import type { ChosenStart } from '../../src/coordinator/choose-start.ts'
import { readLineage, writeLineage } from '../../src/coordinator/lineage-file.ts'
import { manifestOf } from '../checkpoint-storage/checkpoint-samples.ts'
import { at, FOLDER, failsWith, fresh, latest, newestWhole, OWN, open } from './chosen-start.ts'

describe('the futures of a history', () => {
  const path = (id: number) => `${FOLDER}/chk-${id}`
  const parted = (after: number) => (error: unknown) =>
    error instanceof MillraceError &&
    error.code === 'CHECKPOINT_OTHER_JOB' &&
    error.message.includes(`they parted after checkpoint ${after}.`) &&
    error.details.partedAfter === after &&
    /outputs of its own/.test(error.hint ?? '')

  it('a savepoint of one that was given up is refused, with what to do, and nothing is changed', async () => {
    const { files, choose, save, ids } = await open()
    const first = await choose({ kind: 'none' })
    const three = await save(3, first)
    const five = await save(5, first)
    const eight = await save(8, first)
    const second = await choose(at(five, true))
    assert.deepEqual(second.futures, [{ id: 'fffffffffffffffe', after: 5 }])
    assert.deepEqual(await ids(), [3, 5])
    await assert.rejects(choose(at(eight)), parted(5))
    const nine = await save(9, second)
    for (const discardNewer of [false, true]) await assert.rejects(choose(at(eight, discardNewer)), parted(5))
    assert.deepEqual(await ids(), [3, 5, 9])
    assert.equal((await choose(latest)).restored?.manifest.checkpointId, 9)
    assert.deepEqual((await readLineage(files, FOLDER))?.futures, second.futures)
    // What lies behind the job is restored, and then what came after it is given up too.
    await choose(at(nine))
    await choose(at(five, true))
    await assert.rejects(choose(at(nine, true)), parted(5))
    await choose(at(three, true))
    for (const given of [five, eight, nine]) await assert.rejects(choose(at(given, true)), parted(3))
    await choose(at(three, true))
  })

  it('a number that comes again does not make it the same checkpoint', async () => {
    const { choose, save } = await open()
    const first = await choose({ kind: 'none' })
    const one = await save(1, first)
    const two = await save(2, first)
    const again = await save(2, await choose(at(one, true)))
    await choose(at(again))
    await assert.rejects(choose(at(two)), parted(1))
  })

  it('going on where the folder has ended begins none: not by a resume, nor from its newest savepoint', async () => {
    const { choose, save } = await open()
    const first = await choose({ kind: 'none' })
    const four = await save(4, first)
    assert.deepEqual((await choose(latest)).futures, [])
    assert.deepEqual((await choose(at(four))).futures, [])
    assert.deepEqual((await choose(latest)).futures, [])
    assert.deepEqual((await choose(at(path(4)))).futures, [])
  })

  it('it begins with what is given up by a resume, and by one from the newest that is whole', async () => {
    const { disk, files, choose, save } = await open()
    const first = await choose({ kind: 'none' })
    await save(4, first)
    const five = await save(5, first)
    disk.corrupt(`${path(5)}/_metadata`, 30)
    const whole = await choose(newestWhole)
    assert.deepEqual(whole.futures, [{ id: 'fffffffffffffffe', after: 4 }])
    await assert.rejects(choose(at(five, true)), parted(4))
    assert.deepEqual((await choose(latest)).futures, whole.futures, 'before the first checkpoint too')
    await save(6, whole)
    const later = await choose({ ...latest, discardNewer: true })
    assert.deepEqual(
      later.futures.map(({ after }) => after),
      [4, 6],
    )
    assert.deepEqual((await readLineage(files, FOLDER))?.futures, later.futures)
  })

  it('one is announced before checkpoints are given up for it, and does not count while they are there', async () => {
    let lineages = Number.NEGATIVE_INFINITY
    const { files, choose, save, ids, storage } = await open({
      fault: ({ kind, path }) =>
        kind === 'create' && path.endsWith('lineage.tmp') && ++lineages === 2 ? 'io' : undefined,
    })
    await writeLineage(files, FOLDER, fresh(OWN))
    const first = { lineage: OWN, futures: [] } as unknown as ChosenStart
    const three = await save(3, first)
    const five = await save(5, first)
    // As far as a start gets that dies before it owns the folder.
    lineages = 0
    await assert.rejects(choose(at(three, true)), { name: 'FileError' })
    assert.deepEqual(await ids(), [3])
    const announced = await readLineage(files, FOLDER)
    assert.deepEqual(
      announced?.futures.map(({ after }) => after),
      [3],
    )
    assert.deepEqual((await choose(latest)).futures, announced?.futures)
    await assert.rejects(choose(at(five, true)), parted(3))
    // One that dies even before it removes anything.
    await storage.writeManifest({ ...manifestOf(5, []), lineage: OWN })
    assert.deepEqual((await choose(latest)).futures, [])
    assert.deepEqual((await choose(at(five))).futures, [])
  })

  it('a start that cannot give checkpoints up may try again', async () => {
    let isFailing = false
    const { choose, save, ids } = await open({
      isRefused: true,
      fault: ({ kind }) => (isFailing && kind === 'remove' ? 'io' : undefined),
    })
    const first = await choose({ kind: 'none' })
    await first.claim()
    const three = await save(3, first)
    await save(5, first)
    const start = await choose(at(three, true))
    isFailing = true
    await assert.rejects(start.claim(), { code: 'CHECKPOINT_FOLDER_UNUSABLE' })
    assert.deepEqual(await ids(), [3, 5])
    isFailing = false
    await start.claim()
    assert.deepEqual(await ids(), [3])
  })

  it('a start that is refused begins none', async () => {
    const { files, choose, save } = await open({ isRefused: true })
    await writeLineage(files, FOLDER, fresh(OWN))
    const first = { lineage: OWN, futures: [] } as unknown as ChosenStart
    const three = await save(3, first)
    await choose(at(three, true))
    assert.deepEqual(await readLineage(files, FOLDER), fresh(OWN))
  })

  it('where the file that says so is gone, the newest checkpoint says it, and the next start writes it', async () => {
    for (const isDamaged of [false, true]) {
      const { disk, files, choose, save } = await open()
      const first = await choose({ kind: 'none' })
      const five = await save(5, first)
      const eight = await save(8, first)
      const second = await choose(at(five, true))
      await save(9, second)
      const before = await readLineage(files, FOLDER)
      if (isDamaged) {
        disk.corrupt(`${FOLDER}/lineage`, 3)
        const hint = /^Remove it: the newest checkpoint .* knows the history.*Lost is .* started from with -s/
        await assert.rejects(choose(latest), failsWith('BYTES_DAMAGED', hint))
      }
      await files.remove(`${FOLDER}/lineage`)
      await assert.rejects(choose(at(eight, true)), parted(5))
      const resumed = await choose(latest)
      assert.deepEqual([resumed.lineage, resumed.futures], [first.lineage, second.futures])
      assert.deepEqual(await readLineage(files, FOLDER), { ...before, origin: undefined })
    }
  })

  it('a job may move to another folder and back', async () => {
    const { files, choose, save } = await open()
    const first = await choose({ kind: 'none' })
    const eight = await save(8, first)
    // In the other folder, from there on.
    const futures = [{ id: '0123456789abcdef', after: 8 }]
    const elsewhere = new FileCheckpointStorage(files, 'elsewhere')
    await elsewhere.open()
    const manifest = { ...manifestOf(20, []), lineage: first.lineage, futures }
    await elsewhere.writeManifest(manifest)
    const twenty = await elsewhere.writeSavepoint(manifest, 'savepoints/moved')
    const back = await choose(at(twenty))
    assert.deepEqual(
      back.futures.map(({ after }) => after),
      [8, 20],
    )
    await choose(at(eight, true))
    await assert.rejects(choose(at(twenty, true)), parted(8))
  })

  it('a job that went on here after it had left does not take what it became elsewhere', async () => {
    const { files, choose, save } = await open()
    const first = await choose({ kind: 'none' })
    await save(8, first)
    await save(9, first)
    const elsewhere = new FileCheckpointStorage(files, 'elsewhere')
    await elsewhere.open()
    const futures = [{ id: '0123456789abcdef', after: 8 }]
    const other = await elsewhere.writeManifest({ ...manifestOf(20, []), lineage: first.lineage, futures })
    await assert.rejects(choose(at(other, true)), parted(8))
  })

  it('of another history nothing is said', async () => {
    const { choose, save } = await open()
    const first = await choose({ kind: 'none' })
    const four = await save(4, first)
    await choose({ kind: 'none' })
    assert.equal((await choose(at(four))).lineage, first.lineage)
  })
})
