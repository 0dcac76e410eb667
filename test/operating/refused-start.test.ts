/** What a start that is refused leaves: its error, and nothing else. What one is told that is not. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { CommandRun, command, newPlace, runArguments } from './command-run.ts'

describe('a start', { timeout: 240_000 }, () => {
  it('that asks for more slots than there are: the error alone, no server, no output', async (t) => {
    const place = newPlace(t)
    const options = ['-p', '2', '-D', 'taskmanager.numberOfTaskSlots=1']
    const { status, stdout, stderr } = await command(place, 'run', ...runArguments(place, ...options))
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(stderr, /^error CONFIG_INVALID_VALUE {2}The job needs 2 slots and has 1\n/)
    assert.doesNotMatch(stderr, /REST server/)
    assert.ok(!existsSync(place.output))
  })

  it('from a savepoint that is not there: the error alone', async (t) => {
    const place = newPlace(t)
    const { status, stdout, stderr } = await command(place, 'run', ...runArguments(place, '-s', 'nowhere'))
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(stderr, /^error CHECKPOINT_NOT_FOUND {2}There is no checkpoint or savepoint in nowhere\n/)
    assert.doesNotMatch(stderr, /REST server/)
  })

  it('into output of another run: what it found, the error, no server', async (t) => {
    const place = newPlace(t)
    const first = new CommandRun(t, place, ['-D', 'execution.checkpointing.interval=50 ms'])
    await first.until((line) => line.kind === 'checkpoint' && line.checkpoint.outcome === 'completed')
    writeFileSync(place.end, '')
    assert.equal(await first.ended, 0, first.story())
    const { status, stdout, stderr } = await command(place, 'run', ...runArguments(place))
    assert.deepEqual([status, stdout], [1, ''], stderr)
    assert.match(stderr, /error SINK_FOLDER_IN_USE/)
    assert.doesNotMatch(stderr, /REST server|read +\d/)
  })

  it('with settings that have no effect is told so once', async (t) => {
    const place = newPlace(t)
    writeFileSync(place.end, '')
    const options = [
      '-D',
      'execution.checkpointing.aligned-checkpoint-timeout=1 s',
      '-D',
      'taskmanager.memory.managed.size=64 mb',
    ]
    const { status, stdout, stderr } = await command(place, 'run', ...runArguments(place, ...options))
    assert.equal(status, 0, stderr)
    const warnings = stderr.split('\n').filter((line) => line.includes('has no effect'))
    assert.equal(warnings.length, 2, stderr)
    assert.match(warnings.join('\n'), /aligned-checkpoint-timeout has no effect[\s\S]*managed\.size has no effect/)
    assert.match(stderr, /REST server at http/)
    assert.match(stdout, /^ending finished after/)
  })
})
