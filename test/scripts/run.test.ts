import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { root, run } from '../packaging/commands.ts'

/** Says how it was started and waits for a signal, which it counts. */
const WAITING = `
import process from 'node:process'
const idle: NodeJS.Timeout = setInterval(() => {}, 1_000)
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    console.log('got ' + signal)
    clearInterval(idle)
    process.exitCode = 7
  })
}
console.log(JSON.stringify(process.argv.slice(2)))
`

describe('scripts/run.mjs', () => {
  let temp: string
  let file: string
  before(() => {
    temp = mkdtempSync(join(tmpdir(), 'millrace-run-'))
    file = join(temp, 'waiting.mts')
    writeFileSync(file, WAITING)
  })
  after(() => rmSync(temp, { recursive: true, force: true }))

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`leaves a ${signal} that came to it alone to the program, and ends with its status`, {
      timeout: 60_000,
    }, async () => {
      const args = ['scripts/run.mjs', file, '--x', 'y']
      const outcome = await run(process.execPath, args, { cwd: root, signal })
      assert.deepEqual(outcome.stdout.split('\n'), ['["--x","y"]', `got ${signal}`, ''], outcome.stderr)
      assert.equal(outcome.status, 7)
    })
  }
})
