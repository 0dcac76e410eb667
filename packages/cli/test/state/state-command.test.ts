import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type KeyGroupSnapshot,
  keyGroupOf,
  MANIFEST_VERSION,
  type SegmentRef,
  SegmentWriter,
  type TableDescriptor,
} from '@millrace/core'
import { FileCheckpointStorage, NodeFileSystem } from '@millrace/runtime'
import type { CliEnvironment } from '../../src/cli-environment.ts'
import { runCli } from '../../src/run-cli.ts'
import { fakeEnvironment, MemoryOutput, ScriptedRunner } from '../fake-environment.ts'

const GROUPS = 8
const totals: TableDescriptor = { operatorUid: 'visits', name: 'totals', kind: 'value', version: 1, ttlMs: 400 }
const timers: TableDescriptor = {
  operatorUid: 'visits',
  name: '_timers-event',
  kind: 'namespaced',
  version: 1,
  ttlMs: undefined,
}

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-state-'))
  await write(1, { anna: { n: 1 }, '[1]': { n: 2 }, bob: { big: 5n } })
  await write(2, { anna: { n: 9 }, cleo: { n: 4 }, bob: { big: 5n } })
})
after(() => rm(folder, { recursive: true, force: true }))

/** A checkpoint with a total and a timer for each key; a key that reads as JSON is what it reads as. */
async function write(checkpointId: number, values: Readonly<Record<string, unknown>>): Promise<void> {
  const storage = new FileCheckpointStorage(new NodeFileSystem(), folder)
  await storage.open()
  const keys = Object.keys(values).map((name): [unknown, unknown] => [
    name.startsWith('[') ? JSON.parse(name) : name,
    values[name],
  ])
  const keyGroups: KeyGroupSnapshot[] = []
  for (const [keyGroup, own] of Map.groupBy(keys, ([key]) => keyGroupOf(key, GROUPS))) {
    const writer = new SegmentWriter({
      kind: 'base',
      checkpointId,
      operatorUid: 'visits',
      keyGroup,
      tables: [totals, timers],
    })
    for (const [key, value] of own) {
      writer.put(0, key, undefined, value, 500)
      writer.put(1, key, 90_000, true)
    }
    const pieces = [{ kind: 'base' as const, entries: writer.entries, bytes: writer.finish() }]
    const batch = { checkpointId, attempt: 0, vertexId: `v${keyGroup}`, subtask: 0, pieces, inlineBytesMax: 1_000_000 }
    keyGroups.push({ keyGroup, segments: await storage.writeSegments(batch) })
  }
  await storage.writeManifest({
    version: MANIFEST_VERSION,
    jobName: 'counting',
    lineage: '0123456789abcdef',
    checkpointId,
    kind: 'checkpoint',
    triggeredAtMs: 0,
    completedAtMs: 1_000,
    isFinal: false,
    operators: [
      {
        uid: 'visits',
        name: 'Visits',
        parallelism: 1,
        maxParallelism: GROUPS,
        tables: [totals, timers],
        keyGroups: keyGroups.sort((a, b) => a.keyGroup - b.keyGroup),
        entries: [{ position: 7 }],
        committables: ['part'],
        finishedSubtasks: [],
        inFlight: [{ subtask: 0, from: ['clicks'], segment: await storeInFlight(storage, checkpointId) }],
      },
    ],
  })
}

/** Twelve records. */
async function storeInFlight(storage: FileCheckpointStorage, checkpointId: number): Promise<SegmentRef> {
  const pieces = [{ kind: 'base' as const, entries: 12, bytes: new Uint8Array(30) }]
  const batch = { checkpointId, attempt: 0, vertexId: 'v', subtask: 0, pieces, inlineBytesMax: 0 }
  const [ref] = await storage.writeSegments({ ...batch, isInFlight: true })
  return ref as SegmentRef
}

async function state(...argv: string[]) {
  return stateInto(new MemoryOutput(), ...argv)
}

async function stateInto(stdout: MemoryOutput, ...argv: string[]) {
  const environment = fakeEnvironment(new ScriptedRunner(() => {}), { stdout })
  const exit = await runCli(['state', ...argv], '1.2.3', environment as CliEnvironment)
  return { exit, lines: stdout.lines, err: environment.stderr.text }
}

const chk = (id: number): string => join(folder, `chk-${id}`)

