/** The commands for running jobs beside `millrace run`, all through their command lines. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { embeddedJobRunner } from '../../src/run/embedded-job-runner.ts'
import { runCli } from '../../src/run-cli.ts'
import { type FakeEnvironment, fakeEnvironment, ScriptedRunner } from '../fake-environment.ts'

interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

async function cli(...argv: string[]): Promise<Ended> {
  const environment = fakeEnvironment(new ScriptedRunner(() => assert.fail('runs no job')))
  const status = await runCli(argv, '1.2.3', environment)
  return { status, stdout: environment.stdout.text, stderr: environment.stderr.text }
}

/** Where a test hangs it is to fail, not to run on for ever. */
const HANGS_AFTER_MS = 30_000

async function until<T>(condition: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const startMs = performance.now()
  for (;;) {
    const value = await condition()
    if (value !== undefined) return value
    if (performance.now() - startMs > HANGS_AFTER_MS) throw new Error(`never came true: ${condition}`)
    await pause(5)
  }
}

interface RunningCommand {
  readonly environment: FakeEnvironment
  readonly address: string
  readonly folder: string
  readonly ended: Promise<number>
}

/** `millrace run --json` with a server on a free port, and its tasks running. */
async function run(t: TestContext, ...more: string[]): Promise<RunningCommand> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-operate-'))
  const environment = fakeEnvironment(embeddedJobRunner)
  const options = ['--json', '-D', `execution.checkpointing.dir=${join(folder, 'checkpoints')}`, '-D', 'rest.port=0']
  const ended = runCli(['run', join(import.meta.dirname, 'long.job.ts'), ...options, ...more], '1.2.3', environment)
  t.after(async () => {
    environment.interrupt()
    environment.interrupt()
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  const address = await until(() => /"url":"http:\/\/([^"]+)"/.exec(environment.stdout.text)?.[1])
  await until(async () => {
    const { stdout } = await cli('list', '-m', address, '--json')
    const [job] = JSON.parse(stdout).jobs
    assert.ok(job !== undefined, 'what is served is listed, while it is started too')
    return job.state === 'RUNNING' && job.tasks.running + job.tasks.finished === job.tasks.total ? true : undefined
  })
  return { environment, address, folder, ended }
}

