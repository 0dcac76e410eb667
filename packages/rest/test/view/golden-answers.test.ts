/** Answers of real jobs beside those that a real Flink gave: the same keys, the same types. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { captures, capturesMissing, differences, shapeOf } from '../golden-shape.ts'
import { get, type Served, serve, until, untilCheckpoint, untilRunning } from '../running-job.ts'

async function fits(served: Served, path: string, template: string, situation?: RegExp): Promise<void> {
  const { status, json } = await get(served, path)
  assert.equal(status, 200, JSON.stringify(json))
  const shape = shapeOf(
    captures(template, situation)
      .filter((capture) => capture.status === 200)
      .map(({ body }) => body),
  )
  assert.ok(shape.fields.size > 0, `there are captures of ${template}`)
  assert.deepEqual(differences(json, shape), [], path)
}

describe("answers are in the shapes of Flink's", { skip: capturesMissing, timeout: 60_000 }, () => {
  it('for a job that runs', async (t) => {
    const served = await serve(t, 'counts.job.ts', { 'parallelism.default': '2' })
    await untilRunning(served)
    await untilCheckpoint(served)
    const { jobId, job } = served
    await fits(served, '/config', 'get.config')
    await fits(served, '/overview', 'get.overview')
    await fits(served, '/jobs', 'get.jobs')
    await fits(served, '/jobs/overview', 'get.jobs.overview')
    await fits(served, `/jobs/${jobId}`, 'get.jobs.jobid')
    await fits(served, `/jobs/${jobId}/status`, 'get.jobs.jobid.status')
    await fits(served, `/jobs/${jobId}/exceptions`, 'get.jobs.jobid.exceptions')
    await fits(served, `/jobs/${jobId}/execution-result`, 'get.jobs.jobid.execution-result', /running|restarting/)
    await fits(served, `/jobs/${jobId}/checkpoints`, 'get.jobs.jobid.checkpoints')
    await fits(served, `/jobs/${jobId}/checkpoints/config`, 'get.jobs.jobid.checkpoints.config')
    const completed = job.reading()?.statistics.latest.completed?.id
    const details = `/jobs/${jobId}/checkpoints/details/${completed}`
    await fits(served, details, 'get.jobs.jobid.checkpoints.details.checkpointid')
    const { json } = await get(served, `/jobs/${jobId}`)
    assert.equal(json.vertices.length, 2, 'source with its map, and the keyed rest')
    for (const { id } of json.vertices) {
      await fits(served, `/jobs/${jobId}/vertices/${id}`, 'get.jobs.jobid.vertices.vertexid')
      const template = 'get.jobs.jobid.checkpoints.details.checkpointid.subtasks.vertexid'
      await fits(served, `${details}/subtasks/${id}`, template)
    }
  })

  it('for a job that failed, and restarted before', async (t) => {
    const served = await serve(t, 'failing.job.ts', {
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '1',
      'restart-strategy.fixed-delay.delay': '0 ms',
      'execution.checkpointing.interval': '1 h',
    })
    const { jobId, job } = served
    await until(() => job.history()?.state === 'FAILED')
    await fits(served, '/jobs/overview', 'get.jobs.overview')
    await fits(served, `/jobs/${jobId}`, 'get.jobs.jobid')
    await fits(served, `/jobs/${jobId}/exceptions`, 'get.jobs.jobid.exceptions')
    await fits(served, `/jobs/${jobId}/checkpoints`, 'get.jobs.jobid.checkpoints')
    await fits(served, `/jobs/${jobId}/execution-result`, 'get.jobs.jobid.execution-result', /^failed/)
    const { json } = await get(served, `/jobs/${jobId}`)
    for (const { id } of json.vertices) {
      await fits(served, `/jobs/${jobId}/vertices/${id}`, 'get.jobs.jobid.vertices.vertexid')
    }
  })
})
