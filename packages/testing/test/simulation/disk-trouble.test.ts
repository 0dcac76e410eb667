import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError, toErrorData } from '@millrace/api'
import { ActionLog, SeededRandom, SimulatedDisk } from '@millrace/testing'
import { DiskTrouble } from '../../src/simulation/disk-trouble.ts'

function open() {
  const log = new ActionLog(10)
  const trouble = new DiskTrouble(new SeededRandom(1), log, '/ckpt')
  const disk = new SimulatedDisk({ random: () => 0, isLie: (operation) => trouble.isLie(operation) })
  return { trouble, disk, log }
}

async function put(disk: SimulatedDisk, folder: string, name: string): Promise<void> {
  const files = disk.mount()
  await files.makeFolder(folder)
  const file = await files.create(`${folder}/${name}`)
  await file.write(new Uint8Array([1, 2, 3]))
  await file.sync()
  await files.syncFolder(folder)
}

const damaged = (message: string) =>
  toErrorData(new MillraceError('INTERNAL', 'above', { cause: new MillraceError('CHECKPOINT_DAMAGED', message) }))

test('damage explains an error that names what is damaged, and no other', async () => {
  const { trouble, disk } = open()
  assert.equal(trouble.rot(disk), false, 'there is nothing')
  await put(disk, '/ckpt', 'LOCK')
  await put(disk, '/out', 'part.csv')
  assert.equal(trouble.rot(disk), false, 'nothing of a checkpoint')
  await put(disk, '/ckpt/chk-1', '_metadata')
  assert.equal(trouble.rot(disk), true)
  assert.deepEqual([...trouble.damaged], ['/ckpt/chk-1/_metadata'])
  assert.equal(trouble.explains(damaged('/ckpt/chk-1 is damaged')), true)
  assert.equal(trouble.explains(damaged('/ckpt/chk-12 is damaged')), false)
  assert.equal(trouble.explains(damaged('/ckpt/shared/1-v-0-0.seg is damaged')), false)
  assert.equal(trouble.explains(toErrorData(new MillraceError('INTERNAL', '/ckpt/chk-1'))), false)
})

test('a lie damages nothing before the machine crashes, and only files of checkpoints are lied about', async () => {
  const { trouble, disk, log } = open()
  trouble.lie()
  await put(disk, '/out', 'part.csv')
  await put(disk, '/ckpt/shared', '1-v-0-0.seg')
  assert.deepEqual([log.counts.get('disk-lied'), trouble.damaged.size], [1, 0])
  disk.crash()
  trouble.onCrash()
  assert.deepEqual([...trouble.damaged], ['/ckpt/shared/1-v-0-0.seg'])
  assert.deepEqual(
    [...disk.contents()].map(([, bytes]) => bytes.length),
    [0, 3],
  )
})
