// npm test [-- path ...]: set-up, checks, then the tests on the engine's Node. A path, or a part of one, narrows the
// tests to the files it fits and leaves the checks out; so does --tests-only, for all tests. Anything else that starts
// with a dash goes to Node's test runner (--test-name-pattern=...).
import { readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import process from 'node:process'
import { check } from './check.mjs'
import { root, run, seconds, setup, sourceFlags } from './toolchain.mjs'

const args = process.argv.slice(2)
const narrow = args.filter((arg) => !arg.startsWith('-')).map(asRepositoryPath)
const runnerFlags = args.filter((arg) => arg.startsWith('-') && arg !== '--tests-only')
const testsOnly = args.includes('--tests-only') || narrow.length > 0
const failedPhases = []

const node = await phase('set-up', setup)
if (!testsOnly) {
  await phase('check', async () => {
    const failed = await check()
    if (failed.length > 0) failedPhases.push(`check (${failed.join(', ')})`)
  })
}

const files = testFiles()
if (files.length === 0) {
  console.error(`No test file fits: ${narrow.join(' ')}`)
  process.exit(1)
}
// The closing lines are the test runner's own, so what went wrong before is said here.
if (failedPhases.length > 0) console.log(`\nFAILED before the tests: ${failedPhases.join(', ')}`)
heading(`tests (${files.length} files)`)
const status = await run(node, [
  ...sourceFlags,
  '--test',
  '--test-concurrency=2',
  '--test-reporter=spec',
  ...runnerFlags,
  ...files,
])
process.exitCode = status !== 0 ? status : failedPhases.length > 0 ? 1 : 0

async function phase(name, body) {
  heading(name)
  const start = performance.now()
  const result = await body()
  console.log(`-- ${name} took ${seconds(start)}`)
  return result
}

function heading(text) {
  console.log(`\n== ${text} ${'='.repeat(Math.max(0, 100 - text.length))}`)
}

function asRepositoryPath(arg) {
  const path = relative(root, join(process.env.INIT_CWD ?? process.cwd(), arg))
  return path.startsWith('..') ? arg : path
}

/** packages/.../test/... and test/...: every *.test.ts that the arguments fit. */
function testFiles() {
  const found = []
  const walk = (dir, inTest) => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'dist') walk(path, inTest || entry.name === 'test')
      } else if (inTest && entry.name.endsWith('.test.ts')) {
        found.push(path.split(sep).join('/'))
      }
    }
  }
  walk('packages', false)
  walk('test', true)
  return found.filter((file) => narrow.length === 0 || narrow.some((part) => file.includes(part))).sort()
}
