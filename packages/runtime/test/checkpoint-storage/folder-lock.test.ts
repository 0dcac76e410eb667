import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { type FileSystem, MillraceError } from '@millrace/api'
import { SimulatedDisk } from '@millrace/testing'
import { FolderLock, LOCK_FILE, type LockOptions } from '../../src/checkpoint-storage/folder-lock.ts'
import { type ProcessIdentity, SystemProcessTable } from '../../src/checkpoint-storage/process-identity.ts'

const identity = (pid: number, startedAt = 'monday', host = 'here'): ProcessIdentity => ({ pid, startedAt, host })

/** A machine with a folder and some living processes. */
async function machine() {
  const disk = new SimulatedDisk({ random: () => 0.999, now: () => clock.nowMs })
  const clock = { nowMs: 1_000 }
  const files = disk.mount()
  await files.makeFolder('f')
  const living = new Set<string>()
  const optionsOf = (self: ProcessIdentity): LockOptions => ({
    files,
    folder: 'f',
    self,
    processes: {
      isAlive: async (process) => process.host !== 'here' || living.has(`${process.pid}/${process.startedAt}`),
    },
    now: () => clock.nowMs,
  })
  const acquire = (self: ProcessIdentity): Promise<FolderLock> => {
    living.add(`${self.pid}/${self.startedAt}`)
    return FolderLock.acquire(optionsOf(self))
  }
  return { disk, files, clock, living, acquire, optionsOf }
}

const isLocked =
  (part: RegExp) =>
  (error: unknown): boolean =>
    error instanceof MillraceError && error.code === 'CHECKPOINT_FOLDER_LOCKED' && part.test(error.message)

test('a second process is refused while the first one lives, and let in when it has let go', async () => {
  const { acquire, disk } = await machine()
  const first = await acquire(identity(1))
  assert.ok(await first.isHeld())
  await assert.rejects(acquire(identity(2)), isLocked(/process 1$/))
  await first.release()
  const second = await acquire(identity(2))
  assert.ok(await second.isHeld())
  assert.ok(!(await first.isHeld()))
  await first.release()
  assert.ok(await second.isHeld(), 'letting go twice does not take the lock of another')
  assert.deepEqual([...disk.contents().keys()], [`f/${LOCK_FILE}`])
})

test('the lock of a dead process is taken over, also when its id is in use again', async () => {
  const { acquire, living, disk } = await machine()
  await acquire(identity(1, 'monday'))
  living.clear()
  living.add('1/tuesday')
  const second = await acquire(identity(2))
  assert.ok(await second.isHeld())
  assert.deepEqual([...disk.contents().keys()], [`f/${LOCK_FILE}`])
})

test('the lock of another host is never taken over', async () => {
  const { acquire } = await machine()
  await acquire(identity(1, 'monday', 'elsewhere'))
  await assert.rejects(acquire(identity(2)), isLocked(/process 1 on elsewhere/))
})

test('a lock without a name is somebody about to write it, until it is old', async () => {
  const { acquire, files, clock } = await machine()
  await (await files.create(`f/${LOCK_FILE}`)).close()
  await assert.rejects(acquire(identity(2)), isLocked(/another process/))
  clock.nowMs += 60_000
  assert.ok(await (await acquire(identity(2))).isHeld())
})

test('what processes left that died while they took a lock over is removed, of a living one it is not', async () => {
  const { acquire, files, living, disk } = await machine()
  const leave = async (name: string, owner: ProcessIdentity): Promise<void> => {
    await acquire(owner)
    await files.rename(`f/${LOCK_FILE}`, `f/${name}`)
    living.clear()
  }
  await leave('LOCK.takeover.takeover', identity(7))
  await leave('LOCK.takeover', identity(8))
  const first = await acquire(identity(2))
  assert.deepEqual([...disk.contents().keys()], [`f/${LOCK_FILE}`])
  await first.release()
  await leave('LOCK.takeover', identity(8))
  living.add('8/monday')
  await acquire(identity(3))
  assert.deepEqual([...disk.contents().keys()].sort(), [`f/${LOCK_FILE}`, 'f/LOCK.takeover'])
})

test('a dead process that died while it took over does not keep others out', async () => {
  const { acquire, files, living, disk } = await machine()
  for (const name of ['LOCK.takeover.takeover', 'LOCK.takeover']) {
    await acquire(identity(1))
    await files.rename(`f/${LOCK_FILE}`, `f/${name}`)
  }
  await acquire(identity(2))
  living.clear()
  assert.ok(await (await acquire(identity(3))).isHeld())
  assert.deepEqual([...disk.contents().keys()], [`f/${LOCK_FILE}`])
})

test('who takes long to write its name does not rely on its lock: it may have been taken for dead', async () => {
  const { clock, files, optionsOf } = await machine()
  const slow: FileSystem = {
    __proto__: files,
    create: async (path: string, options: { exclusive?: boolean }) => {
      const file = await files.create(path, options)
      clock.nowMs += 6_000
      return file
    },
  } as unknown as FileSystem
  await assert.rejects(FolderLock.acquire({ ...optionsOf(identity(1)), files: slow }), isLocked(/another process/))
})

test('of several processes that find a dead owner one gets the lock', async () => {
  for (let round = 0; round < 20; round++) {
    const { acquire, living } = await machine()
    await acquire(identity(1))
    living.clear()
    const results = await Promise.allSettled([2, 3, 4].map((pid) => acquire(identity(pid))))
    const held = await Promise.all(
      results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.isHeld()] : [])),
    )
    assert.deepEqual(held, [true])
  }
})

test('the system knows itself, the living and the dead', async () => {
  const table = new SystemProcessTable()
  const self = await table.self()
  assert.equal(self.pid, process.pid)
  assert.ok(await table.isAlive(self))
  assert.ok(await table.isAlive({ ...self, host: 'elsewhere' }), 'cannot be told')
  if (self.startedAt !== 'unknown') assert.ok(!(await table.isAlive({ ...self, startedAt: 'long ago' })))
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await once(child, 'exit')
  assert.ok(!(await table.isAlive({ ...self, pid: child.pid as number })))
})
