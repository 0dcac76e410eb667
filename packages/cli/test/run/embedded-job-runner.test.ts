import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { PhysicalPlan } from '@millrace/core'
import { embeddedJobRunner } from '../../src/run/embedded-job-runner.ts'
import type { DetailedCheckpoint } from '../../src/run/job-runner-port.ts'
import { runCli } from '../../src/run-cli.ts'
import { fakeEnvironment } from '../fake-environment.ts'

// Below the package, so that the job's imports resolve as in a user's project.
let folder = ''
before(async () => {
  folder = await mkdtemp(join(import.meta.dirname, 'jobs-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function cli(...argv: string[]): Promise<string> {
  const environment = fakeEnvironment(embeddedJobRunner)
  assert.equal(await runCli(argv, '1.2.3', environment), 0, environment.stderr.text)
  return environment.stdout.text
}

test('--json ends with the last checkpoint, phase by phase for every subtask', async () => {
  const jobFile = join(folder, 'job.ts')
  await writeFile(
    jobFile,
    `import { defineJob, generator, print } from '@millrace/api'
export default defineJob({
  name: 'phases',
  build: (env) =>
    env.from(generator({ records: 10, generate: (n) => n }), { uid: 'numbers' })
      .keyBy((n) => n % 3).reduce((a, b) => a + b, { uid: 'sums' })
      .filter(() => false).to(print(), { uid: 'out' }),
})
`,
  )
  const options = ['--json', '-p', '2', '-D', `execution.checkpointing.dir=${join(folder, 'checkpoints')}`]
  const lines = (await cli('run', jobFile, ...options)).trimEnd().split('\n')
  const { lastCheckpoint } = JSON.parse(lines.at(-1) as string) as { lastCheckpoint: DetailedCheckpoint }
  const plan = JSON.parse(await cli('info', jobFile, '--json', '-p', '2')) as PhysicalPlan
  assert.equal(lastCheckpoint.outcome, 'completed')
  assert.deepEqual(
    lastCheckpoint.subtasks.map(({ vertex, subtask }) => `${vertex}/${subtask}`).sort(),
    plan.vertices.flatMap(({ id }) => [`${id}/0`, `${id}/1`]).sort(),
  )
  for (const {
    startDelayMs,
    alignmentDurationMs,
    syncDurationMs,
    asyncDurationMs,
    ...more
  } of lastCheckpoint.subtasks) {
    for (const durationMs of [startDelayMs, alignmentDurationMs, syncDurationMs, asyncDurationMs]) {
      assert.ok(durationMs >= 0)
    }
    assert.ok(more.acknowledgedAtMs >= lastCheckpoint.triggeredAtMs)
  }
  const stored = lastCheckpoint.subtasks.reduce((sum, { checkpointedBytes }) => sum + checkpointedBytes, 0)
  assert.equal(stored, lastCheckpoint.bytes)
})
