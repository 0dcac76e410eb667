// Packs every package as it is published, installs the tarballs in empty projects and uses them from there.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { cleanEnv, olderNode, root, run } from './commands.ts'

const slow = { timeout: 300_000 }
const jobEntryPoints = ['millrace', 'millrace/files']
const entryPoints = [...jobEntryPoints, 'millrace/state', 'millrace/checkpoints', '@millrace/testing']
const fittingNode = process.execPath
const older = olderNode()

let temp: string
let tarballs: ReadonlyMap<string, string>

before(async () => {
  temp = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-install-')))
  const target = join(temp, 'tarballs')
  await succeeds(fittingNode, ['scripts/pack.mjs', target], root)
  tarballs = new Map(
    readdirSync(target).map((file) => {
      const name = file.replace(/-\d+\.\d+\.\d+.*$/, '')
      return [name.replace(/^millrace-/, '@millrace/'), join(target, file)]
    }),
  )
}, slow)

after(() => rmSync(temp, { recursive: true, force: true }))

async function succeeds(program: string, args: readonly string[], cwd: string, env = cleanEnv()): Promise<string> {
  const outcome = await run(program, args, { cwd, env })
  assert.equal(outcome.status, 0, `${program} ${args.join(' ')}\n${outcome.stdout}\n${outcome.stderr}`)
  return outcome.stdout
}

function tool(packageName: string, bin: string): string {
  return join(root, 'node_modules', packageName, bin)
}

/** An empty project that asks for the tarballs a user would ask for by name; the rest comes as their dependencies. */
function project(name: string, overrides: (specs: Record<string, string>) => Record<string, string>): string {
  const dir = join(temp, name)
  mkdirSync(dir)
  const specs = Object.fromEntries([...tarballs].map(([packed, path]) => [packed, `file:${path}`]))
  const direct = ['millrace', '@millrace/testing']
  const manifest = {
    name,
    private: true,
    type: 'module',
    dependencies: Object.fromEntries(direct.map((packed) => [packed, specs[packed]])),
  }
  for (const packed of direct) delete specs[packed]
  for (const [file, text] of Object.entries(overrides(specs))) {
    if (file === 'package.json') Object.assign(manifest, JSON.parse(text))
    else writeFileSync(join(dir, file), text)
  }
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest, undefined, 2))
  return dir
}

async function canBeUsed(dir: string): Promise<void> {
  const imports = entryPoints.map((name) => `await import('${name}')`).join('; ')
  await succeeds(fittingNode, ['--input-type=module', '--eval', imports], dir)

  // Strict, and with the declarations themselves checked: what a user's compiler sees.
  const using = (names: readonly string[]) =>
    names.map((name, index) => `import * as p${index} from '${name}'\nvoid p${index}\n`).join('')
  writeFileSync(join(dir, 'use.ts'), using(entryPoints))
  writeFileSync(join(dir, 'use-in-jobs.ts'), using(jobEntryPoints))
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'false']
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  await succeeds(fittingNode, [tool('typescript', 'bin/tsc'), ...flags, ...types, 'use.ts'], dir)
  // A job needs nothing of Node, so neither do the types of what it is written with.
  await succeeds(fittingNode, [tool('typescript', 'bin/tsc'), ...flags, '--types', '', 'use-in-jobs.ts'], dir)
}

describe('packages as they are published', () => {
  it('are all packed', () => {
    assert.deepEqual([...tarballs.keys()].sort(), [
      '@millrace/api',
      '@millrace/cli',
      '@millrace/core',
      '@millrace/files',
      '@millrace/rest',
      '@millrace/runtime',
      '@millrace/testing',
      'millrace',
    ])
  })

  it('pass publint', async () => {
    for (const path of tarballs.values()) {
      await succeeds(fittingNode, [tool('publint', 'src/cli.js'), 'run', path, '--strict'], root)
    }
  })

  it('install with npm', slow, async () => {
    const dir = project('with-npm', (overrides) => ({ 'package.json': JSON.stringify({ overrides }) }))
    await succeeds('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], dir)
    await canBeUsed(dir)
    holdsNoStrayFiles(join(dir, 'node_modules'))
    await commandStarts('npx', ['millrace', '--help'], dir)
  })

  it('install with pnpm', slow, async () => {
    // pnpm refuses an install with undecided install scripts: nothing that is installed may have one.
    const settings = (overrides: object) => JSON.stringify({ overrides })
    const dir = project('with-pnpm', (overrides) => ({ 'pnpm-workspace.yaml': settings(overrides) }))
    const install = ['install', '--store-dir', join(temp, 'store'), '--no-frozen-lockfile']
    await succeeds(fittingNode, [tool('pnpm', 'bin/pnpm.mjs'), ...install], dir)
    await canBeUsed(dir)
    await commandStarts(join(dir, 'node_modules/.bin/millrace'), ['--help'], dir)
  })
})

/** Under the older Node where there is one: what a user has whose machine is not up to date. */
async function commandStarts(program: string, args: readonly string[], cwd: string): Promise<void> {
  const path = `${dirname(older ?? fittingNode)}${delimiter}${process.env.PATH}`
  await succeeds(program, args, cwd, cleanEnv({ PATH: path, MILLRACE_NODE: fittingNode }))
}

/** Only what is meant to be shipped is in the packages, and no path of the machine they were built on. */
function holdsNoStrayFiles(modules: string): void {
  const packages = [...tarballs.keys()].map((name) => join(modules, name))
  for (const dir of packages) {
    for (const entry of readdirSync(dir)) {
      assert.match(entry, /^(package\.json|README\.md|LICENSE|dist|bin|node_modules)$/, dir)
    }
    for (const file of readdirSync(join(dir, 'dist'), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(js|ts|map)$/.test(file)) continue
      const text = readFileSync(join(dir, 'dist', file), 'utf8')
      assert.ok(!text.includes(root), `${file} of ${dir} names the folder it was built in`)
      if (file.endsWith('.js.map')) assert.ok(JSON.parse(text).sourcesContent?.length > 0, `${file} has no sources`)
    }
  }
}
