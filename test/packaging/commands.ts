// Programs the packaging tests start, and how they are found.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

export interface Outcome {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  /** Sent as soon as the program has printed its first line. */
  readonly signal?: NodeJS.Signals
}

/** Runs a program to its end and collects what it printed. */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  return new Promise((settle, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? cleanEnv(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    let pending = options.signal
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (pending !== undefined && stdout.includes('\n')) {
        child.kill(pending)
        pending = undefined
      }
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (status, signal) => settle({ status, signal, stdout, stderr }))
  })
}

/** This environment without what npm and the test runner put into it. */
export function cleanEnv(changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|NODE_TEST_CONTEXT$|NODE_OPTIONS$|INIT_CWD$|MILLRACE_)/.test(name),
  )
  return { ...Object.fromEntries(own), ...changes }
}

/** The first Node on the PATH, other than the repository's own, that is too old for the engine but not for the launcher. */
export function olderNode(): string | undefined {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(dir, 'node')
    if (dir.includes('node_modules') || !existsSync(path)) continue
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    const major = Number(/^v(\d+)/.exec(stdout)?.[1])
    if (status === 0 && major >= 18 && major < 24) return realpathSync(path)
  }
  return undefined
}
