// The part every root script shares: where the repository is, whether its
// dependencies are installed, and how to run a tool on the Node the engine
// needs. Plain JavaScript for Node >= 20, since it runs before anything else is
// there.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.millrace-setup')
const lockFile = join(root, '.millrace-setup.lock')

/** Node flags under which sources run directly, without a build. */
export const sourceFlags = ['--conditions=@millrace/source', '--enable-source-maps']

/** Oldest Node the engine runs on. */
const engineMajor = 24

/** Installs the dependencies if that was not done for the present lock file. Returns the path of a fitting Node. */
export async function setup() {
  if (!isCurrent()) {
    await withLock(async () => {
      if (isCurrent()) return
      if (!matchesInstalled()) {
        console.log('Installing dependencies (npm ci) ...')
        // The engine's packages ask for a newer Node than the one npm may run on: not worth a warning each.
        const status = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
        if (status !== 0) throw new Error(`npm ci failed with status ${status}`)
      }
      writeFileSync(stampFile, lockHash())
    })
  }
  return engineNode()
}

function isCurrent() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lockHash()
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

/** True when what lies in node_modules is already what the lock file asks for, as it is after `npm install x`. */
function matchesInstalled() {
  const hidden = join(modules, '.package-lock.json')
  if (!existsSync(hidden) || nodeVersion(bundledNode()) === undefined) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(hidden, 'utf8')).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true
    const other = present[path]
    if (other === undefined) return entry.optional === true
    return other.version === entry.version && other.integrity === entry.integrity
  })
}

/** Two commands started at once in a fresh clone install once, not over each other. */
async function withLock(body) {
  for (;;) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (!lockHolderLives()) rmSync(lockFile, { force: true })
      else await sleep(500)
    }
  }
  try {
    await body()
  } finally {
    rmSync(lockFile, { force: true })
  }
}

function lockHolderLives() {
  try {
    const pid = Number(readFileSync(lockFile, 'utf8'))
    if (!Number.isInteger(pid) || pid <= 0) return true // just being written
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM' || error.code === 'ENOENT'
  }
}

function bundledNode() {
  const dir = join(modules, 'node')
  if (!existsSync(join(dir, 'package.json'))) return undefined
  const { bin } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
  return join(dir, typeof bin === 'string' ? bin : bin.node)
}

function nodeVersion(path) {
  if (path === undefined || !existsSync(path)) return undefined
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

function engineNode() {
  const path = bundledNode()
  const version = nodeVersion(path)
  if (version !== undefined && Number(version.slice(1).split('.')[0]) >= engineMajor) return path
  throw new Error(
    `node_modules holds no Node >= ${engineMajor} (the "node" package brings it; found ${version ?? 'none'}). ` +
      'Delete node_modules and try again; install scripts must be allowed for the packages "node" and "pnpm".',
  )
}

/** Runs a program to its end and answers its exit status, 1 where a signal ended it. */
export function run(program, args, { cwd = root, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      stdio: 'inherit',
      env: { ...process.env, PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? ''}`, ...env },
      shell: process.platform === 'win32' && program === 'npm',
    })
    // The child decides what a signal means. A Ctrl-C in a terminal goes to both processes, so passing it on would make
    // two of it; without a terminal it comes to this one only.
    const forward = (signal) => {
      if (signal !== 'SIGINT' || !hasTerminal()) child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM']
    for (const signal of signals) process.on(signal, forward)
    child.once('error', reject)
    child.once('close', (status) => {
      for (const signal of signals) process.off(signal, forward)
      resolve(status ?? 1)
    })
  })
}

/** Any of the three streams will do: the others may lead to files. */
function hasTerminal() {
  return [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY)
}

/** Runs an installed tool that is written in JavaScript on the engine's Node. */
export function runTool(node, packageName, binName, args) {
  const dir = join(modules, packageName)
  const { bin } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
  return run(node, [join(dir, typeof bin === 'string' ? bin : bin[binName]), ...args])
}

/** The folders of the packages, as the lock file names them. */
export function packageDirs() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return Object.keys(packages)
    .filter((path) => path.startsWith('packages/') && !path.includes('node_modules'))
    .map((path) => join(root, path))
}

export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
