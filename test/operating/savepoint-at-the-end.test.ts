/** A process that ends while a savepoint is being copied: it stays until the savepoint is whole, and its path told. */
import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CommandRun, command, type Line, newPlace, until } from './command-run.ts'

const SLOW_DISK = new URL('slow-rename.mjs', import.meta.url).href

const hasReadAll = ({ kind, operators }: Line): boolean =>
  kind === 'progress' && operators.every(({ isFinished }: { readonly isFinished: boolean }) => isFinished)

for (const { name, status, state } of [
  { name: 'its input has ended', status: 0, state: 'FINISHED' },
  { name: 'SIGTERM', status: 143, state: 'SUSPENDED' },
]) {
  test(`${name} while a savepoint is copied: the process answers first`, { timeout: 180_000 }, async (t) => {
    const place = newPlace(t)
    const flag = join(place.folder, 'copying')
    const job = new CommandRun(t, place, ['-D', 'execution.checkpointing.interval=1 h'], {
      NODE_OPTIONS: `--import=${SLOW_DISK}`,
      MILLRACE_TEST_SLOW_RENAME: '/savepoint-[^/]+/_metadata$',
      MILLRACE_TEST_SLOW_FLAG: flag,
    })
    const address = await job.address()
    await job.until((line) => line.kind === 'state' && line.state === 'RUNNING')
    await job.until((line) => line.kind === 'progress' && line.operators.every(({ recordsIn }: Line) => recordsIn > 0))
    const taken = command(place, 'savepoint', join(place.folder, 'savepoints'), '-m', address, '--json')
    await until(() => existsSync(flag))
    if (state === 'FINISHED') {
      writeFileSync(place.end, '')
      await job.until(hasReadAll)
    } else {
      job.kill('SIGTERM')
      await job.until(({ kind, text }) => kind === 'message' && /^Stopping with a last checkpoint/.test(text))
    }
    rmSync(flag)
    const { status: answered, stdout, stderr } = await taken
    assert.equal(answered, 0, `${stdout}${stderr}\n${job.story()}`)
    assert.ok(existsSync(join(JSON.parse(stdout).savepoint, '_metadata')))
    assert.equal(await job.ended, status, job.story())
    assert.equal(job.result.state, state)
  })
}
