import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Step } from '../../../bench/all/plan.ts'
import { runSteps } from '../../../bench/all/run-steps.ts'
import { StepFile } from '../../../bench/all/step-file.ts'
import { parseLines } from '../../../bench/performance/parse-lines.ts'
import { ABOUT, runLine, textOf } from '../performance/run-line.ts'

describe('a long measurement', () => {
  let folder: string
  let path: string
  const said: string[] = []

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-steps-'))
    path = join(folder, 'deep', 'runs.jsonl')
    said.length = 0
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const step = (name: string, minutes: number, ...args: string[]): Step => ({ name, minutes, args })
  const lines = (events: number) => textOf(ABOUT, runLine({ peer: 'millrace', cpuSeconds: 2, events }))

  /** A step writes its first argument and ends with its second, or not at all. */
  function run(steps: readonly Step[], minutes: number, overrunMinutes?: number): Promise<boolean> {
    const script = `
      const [path, text, status] = process.argv.slice(1)
      if (text !== '') require('node:fs').writeFileSync(path, text)
      if (status === 'hangs') setInterval(() => {}, 1_000)
      else process.exitCode = Number(status)`
    return runSteps({
      ...{ steps, file: new StepFile(path), minutes, rounds: 3 },
      commandOf: ({ args }, part) => ({ command: process.execPath, args: ['-e', script, '--', part, ...args] }),
      say: (text) => said.push(text),
      ...(overrunMinutes === undefined ? {} : { overrunMinutes }),
    })
  }

  it('does what fits, and goes on where it was', async () => {
    const steps = [step('second', 2, lines(2), '0'), step('first', 1, lines(1), '0')]
    assert.ok(await run(steps, 0.5))
    assert.match(said.at(-1) ?? '', /^\n2 steps are left, about 3 minutes: second, first\. Run it again/)
    assert.ok(!existsSync(path))
    assert.ok(await run(steps.slice(1), 1.5))
    // What a step that was broken off had written is not taken.
    writeFileSync(`${path}.part`, lines(99))
    assert.ok(await run(steps, 10))
    assert.match(said.at(-1) ?? '', /All steps are done/)
    const sessions = parseLines('runs', readFileSync(path, 'utf8'))
    assert.deepEqual(
      sessions.map(({ runs }) => runs.map(({ events }) => events)),
      [[1], [2]],
    )
    assert.deepEqual(
      new StepFile(path).doneSteps().map(({ step: name, exitStatus }) => [name, exitStatus]),
      [
        ['first', 0],
        ['second', 0],
      ],
    )
    assert.equal(new StepFile(path).commit(), ABOUT.commit)
    assert.ok(!existsSync(`${path}.part`))
  })

  it('keeps what a step wrote that failed, and says so', async () => {
    assert.equal(await run([step('bad', 1, lines(1), '1'), step('crashed', 2, '', '3')], 10), false)
    assert.deepEqual(
      new StepFile(path).doneSteps().map(({ exitStatus }) => exitStatus),
      [1, 3],
    )
    assert.equal(parseLines('runs', readFileSync(path, 'utf8'))[0]?.runs.length, 1)
    assert.ok(said.some((text) => text.includes('bad FAILS')))
  })

  it('stops a step that takes far too long', async () => {
    assert.equal(await run([step('hangs', 0, lines(1), 'hangs')], 1, 0), false)
    assert.deepEqual(
      new StepFile(path).doneSteps().map(({ exitStatus }) => exitStatus),
      [null],
    )
    assert.ok(said.some((text) => text.includes('hangs took too long and was stopped')))
  })
})
