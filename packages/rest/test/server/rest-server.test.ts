/** How the server treats requests, and how it begins and ends. What the answers say is tested beside the routes. */
import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { get, request, type Served, serve, startServer } from '../running-job.ts'

const cleanups: (() => unknown)[] = []
const never = '0'.repeat(31).concat('1')
let served: Served

before(async () => {
  served = await serve({ after: (cleanup: () => unknown) => void cleanups.push(cleanup) }, 'counts.job.ts')
})
after(async () => {
  for (const cleanup of cleanups) await cleanup()
})

function ask(method: string, path: string, options?: Parameters<typeof request>[3]) {
  return request(served.server.url, method, path, options)
}

/** Bytes as they are; what comes until the server closes. */
async function raw(text: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let answer = ''
  const socket = connect(served.server.port, '127.0.0.1', () => socket.write(text))
  socket.setEncoding('utf8')
  socket.on('data', (part) => {
    answer += part
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(answer))
  return promise
}

describe('requests', () => {
  it('are answered with and without /v1, and with slashes too many', async () => {
    for (const path of ['/jobs', '/v1/jobs', '/jobs/', '//jobs', '/v1//jobs/', '/jobs?x=1']) {
      const { status, json } = await ask('GET', path)
      assert.deepEqual([status, json.jobs[0].id], [200, served.jobId], path)
    }
  })

  it('of unknown paths and methods are 404, with the usual body', async () => {
    const unknown = await ask('GET', '/no/such?x=1')
    assert.equal(unknown.status, 404)
    assert.deepEqual(unknown.json, { errors: ['Unable to load requested file /no/such.'] })
    assert.equal(unknown.headers.get('content-type'), 'application/json; charset=UTF-8')
    assert.equal((await ask('GET', '/v2/overview')).status, 404)
    for (const method of ['POST', 'OPTIONS', 'PUT', 'DELETE', 'PATCH']) {
      const { status, json } = await ask(method, '/overview')
      assert.deepEqual([status, json], [404, { errors: ['Not found: /overview'] }], method)
    }
    const head = await ask('HEAD', '/overview')
    assert.deepEqual([head.status, head.json], [404, undefined])
  })

  it('may carry a body and its type where there is nothing to read, as those of Flink do', async () => {
    const headers = `Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`
    const answer = await raw(`GET /v1/jobs/overview HTTP/1.1\r\n${headers}`)
    assert.match(answer, /^HTTP\/1\.1 200 OK/)
    assert.match(answer, /connection: close/i)
    assert.ok(answer.includes(served.jobId))
    const patch = await raw(`PATCH /v1/jobs/${never}?mode=cancel HTTP/1.1\r\n${headers}`)
    assert.match(patch, /^HTTP\/1\.1 404 /)
    assert.match(patch, /"errors":\["Job 0{31}1 could not be found\."\]/)
  })

  it('that are no HTTP, or too large, are refused in the usual form', async () => {
    assert.match(await raw('what\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*\{"errors":\["This is no HTTP request\."\]\}$/)
    const large = await ask('POST', `/jobs/${never}/stop`, { body: `"${'x'.repeat(70_000)}"` })
    assert.equal(large.status, 413)
    assert.equal(large.json.errors.length, 1)
    const badUrl = await ask('GET', '/jobs/%zz')
    assert.deepEqual([badUrl.status, badUrl.json.errors.length], [400, 1])
  })

  it('of malformed ids are 400, of unknown ones 404', async () => {
    const { jobId } = served
    for (const path of ['/jobs/nothex', '/jobs/nothex/status', '/jobs/nothex/vertices/x', `/jobs/${jobId}00`]) {
      const { status, json } = await ask('GET', path)
      assert.equal(status, 400, path)
      assert.match(json.errors[0], /Cannot resolve path parameter \(jobid\)/)
    }
    for (const path of [`/jobs/${jobId}/vertices/x`, `/jobs/${jobId}/checkpoints/details/x`]) {
      assert.equal((await ask('GET', path)).status, 400, path)
    }
    for (const path of [
      `/jobs/${never}`,
      `/jobs/${never}/exceptions`,
      `/jobs/${never}/execution-result`,
      `/jobs/${never}/checkpoints`,
      `/jobs/${never}/checkpoints/config`,
      `/jobs/${jobId}/vertices/${never}`,
      `/jobs/${jobId}/checkpoints/details/999999`,
      `/jobs/${jobId}/checkpoints/details/999999/subtasks/${never}`,
    ]) {
      const { status, json } = await ask('GET', path)
      assert.equal(status, 404, path)
      assert.ok(json.errors[0].length > 10)
    }
    const unknown = await ask('GET', `/jobs/${never}/status`)
    assert.equal(unknown.status, 500)
    assert.deepEqual([unknown.json.errors.length, unknown.json.errors[0]], [2, 'Internal server error.'])
    assert.equal((await ask('GET', `/jobs/${jobId.toUpperCase()}`)).status, 200)
  })
})

describe('pages of other sites', () => {
  it('are not let in under a name that they chose', async () => {
    const answer = await raw('GET /jobs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    assert.match(answer, /^HTTP\/1\.1 403 /)
    assert.ok(!answer.includes(served.jobId))
  })

  it('cannot cancel, neither by PATCH nor by the GET that does', async () => {
    for (const [method, path] of [
      ['PATCH', `/jobs/${served.jobId}`],
      ['GET', `/jobs/${served.jobId}/yarn-cancel`],
      ['POST', `/v1/jobs/${served.jobId}/stop`],
    ] as const) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: localhost:${served.server.port}\r\nConnection: close\r\n`
      assert.match(await raw(`${head}Sec-Fetch-Site: cross-site\r\n\r\n`), /^HTTP\/1\.1 403 /)
      assert.match(await raw(`${head}Origin: http://evil.example\r\n\r\n`), /^HTTP\/1\.1 403 /)
    }
    assert.notEqual(served.job.history()?.state, 'CANCELLING')
  })

  it('may read only where the configuration says so', async (t) => {
    assert.equal((await get(served, '/jobs')).headers.get('access-control-allow-origin'), null)
    const open = await serve(t, 'counts.job.ts', { 'web.access-control-allow-origin': '*' })
    assert.equal((await get(open, '/jobs')).headers.get('access-control-allow-origin'), '*')
    assert.equal((await get(open, '/no')).headers.get('access-control-allow-origin'), '*')
  })
})

describe('the port', () => {
  async function takePort(t: { after(cleanup: () => void): void }): Promise<number> {
    const other = createServer()
    t.after(() => void other.close())
    const listening = Promise.withResolvers<void>()
    other.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    return (other.address() as { port: number }).port
  }

  it('is refused when it is taken and was set', async (t) => {
    const port = await takePort(t)
    await assert.rejects(startServer(served.job, { 'rest.port': `${port}` }), {
      code: 'REST_BIND_FAILED',
      message: new RegExp(`rest\\.port ${port}`),
    })
  })

  it('of a range is the first free one, and it is said which was taken', async (t) => {
    const port = await takePort(t)
    const server = await startServer(served.job, { 'rest.bind-port': `${port},0` })
    t.after(() => server.close('atOnce'))
    assert.notEqual(server.port, port)
    assert.equal(server.takenPort, port)
    assert.equal((await get({ server }, '/jobs')).status, 200)
  })

  it('of an address that this machine does not have is refused', async () => {
    await assert.rejects(startServer(served.job, { 'rest.bind-address': '192.0.2.1', 'rest.port': '0' }), {
      code: 'REST_BIND_FAILED',
    })
  })
})
