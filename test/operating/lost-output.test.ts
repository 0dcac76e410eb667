/** Standard output that cannot be written, as where the disk below a log is full. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { cleanEnv } from '../packaging/commands.ts'
import { COMMAND, newPlace, type Place, runArguments } from './command-run.ts'

/** A device on which there is never room. */
const FULL = '/dev/full'

function intoFull({ folder }: Place, ...words: readonly string[]): { status: number | null; stderr: string } {
  const stdout = openSync(FULL, 'w')
  try {
    return spawnSync(process.execPath, [COMMAND, ...words], {
      cwd: folder,
      env: cleanEnv(),
      encoding: 'utf8',
      stdio: ['ignore', stdout, 'pipe'],
    })
  } finally {
    closeSync(stdout)
  }
}

describe('standard output on a full disk', { skip: !existsSync(FULL), timeout: 120_000 }, () => {
  it('fails a command whose result it is, with one clear error', (t) => {
    const { status, stderr } = intoFull(newPlace(t), 'config')
    assert.equal(status, 1, stderr)
    assert.match(stderr, /^error OUTPUT_FAILED {2}Standard output could not be written: ENOSPC/)
    assert.doesNotMatch(stderr, /^\s+at /m)
  })

  it('does not end a job', (t) => {
    const place = newPlace(t)
    const stops = ['--stop-after-checkpoint', '2', '--savepoint', join(place.folder, 'savepoint')]
    const options = ['-D', 'execution.checkpointing.interval=50 ms', ...stops]
    const { status, stderr } = intoFull(place, 'run', ...runArguments(place, ...options))
    assert.equal(status, 1, stderr)
    assert.match(stderr, /\nerror OUTPUT_FAILED {2}/)
    const parts = readdirSync(place.output).filter((name) => name.startsWith('part-'))
    assert.ok(parts.length > 0, 'its output is committed')
  })
})