describe('a running job', { timeout: 60_000 }, () => {
  it('is listed, gives savepoints and checkpoints, and is stopped', async (t) => {
    const { address, folder, ended, environment } = await run(t)
    const list = await cli('list', '-m', address)
    assert.equal(list.status, 0)
    assert.match(list.stdout, /^job +name +state +tasks +for\n([0-9a-f]{32}) {2}long {2}RUNNING +\d\/\d +\d/)
    const jobId = /[0-9a-f]{32}/.exec(list.stdout)?.[0] as string

    const savepoint = await cli('savepoint', join(folder, 'savepoints'), '-m', address, '--json')
    assert.equal(savepoint.status, 0, savepoint.stdout)
    const taken = JSON.parse(savepoint.stdout)
    assert.partialDeepStrictEqual(taken, { kind: 'savepoint', job: jobId })
    assert.equal(dirname(taken.savepoint), join(folder, 'savepoints'))
    assert.ok(existsSync(join(taken.savepoint, '_metadata')))

    for (const option of [[], ['--full'], ['--incremental']]) {
      const checkpoint = await cli('checkpoint', jobId, ...option, '-m', address)
      assert.equal(checkpoint.status, 0, checkpoint.stderr)
      assert.match(checkpoint.stdout, new RegExp(`^Checkpoint \\d+ of job ${jobId} is complete\\.\n$`))
    }

    const refused = await cli('savepoint', '--dispose', join(folder, 'checkpoints'), '-m', address)
    assert.equal(refused.status, 2)
    assert.match(refused.stderr, /CHECKPOINT_NOT_FOUND .*\/checkpoints/)
    const disposed = await cli('savepoint', '-d', taken.savepoint, '-m', address, '--json')
    assert.deepEqual(JSON.parse(disposed.stdout), { kind: 'dispose', savepoint: taken.savepoint })
    assert.ok(!existsSync(taken.savepoint))

    const failed = await cli('savepoint', jobId, '/proc/nope', '-m', address)
    assert.equal(failed.status, 1)
    assert.match(failed.stderr, /SAVEPOINT_FAILED .*\/proc\/nope[\s\S]* {2}because .*: /)

    const stop = await cli('stop', '-p', join(folder, 'savepoints'), '-m', address)
    assert.equal(stop.status, 0, stop.stderr)
    const path = /Its savepoint: (.+)\n$/.exec(stop.stdout)?.[1] as string
    assert.ok(existsSync(join(path, '_metadata')))
    assert.equal(await ended, 0)
    assert.match(environment.stdout.text, /"kind":"result".*"state":"FINISHED"/)

    // No server is needed for one that lies here.
    const wrong = await cli('savepoint', '--dispose', join(folder, 'savepoints'))
    assert.equal(wrong.status, 2)
    assert.match(wrong.stderr, /CHECKPOINT_NOT_FOUND/)
    const gone = await cli('savepoint', '--dispose', path)
    assert.equal(gone.status, 0, gone.stderr)
    assert.equal(gone.stdout, `The savepoint ${path} is deleted.\n`)
    assert.ok(!existsSync(path))
    const last = readdirSync(join(folder, 'checkpoints')).find((name) => name.startsWith('chk-'))
    const checkpoint = await cli('savepoint', '--dispose', join(folder, 'checkpoints', last ?? ''))
    assert.equal(checkpoint.status, 1)
    assert.match(checkpoint.stderr, /SAVEPOINT_DISPOSAL_FAILED .*is checkpoint \d+ of job "long" and no savepoint/)
    assert.ok(existsSync(join(folder, 'checkpoints', last ?? '', '_metadata')))

    const away = await cli('list', '-m', address)
    assert.equal(away.status, 1)
    assert.match(away.stderr, /REST_UNREACHABLE .*ECONNREFUSED[\s\S]*try: millrace run prints the address/)
  })

  it('is stopped with its input ended', async (t) => {
    const { address, folder, ended } = await run(t)
    const stop = await cli('stop', '--drain', '-p', join(folder, 's'), '-m', address, '--json')
    assert.equal(stop.status, 0, stop.stdout)
    assert.ok(existsSync(join(JSON.parse(stop.stdout).savepoint, '_metadata')))
    assert.equal(await ended, 0)
  })

  it('is cancelled', async (t) => {
    const { address, ended } = await run(t)
    const cancel = await cli('cancel', '-m', address)
    assert.equal(cancel.status, 0, cancel.stderr)
    assert.match(cancel.stdout, /^Job [0-9a-f]{32} is cancelled\.\n$/)
    assert.equal(await ended, 130)
  })

  it('of another id is not there', async (t) => {
    const { address } = await run(t)
    const never = '0'.repeat(31).concat('1')
    const savepoint = await cli('savepoint', never, '-m', address)
    assert.equal(savepoint.status, 2)
    assert.match(savepoint.stderr, /RUNNING_JOB_NOT_FOUND/)
    const cancel = await cli('cancel', never, '-m', address)
    assert.equal(cancel.status, 2)
    assert.match(cancel.stderr, /RUNNING_JOB_NOT_FOUND .*0{31}1/)
  })
})

