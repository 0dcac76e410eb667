import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import { SimulatedDisk } from '@millrace/testing'
import { KillingFileSystem } from '../../src/file-system/killing-file-system.ts'
import { parseKillPoint } from '../../src/slot/kill-point.ts'

class Killed extends Error {}

/** A disk on which the process "dies" by an exception at the kill point. */
async function machine(killPoint: string) {
  const disk = new SimulatedDisk({ random: () => 0.999, now: () => 0 })
  await disk.mount().makeFolder('f')
  const files = new KillingFileSystem(disk.mount(), parseKillPoint(killPoint), () => {
    throw new Killed()
  })
  const write = async (path: string): Promise<void> => {
    const file = await files.create(path)
    await file.write(Buffer.from('abcd'))
    await file.sync()
    await file.close()
  }
  const contents = (): string[] =>
    [...disk.contents()].map(([path, bytes]) => `${path}=${Buffer.from(bytes).toString()}`).sort()
  return { files, write, contents }
}

test('before a step nothing of it has happened, after it all, within a write half', async () => {
  const cases = [
    ['before:create:/a$#1', []],
    ['after:create:/a$#1', ['f/a=']],
    ['before:write:/a$#1', ['f/a=']],
    ['within:write:/a$#1', ['f/a=ab']],
    ['after:write:/a$#1', ['f/a=abcd']],
    ['before:sync:/a$#1', ['f/a=abcd']],
  ] as const
  for (const [killPoint, left] of cases) {
    const { write, contents } = await machine(killPoint)
    await assert.rejects(write('f/a'), Killed, killPoint)
    assert.deepEqual(contents(), left, killPoint)
  }
})

test('only the n-th time counts, over all that share the kill point', async () => {
  const disk = new SimulatedDisk({ random: () => 0.999, now: () => 0 })
  const point = parseKillPoint('before:make-folder:/x#3')
  let deaths = 0
  const [one, two] = [1, 2].map(() => new KillingFileSystem(disk.mount(), point, () => deaths++)) as [
    KillingFileSystem,
    KillingFileSystem,
  ]
  await one.makeFolder('f/x1')
  await two.makeFolder('f/y')
  await two.makeFolder('f/x2')
  assert.equal(deaths, 0)
  await one.makeFolder('f/x3')
  assert.equal(deaths, 1)
  await two.makeFolder('f/x4')
  assert.equal(deaths, 1)
})

test('a folder sync is named by what it makes durable, a second rename before it is a step of its own', async () => {
  const { files, write } = await machine('before:sync-renamed:f$#1')
  await write('f/a')
  await files.syncFolder('f')
  await files.rename('f/a', 'f/b')
  await assert.rejects(files.syncFolder('f'), Killed)

  const second = await machine('before:rename-next:/c$#1')
  await second.write('f/a')
  await second.write('f/c')
  await second.files.rename('f/a', 'f/b')
  await assert.rejects(second.files.rename('f/c', 'f/d'), Killed)
  assert.deepEqual(second.contents(), ['f/b=abcd', 'f/c=abcd'])
})

test('a kill point that names no step is refused', () => {
  for (const text of ['', 'before:create:/a$', 'before:creation:/a$#1', 'within:sync:/a$#1', 'before:create:/a$#0']) {
    assert.throws(
      () => parseKillPoint(text),
      (error) => error instanceof MillraceError && error.code === 'OPTION_INVALID',
    )
  }
})
