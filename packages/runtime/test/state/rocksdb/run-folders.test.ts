/** Folders of databases: made for a run, gone with it, and gone at the next start when their process is dead. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { ProcessIdentity, ProcessTable } from '../../../src/checkpoint-storage/process-identity.ts'
import { RunFolders } from '../../../src/state/rocksdb/run-folders.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-run-folders-'))
after(() => rmSync(root, { recursive: true, force: true }))

const identity = (pid: number): ProcessIdentity => ({ pid, startedAt: `boot/with, signs ${pid}`, host: 'a-host.local' })
/** Processes of these ids live. */
const living = (...pids: readonly number[]): ProcessTable => ({
  isAlive: async ({ pid, startedAt, host }) => {
    assert.deepEqual(
      [startedAt, host],
      [identity(pid).startedAt, identity(pid).host],
      'as it was when the folder was made',
    )
    return pids.includes(pid)
  },
})

describe('RunFolders', () => {
  it('makes a folder in each place and removes it with what is in it', async () => {
    const parents = [parent('one'), parent('two')]
    const made = await create({ parents, pid: 1 })
    assert.deepEqual(made.folders.map(existsSync), [true, true])
    mkdirSync(join(made.folders[0] as string, 'slot-0'))
    writeFileSync(join(made.folders[0] as string, 'slot-0', 'file'), 'x')
    await made.remove()
    assert.deepEqual(
      parents.flatMap((each) => readdirSync(each)),
      [],
    )
  })

  it('takes one place twice', async () => {
    const place = parent('twice')
    const made = await create({ parents: [place, place], pid: 1 })
    assert.equal(readdirSync(place).length, 1)
    await made.remove()
  })

  it('removes what dead processes have left, and nothing else', async () => {
    const place = parent('shared')
    const dead = await create({ parents: [place], pid: 1, run: 'a' })
    const alive = await create({ parents: [place], pid: 2, run: 'b', processes: living(1, 2) })
    mkdirSync(join(place, 'millrace-rocksdb-of-somebody-else'))
    mkdirSync(join(place, 'millrace-rocksdb-1,%,c,d'))
    const made = await create({ parents: [place], pid: 3, processes: living(2, 3) })
    assert.deepEqual(
      [dead, alive, made].map(({ folders }) => existsSync(folders[0] as string)),
      [false, true, true],
    )
    assert.equal(readdirSync(place).length, 4)
  })

  it('keeps runs of one process apart', async () => {
    const place = parent('same')
    const first = await create({ parents: [place], pid: 1, run: 'a' })
    const second = await create({ parents: [place], pid: 1, run: 'b', processes: living(1) })
    await second.remove()
    assert.equal(existsSync(first.folders[0] as string), true)
  })

  it('says where it could make none', async () => {
    const messages: string[] = []
    await assert.rejects(create({ parents: [join(root, 'missing')], pid: 1, messages }), {
      code: 'DISK_FAILED',
      message: /missing/,
      hint: /io\.tmp\.dirs/,
    })
    assert.match(messages[0] ?? '', /missing could not be searched/)
  })
})

function parent(name: string): string {
  const path = join(root, name)
  mkdirSync(path)
  return path
}

interface Made {
  readonly parents: readonly string[]
  readonly pid: number
  readonly run?: string
  readonly processes?: ProcessTable
  readonly messages?: string[]
}

function create({ parents, pid, run = 'run', processes = living(pid), messages = [] }: Made): Promise<RunFolders> {
  return RunFolders.create({ parents, self: identity(pid), processes, run, report: (text) => messages.push(text) })
}