describe('run', { timeout: 60_000 }, () => {
  it('goes on without a server where its port is taken, and says so', async (t) => {
    const { address } = await run(t)
    const port = address.split(':')[1] as string
    const folder = await mkdtemp(join(tmpdir(), 'millrace-operate-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const environment = fakeEnvironment(embeddedJobRunner)
    const options = ['-D', `execution.checkpointing.dir=${folder}`, '-D', `rest.port=${port}`]
    const ended = runCli(['run', join(import.meta.dirname, 'long.job.ts'), ...options], '1.2.3', environment)
    await until(() => /warning .*could not listen.*The job runs without it/.exec(environment.stderr.text) ?? undefined)
    environment.interrupt('SIGTERM')
    assert.equal(await ended, 143)
  })

  it('starts none where it is turned off', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-operate-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const runner = new ScriptedRunner((_, end) => end({}))
    const options = ['-D', `execution.checkpointing.dir=${folder}`, '-D', 'millrace.rest.enabled=false']
    assert.equal(
      await runCli(['run', join(import.meta.dirname, 'long.job.ts'), ...options], '1.2.3', fakeEnvironment(runner)),
      0,
    )
    assert.equal(runner.requests[0]?.rest, undefined)
  })
})

describe('against another server', { timeout: 60_000 }, () => {
  /** Answers as the test says; `undefined`: not at all. */
  async function other(t: TestContext, answer: (method: string, path: string) => readonly [number, string]) {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      const [status, body] = answer(request.method ?? '', request.url ?? '')
      response.writeHead(status).end(body)
    })
    t.after(() => void server.close())
    const listening = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
  }

  const job = (digit: string, state: string) => ({
    jid: digit.repeat(32),
    name: `job ${digit}`,
    state,
    'start-time': 1,
    duration: 60_000,
    tasks: { running: 2, total: 2 },
  })

  it('that is no REST server, it says so', async (t) => {
    for (const body of ['<html>', '{"no":"jobs"}', '[]', '{"jobs":[{"id":1}]}']) {
      const { address } = await other(t, () => [200, body])
      const { status, stderr } = await cli('list', '-m', address)
      assert.equal(status, 1, body)
      assert.match(stderr, /REST_REQUEST_FAILED .*cannot be read/)
    }
  })

  it('with several jobs it asks which, with none it says so', async (t) => {
    const jobs = [job('a', 'RUNNING'), job('b', 'RESTARTING'), job('c', 'FINISHED')]
    const { address } = await other(t, () => [200, JSON.stringify({ jobs })])
    const list = await cli('list', '-m', address)
    assert.deepEqual([list.stdout.includes('job b'), list.stdout.includes('job c')], [true, false])
    assert.ok((await cli('list', '-a', '-m', address)).stdout.includes('job c'))
    const cancel = await cli('cancel', '-m', address)
    assert.equal(cancel.status, 2)
    assert.match(cancel.stderr, /USAGE .*2 jobs run[\s\S]*a{32} \(job a\), b{32} \(job b\)/)
    const idle = await other(t, () => [200, JSON.stringify({ jobs: [job('c', 'FINISHED')] })])
    assert.match((await cli('list', '-m', idle.address)).stdout, /^No job runs at 127\.0\.0\.1:\d+\.\n$/)
    assert.equal((await cli('stop', '-m', idle.address)).status, 2)
  })

  it('that goes away during a savepoint, it says that the savepoint may exist', async (t) => {
    const server = createServer((request, response) => {
      if (request.method === 'POST') response.writeHead(202).end('{"request-id":"x"}')
      else response.destroy()
    })
    t.after(() => void server.close())
    const listening = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    const { port } = server.address() as AddressInfo
    const lost = await cli('savepoint', 'a'.repeat(32), '-m', `127.0.0.1:${port}`)
    assert.equal(lost.status, 1)
    assert.match(lost.stderr, /REST_UNREACHABLE .*the server went away[\s\S]*It may have succeeded/)
  })

  it('a relative folder is one of here', async (t) => {
    const bodies: string[] = []
    const server = createServer(async (request, response) => {
      for await (const part of request) bodies.push(String(part))
      response
        .writeHead(200)
        .end('{"request-id":"x","status":{"id":"COMPLETED"},"operation":{"location":"file:/flink/sp/savepoint-1"}}')
    })
    t.after(() => void server.close())
    const listening = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    const { port } = server.address() as AddressInfo
    for (const folder of ['some/where', 'hdfs://host/x']) {
      const { status, stdout } = await cli('savepoint', 'a'.repeat(32), folder, '-m', `127.0.0.1:${port}`)
      assert.deepEqual([status, stdout.includes('file:/flink/sp/savepoint-1')], [0, true])
    }
    const folders = bodies.map((body) => JSON.parse(body)['target-directory'])
    assert.deepEqual(folders, [join(process.cwd(), 'some/where'), 'hdfs://host/x'])
  })
})

describe('wrong usage', () => {
  for (const argv of [
    ['list', 'x'],
    ['cancel', 'nothex'],
    ['cancel', 'a'.repeat(32), 'more'],
    ['stop', 'a'.repeat(32), 'folder'],
    ['savepoint', 'folder', 'more'],
    ['savepoint', 'a'.repeat(32), ''],
    ['stop', 'a'.repeat(32), '-p', ' '],
    ['savepoint', '-d', ''],
    ['savepoint', '-d', 'one', 'two'],
    ['savepoint', '-d', 'one', '-m', 'a:b'],
    ['checkpoint', '--full', '--incremental'],
    ['checkpoint', '--ful'],
    ['list', '-m', 'a:b'],
    ['list', '-D', 'rest.port=x'],
    ['list', '-D', 'rest.prt=1'],
  ]) {
    it(argv.join(' '), async () => assert.equal((await cli(...argv)).status, 2))
  }
})
