#!/usr/bin/env node
// The `millrace` command. It starts on any Node >= 18, finds a Node the engine runs on and hands over to the CLI there,
// with the flags it needs. Plain JavaScript without dependencies, since it runs where TypeScript does not.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { delimiter, dirname, join, sep } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const oldestMajor = 24
const here = dirname(fileURLToPath(import.meta.url))

/** In a checkout of the repository the TypeScript sources stand beside bin/; in an installed package they do not. */
const fromSource = existsSync(join(here, '../src/index.ts')) && !here.split(sep).includes('node_modules')

const flags = ['--enable-source-maps', ...(fromSource ? ['--conditions=@millrace/source'] : [])]

main()

function main() {
  const found = findNode()
  if (found.node === undefined) {
    process.stderr.write(`${found.error}\n`)
    process.exitCode = 2
    return
  }
  const args = [...flags, ...inspectorFlags(), join(here, 'cli.mjs'), ...process.argv.slice(2)]
  if (!becomes(found.node, args)) runsAsChild(found.node, args)
}

/** The Node to run on, or the reason why there is none. */
function findNode() {
  const named = process.env.MILLRACE_NODE
  if (named !== undefined && named !== '') {
    const version = versionOf(named)
    if (isFitting(version)) return { node: named }
    const what = version === undefined ? 'is not a Node.js that can be run' : `is Node.js ${version}`
    return { error: problem(`MILLRACE_NODE is set to "${named}", which ${what}; Node.js >= ${oldestMajor} is needed.`) }
  }

  if (isFitting(process.versions.node)) return { node: process.execPath }

  const seen = [`Node.js ${process.versions.node} runs this command`]
  for (const from of new Set([join(process.cwd(), 'package.json'), fileURLToPath(import.meta.url)])) {
    const packaged = packagedNode(from)
    if (packaged === undefined) continue
    const version = versionOf(packaged.binary)
    if (isFitting(version)) return { node: packaged.binary }
    const what =
      version === undefined
        ? 'has no program that can be run (was its install script allowed?)'
        : `is Node.js ${version}`
    seen.push(`the package in ${packaged.dir} ${what}`)
  }
  if (seen.length === 1) seen.push('no package "node" is installed beside it')
  return {
    error: problem(
      `Millrace runs on Node.js >= ${oldestMajor}. Found: ${seen.join('; ')}.`,
      `Install one into your project:  npm i -D node@${oldestMajor}`,
      'or name one in the environment: MILLRACE_NODE=/path/to/node',
    ),
  }
}

function problem(...lines) {
  return ['error NODE_TOO_OLD', ...lines].join('\n  ')
}

/** The npm package `node` brings the program. Found as a module would be, from that file on. */
function packagedNode(from) {
  try {
    const manifest = createRequire(from).resolve('node/package.json')
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
    const dir = dirname(manifest)
    return { dir, binary: join(dir, typeof bin === 'string' ? bin : (bin?.node ?? 'bin/node')) }
  } catch {
    return undefined
  }
}

function versionOf(program) {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', env: withoutNodeOptions() })
  return status === 0 ? /^v(\d+\.\d+\.\d+\S*)\s*$/.exec(stdout)?.[1] : undefined
}

/** NODE_OPTIONS may hold what that Node does not know, which is the CLI's matter and not a sign of its version. */
function withoutNodeOptions() {
  const { NODE_OPTIONS: _, ...env } = process.env
  return env
}

function isFitting(version) {
  return version !== undefined && Number.parseInt(version, 10) >= oldestMajor
}

/** `node --inspect-brk millrace.mjs ...` is meant for the CLI. */
function inspectorFlags() {
  return process.execArgv.filter((flag) => flag.startsWith('--inspect'))
}

/**
 * Lets that Node take this process's place, so that there is no second process to pass signals and statuses through.
 * Answers false where that cannot be: on Windows, and on a Node that does not have it yet.
 */
function becomes(node, args) {
  if (process.platform === 'win32' || typeof process.execve !== 'function') return false
  const emitWarning = process.emitWarning
  process.emitWarning = () => {} // that execve is experimental
  try {
    process.execve(node.includes('/') ? node : onPath(node), [node, ...args], process.env)
    return true
  } catch {
    return false
  } finally {
    process.emitWarning = emitWarning
  }
}

function onPath(program) {
  const dirs = (process.env.PATH ?? '').split(delimiter)
  return dirs.map((dir) => join(dir, program)).find((path) => existsSync(path)) ?? program
}

function runsAsChild(node, args) {
  const child = spawn(node, args, { stdio: 'inherit' })

  // The child decides what a signal means; this process waits for it. A Ctrl-C in a terminal goes to both processes,
  // so passing it on would make two of it.
  const forward = (signal) => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)

  child.on('error', (error) => {
    process.stderr.write(`error NODE_TOO_OLD\n  ${node} could not be started: ${error.message}\n`)
    process.exitCode = 2
  })
  child.on('exit', (status, signal) => {
    for (const name of signals) process.off(name, forward)
    process.exitCode = signal === null ? status : 128 + constants.signals[signal]
  })
}
