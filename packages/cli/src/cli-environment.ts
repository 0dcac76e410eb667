/**
 * Everything outside that the commands touch: streams, environment variables, clock, signals, and the engine. Tests
 * bring their own; `process-environment.ts` is the real one.
 */
import type { ExitCode } from './exit-code.ts'
import type { JobRunner } from './run/job-runner-port.ts'

export interface CliEnvironment {
  /** For results. */
  readonly stdout: TextOutput
  /** For progress and errors. */
  readonly stderr: TextOutput
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Wall clock, epoch ms. */
  now(): number
  /** Calls back about every `intervalMs` until the returned function is called. */
  every(intervalMs: number, callback: () => void): () => void
  /** Ends the process at once, with everything in it that does not end by itself. */
  exit(code: ExitCode): void
  /** Calls back for every signal that asks the process to end, until the returned function is called. */
  onInterrupt(callback: (signal: EndSignal) => void): () => void
  readonly runner: JobRunner
}

export type EndSignal = 'SIGINT' | 'SIGTERM'

export interface TextOutput {
  write(text: string): void
  readonly isTerminal: boolean
  /** Its reader has gone away, as `head` does, or it cannot be written: what is written from then on reaches nobody. */
  readonly isClosed: boolean
  /** Waits until what was written has left. Gives what kept it from that; a reader that went away wanted no more. */
  flush(): Promise<Error | undefined>
  /** Of the terminal; asked anew before each drawing, since terminals are resized. */
  size(): TerminalSize
  /**
   * Calls back before text that somebody else writes to the same terminal, until the returned function is called; the
   * callback may answer with what is to be called after it.
   */
  aroundOthers(before: () => (() => void) | undefined): () => void
}

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}
