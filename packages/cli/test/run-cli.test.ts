import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { MillraceError, toErrorData } from '@millrace/api'
import { CONFIG_OPTIONS, MANIFEST_VERSION, type PhysicalPlan, type SegmentRef } from '@millrace/core'
import { FileCheckpointStorage, NodeFileSystem } from '@millrace/runtime'
import type { CliEnvironment } from '../src/cli-environment.ts'
import { runCli } from '../src/run-cli.ts'
import { type FakeEnvironment, fakeEnvironment, MemoryOutput, ScriptedRunner } from './fake-environment.ts'
import { reading, task } from './readings.ts'

// Below the package, so that the job's imports resolve as in a user's project.
let folder = ''
let jobFile = ''
let noJobFile = ''
before(async () => {
  folder = await mkdtemp(join(import.meta.dirname, 'jobs-'))
  jobFile = join(folder, 'job.ts')
  noJobFile = join(folder, 'no-job.ts')
  await writeFile(noJobFile, 'export const x = 1')
  await writeFile(jobFile, JOB)
})
after(() => rm(folder, { recursive: true, force: true }))

const JOB = `
import { ascending, count, defineJob, tumbling } from '@millrace/api'

const params = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: ({ to }) => (Number(to) > 0 ? { value: { to: Number(to) } } : { issues: [{ message: 'must be positive', path: ['to'] }] }),
  },
}
const numbers = (to) => ({
  kind: 'numbers', options: { to }, boundedness: 'bounded', replayable: true,
  enumerate: async () => [],
  open: async () => { throw new Error('not opened here') },
})
const nowhere = {
  kind: 'nowhere', options: { folder: '/out' }, guarantee: 'exactly-once',
  openWriter: async () => { throw new Error('not opened here') },
}

export default defineJob({
  name: 'counting',
  params,
  build(env, { to }) {
    env.from(numbers(to), { uid: 'numbers', watermarks: ascending((n) => n.at) })
      .keyBy('kind')
      .window(tumbling({ size: '1 min' }))
      .aggregate({ many: count() }, ({ many }, { key }) => ({ key, many }))
      .to(nowhere, { uid: 'out' })
  },
})
`

const finishes = new ScriptedRunner((_, end) => end({}))

async function cli(argv: string[], environment: FakeEnvironment = fakeEnvironment(finishes)) {
  const exit = await runCli(argv, '1.2.3', environment as CliEnvironment)
  return { exit, out: environment.stdout.text, err: environment.stderr.text }
}

test('help and version', async () => {
  const help = await cli(['--help'])
  assert.equal(help.exit, 0)
  assert.match(help.out, /run +run a job[\s\S]*info/)
  assert.deepEqual(await cli(['--version']), { exit: 0, out: '1.2.3\n', err: '' })
  assert.match((await cli(['run', '--help'])).out, /-p, --parallelism <N>/)
  assert.match((await cli(['help', 'info'])).out, /Usage: millrace info job\.ts/)
})

test('no command is wrong usage, with help on stderr', async () => {
  const { exit, out, err } = await cli([])
  assert.deepEqual([exit, out], [2, ''])
  assert.match(err, /Usage: millrace/)
})

const wrong: { argv: string[]; err: RegExp }[] = [
  { argv: ['rnu'], err: /USAGE .*no command "rnu"[\s\S]*Did you mean: millrace run\?/ },
  { argv: ['server'], err: /no command "server"[\s\S]*There are run, info/ },
  { argv: ['job.ts'], err: /To run that job: millrace run job\.ts/ },
  { argv: ['run'], err: /job file is missing/ },
  { argv: ['checkpoints'], err: /USAGE {2}No folder is named/ },
  { argv: ['checkpoints', 'a', 'b'], err: /not also "b"/ },
  { argv: ['checkpoints', 'a', '--explian'], err: /Did you mean --explain\?/ },
  { argv: ['config', 'nothing.like.it'], err: /CONFIG_UNKNOWN_KEY[\s\S]*try: millrace config lists all keys\./ },
  { argv: ['config', 'chekpointing'], err: /CONFIG_UNKNOWN_KEY/ },
  { argv: ['config', '-D', 'parallelism.default=many'], err: /CONFIG_INVALID_VALUE/ },
  { argv: ['config', 'a', 'b'], err: /config does not take "b"/ },
  { argv: ['run', 'gone.ts'], err: /JOB_NOT_FOUND .*gone\.ts/ },
  { argv: ['run', 'NO-JOB'], err: /JOB_NOT_FOUND {2}".*no-job\.ts" has no default export[\s\S]* {2}exports: x/ },
  { argv: ['run', 'JOB'], err: /PARAMS_INVALID[\s\S]*--to: must be positive \(not given\)/ },
  { argv: ['run', 'JOB', '--', '--to', '-1'], err: /--to: must be positive \(given: "-1"\)/ },
  { argv: ['run', 'JOB', '-D', 'execution.chekpointing.interval=1 s', '--', '--to', '5'], err: /CONFIG_UNKNOWN_KEY/ },
  { argv: ['run', 'JOB', '-D', 'parallelism.default=many', '--', '--to', '5'], err: /CONFIG_INVALID_VALUE/ },
]

