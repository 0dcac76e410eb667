/** Surroundings for commands in tests: outputs that remember, a clock and interrupts that are moved by hand. */
import type { CliEnvironment, EndSignal, TerminalSize, TextOutput } from '../src/cli-environment.ts'
import type { ExitCode } from '../src/exit-code.ts'
import type { JobRunner, RunEvent, RunningJob, RunRequest, RunResult } from '../src/run/job-runner-port.ts'
import { reading } from './readings.ts'

export class MemoryOutput implements TextOutput {
  text = ''
  /** After so many lines its reader goes away. */
  linesMax = Number.POSITIVE_INFINITY
  /** Why what was written has not left. */
  failure: Error | undefined
  readonly isTerminal: boolean
  readonly #size: TerminalSize

  constructor(isTerminal = false, size: TerminalSize = { columns: 100, rows: 30 }) {
    this.isTerminal = isTerminal
    this.#size = size
  }

  write(text: string): void {
    this.text += text
  }
  async flush(): Promise<Error | undefined> {
    return this.failure
  }
  size(): TerminalSize {
    return this.#size
  }
  aroundOthers(): () => void {
    return () => {}
  }
  get isClosed(): boolean {
    return this.lines.length >= this.linesMax
  }
  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }
}

/** Runs nothing: a job ends when the test says so, or as its user's interrupts do. */
export class ScriptedRunner implements JobRunner {
  readonly requests: RunRequest[] = []
  readonly #script: (emit: (event: RunEvent) => void, end: (result: Partial<RunResult>) => void) => void

  constructor(script: (emit: (event: RunEvent) => void, end: (result: Partial<RunResult>) => void) => void) {
    this.#script = script
  }

  start(request: RunRequest, onEvent: (event: RunEvent) => void): RunningJob {
    this.requests.push(request)
    const { promise, resolve } = Promise.withResolvers<RunResult>()
    const end = (result: Partial<RunResult>) =>
      resolve({
        state: 'FINISHED',
        isRefused: false,
        isStuck: false,
        error: undefined,
        savepoint: undefined,
        final: reading(),
        lastCheckpoint: undefined,
        ...result,
      })
    queueMicrotask(() => this.#script(onEvent, end))
    let stops = 0
    return {
      result: promise,
      reading: () => reading(),
      stop: () => {
        stops += 1
      },
      abort: () => end({ state: 'SUSPENDED', savepoint: `stopped ${stops} times` }),
    }
  }
}

export interface FakeEnvironment extends CliEnvironment {
  readonly stdout: MemoryOutput
  readonly stderr: MemoryOutput
  /** What the process was ended with. */
  readonly exits: ExitCode[]
  interrupt(signal?: EndSignal): void
}

export function fakeEnvironment(
  runner: JobRunner,
  { stdout = new MemoryOutput(), stderr = new MemoryOutput(), variables = {} } = {},
): FakeEnvironment {
  const interrupts = new Set<(signal: EndSignal) => void>()
  const exits: ExitCode[] = []
  return {
    stdout,
    stderr,
    variables,
    now: () => 1_000,
    every: () => () => {},
    exits,
    exit: (code) => void exits.push(code),
    onInterrupt(callback) {
      interrupts.add(callback)
      return () => interrupts.delete(callback)
    },
    runner,
    interrupt(signal = 'SIGINT') {
      for (const callback of interrupts) callback(signal)
    },
  }
}
