/** Checkpoints, savepoints and stops that are asked for over HTTP, of real jobs. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { captures, capturesMissing, differences, shapeOf } from '../golden-shape.ts'
import { get, type Reply, request, type Served, serve, startServer, until, untilRunning } from '../running-job.ts'

const never = '0'.repeat(31).concat('1')

function post({ server }: Served, path: string, body: unknown): Promise<Reply> {
  return request(server.url, 'POST', path, { body: typeof body === 'string' ? body : JSON.stringify(body) })
}

/** The status of an operation once it has ended. */
async function ended(served: Served, path: string): Promise<Reply> {
  return until(async () => {
    const reply = await get(served, path)
    assert.equal(reply.status, 200, JSON.stringify(reply.json))
    return reply.json.status.id === 'COMPLETED' && reply
  })
}

function sampleBodies(template: string, situation?: RegExp): readonly unknown[] {
  return captures(template, situation)
    .filter(({ status }) => status < 300)
    .map(({ body }) => body)
}

describe('of a job that runs', { timeout: 60_000 }, () => {
  const cleanups: (() => unknown)[] = []
  let served: Served
  before(async () => {
    served = await serve({ after: (cleanup: () => unknown) => void cleanups.push(cleanup) }, 'counts.job.ts')
    await untilRunning(served)
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  it('a savepoint is taken into a folder of its own, and can be asked about', async () => {
    const { jobId, folder, job } = served
    const target = join(folder, 'savepoints')
    const { status, json } = await post(served, `/v1/jobs/${jobId}/savepoints`, {
      'target-directory': pathToFileURL(target).href,
      'cancel-job': false,
      formatType: 'CANONICAL',
      triggerId: null,
    })
    assert.equal(status, 202)
    assert.match(json['request-id'], /^[0-9a-f]{32}$/)
    const path = `/jobs/${jobId}/savepoints/${json['request-id']}`
    const { location } = (await ended(served, path)).json.operation
    assert.equal(dirname(location), target)
    assert.ok(existsSync(join(location, '_metadata')))
    assert.deepEqual((await get(served, path)).json.operation, { location }, 'asked again')
    assert.equal(job.reading()?.state, 'RUNNING')
    const checkpoints = await get(served, `/jobs/${jobId}/checkpoints`)
    assert.equal(checkpoints.json.latest.savepoint.external_path, location)
    assert.equal(checkpoints.json.latest.savepoint.savepointFormat, 'CANONICAL')
    if (capturesMissing !== false) return
    assert.deepEqual(
      differences(
        checkpoints.json.latest.savepoint,
        shapeOf(sampleBodies('get.jobs.jobid.checkpoints').flatMap(withSavepoints)),
      ),
      [],
    )
  })

  it('the same trigger id is the same savepoint', async () => {
    const { jobId, folder } = served
    const triggerId = 'ABCDEF0123456789'.repeat(2)
    const body = { 'target-directory': join(folder, 'once'), triggerId }
    const path = `/jobs/${jobId}/savepoints`
    const first = await post(served, path, body)
    assert.equal(first.json['request-id'], triggerId.toLowerCase())
    const { location } = (await ended(served, `${path}/${triggerId}`)).json.operation
    await post(served, path, { ...body, 'target-directory': join(folder, 'twice') })
    assert.deepEqual((await get(served, `${path}/${triggerId}`)).json.operation, { location })
    assert.ok(!existsSync(join(folder, 'twice')))
  })

  for (const [checkpointType, kind] of [
    ['FULL', 'full-checkpoint'],
    ['CONFIGURED', undefined],
    ['INCREMENTAL', undefined],
  ] as const) {
    it(`a checkpoint (${checkpointType}) is complete when it says so`, async () => {
      const { jobId, job } = served
      const { status, json } = await post(served, `/jobs/${jobId}/checkpoints`, { checkpointType })
      assert.equal(status, 202)
      const reply = await ended(served, `/jobs/${jobId}/checkpoints/${json['request-id']}`)
      const { checkpointId } = reply.json.operation
      const record = job.reading()?.statistics.history.find(({ id }) => id === checkpointId)
      assert.equal(record?.status, 'COMPLETED')
      if (kind !== undefined) assert.equal(record?.kind, kind)
    })
  }

  it('what cannot be stored fails with a reason that people and Flink can read', async () => {
    const { jobId, job } = served
    const { json } = await post(served, `/jobs/${jobId}/savepoints`, { 'target-directory': '/proc/nope/x' })
    const reply = await ended(served, `/jobs/${jobId}/savepoints/${json['request-id']}`)
    const failure = reply.json.operation['failure-cause']
    assert.equal(failure.class, 'SAVEPOINT_FAILED')
    assert.match(failure['stack-trace'], /^SAVEPOINT_FAILED: .*\/proc\/nope\/x/)
    const java = Buffer.from(failure['serialized-throwable'], 'base64').toString('latin1')
    assert.ok(java.includes('org.apache.flink.util.SerializedThrowable'))
    assert.ok(java.includes('/proc/nope/x'))
    assert.equal(job.reading()?.state, 'RUNNING', 'the job goes on')
  })

  it('of an unknown job is accepted, and fails', async () => {
    for (const [trigger, status, cause] of [
      ['savepoints', 'savepoints', 'failure-cause'],
      ['stop', 'savepoints', 'failure-cause'],
      ['checkpoints', 'checkpoints', 'failureCause'],
    ] as const) {
      const accepted = await post(served, `/jobs/${never}/${trigger}`, '')
      assert.equal(accepted.status, 202)
      const reply = await ended(served, `/jobs/${never}/${status}/${accepted.json['request-id']}`)
      assert.equal(reply.json.operation[cause].class, 'RUNNING_JOB_NOT_FOUND')
    }
  })

  it('junk is refused before anything is started', async () => {
    const { jobId } = served
    for (const [path, body] of [
      ['savepoints', '{'],
      ['savepoints', '[]'],
      ['savepoints', { 'target-directory': 7 }],
      ['savepoints', { 'target-directory': '' }],
      ['stop', { targetDirectory: ' ' }],
      ['savepoints', { 'target-directory': 'hdfs://host/x' }],
      ['savepoints', { 'target-directory': 'file://host/x' }],
      ['savepoints', { formatType: 'ODD' }],
      ['savepoints', { triggerId: 'nothex' }],
      ['stop', { drain: 'yes' }],
      ['stop', 'junk'],
      ['checkpoints', { checkpointType: 'constructor' }],
      ['checkpoints', { checkpointType: 'full' }],
    ] as const) {
      const { status, json } = await post(served, `/jobs/${jobId}/${path}`, body)
      assert.equal(status, 400, `${path} ${JSON.stringify(body)}`)
      assert.match(json.errors[0], /expected format/)
    }
    for (const path of ['savepoints', 'checkpoints']) {
      assert.equal((await get(served, `/jobs/${jobId}/${path}/nothex`)).status, 400)
      const unknown = await get(served, `/jobs/${jobId}/${path}/${never}`)
      assert.equal(unknown.status, 404)
      assert.match(unknown.json.errors[0], /There is no (savepoint|checkpoint) operation with triggerId=0{31}1/)
    }
    assert.equal((await post(served, '/jobs/nothex/stop', {})).status, 400)
  })

  it('the answers are in the shapes of Flink', { skip: capturesMissing }, async () => {
    const { jobId, folder } = served
    for (const [what, body] of [
      ['savepoints', { 'target-directory': join(folder, 'shapes') }],
      ['savepoints', { 'target-directory': '/proc/nope/x' }],
      ['checkpoints', {}],
    ] as const) {
      const accepted = await post(served, `/jobs/${jobId}/${what}`, body)
      assert.deepEqual(differences(accepted.json, shapeOf(sampleBodies(`post.jobs.jobid.${what}`))), [])
      const shape = shapeOf(sampleBodies(`get.jobs.jobid.${what}.triggerid`))
      const path = `/jobs/${jobId}/${what}/${accepted.json['request-id']}`
      assert.deepEqual(differences((await get(served, path)).json, shape), [])
      assert.deepEqual(differences((await ended(served, path)).json, shape), [])
    }
  })
})

function withSavepoints(body: unknown): readonly unknown[] {
  const { latest, history } = body as {
    latest: { completed: unknown; savepoint: unknown }
    history: readonly unknown[]
  }
  return [latest.completed, latest.savepoint, ...history].filter(
    (record) => record !== null && (record as { status: string }).status === 'COMPLETED',
  )
}

describe('a stop', { timeout: 60_000 }, () => {
  for (const drain of [false, true]) {
    it(`${drain ? 'with' : 'without'} drain ends the job, and its savepoint is told before the server goes`, async (t) => {
      const served = await serve(t, 'counts.job.ts')
      await untilRunning(served)
      const { jobId, folder, job, server } = served
      const { status, json } = await post(served, `/jobs/${jobId}/stop`, { targetDirectory: join(folder, 's'), drain })
      assert.equal(status, 202)
      assert.equal((await job.outcome).state, 'FINISHED')
      const closing = server.close('told')
      const reply = await ended(served, `/jobs/${jobId}/savepoints/${json['request-id']}`)
      assert.ok(existsSync(join(reply.json.operation.location, '_metadata')))
      await closing
      await assert.rejects(get(served, '/jobs'))
    })
  }

  it('is what a savepoint with cancel-job does: nothing is committed after the savepoint', async (t) => {
    const served = await serve(t, 'counts.job.ts')
    await untilRunning(served)
    const { jobId, folder, job } = served
    const { json } = await post(served, `/jobs/${jobId}/savepoints`, {
      'target-directory': join(folder, 's'),
      'cancel-job': true,
    })
    await ended(served, `/jobs/${jobId}/savepoints/${json['request-id']}`)
    assert.equal((await job.outcome).state, 'FINISHED')
  })

  it('of a job that has ended fails, and a cancellation of it is a conflict', async (t) => {
    const served = await serve(t, 'counts.job.ts')
    await untilRunning(served)
    const { jobId, folder, job, server } = served
    const stop = await post(served, `/jobs/${jobId}/stop`, { targetDirectory: join(folder, 's') })
    await job.outcome
    await ended(served, `/jobs/${jobId}/savepoints/${stop.json['request-id']}`)
    const again = await post(served, `/jobs/${jobId}/stop`, { targetDirectory: join(folder, 's') })
    assert.equal(again.status, 202)
    const reply = await ended(served, `/jobs/${jobId}/savepoints/${again.json['request-id']}`)
    assert.equal(reply.json.operation['failure-cause'].class, 'SAVEPOINT_FAILED')
    for (const [method, path] of [
      ['PATCH', `/jobs/${jobId}?mode=cancel`],
      ['GET', `/jobs/${jobId}/yarn-cancel`],
    ] as const) {
      const { status, json } = await request(server.url, method, path)
      assert.equal(status, 409)
      assert.match(json.errors[0], /another terminal state \(FINISHED\)/)
    }
  })
})

describe('a cancellation', { timeout: 60_000 }, () => {
  for (const [method, query] of [
    ['PATCH', '?mode=cancel'],
    ['PATCH', ''],
    ['GET', '/yarn-cancel'],
  ] as const) {
    it(`by ${method} ${query} ends the job, and may be repeated`, async (t) => {
      const served = await serve(t, 'counts.job.ts')
      await untilRunning(served)
      const { jobId, job, server } = served
      const first = await request(server.url, method, `/v1/jobs/${jobId}${query}`)
      assert.deepEqual([first.status, first.json], [202, {}])
      assert.equal((await job.outcome).state, 'CANCELED')
      assert.equal((await request(server.url, method, `/v1/jobs/${jobId}${query}`)).status, 202)
      assert.equal((await get(served, `/jobs/${jobId}/status`)).json.status, 'CANCELED')
    })
  }

  it('that comes when the job is ending otherwise for good is a conflict, not accepted', async (t) => {
    const served = await serve(t, 'counts.job.ts')
    await untilRunning(served)
    // As a job answers while its last files are put in order.
    const server = await startServer({ ...served.job, cancel: () => 'SUSPENDED' }, { 'rest.port': '0' })
    t.after(() => server.close('atOnce'))
    const { status, json } = await request(server.url, 'PATCH', `/jobs/${served.jobId}`)
    assert.equal(status, 409)
    assert.match(json.errors[0], /is about to reach another terminal state \(SUSPENDED\)/)
  })

  it('of a job that was suspended is a conflict', async (t) => {
    const served = await serve(t, 'counts.job.ts')
    await untilRunning(served)
    const { jobId, job, server } = served
    job.stop('SUSPENDED')
    assert.equal((await job.outcome).state, 'SUSPENDED')
    assert.equal((await get(served, `/jobs/${jobId}/status`)).json.status, 'SUSPENDED')
    const { json } = await get(served, `/jobs/${jobId}/execution-result`)
    assert.equal(json['job-execution-result']['application-status'], 'UNKNOWN')
    const [listed] = (await get(served, '/jobs/overview')).json.jobs
    assert.equal(listed.state, 'SUSPENDED')
    assert.ok(listed['end-time'] >= listed['start-time'])
    assert.equal((await request(server.url, 'PATCH', `/jobs/${jobId}`)).status, 409)
  })

  it('by another mode is refused', async (t) => {
    const served = await serve(t, 'counts.job.ts')
    const { jobId, job, server } = served
    assert.equal((await request(server.url, 'PATCH', `/jobs/${jobId}?mode=nope`)).status, 400)
    const stop = await request(server.url, 'PATCH', `/jobs/${jobId}?mode=stop`)
    assert.equal(stop.status, 308)
    assert.match(stop.json.errors[0], /jobs\/:jobid\/stop/)
    assert.equal((await request(server.url, 'PATCH', `/jobs/${never}`)).status, 404)
    assert.notEqual(job.history()?.state, 'CANCELED')
  })
})
