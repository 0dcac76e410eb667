/** `millrace run --json` in a process of its own, in a folder of its own: what it tells, and how it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { cleanEnv, type Outcome, root, run } from '../packaging/commands.ts'

export const COMMAND = join(root, 'packages/millrace/bin/millrace.mjs')
export const JOB = join(import.meta.dirname, 'ending.job.ts')
/** Where a test hangs it is to fail, not to run on for ever. */
const HANGS_AFTER_MS = 90_000

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a line
export type Line = any

export interface Place {
  readonly folder: string
  readonly checkpoints: string
  readonly output: string
  /** Ends the input once it exists. */
  readonly end: string
}

/** Removed with the test. */
export function newPlace(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-operating-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return { folder, checkpoints: join(folder, 'checkpoints'), output: join(folder, 'out'), end: join(folder, 'end') }
}

/** What comes behind `millrace run`. */
export function runArguments({ checkpoints, output, end }: Place, ...more: readonly string[]): readonly string[] {
  const configuration = ['-D', `execution.checkpointing.dir=${checkpoints}`, '-D', 'rest.port=0']
  return [JOB, ...configuration, ...more, '--', '--output', output, '--end', end]
}

export class CommandRun {
  readonly lines: Line[] = []
  readonly ended: Promise<number | null>
  readonly #child: ChildProcess
  #hasEnded = false
  #stderr = ''

  constructor(t: TestContext, place: Place, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [COMMAND, 'run', '--json', ...runArguments(place, ...more)], {
      cwd: place.folder,
      env: cleanEnv(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => {
        this.#hasEnded = true
        resolve(code)
      })
    })
    t.after(async () => {
      child.kill('SIGKILL')
      await this.ended
    })
  }

  /** `host:port` of its REST server. */
  async address(): Promise<string> {
    const { url } = await this.until((line) => line.kind === 'rest')
    return String(url).replace('http://', '')
  }

  /** The first line that fits, told already or not yet. */
  until(fits: (line: Line) => boolean): Promise<Line> {
    return until(() => {
      const line = this.lines.find(fits)
      if (line === undefined && this.#hasEnded) throw new Error(`it ended without telling\n${this.story()}`)
      return line
    })
  }

  /** The last line. */
  get result(): Line {
    return this.lines.findLast((line) => line.kind === 'result')
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  story(): string {
    return [...this.lines.map((line) => JSON.stringify(line)), this.#stderr].join('\n')
  }
}

/** Another command of `millrace`, to its end. */
export function command({ folder }: Place, ...words: readonly string[]): Promise<Outcome> {
  return run(process.execPath, [COMMAND, ...words], { cwd: folder, env: cleanEnv() })
}

/** Waits for what becomes neither false nor undefined. */
export async function until<T>(condition: () => T | undefined | false): Promise<T> {
  const startMs = performance.now()
  for (;;) {
    const value = condition()
    if (value !== undefined && value !== false) return value
    if (performance.now() - startMs > HANGS_AFTER_MS) throw new Error(`never came true: ${condition}`)
    await pause(5)
  }
}