describe('millrace state', () => {
  it('ls tells what there is, by operator and state', async () => {
    const { exit, lines } = await state('ls', chk(1), '--largest', '1')
    assert.equal(exit, 0)
    assert.match(lines[0] ?? '', /^Checkpoint 1 in .*chk-1 {2}job "counting", 1970-01-01 00:00:01$/)
    const text = lines.join('\n')
    assert.match(text, /\nvisits +totals +value, ttl 400 ms +3 +3 +\d+ B +1970-01-01 00:00:00 +3\n/)
    assert.match(text, /\nvisits +_timers-event +by time +3 +3 +\d+ B +1970-01-01 00:01:30 +–\n/)
    assert.match(text, /visits\/totals: largest keys\n {2}"(anna|bob)" \d+ B\n/)
    assert.match(text, /visits: 1 not keyed \(positions, writers\), 1 waiting to be committed, 12 in flight to it/)
  })

  it('ls --json is all of it, of the operator and state that are named', async () => {
    const { lines } = await state('ls', chk(1), '--json', '--state', 'totals')
    const { operators } = JSON.parse(lines.join('\n'))
    assert.deepEqual(
      operators[0].states.map((each: { state: { name: string }; entries: number }) => [each.state.name, each.entries]),
      [['totals', 3]],
    )
  })

  it('ls counts one key, or one key group, when it is named', async () => {
    const anna = await state('ls', chk(1), '--key', 'anna', '--json')
    const { operators } = JSON.parse(anna.lines.join('\n'))
    assert.deepEqual(
      operators[0].states.map((each: { entries: number }) => each.entries),
      [1, 1],
    )
    const others = Array.from({ length: GROUPS }, (_, group) => group).filter(
      (group) => group !== keyGroupOf('anna', GROUPS),
    )
    const counts = await Promise.all(
      others.map(async (group) => {
        const { lines } = await state('ls', chk(1), '--key-group', String(group), '--state', 'totals', '--json')
        return JSON.parse(lines.join('\n')).operators[0].states[0].entries as number
      }),
    )
    const annas = ['anna', [1], 'bob'].filter((key) => keyGroupOf(key, GROUPS) === keyGroupOf('anna', GROUPS))
    assert.equal(
      counts.reduce((sum, each) => sum + each, 0),
      3 - annas.length,
    )
  })

  it('show gives entries, of one key when it is named as text or as JSON', async () => {
    const anna = await state('show', chk(1), '--key', 'anna')
    assert.deepEqual(anna.lines, [
      `visits/totals  [${keyGroupOf('anna', GROUPS)}]  "anna"  {"n":1}  written 1970-01-01 00:00:00, expired`,
      `visits/_timers-event  [${keyGroupOf('anna', GROUPS)}]  "anna"  1970-01-01 00:01:30  true`,
    ])
    const array = await state('show', chk(1), '--key', '[1]', '--state', 'totals', '--json')
    assert.deepEqual(JSON.parse(array.lines.join('')), {
      operator: 'visits',
      state: 'totals',
      keyGroup: keyGroupOf([1], GROUPS),
      key: [1],
      value: { n: 2 },
      writtenAtMs: 500,
    })
  })

  it('show stops at the limit and says so, and shows what is not keyed', async () => {
    const { lines } = await state('show', chk(1), '--limit', '2')
    assert.equal(lines.length, 4)
    assert.equal(lines[2], 'visits  not keyed  {"position":7}')
    assert.equal(lines[3], '… more than 2; --limit shows more, export all')
    const none = await state('show', chk(1), '--key', 'nobody')
    assert.deepEqual(none.lines, ['No keyed entry.'])
    const number = await state('show', chk(1), '--key', '42')
    assert.deepEqual(number.lines, [`No keyed entry. The key was read as JSON; for the text write --key '"42"'.`])
  })

  it('diff tells what changed between two', async () => {
    const { lines } = await state('diff', chk(1), chk(2), '--state', 'totals')
    const entries = lines.filter((line) => /^[-+~] /.test(line)).map((line) => line.replace(/ {2}\[\d\]/, ''))
    assert.deepEqual(entries.map((line) => line.replace(/ {2}written .*?(?= {2}was|$)/, '')).sort(), [
      '+ visits/totals  "cleo"  {"n":4}',
      '- visits/totals  [1]  {"n":2}',
      '~ visits/totals  "anna"  {"n":9}  was {"n":1}',
    ])
    assert.equal(lines.at(-1), 'visits/totals: 1 added, 1 removed, 1 changed')
    assert.deepEqual((await state('diff', chk(2), chk(2))).lines, ['No difference.'])
  })

  it('diff shows as many as are asked for and counts all; as JSON with what was before', async () => {
    const { lines } = await state('diff', chk(1), chk(2), '--limit', '1')
    assert.equal(lines.filter((line) => /^[-+~] /.test(line)).length, 1)
    assert.match(lines[1] ?? '', /^… 4 more; --limit shows more$/)
    const [group, before] = [String(keyGroupOf('cleo', GROUPS)), await state('show', chk(1), '--json')]
    const ofGroup = await state('diff', chk(1), chk(2), '--key-group', group, '--state', 'totals')
    const shown = ofGroup.lines.filter((line) => /^[-+~] /.test(line))
    assert.ok(shown.length > 0 && shown.every((line) => line.includes(`  [${group}]  `)), ofGroup.lines.join('\n'))
    assert.equal(before.lines.length, 6)
    const json = await state('diff', chk(1), chk(2), '--json', '--key', 'anna')
    const [changed] = json.lines.map((line) => JSON.parse(line))
    assert.deepEqual([changed.difference, changed.value, changed.before.value], ['changed', { n: 9 }, { n: 1 }])
  })

  it('reads no further than its reader does', async () => {
    for (const argv of [
      ['export', chk(1)],
      ['show', chk(1), '--json'],
      ['diff', chk(1), chk(2), '--json'],
    ]) {
      const stdout = new MemoryOutput()
      stdout.linesMax = 2
      const { exit, lines } = await stateInto(stdout, ...argv)
      assert.deepEqual([exit, lines.length], [0, 2], argv[0])
    }
  })

  it('gives a program everything, as long as it does not ask for less', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`key ${n}`, { n }]))
    await write(3, many)
    const entries = await state('show', chk(3), '--json', '--state', 'totals')
    assert.equal(entries.lines.length, 30)
    const differences = await state('diff', chk(1), chk(3), '--json', '--state', 'totals')
    assert.equal(differences.lines.length, 33)
    const few = await state('diff', chk(1), chk(3), '--json', '--state', 'totals', '--limit', '5')
    assert.equal(few.lines.length, 5)
    const told = await state('diff', chk(1), chk(3), '--state', 'totals')
    assert.ok(told.lines.includes('… 13 more; --limit shows more'), told.lines.join('\n'))
  })

  it('export writes every entry as a line of JSON', async () => {
    const { lines } = await state('export', chk(1))
    assert.equal(lines.length, 6)
    const values = lines.map((line) => JSON.parse(line)).filter(({ state: name }) => name === 'totals')
    assert.deepEqual(values.map(({ value }) => JSON.stringify(value)).sort(), [
      '{"big":{"$bigint":"5"}}',
      '{"n":1}',
      '{"n":2}',
    ])
  })

  const wrong: readonly (readonly [argv: readonly string[], err: RegExp])[] = [
    [[], /USAGE {2}It is not said what to do\.[\s\S]*state ls\|show\|export <snapshot>/],
    [['list', 'x'], /state has no "list"/],
    [['ls'], /state ls takes one folder\./],
    [['diff', 'x'], /state diff takes two folders\./],
    [['show', 'CHK', '--limit', 'many'], /--limit many is no whole number/],
    [['show', 'CHK', '--operator', 'visit'], /STATE_NOT_FOUND[\s\S]*Did you mean "visits"\?/],
    [['ls', 'CHK', '--state', 'total'], /STATE_NOT_FOUND[\s\S]*Did you mean "totals"\?/],
    [['diff', 'CHK', 'CHK', '--state', 'total'], /STATE_NOT_FOUND[\s\S]*Did you mean "totals"\?/],
    [['export', 'CHK', '--limit', '5'], /state export has no --limit[\s\S]*an option of state show and state diff/],
    [['show', 'CHK', '--largest', '5'], /state show has no --largest[\s\S]*an option of state ls\./],
    [['ls', 'nowhere'], /CHECKPOINT_NOT_FOUND/],
  ]
  for (const [argv, err] of wrong) {
    it(`refuses: state ${argv.join(' ')}`, async () => {
      const result = await state(...argv.map((word) => (word === 'CHK' ? chk(1) : word)))
      assert.equal(result.exit, 2)
      assert.match(result.err, err)
    })
  }
})
