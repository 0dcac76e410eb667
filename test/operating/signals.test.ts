/** A signal ends the process, not the job: whatever retention says of cancelled jobs, the next start goes on. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CommandRun, command, newPlace, type Place } from './command-run.ts'

const DELETE = ['-D', 'execution.checkpointing.externalized-checkpoint-retention=DELETE_ON_CANCELLATION']
const OFTEN = ['-D', 'execution.checkpointing.interval=50 ms']

const checkpointsIn = ({ checkpoints }: Place): readonly string[] =>
  readdirSync(checkpoints).filter((name) => name.startsWith('chk-'))

/** Sums by key; each record of the output is one more than the last of its key, so a gap or a repetition shows. */
function checkOutput({ output }: Place): void {
  const sums = new Map<number, number[]>()
  for (const file of readdirSync(output).filter((name) => !name.startsWith('.'))) {
    for (const line of readFileSync(join(output, file), 'utf8').split('\n').filter(Boolean)) {
      const { key, n } = JSON.parse(line) as { readonly key: number; readonly n: number }
      sums.set(key, [...(sums.get(key) ?? []), n])
    }
  }
  assert.ok(sums.size > 0)
  for (const [key, counted] of sums) {
    assert.deepEqual(
      counted.sort((a, b) => a - b),
      counted.map((_, index) => index + 1),
      `key ${key}`,
    )
  }
}

async function untilCheckpoint(job: CommandRun): Promise<void> {
  await job.until((line) => line.kind === 'checkpoint' && line.checkpoint.outcome === 'completed')
}

describe('a job with DELETE_ON_CANCELLATION', { timeout: 240_000 }, () => {
  for (const { signal, status, times } of [
    { signal: 'SIGTERM', status: 143, times: 1 },
    { signal: 'SIGTERM', status: 143, times: 2 },
    { signal: 'SIGINT', status: 130, times: 1 },
    { signal: 'SIGINT', status: 130, times: 2 },
  ] as const) {
    it(`goes on after ${times} ${signal}`, async (t) => {
      const place = newPlace(t)
      const first = new CommandRun(t, place, [...DELETE, ...OFTEN])
      await untilCheckpoint(first)
      first.kill(signal)
      await first.until(({ kind, text }) => kind === 'message' && /^Stopping with a last checkpoint/.test(text))
      if (times === 2) first.kill(signal)
      assert.equal(await first.ended, status, first.story())
      assert.equal(first.result.state, 'SUSPENDED')
      assert.equal(checkpointsIn(place).length, 1, first.story())
      const second = new CommandRun(t, place, ['--resume', ...DELETE, ...OFTEN])
      await second.until(({ kind, text }) => kind === 'message' && /^Resuming "ending" from checkpoint/.test(text))
      await untilCheckpoint(second)
      writeFileSync(place.end, '')
      assert.equal(await second.ended, 0, second.story())
      checkOutput(place)
    })
  }

  it('loses its checkpoints when it is cancelled', async (t) => {
    const place = newPlace(t)
    const job = new CommandRun(t, place, [...DELETE, ...OFTEN])
    await untilCheckpoint(job)
    const { status, stderr } = await command(place, 'cancel', '-m', await job.address())
    assert.equal(status, 0, stderr)
    assert.equal(await job.ended, 130, job.story())
    assert.equal(job.result.state, 'CANCELED')
    assert.deepEqual(checkpointsIn(place), [])
  })
})
