/** Savepoints that are deleted over HTTP, beside a real job. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { captures, capturesMissing, differences, shapeOf } from '../golden-shape.ts'
import { get, type Reply, request, type Served, serve, until, untilRunning } from '../running-job.ts'

const POST = 'post.savepoint-disposal'
const GET = 'get.savepoint-disposal.triggerid'
const never = '0'.repeat(31).concat('1')

function post({ server }: Served, body: unknown): Promise<Reply> {
  return request(server.url, 'POST', '/v1/savepoint-disposal', { body: JSON.stringify(body) })
}

/** The operation once it has ended. */
async function dispose(served: Served, path: string): Promise<Reply> {
  const { status, json } = await post(served, { 'savepoint-path': path })
  assert.equal(status, 200, JSON.stringify(json))
  checkShape(json, POST)
  return until(async () => {
    const reply = await get(served, `/savepoint-disposal/${json['request-id']}`)
    assert.equal(reply.status, 200, JSON.stringify(reply.json))
    return reply.json.status.id === 'COMPLETED' && reply
  })
}

function checkShape(json: unknown, template: string, situation?: RegExp): void {
  if (capturesMissing !== false) return
  const bodies = captures(template, situation).flatMap(({ status, body }) => (status < 300 ? [body] : []))
  assert.deepEqual(differences(json, shapeOf(bodies)), [])
}

describe('a savepoint disposal', { timeout: 60_000 }, () => {
  it('deletes a savepoint, named by path or URI, and nothing else', async (t) => {
    const served = await serve(t, 'counts.job.ts')
    await untilRunning(served)
    const { job, folder } = served
    for (const named of [(path: string) => path, (path: string) => pathToFileURL(path).href]) {
      const { externalPath } = await job.takeSavepoint({ targetFolder: join(folder, 'savepoints') })
      const { json } = await dispose(served, named(externalPath))
      assert.deepEqual(json, { status: { id: 'COMPLETED' }, operation: {} })
      checkShape(json, GET, /dispose\./)
      assert.ok(!existsSync(externalPath))
      assert.ok(existsSync(join(folder, 'savepoints')))
    }
    const again = await dispose(served, join(folder, 'savepoints', 'gone'))
    assert.equal(again.json.operation['failure-cause'].class, 'CHECKPOINT_NOT_FOUND')
    checkShape(again.json, GET)
    assert.equal(job.reading()?.state, 'RUNNING')
  })

  it('of a checkpoint is refused', async (t) => {
    const served = await serve(t, 'counts.job.ts', { 'execution.checkpointing.interval': '1 h' })
    await untilRunning(served)
    const { externalPath } = await served.job.takeCheckpoint({ type: 'full' })
    const failure = (await dispose(served, externalPath)).json.operation['failure-cause']
    assert.equal(failure.class, 'SAVEPOINT_DISPOSAL_FAILED')
    assert.match(failure['stack-trace'], /^SAVEPOINT_DISPOSAL_FAILED: Nothing was deleted: .* no savepoint\n {2}try: /)
    assert.ok(existsSync(join(externalPath, '_metadata')))
  })

  it('of what the job was started from is refused until the job has a checkpoint of its own', async (t) => {
    const before = await serve(t, 'counts.job.ts')
    await untilRunning(before)
    const { externalPath } = await before.job.takeSavepoint({ targetFolder: join(before.folder, 'savepoints') })
    const served = await serve(t, 'counts.job.ts', {
      'execution.checkpointing.interval': '1 h',
      'execution.state-recovery.path': externalPath,
    })
    const checkRefused = async (): Promise<void> => {
      for (const path of [externalPath, join(externalPath, '_metadata')]) {
        const failure = (await dispose(served, path)).json.operation['failure-cause']
        assert.match(failure['stack-trace'], /has no checkpoint of its own yet/)
      }
    }
    await checkRefused()
    await untilRunning(served)
    await checkRefused()
    assert.ok(existsSync(externalPath))
    await served.job.takeCheckpoint({ type: 'configured' })
    assert.deepEqual((await dispose(served, externalPath)).json.operation, {})
    assert.ok(!existsSync(externalPath))
  })

  it('of junk is refused before anything is started, and unknown ones are not found', async (t) => {
    const served = await serve(t, 'counts.job.ts')
    for (const body of [{}, { 'savepoint-path': null }, { 'savepoint-path': 7 }, { 'savepoint-path': '' }, []]) {
      const { status, json } = await post(served, body)
      assert.equal(status, 400, JSON.stringify(body))
      assert.match(json.errors[0], /expected format/)
    }
    assert.equal((await get(served, '/savepoint-disposal/nothex')).status, 400)
    assert.equal((await get(served, `/savepoint-disposal/${never}`)).status, 404)
  })

  it('may not come from a page of another site', async (t) => {
    const { server } = await serve(t, 'counts.job.ts')
    const { status } = await request(server.url, 'POST', '/savepoint-disposal', {
      body: '{"savepoint-path":"x"}',
      headers: { origin: 'http://evil.example' },
    })
    assert.equal(status, 403)
  })
})
