/** `millrace/checkpoints` as a program uses it, beside what the command shows of the same folder. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { disposeSavepoint, inspectCheckpoints } from 'millrace/checkpoints'
import { CommandRun, command, newPlace } from './command-run.ts'

test('checkpoints of a job as data, and its savepoint deleted', { timeout: 180_000 }, async (t) => {
  const place = newPlace(t)
  const job = new CommandRun(t, place, [
    ...['-D', 'execution.checkpointing.interval=50 ms', '-D', 'execution.checkpointing.num-retained=3'],
    ...['-D', 'state.storage.fs.memory-threshold=1 b'],
  ])
  await job.until(({ kind, checkpoint }) => kind === 'checkpoint' && checkpoint.id >= 3)
  const stopped = await command(
    place,
    'stop',
    '-p',
    join(place.folder, 'savepoints'),
    '-m',
    await job.address(),
    '--json',
  )
  assert.equal(stopped.status, 0, stopped.stderr)
  const { savepoint } = JSON.parse(stopped.stdout)
  assert.equal(await job.ended, 0, job.story())

  const inspected = await inspectCheckpoints(place.checkpoints)
  assert.deepEqual([inspected.contents.length, inspected.damaged, inspected.isNamed], [3, [], false])
  const newest = inspected.contents.at(-1)
  assert.deepEqual([newest?.jobName, newest?.kind, newest?.isFinal], ['ending', 'checkpoint', false])
  const sums = newest?.operators.find(({ uid }) => uid === 'sums')
  assert.ok(sums !== undefined && sums.stateBytes > 0 && sums.keyGroups > 0, JSON.stringify(newest))
  const shown = await command(place, 'checkpoints', place.checkpoints, '--json')
  assert.deepEqual(JSON.parse(shown.stdout), JSON.parse(JSON.stringify(inspected)), 'the same data')

  const named = await inspectCheckpoints(savepoint)
  assert.deepEqual([named.isNamed, named.contents[0]?.kind, named.contents[0]?.reused], [true, 'savepoint', []])
  writeFileSync(join(place.checkpoints, `chk-${newest?.checkpointId}`, '_metadata'), 'no manifest')
  const [damaged] = (await inspectCheckpoints(place.checkpoints)).damaged
  assert.equal(damaged?.checkpointId, newest?.checkpointId)
  assert.match(damaged?.problem.message ?? '', /_metadata/)

  await assert.rejects(disposeSavepoint(place.checkpoints), { code: 'CHECKPOINT_NOT_FOUND' })
  assert.deepEqual(await disposeSavepoint(savepoint), { folder: savepoint, isFolderLeft: false })
  assert.ok(!existsSync(savepoint))
  await assert.rejects(inspectCheckpoints(savepoint), { code: 'CHECKPOINT_NOT_FOUND' })
})
