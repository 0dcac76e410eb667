/**
 * Apache Flink's own command line drives a real `millrace run`. Its classes come with the Flink peer of the benchmark
 * (`npm run bench -- --peers flink` fetches them); without them, or without Java, the test is skipped and says so.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { cleanEnv, root, run } from '../packaging/commands.ts'

const classes = process.env.MILLRACE_FLINK_LIB ?? join(root, 'bench/peers/flink/target/lib')

function missing(): string | false {
  if (!existsSync(classes)) return `Flink's classes are not in ${classes}`
  return spawnSync('java', ['-version']).status === 0 ? false : 'there is no java on the path'
}

describe("Flink's command line", { skip: missing(), timeout: 300_000 }, () => {
  let folder = ''
  let job: ChildProcess
  let jobEnded: Promise<number | null>
  let address = ''
  let jobId = ''

  async function flink(...words: string[]) {
    const [command = '', ...rest] = words
    const flags = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(classes, '*')]
    const main = 'org.apache.flink.client.cli.CliFrontend'
    return run('java', [...flags, main, command, '-m', address, ...rest], {
      cwd: folder,
      env: cleanEnv({ FLINK_CONF_DIR: folder }),
    })
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-flink-cli-'))
    writeFileSync(join(folder, 'config.yaml'), 'rest:\n  address: localhost\n')
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    job = spawn(
      process.execPath,
      [
        join(root, 'packages/millrace/bin/millrace.mjs'),
        ...['run', join(root, 'packages/cli/test/operate/long.job.ts'), '--json'],
        ...['-D', `execution.checkpointing.dir=${join(folder, 'checkpoints')}`, '-D', 'rest.port=0'],
      ],
      { cwd: folder, env: cleanEnv(), stdio: ['ignore', 'pipe', 'inherit'] },
    )
    jobEnded = new Promise((ended) => job.once('close', ended))
    let text = ''
    job.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part
      const url = /"url":"http:\/\/([^"]+)"/.exec(text)?.[1]
      if (url !== undefined && text.includes('"state":"RUNNING"')) resolve(url)
    })
    void jobEnded.then(() => reject(new Error(`the job ended: ${text}`)))
    address = await promise
  })

  after(async () => {
    job.kill('SIGKILL')
    await jobEnded
    rmSync(folder, { recursive: true, force: true })
  })

  it('lists the job', async () => {
    const { status, stdout } = await flink('list')
    assert.equal(status, 0, stdout)
    jobId = / : ([0-9a-f]{32}) : long \(RUNNING\)/.exec(stdout)?.[1] ?? ''
    assert.notEqual(jobId, '', stdout)
  })

  it('takes a checkpoint and a savepoint', async () => {
    const checkpoint = await flink('checkpoint', '--full', jobId)
    assert.match(checkpoint.stdout, /Checkpoint\(FULL\) \d+ for job [0-9a-f]{32} completed/)
    const savepoint = await flink('savepoint', jobId, `file://${folder}/savepoints`)
    const path = /Savepoint completed\. Path: (.+)/.exec(savepoint.stdout)?.[1] ?? ''
    assert.ok(existsSync(join(path, '_metadata')), savepoint.stdout)
  })

  it('shows why a savepoint failed, at once', async () => {
    const { status, stdout, stderr } = await flink('savepoint', jobId, '/proc/nope/x')
    assert.equal(status, 1)
    assert.match(`${stdout}${stderr}`, /Caused by: SAVEPOINT_FAILED: No savepoint can be written into \/proc\/nope\/x/)
  })

  it('stops the job with a savepoint, and is told its path', async () => {
    const { status, stdout, stderr } = await flink('stop', '-p', join(folder, 'savepoints'), jobId)
    assert.equal(status, 0, `${stdout}${stderr}`)
    const path = /Savepoint completed\. Path: (.+)/.exec(stdout)?.[1] ?? ''
    assert.ok(existsSync(join(path, '_metadata')), stdout)
    assert.equal(await jobEnded, 0)
  })
})
