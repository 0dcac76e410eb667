import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import type { RestoreRequest } from '../../src/coordinator/choose-start.ts'
import { readLineage, writeLineage } from '../../src/coordinator/lineage-file.ts'
import { manifestOf, segmentOf } from '../checkpoint-storage/checkpoint-samples.ts'
import { at, choices, FOLDER, failsWith, fresh, idsOf, latest, newestWhole, OWN, open } from './chosen-start.ts'

describe('chooseStart', () => {
  it('claims a checkpoint of another folder with its lock, again when it is resumed, and not once it is gone', async () => {
    const { files, locks, choose } = await open()
    const elsewhere = new FileCheckpointStorage(files, 'elsewhere')
    await elsewhere.open()
    const path = await elsewhere.writeManifest({ ...manifestOf(7, []), lineage: OWN })
    const claiming: RestoreRequest = { kind: 'path', path, claimMode: 'CLAIM', ...choices }
    const { claimed, unclaimedId } = await choose(claiming)
    assert.deepEqual([claimed?.checkpointId, unclaimedId, locks], [7, undefined, ['elsewhere']])
    await claimed?.release()
    assert.deepEqual(locks, ['elsewhere', 'elsewhere released'])
    const again = await choose(latest)
    assert.equal(again.claimed?.checkpointId, 7)
    await again.claimed?.discard()
    assert.deepEqual(await elsewhere.listCheckpoints(), [])
    const start = await choose({ kind: 'none' })
    assert.equal(start.claimed, undefined)
  })

  it('leaves what it does not claim unlocked', async () => {
    const { files, locks, choose } = await open()
    const elsewhere = new FileCheckpointStorage(files, 'elsewhere')
    await elsewhere.open()
    const path = await elsewhere.writeManifest({ ...manifestOf(7, []), lineage: OWN })
    const { claimed } = await choose(at(path))
    assert.deepEqual([claimed, locks], [undefined, []])
  })

  it('without a request it starts fresh, with a history of its own and ids above all that are there', async () => {
    const { files, store, choose, messages, ids } = await open()
    await store(4)
    const start = await choose({ kind: 'none' })
    assert.deepEqual([start.restored, start.lineage, start.firstCheckpointId], [undefined, 'f'.repeat(16), 5])
    assert.deepEqual(await readLineage(files, FOLDER), fresh('f'.repeat(16)))
    assert.deepEqual(await ids(), [4])
    assert.match(messages[0] ?? '', /holds checkpoint 4 of an earlier run; this is a fresh start/)
  })

  it('the latest of an empty folder is a fresh start', async () => {
    const { choose, messages } = await open()
    const start = await choose(latest)
    assert.deepEqual([start.restored, start.firstCheckpointId], [undefined, 1])
    assert.match(messages[0] ?? '', /There is no checkpoint/)
  })

  it('the latest is the newest checkpoint', async () => {
    const { files, store, choose } = await open()
    await writeLineage(files, FOLDER, fresh(OWN))
    await store(3)
    await store(5)
    const start = await choose(latest)
    assert.deepEqual(
      [start.restored?.manifest.checkpointId, start.restored?.folder, start.lineage, start.firstCheckpointId],
      [5, undefined, OWN, 6],
    )
    assert.deepEqual(idsOf(start.existing), [3, 5])
  })

  it('a fresh start that is refused before it writes leaves the history before to be resumed', async () => {
    const { files, store, choose } = await open({ isRefused: true })
    await writeLineage(files, FOLDER, fresh(OWN))
    await store(3)
    await choose({ kind: 'none' })
    assert.equal((await choose(latest)).restored?.manifest.checkpointId, 3)
  })

  it('the latest does not reach behind a fresh start that wrote none', async () => {
    const { files, store, choose } = await open()
    await store(3)
    await writeLineage(files, FOLDER, fresh('bbbbbbbbbbbbbbbb'))
    const start = await choose(latest)
    assert.deepEqual([start.restored, start.lineage, start.firstCheckpointId], [undefined, 'bbbbbbbbbbbbbbbb', 4])
  })

  it('a damaged newest is an error that names the newest whole one', async () => {
    const { disk, store, choose } = await open()
    await store(3)
    const path = await store(5)
    disk.corrupt(`${path}/_metadata`, 30)
    await assert.rejects(
      choose(latest),
      failsWith('CHECKPOINT_DAMAGED', /chk-3 is whole.*--resume-from newest-whole.*--discard-newer/),
    )
  })

  it('a newest one of a newer version is no damage: the error says to run that version first', async () => {
    const { store, choose, files } = await open()
    await writeLineage(files, FOLDER, fresh(OWN))
    await store(3)
    const newest = await files.create(`${await store(4)}/_metadata`)
    await newest.write(new TextEncoder().encode('MILLRACE-CHECKPOINT 99 crc32c=00000000 length=0\n'))
    await newest.close()
    await assert.rejects(
      choose(latest),
      failsWith(
        'CHECKPOINT_NEWER_VERSION',
        /^Run the job with the Millrace version .* To give it up instead: .*chk-3 is whole/,
      ),
    )
  })

  it('one of a newer version that is given up is not called damaged, and its version is told', async () => {
    const { store, choose, files, messages } = await open()
    await writeLineage(files, FOLDER, fresh(OWN))
    const writeNewer = async (path: string): Promise<void> => {
      const file = await files.create(`${path}/_metadata`)
      await file.write(new TextEncoder().encode('MILLRACE-CHECKPOINT 99 crc32c=00000000 length=0\n'))
      await file.close()
    }
    const only = await store(4)
    await writeNewer(only)
    await assert.rejects(
      choose(newestWhole),
      failsWith('CHECKPOINT_NEWER_VERSION', /^Run the job with the Millrace version .* Or: .*start fresh/),
    )
    await store(3)
    assert.equal((await choose(newestWhole)).restored?.manifest.checkpointId, 3)
    assert.match(messages[0] ?? '', /chk-4 was written by a newer version and is given up: .*has version 99; .*up to/)
  })

  it('what is whole is said of this history only', async () => {
    const { disk, files, store, choose } = await open()
    await store(3, 'bbbbbbbbbbbbbbbb')
    disk.corrupt(`${await store(5)}/_metadata`, 30)
    await writeLineage(files, FOLDER, fresh(OWN))
    await assert.rejects(choose(latest), failsWith('CHECKPOINT_DAMAGED', /No checkpoint in checkpoints is whole/))
    await assert.rejects(choose(newestWhole), failsWith('CHECKPOINT_DAMAGED', /start fresh/))
  })

  it('the newest whole one is taken when it is asked for, and everything newer is given up and named', async () => {
    const { disk, files, storage, messages, choose, ids } = await open()
    await writeLineage(files, FOLDER, fresh(OWN))
    const store = async (id: number): Promise<string> => {
      const batch = { checkpointId: id, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 0 }
      const refs = await storage.writeSegments({ ...batch, pieces: [segmentOf('base', `${id}`)] })
      return storage.writeManifest({ ...manifestOf(id, [refs]), lineage: OWN })
    }
    await store(3)
    await store(4)
    await store(5)
    disk.corrupt(`${FOLDER}/chk-5/_metadata`, 30)
    // Its manifest and the length of its file are as they were: only reading shows it.
    disk.corrupt(`${FOLDER}/shared/4-v-0-0.seg`, 7)
    const start = await choose(newestWhole)
    assert.deepEqual(
      [start.restored?.manifest.checkpointId, start.restored?.file, start.firstCheckpointId, start.lineage],
      [3, `${FOLDER}/chk-3/_metadata`, 6, OWN],
    )
    assert.deepEqual(idsOf(start.existing), [3])
    assert.deepEqual(await ids(), [3])
    assert.deepEqual(
      [...disk.contents().keys()].filter((path) => path.endsWith('.seg')),
      [`${FOLDER}/shared/3-v-0-0.seg`],
    )
    assert.match(messages[0] ?? '', /chk-5 is damaged and is given up/)
    assert.match(messages[1] ?? '', /chk-4 is damaged and is given up: .*4-v-0-0\.seg has a wrong checksum/)
    assert.match(messages[2] ?? '', /from checkpoint 3 .* the newest that is whole/)
  })

  it('the newest whole one is the latest where that is whole, and a fresh start where there is none', async () => {
    const { store, choose, messages } = await open()
    const { restored, lineage } = await choose(newestWhole)
    assert.equal(restored, undefined)
    await store(3, lineage)
    assert.equal((await choose(newestWhole)).restored?.manifest.checkpointId, 3)
    assert.ok(messages.every((message) => !message.includes('given up')))
  })

  it('nothing whole is an error that says what the job was started from', async () => {
    const { disk, files, store, choose } = await open()
    await writeLineage(files, FOLDER, { ...fresh(OWN), origin: { path: 'savepoints/one', checkpointId: 2 } })
    disk.corrupt(`${await store(5)}/_metadata`, 30)
    await assert.rejects(choose(newestWhole), failsWith('CHECKPOINT_DAMAGED', /-s savepoints\/one --discard-newer/))
  })

  it('a path is restored though newer ones are damaged, when those are given up', async () => {
    const { disk, store, choose, ids } = await open()
    const whole = await store(3)
    disk.corrupt(`${await store(5)}/_metadata`, 30)
    await assert.rejects(choose(at(whole)), failsWith('CHECKPOINT_OTHER_JOB', /--discard-newer/))
    assert.deepEqual(await ids(), [3, 5])
    const start = await choose(at(whole, true))
    assert.deepEqual([start.restored?.manifest.checkpointId, start.firstCheckpointId], [3, 6])
    assert.deepEqual([await ids(), idsOf(start.existing)], [[3], [3]])
  })

  it('a path that is damaged is refused before anything is given up for it', async () => {
    const { files, storage, store, choose, ids } = await open()
    const place = { checkpointId: 3, attempt: 0, vertexId: 'v', subtask: 0, inlineBytesMax: 0 }
    const refs = await storage.writeSegments({ ...place, pieces: [segmentOf('base', 'a')] })
    const manifest = { ...manifestOf(3, [refs]), lineage: OWN }
    await storage.writeManifest(manifest)
    await storage.writeSavepoint(manifest, 'savepoint')
    await store(4)
    await writeLineage(files, FOLDER, fresh(OWN))
    const other = await files.create('savepoint/segments')
    await other.write(segmentOf('base', 'b').bytes)
    await other.close()
    await assert.rejects(choose(at('savepoint', true)), failsWith('CHECKPOINT_DAMAGED'))
    await files.remove('savepoint/segments')
    await assert.rejects(choose(at('savepoint', true)), failsWith('CHECKPOINT_DAMAGED'))
    assert.deepEqual(await ids(), [3, 4])
    assert.deepEqual(await readLineage(files, FOLDER), fresh(OWN))
    await storage.discard([4], [])
    await assert.rejects(choose(at('savepoint')), failsWith('CHECKPOINT_DAMAGED'), 'bytes are missing')
  })

  it('a path of another folder is restored from there, and its history goes on here', async () => {
    const { files, store, choose } = await open()
    const elsewhere = new FileCheckpointStorage(files, 'elsewhere')
    await elsewhere.open()
    const path = await elsewhere.writeManifest({ ...manifestOf(7, []), lineage: OWN })
    const start = await choose(at(path))
    assert.deepEqual([start.restored?.folder, start.restored?.isNamed], ['elsewhere', true])
    assert.deepEqual([start.lineage, start.firstCheckpointId, start.unclaimedId], [OWN, 8, undefined])
    const futures = [{ id: 'f'.repeat(16), after: 7 }]
    assert.deepEqual(await readLineage(files, FOLDER), { id: OWN, origin: { path, checkpointId: 7 }, futures })
    assert.deepEqual(start.futures, futures)
    await store(8)
    await assert.rejects(choose(at(path)), failsWith('CHECKPOINT_OTHER_JOB'))
  })

  it('the latest is the named start until there is a checkpoint of this history, and then that', async () => {
    const { files, store, choose, messages } = await open()
    const elsewhere = new FileCheckpointStorage(files, 'elsewhere')
    await elsewhere.open()
    const path = await elsewhere.writeManifest({ ...manifestOf(7, []), lineage: OWN })
    await choose(at(path))
    const again = await choose(latest)
    assert.deepEqual(
      [again.restored?.manifest.checkpointId, again.restored?.folder, again.lineage, again.firstCheckpointId],
      [7, 'elsewhere', OWN, 8],
    )
    assert.equal(again.restored?.isNamed, true, 'as the start was')
    assert.match(messages.at(-1) ?? '', /goes on from there again/)
    await store(8)
    const own = (await choose(latest)).restored
    assert.deepEqual([own?.manifest.checkpointId, own?.isNamed], [8, false])
    // A fresh start forgets where the history before it began.
    await choose({ kind: 'none' })
    assert.equal((await choose(latest)).restored, undefined)
  })

  it('a checkpoint of the folder that was named stays its owner’s, also after a resume', async () => {
    const { store, choose } = await open()
    const path = await store(3)
    assert.equal((await choose(at(path))).unclaimedId, 3)
    assert.equal((await choose(latest)).restored?.isNamed, true, 'until there is another')
    await store(4)
    const resumed = await choose(latest)
    assert.deepEqual([resumed.restored?.manifest.checkpointId, resumed.unclaimedId], [4, 3])
  })

  it('a start that is refused leaves the newer checkpoints that it was to give up', async () => {
    const { disk, files, store, choose, ids } = await open({ isRefused: true })
    await writeLineage(files, FOLDER, fresh(OWN))
    const three = await store(3)
    await store(4)
    disk.corrupt(`${await store(5)}/_metadata`, 30)
    for (const request of [at(three, true), newestWhole]) {
      const { existing, restored } = await choose(request)
      const [kept] = idsOf(existing).slice(-1)
      assert.equal(kept, restored?.manifest.checkpointId, 'as if they were gone')
      assert.deepEqual(await ids(), [3, 4, 5])
      assert.deepEqual(await readLineage(files, FOLDER), fresh(OWN))
    }
  })

  it('something else that lies by now where the job was started from is refused by a resume', async () => {
    const { files, choose } = await open()
    const elsewhere = new FileCheckpointStorage(files, 'elsewhere')
    await elsewhere.open()
    const put = async (id: number, lineage: string): Promise<void> => {
      const manifest = { ...manifestOf(id, []), lineage }
      await elsewhere.writeManifest(manifest)
      for (const name of ['_metadata', 'segments']) await files.remove(`current/${name}`)
      await elsewhere.writeSavepoint(manifest, 'current')
    }
    await put(7, OWN)
    await choose(at('current'))
    for (const [id, lineage] of [
      [8, OWN],
      [7, 'bbbbbbbbbbbbbbbb'],
    ] as const) {
      await put(id, lineage)
      await assert.rejects(choose(latest), failsWith('CHECKPOINT_OTHER_JOB', /Put back what was in current, or say/))
    }
    await put(7, OWN)
    assert.equal((await choose(latest)).restored?.manifest.checkpointId, 7)
  })

  it('a path where nothing is', async () => {
    const { choose } = await open()
    await assert.rejects(choose(at('nowhere')), failsWith('CHECKPOINT_NOT_FOUND'))
  })
})
