/**
 * Plants the faults of `mutants.ts` one at a time in a copy of the packages and runs their suites on it. Ends with 1 when a
 * fault was not found or its text is gone. `npm run test:mutants -- <part of a name>` runs some of them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { type Mutant, SIMULATION } from './mutant.ts'
import { MUTANTS } from './mutants.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const COPIES = Number(process.env.MILLRACE_MUTANT_COPIES ?? 2)
const SCHEDULES = process.env.MILLRACE_MUTANT_SCHEDULES ?? '1500'
/** A suite that hangs has found the fault too. */
const SUITE_MS_MAX = 300_000

type Verdict =
  | { readonly kind: 'found'; readonly by: string; readonly how: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'stale'; readonly occurrences: number }

const wanted = process.argv.slice(2)
const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) killGroup(child)
    process.kill(process.pid, signal)
  })
}
const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
const verdicts = new Map<Mutant, Verdict>()
const folder = mkdtempSync(join(tmpdir(), 'millrace-mutants-'))
try {
  const copies = Array.from({ length: Math.min(COPIES, mutants.length) }, (_, index) =>
    copyPackages(join(folder, `${index}`)),
  )
  await checkUnchanged(copies[0] as string)
  const waiting = [...mutants]
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const verdict = await judge(mutant, copy)
        verdicts.set(mutant, verdict)
        console.log(
          `${describe(verdict).padEnd(12)} ${mutant.name}${verdict.kind === 'found' ? `: ${verdict.by}, ${verdict.how}` : ''}`,
        )
      }
    }),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const missed = mutants.filter((mutant) => verdicts.get(mutant)?.kind !== 'found')
console.log(`\n${mutants.length - missed.length} of ${mutants.length} planted faults were found.`)
for (const { name, why, file } of missed) console.log(`NOT FOUND: ${name} (${file}): ${why}`)
process.exitCode = missed.length === 0 ? 0 : 1

/** The packages with a `node_modules` of links, in which Millrace's own names lead to the copy. */
function copyPackages(copy: string): string {
  mkdirSync(join(copy, 'node_modules/@millrace'), { recursive: true })
  cpSync(join(ROOT, 'packages'), join(copy, 'packages'), {
    recursive: true,
    filter: (path) => !/[/\\](node_modules|dist)$/.test(path),
  })
  const modules = join(ROOT, 'node_modules')
  for (const name of readdirSync(modules)) {
    if (name !== '@millrace' && !name.startsWith('.'))
      symlinkSync(join(modules, name), join(copy, 'node_modules', name))
  }
  const own = [...readdirSync(join(copy, 'packages')).filter((name) => name !== 'connectors'), ...connectors(copy)]
  for (const path of own) {
    const { name } = JSON.parse(readFileSync(join(copy, 'packages', path, 'package.json'), 'utf8')) as { name: string }
    if (name.startsWith('@')) symlinkSync(join(copy, 'packages', path), join(copy, 'node_modules', name))
  }
  return copy
}

function connectors(copy: string): string[] {
  return readdirSync(join(copy, 'packages/connectors')).map((name) => `connectors/${name}`)
}

/** Without a fault every suite passes, or nothing is shown by one that fails. */
async function checkUnchanged(copy: string): Promise<void> {
  for (const suite of new Set(mutants.flatMap(({ suites }) => suites))) {
    const { status, output } = await runSuite(suite, copy, '200')
    if (status !== 'passed') throw new Error(`${suite} fails without any fault:\n${output}`)
  }
}

async function judge(mutant: Mutant, copy: string): Promise<Verdict> {
  const path = join(copy, 'packages', mutant.file)
  const original = readFileSync(path, 'utf8')
  const occurrences = original.split(mutant.find).length - 1
  if (occurrences !== 1) return { kind: 'stale', occurrences }
  writeFileSync(
    path,
    original.replace(mutant.find, () => mutant.replace),
  )
  try {
    for (const suite of mutant.suites) {
      const { status, output } = await runSuite(suite, copy, SCHEDULES)
      if (status === 'passed') continue
      const by = suite === SIMULATION ? 'simulation' : (suite.split('/').at(-1) as string)
      return { kind: 'found', by, how: status === 'hung' ? 'it hung' : firstComplaint(output) }
    }
    return { kind: 'not-found' }
  } finally {
    writeFileSync(path, original)
  }
}

function runSuite(
  suite: string,
  copy: string,
  schedules: string,
): Promise<{ readonly status: 'passed' | 'failed' | 'hung'; readonly output: string }> {
  const args = ['--conditions=@millrace/source', '--test', '--test-reporter=tap', join('packages', suite)]
  const child = spawn(process.execPath, args, {
    cwd: copy,
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      MILLRACE_SIM_SCHEDULES: schedules,
      MILLRACE_SIM_FAILURES: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: a test file is a child of the runner, and would go on when only that is killed.
    detached: true,
  })
  running.add(child)
  let output = ''
  child.stdout.on('data', (text: Buffer) => (output += text.toString()))
  child.stderr.on('data', (text: Buffer) => (output += text.toString()))
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      killGroup(child)
      resolve({ status: 'hung', output })
    }, SUITE_MS_MAX)
    child.on('exit', (code) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ status: code === 0 ? 'passed' : 'failed', output })
    })
  })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}

/** Of a simulation the seed and what was wrong, else the name of the first test that failed. */
function firstComplaint(output: string): string {
  const seed = /seed \d+: [^\n]*/.exec(output)?.[0]
  return (seed ?? /not ok \d+ - [^\n]*/.exec(output)?.[0] ?? 'failed').slice(0, 160)
}

function describe(verdict: Verdict): string {
  if (verdict.kind === 'stale') return `STALE (${verdict.occurrences}×)`
  return verdict.kind === 'found' ? 'found' : 'NOT FOUND'
}
