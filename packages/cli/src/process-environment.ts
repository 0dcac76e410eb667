/** The real surroundings of the commands: this process's streams, signals and clock. */
import process from 'node:process'
import type { CliEnvironment, TextOutput } from './cli-environment.ts'
import type { JobRunner } from './run/job-runner-port.ts'

export function createProcessEnvironment(runner: JobRunner): CliEnvironment {
  const others = new Set<() => (() => void) | undefined>()
  const own = interceptWrites(others)
  return {
    stdout: outputOf(process.stdout, own.stdout, others),
    stderr: outputOf(process.stderr, own.stderr, others),
    variables: process.env,
    now: () => Date.now(),
    every(intervalMs, callback) {
      const timer = setInterval(callback, intervalMs)
      return () => clearInterval(timer)
    },
    exit: (code) => process.exit(code),
    onInterrupt(callback) {
      const onInt = (): void => callback('SIGINT')
      const onTerm = (): void => callback('SIGTERM')
      process.on('SIGINT', onInt).on('SIGTERM', onTerm)
      return () => void process.off('SIGINT', onInt).off('SIGTERM', onTerm)
    },
    runner,
  }
}

type Around = Set<() => (() => void) | undefined>

/** The untouched way to a stream. */
type OwnOutput = Pick<TextOutput, 'write' | 'isClosed' | 'flush'>

function outputOf(stream: NodeJS.WriteStream, own: OwnOutput, others: Around): TextOutput {
  return {
    write: own.write,
    flush: own.flush,
    isTerminal: stream.isTTY === true,
    get isClosed() {
      return own.isClosed
    },
    size: () => ({ columns: stream.columns ?? 80, rows: stream.rows ?? 24 }),
    aroundOthers(before) {
      others.add(before)
      return () => others.delete(before)
    },
  }
}

/**
 * Lets the display step aside for what a job writes itself (`console.log`), where both go to a terminal. Returns the
 * untouched outputs for our own use. A reader that went away (`| head`), or a full disk below a log, ends the output, not the
 * job.
 */
function interceptWrites(others: Around): { readonly stdout: OwnOutput; readonly stderr: OwnOutput } {
  const wrap = (stream: NodeJS.WriteStream): OwnOutput => {
    const write = stream.write.bind(stream) as typeof stream.write
    let isClosed = false
    let failure: Error | undefined
    stream.on('error', (error: NodeJS.ErrnoException) => {
      isClosed = true
      if (error.code !== 'EPIPE') failure ??= error
    })
    if (stream.isTTY === true) {
      stream.write = ((...args: Parameters<typeof stream.write>) => {
        const after = [...others].map((before) => before())
        const result = write(...args)
        for (const callback of after) callback?.()
        return result
      }) as typeof stream.write
    }
    return {
      write: (text) => {
        write(text)
      },
      get isClosed() {
        return isClosed
      },
      // The callback comes before the event that says why a stream has failed.
      flush: () => new Promise((resolve) => write('', () => setImmediate(() => resolve(failure)))),
    }
  }
  return { stdout: wrap(process.stdout), stderr: wrap(process.stderr) }
}