for (const { argv, err } of wrong) {
  test(`wrong usage: ${argv.join(' ')}`, async () => {
    const files: Record<string, string> = { JOB: jobFile, 'NO-JOB': noJobFile }
    const result = await cli(argv.map((argument) => files[argument] ?? argument))
    assert.equal(result.exit, 2)
    assert.match(result.err, err)
    assert.equal(result.out, '')
  })
}

test('config lists every key, with its default or what was given', async () => {
  const { exit, out } = await cli(['config', '-D', 'parallelism.default=3'])
  assert.equal(exit, 0)
  const keys = out.split('\n').map((line) => line.split(' ')[0])
  assert.deepEqual(keys.slice(1, -1), Object.keys(CONFIG_OPTIONS))
  assert.match(out, /^execution\.checkpointing\.interval +10 s +default$/m)
  assert.match(out, /^execution\.checkpointing\.dir +\(none\) +default$/m)
  assert.match(out, /^parallelism\.default +3 +-D$/m)
})

test('config explains a key, and all of which a part is named', async () => {
  const one = await cli(['config', 'execution.checkpointing.timeout'])
  assert.match(one.out, /execution\.checkpointing\.timeout: duration, default 10 min\. A checkpoint that takes longer/)
  assert.ok(!one.out.includes('aligned-checkpoint-timeout'))
  const several = await cli(['config', 'min-pause', '--json'])
  const { keys } = JSON.parse(several.out) as { keys: { key: string; value: string; meaning: string }[] }
  assert.deepEqual(
    keys.map(({ key, value }) => [key, value]),
    [['execution.checkpointing.min-pause', '0 ms']],
  )
  assert.match(keys[0]?.meaning ?? '', /Least time/)
})

test('info shows the plan and its warnings', async () => {
  const { exit, out } = await cli(['info', jobFile, '-p', '3', '--', '--to', '5'])
  assert.equal(exit, 0)
  assert.match(out, /Job "counting"/)
  assert.match(out, /numbers, bounded {2}to=5/)
  assert.match(out, /tumbling window of 01:00 min, by "kind"/)
  assert.match(out, /Needs 3 slots for 6 tasks/)
  assert.match(out, /warning Step .* has no uid/)
})

test('info --json is the plan', async () => {
  const { out } = await cli(['info', jobFile, '--json', '--', '--to', '5'])
  const plan = JSON.parse(out) as PhysicalPlan
  assert.equal(plan.jobName, 'counting')
  assert.equal(plan.vertices.length, 2)
})

test('checkpoints shows a folder, explains it, and gives it as JSON', async () => {
  const checkpoints = join(folder, 'checkpoints')
  const storage = new FileCheckpointStorage(new NodeFileSystem(), checkpoints)
  await storage.open()
  const [ref] = (await storage.writeSegments({
    checkpointId: 4,
    attempt: 0,
    vertexId: 'v',
    subtask: 0,
    pieces: [{ kind: 'base', bytes: new Uint8Array(2_048), entries: 9 }],
    inlineBytesMax: 0,
  })) as [SegmentRef]
  await storage.writeManifest({
    version: MANIFEST_VERSION,
    jobName: 'counting',
    lineage: '0123456789abcdef',
    checkpointId: 4,
    kind: 'checkpoint',
    triggeredAtMs: Date.UTC(2026, 0, 1),
    completedAtMs: Date.UTC(2026, 0, 1, 0, 0, 2),
    isFinal: false,
    operators: [
      {
        uid: 'count',
        name: 'Count',
        parallelism: 1,
        maxParallelism: 128,
        tables: [],
        keyGroups: [{ keyGroup: 5, segments: [ref] }],
        entries: [],
        committables: [],
        finishedSubtasks: [],
      },
    ],
  })
  const shown = await cli(['checkpoints', checkpoints])
  assert.equal(shown.exit, 0)
  assert.match(
    shown.out,
    /job "counting"\n1 segment file, 2\.0 KiB\n\nid .*\n 4 {2}full +2026-01-01 00:00:02 {2}2\.0 s {2}2\.0 KiB/,
  )
  assert.match((await cli(['checkpoints', checkpoints, '--explain'])).out, /Checkpoint 4 stands alone/)
  const json = JSON.parse((await cli(['checkpoints', `${checkpoints}/chk-4`, '--json'])).out)
  assert.deepEqual([json.isNamed, json.contents[0].stateBytes, json.damaged], [true, 2_048, []])

  const missing = await cli(['checkpoints', join(folder, 'nowhere')])
  assert.equal(missing.exit, 2)
  assert.match(missing.err, /CHECKPOINT_NOT_FOUND .*There are no checkpoints in/)
})

