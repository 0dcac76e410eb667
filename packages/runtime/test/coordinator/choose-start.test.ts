import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import { SeededRandom, SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { type ChosenStart, chooseStart, type RestoreRequest } from '../../src/coordinator/choose-start.ts'
import { readLineage, writeLineage } from '../../src/coordinator/lineage-file.ts'
import { manifestOf, segmentOf } from '../checkpoint-storage/checkpoint-samples.ts'

const FOLDER = 'checkpoints'
const OWN = 'aaaaaaaaaaaaaaaa'
const choices = { discardNewer: false, allowNonRestoredState: false }
const latest: RestoreRequest = { kind: 'latest', ...choices }
const newestWhole: RestoreRequest = { kind: 'newest-whole', ...choices }
const at = (path: string, discardNewer = false): RestoreRequest => ({ kind: 'path', path, ...choices, discardNewer })

const fresh = (id: string) => ({ id, origin: undefined, futures: [] })

async function open({ isRefused = false } = {}) {
  const disk = new SimulatedDisk({ random: Math.random })
  const files = disk.mount()
  const storage = new FileCheckpointStorage(files, FOLDER)
  await storage.open()
  const messages: string[] = []
  const locks: string[] = []
  let savepoints = 0
  let random = 0
  return {
    locks,
    disk,
    files,
    storage,
    messages,
    store: (id: number, lineage = OWN): Promise<string> => storage.writeManifest({ ...manifestOf(id, []), lineage }),
    /** A checkpoint as the job writes it that starts so, and its savepoint. */
    save: async (id: number, { lineage, futures }: ChosenStart): Promise<string> => {
      const manifest = { ...manifestOf(id, []), lineage, ...(futures.length === 0 ? {} : { futures }) }
      await storage.writeManifest(manifest)
      return storage.writeSavepoint(manifest, `savepoints/${id}-${++savepoints}`)
    },
    ids: async (): Promise<number[]> => (await storage.listCheckpoints()).map(({ checkpointId }) => checkpointId),
    /** As a job does that gets as far as its sinks. */
    choose: async (request: RestoreRequest) => {
      const start = await chooseStart(request, {
        storage,
        files,
        folder: FOLDER,
        jobName: 'job',
        // The first is all of "f", the next ones end otherwise.
        random: { hex: (digits) => `${'f'.repeat(digits - 2)}${(255 - random++).toString(16)}`, fraction: () => 0 },
        lock: async (folder) => {
          locks.push(folder)
          return { release: async () => void locks.push(`${folder} released`) }
        },
        report: (message) => void messages.push(message),
      })
      if (!isRefused) await start.claim()
      return start
    },
  }
}

const failsWith = (code: string, hint?: RegExp) => (error: unknown) =>
  error instanceof MillraceError && error.code === code && (hint === undefined || hint.test(error.hint ?? ''))
const idsOf = (manifests: readonly CheckpointManifest[]): number[] => manifests.map(({ checkpointId }) => checkpointId)

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

  it('a path where nothing is', async () => {
    const { choose } = await open()
    await assert.rejects(choose(at('nowhere')), failsWith('CHECKPOINT_NOT_FOUND'))
  })
})

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
    const { files, choose, save, ids, storage } = await open({ isRefused: true })
    await writeLineage(files, FOLDER, fresh(OWN))
    const first = { lineage: OWN, futures: [] } as unknown as ChosenStart
    const three = await save(3, first)
    const five = await save(5, first)
    // As far as a start gets that dies before it owns the folder.
    await choose(at(three, true))
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

  it('a start that is refused begins none', async () => {
    const { files, choose, save } = await open({ isRefused: true })
    await writeLineage(files, FOLDER, fresh(OWN))
    const first = { lineage: OWN, futures: [] } as unknown as ChosenStart
    const three = await save(3, first)
    await choose(at(three, true))
    assert.deepEqual(await readLineage(files, FOLDER), fresh(OWN))
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

describe('the lineage file', () => {
  it('is read as it was written, replaced, and absent at first', async () => {
    const { files } = await open()
    assert.equal(await readLineage(files, FOLDER), undefined)
    const origin = { path: 'a savepoint/„1“', checkpointId: 3 }
    const futures = [{ id: '0123456789abcdef', after: 0 }]
    const claimed = { ...origin, claimMode: 'CLAIM' as const }
    for (const lineage of [
      fresh(OWN),
      { ...fresh('0123456789abcdef'), origin },
      { ...fresh(OWN), origin: claimed, futures },
      { ...fresh(OWN), futures },
      fresh(OWN),
    ]) {
      await writeLineage(files, FOLDER, lineage)
      assert.deepEqual(await readLineage(files, FOLDER), lineage)
    }
  })

  it('survives a crash once it was written, and is never half of one', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new SeededRandom(seed)
      const disk = new SimulatedDisk({ random: () => random.fraction() })
      await new FileCheckpointStorage(disk.mount(), FOLDER).open()
      await writeLineage(disk.mount(), FOLDER, fresh(OWN))
      disk.crash()
      assert.deepEqual(await readLineage(disk.mount(), FOLDER), fresh(OWN))
    }
  })

  it('that is damaged is an error', async () => {
    const { disk, files } = await open()
    await writeLineage(files, FOLDER, fresh(OWN))
    disk.corrupt(`${FOLDER}/lineage`, 3)
    await assert.rejects(readLineage(files, FOLDER), failsWith('BYTES_DAMAGED'))
  })
})
