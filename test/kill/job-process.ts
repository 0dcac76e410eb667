/** One process that runs the job: what it has told, and how it ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RunEvent, RunOutcome } from './run-event.ts'
import type { RunRequest } from './run-kill-job.ts'

const DRIVER = fileURLToPath(new URL('run-kill-job.ts', import.meta.url))
/** Spares each process the compiling of the engine. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/millrace-kill', import.meta.url))
const FLAGS = ['--conditions=@millrace/source', '--enable-source-maps', '--disable-warning=ExperimentalWarning']
/** A process that is still there then hangs. */
const LIFETIME_MAX_MS = 120_000

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly outcome: RunOutcome | undefined
}

export interface ProcessOptions {
  readonly request: RunRequest
  /** `MILLRACE_KILL_POINT`. */
  readonly killPoint: string | undefined
  readonly folder: string
}

export class JobProcess {
  readonly events: RunEvent[] = []
  readonly ended: Promise<ProcessEnd>
  readonly #child: ChildProcess
  #stderr = ''
  #hasHung = false
  #waiting: { readonly fits: (event: RunEvent) => boolean; resolve(): void; reject(error: Error): void }[] = []

  constructor({ request, killPoint, folder }: ProcessOptions) {
    const { MILLRACE_KILL_POINT: _unset, NODE_TEST_CONTEXT: _own, ...inherited } = process.env
    const env = {
      ...inherited,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...(killPoint === undefined ? {} : { MILLRACE_KILL_POINT: killPoint }),
    }
    const child = spawn(process.execPath, [...FLAGS, DRIVER, JSON.stringify(request)], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => this.#onLine(line))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-8_000)
    })
    const watchdog = setTimeout(() => {
      this.#hasHung = true
      child.kill('SIGKILL')
    }, LIFETIME_MAX_MS)
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => {
        clearTimeout(watchdog)
        const gone = new Error(
          `The process ended (${code ?? signal}) without telling what was waited for.\n${this.story()}`,
        )
        for (const { reject: giveUp } of this.#waiting.splice(0)) giveUp(gone)
        if (this.#hasHung) reject(new Error(`The process hung for ${LIFETIME_MAX_MS} ms.\n${this.story()}`))
        else resolve({ code, signal, outcome: this.events.find((event) => event.event === 'outcome') })
      })
    })
    this.ended.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves with the first event that fits, told already or not yet; rejects when the process ends before. */
  until(fits: (event: RunEvent) => boolean): Promise<void> {
    if (this.events.some(fits)) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.push({ fits, resolve, reject }))
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Everything that it told. */
  story(): string {
    return [...this.events.map((event) => JSON.stringify(event)), this.#stderr].join('\n')
  }

  #onLine(line: string): void {
    const event = JSON.parse(line) as RunEvent
    this.events.push(event)
    const done = this.#waiting.filter(({ fits }) => fits(event))
    this.#waiting = this.#waiting.filter((waiting) => !done.includes(waiting))
    for (const { resolve } of done) resolve()
  }
}