test('run hands the job over as asked for', async () => {
  const runner = new ScriptedRunner((_, end) => end({}))
  const argv = ['run', jobFile, '-p', '4', '-D', 'execution.checkpointing.interval=1 s', '--resume', '--', '--to', '5']
  assert.equal((await cli(argv, fakeEnvironment(runner))).exit, 0)
  const [request] = runner.requests
  assert.deepEqual(request?.params, { to: 5 })
  assert.deepEqual(request?.configuration, { 'execution.checkpointing.interval': '1 s', 'parallelism.default': '4' })
  assert.deepEqual(request?.restore, { kind: 'latest', discardNewer: false, allowNonRestoredState: false })
  assert.equal(request?.plan.vertices[0]?.parallelism, 4)
  assert.match(request?.bundlePath ?? '', /job\.mjs$/)
})

test('a finished job: summary on stdout, with what was lost and where the output is', async () => {
  const runner = new ScriptedRunner((emit, end) => {
    emit({ kind: 'printed', line: 'printed by the job' })
    const [source, window] = runner.requests[0]?.plan.vertices ?? []
    const tasks = [
      task(source?.id ?? '', 0, { numRecordsIn: 1_234_567, numRecordsSkipped: 2 }),
      task(window?.id ?? '', 0, { numLateRecordsDropped: 3 }),
    ]
    end({ final: reading({ tasks, checkpointsCompleted: 4, savepoint: undefined } as object), savepoint: 'sp-1' })
  })
  const { exit, out } = await cli(['run', jobFile, '--', '--to', '5'], fakeEnvironment(runner))
  assert.equal(exit, 0)
  const [printed, ...summary] = out.split('\n')
  assert.equal(printed, 'printed by the job')
  assert.match(summary.join('\n'), /counting finished after 10 s\n {2}read {8}1,234,567 records \(123,457\/s\)/)
  assert.match(out, /skipped {5}2 records in "numbers"/)
  assert.match(out, /late {8}3 records in "/)
  assert.match(out, /savepoint {3}sp-1/)
  assert.match(out, /output {6}\/out {2}\(nowhere, out, exactly-once\)/)
})

test('a failed job: its error on stderr, exit 1', async () => {
  const error = toErrorData(new MillraceError('INPUT_NOT_FOUND', 'There is no a.csv', { hint: 'Look for it.' }))
  const runner = new ScriptedRunner((_, end) => end({ state: 'FAILED', error }))
  const { exit, out, err } = await cli(['run', jobFile, '--', '--to', '5'], fakeEnvironment(runner))
  assert.equal(exit, 1)
  assert.match(out, /counting failed after/)
  assert.match(err, /error INPUT_NOT_FOUND {2}There is no a\.csv[\s\S]*try: Look for it\./)
})

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`a first ${signal} stops with a checkpoint, a second at once; exit ${status}`, async () => {
    const environment = fakeEnvironment(
      new ScriptedRunner(() => {
        environment.interrupt(signal)
        environment.interrupt(signal)
      }),
    )
    const { exit, out, err } = await cli(['run', jobFile, '--', '--to', '5'], environment)
    assert.equal(exit, status)
    assert.match(err, /Stopping with a last checkpoint/)
    assert.match(out, /suspended[\s\S]*stopped 1 times/)
    assert.deepEqual(environment.exits, [])
  })
}

test('a third signal ends the process, whatever hangs in the job', async () => {
  const runner = new ScriptedRunner((_, end) => {
    for (let count = 0; count < 3; count++) environment.interrupt('SIGTERM')
    end({})
  })
  const environment = fakeEnvironment(runner)
  await cli(['run', jobFile, '--', '--to', '5'], environment)
  assert.deepEqual(environment.exits, [143])
})

