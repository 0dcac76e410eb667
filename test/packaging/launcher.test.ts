import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { cleanEnv, olderNode, root, run } from './commands.ts'

const fittingNode = process.execPath
const older = olderNode()
const needsOlder = older === undefined ? { skip: 'no Node older than 24 on the PATH' } : {}

/** Stands for the CLI: says how it was started, then does what its first argument asks for. */
const cliStandIn = (kind: string) => `
const [action] = process.argv.slice(2)
if (action === 'wait') {
  const idle = setInterval(() => {}, 1000)
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      console.log('got ' + signal)
      clearInterval(idle)
      process.exitCode = 7
    })
  }
}
console.log(JSON.stringify({
  kind: '${kind}', node: process.execPath, flags: process.execArgv, args: process.argv.slice(2),
}))
if (action === 'exit-3') process.exitCode = 3
if (action === 'die') process.kill(process.pid, 'SIGKILL')
`

let temp: string
let installed: string
let checkout: string

before(() => {
  temp = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-launcher-')))
  installed = placeLauncher(join(temp, 'app/node_modules/millrace'))
  checkout = placeLauncher(join(temp, 'checkout/packages/millrace'))
  write(join(temp, 'checkout/packages/millrace/src/index.ts'), 'export {}')
  for (const place of ['app', 'checkout']) {
    const cli = join(temp, place, 'node_modules/@millrace/cli')
    const main = { '@millrace/source': './source.js', default: './dist.js' }
    write(
      join(cli, 'package.json'),
      JSON.stringify({ name: '@millrace/cli', type: 'module', exports: { './main': main } }),
    )
    write(join(cli, 'source.js'), cliStandIn('source'))
    write(join(cli, 'dist.js'), cliStandIn('dist'))
  }
})

after(() => rmSync(temp, { recursive: true, force: true }))

function placeLauncher(dir: string): string {
  cpSync(join(root, 'packages/millrace/bin'), join(dir, 'bin'), { recursive: true })
  write(join(dir, 'package.json'), JSON.stringify({ name: 'millrace', type: 'module' }))
  return join(dir, 'bin/millrace.mjs')
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** A folder in which the npm package `node` brings the given program. */
function projectWithNode(name: string, place: (program: string) => void): string {
  const dir = join(temp, name)
  write(
    join(dir, 'node_modules/node/package.json'),
    JSON.stringify({ name: 'node', version: '24.0.0', bin: { node: 'bin/node' } }),
  )
  mkdirSync(join(dir, 'node_modules/node/bin'), { recursive: true })
  place(join(dir, 'node_modules/node/bin/node'))
  return dir
}

function start(
  node: string,
  launcher: string,
  args: readonly string[],
  options: Partial<Parameters<typeof run>[2]> = {},
) {
  return run(node, [launcher, ...args], { cwd: temp, ...options })
}

function report(stdout: string): { kind: string; node: string; flags: string[]; args: string[] } {
  return JSON.parse(stdout.split('\n')[0] ?? '')
}

for (const [title, node, extra, skip] of [
  ['on a fitting Node', fittingNode, {}, {}],
  ['on an older Node', older ?? '', { MILLRACE_NODE: fittingNode }, needsOlder],
] as const) {
  describe(`launcher ${title}`, skip, () => {
    const env = cleanEnv(extra)

    it('runs the built CLI with source maps and the arguments as they are', async () => {
      const { status, stdout, stderr } = await start(node, installed, ['run', '--x=a b', ''], { env })
      assert.equal(stderr, '')
      assert.deepEqual(report(stdout), {
        kind: 'dist',
        node: fittingNode,
        flags: ['--enable-source-maps'],
        args: ['run', '--x=a b', ''],
      })
      assert.equal(status, 0)
    })

    it('runs the sources in a checkout', async () => {
      const { stdout } = await start(node, checkout, [], { env })
      assert.equal(report(stdout).kind, 'source')
      assert.deepEqual(report(stdout).flags, ['--enable-source-maps', '--conditions=@millrace/source'])
    })

    it("passes the CLI's exit status on", async () => {
      assert.equal((await start(node, installed, ['exit-3'], { env })).status, 3)
    })

    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      it(`leaves ${signal} to the CLI`, async () => {
        const { status, stdout } = await start(node, installed, ['wait'], { env, signal })
        assert.equal(stdout.split('\n')[1], `got ${signal}`)
        assert.equal(status, 7)
      })
    }

    it('ends as a CLI that a signal killed', async () => {
      const { status, signal } = await start(node, installed, ['die'], { env })
      assert.ok(signal === 'SIGKILL' || status === 137, `status ${status}, signal ${signal}`)
    })

    it('refuses a MILLRACE_NODE that is no Node', async () => {
      const wrong = join(temp, 'no-such-node')
      const outcome = await start(node, installed, [], { env: cleanEnv({ MILLRACE_NODE: wrong }) })
      assert.equal(outcome.status, 2)
      assert.equal(outcome.stdout, '')
      assert.match(outcome.stderr, /MILLRACE_NODE is set to ".*no-such-node", which is not a Node.js that can be run/)
    })

    it('refuses a MILLRACE_NODE that is too old', needsOlder, async () => {
      const outcome = await start(node, installed, [], { env: cleanEnv({ MILLRACE_NODE: older }) })
      assert.equal(outcome.status, 2)
      assert.match(outcome.stderr, /NODE_TOO_OLD\n.*which is Node\.js \d+\.\d+\.\d+; Node\.js >= 24 is needed/)
    })
  })
}

describe('launcher on an older Node without MILLRACE_NODE', needsOlder, () => {
  it('takes the package "node" of the folder it is called in', async () => {
    const cwd = projectWithNode('with-node', (program) => symlinkSync(fittingNode, program))
    const { status, stdout } = await start(older ?? '', installed, [], { cwd })
    assert.equal(report(stdout).node, fittingNode)
    assert.equal(status, 0)
  })

  it('takes the package "node" that is installed beside it', async () => {
    const project = projectWithNode('beside', (program) => symlinkSync(fittingNode, program))
    cpSync(join(temp, 'app/node_modules'), join(project, 'node_modules'), { recursive: true })
    const { stdout } = await start(older ?? '', join(project, 'node_modules/millrace/bin/millrace.mjs'), [])
    assert.equal(report(stdout).node, fittingNode)
  })

  it('says what it found and what to do where there is none', async () => {
    const { status, stdout, stderr } = await start(older ?? '', installed, [])
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^error NODE_TOO_OLD\n.*Found: Node\.js \d+\.\d+\.\d+ runs this command; no package "node"/)
    assert.match(stderr, /npm i -D node@24/)
  })

  it('says so when the package "node" is there without its program', async () => {
    const cwd = projectWithNode('without-program', () => {})
    const { status, stderr } = await start(older ?? '', installed, [], { cwd })
    assert.equal(status, 2)
    assert.match(stderr, /without-program.* has no program that can be run/)
  })

  it('says so when the package "node" is too old', async () => {
    const cwd = projectWithNode('old-node', (program) => {
      writeFileSync(program, '#!/bin/sh\necho v22.1.0\n')
      chmodSync(program, 0o755)
    })
    const { status, stderr } = await start(older ?? '', installed, [], { cwd })
    assert.equal(status, 2)
    assert.match(stderr, /old-node.* is Node\.js 22\.1\.0/)
  })
})