test('a cancelled job: exit 130', async () => {
  const runner = new ScriptedRunner((_, end) => end({ state: 'CANCELED' }))
  const { exit, out } = await cli(['run', jobFile, '--', '--to', '5'], fakeEnvironment(runner))
  assert.equal(exit, 130)
  assert.match(out, /counting cancelled after/)
})

for (const stderr of [new MemoryOutput(), new MemoryOutput(true)]) {
  test(`a start that is refused: its error and nothing else${stderr.isTerminal ? ', in a terminal' : ''}`, async () => {
    const error = toErrorData(new MillraceError('CHECKPOINT_OTHER_JOB', 'It holds state of another job'))
    const runner = new ScriptedRunner((_, end) => end({ state: 'FAILED', isRefused: true, error }))
    const environment = fakeEnvironment(runner, { stderr })
    const { exit, out, err } = await cli(['run', jobFile, '--', '--to', '5'], environment)
    assert.deepEqual([exit, out], [1, ''])
    assert.match(err, /error.*CHECKPOINT_OTHER_JOB.* {2}It holds state of another job/)
    assert.doesNotMatch(err, /FAILED/)
  })
}

test('output that could not be written is an error, though the job has finished', async () => {
  const stdout = new MemoryOutput()
  stdout.failure = new Error('ENOSPC: no space left on device, write')
  for (const argv of [['run', jobFile, '--', '--to', '5'], ['config']]) {
    const environment = fakeEnvironment(finishes, { stdout })
    const { exit, err } = await cli(argv, environment)
    assert.equal(exit, 1, argv[0])
    assert.match(err, /error OUTPUT_FAILED {2}Standard output could not be written: ENOSPC/)
  }
  const refused = await cli(['rnu'], fakeEnvironment(finishes, { stdout }))
  assert.equal(refused.exit, 2)
})

test('a failure with restart is told as it happens', async () => {
  const error = toErrorData(new MillraceError('SLOT_LOST', 'Slot 1 ended'))
  const runner = new ScriptedRunner((emit, end) => {
    emit({ kind: 'failure', atMs: 0, error, task: undefined, restartInMs: 1_000 })
    end({})
  })
  const { err } = await cli(['run', jobFile, '--', '--to', '5'], fakeEnvironment(runner))
  assert.match(err, /SLOT_LOST {2}Slot 1 ended[\s\S]*restarts in 1\.0 s/)
})

test('--json: every line of stdout is an object, the last one the result', async () => {
  const runner = new ScriptedRunner((emit, end) => {
    emit({ kind: 'state', atMs: 1, state: 'RUNNING' })
    emit({ kind: 'printed', line: 'x' })
    end({})
  })
  const { exit, out, err } = await cli(['run', jobFile, '--json', '--', '--to', '5'], fakeEnvironment(runner))
  const lines = out.trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { kind: string }).kind),
    ['message', 'state', 'printed', 'result'],
  )
  assert.deepEqual([exit, err], [0, ''])
})

test('--json: what is said of a signal is a message as any other', async () => {
  const environment = fakeEnvironment(
    new ScriptedRunner(() => {
      environment.interrupt()
      environment.interrupt()
    }),
  )
  const { out } = await cli(['run', jobFile, '--json', '--', '--to', '5'], environment)
  const messages = out.split('\n').filter((line) => line.includes('Stopping with a last checkpoint'))
  assert.deepEqual(
    messages.map((line) => JSON.parse(line)),
    [
      {
        kind: 'message',
        atMs: 1_000,
        level: 'info',
        text: 'Stopping with a last checkpoint; once more stops at once.',
      },
    ],
  )
})

test('--json: errors before the job are objects too', async () => {
  const { exit, out, err } = await cli(['run', jobFile, '--json'])
  assert.equal(exit, 2)
  assert.equal((JSON.parse(out) as { error: { code: string } }).error.code, 'PARAMS_INVALID')
  assert.equal(err, '')
})

test('in a terminal the display is drawn and left, and NO_COLOR keeps it plain', async () => {
  const stderr = new MemoryOutput(true)
  const environment = fakeEnvironment(finishes, { stderr, variables: { NO_COLOR: '1' } })
  await cli(['run', jobFile, '--', '--to', '5'], environment)
  assert.match(stderr.text, /counting {2}RUNNING/)
  assert.ok(stderr.text.endsWith('\u001b[?25h'))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour is what must not be there
  assert.doesNotMatch(stderr.text, /\u001b\[\d*m/)
})
