/**
 * One side of a comparison as a process of its own: CPU time and peak memory are those of the whole process, all threads
 * included, as the process itself reports them at its end.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** Spares each process the stripping of types, which an installed package does not need either. */
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/millrace-bench', import.meta.url))

/** What was computed, so that both sides can be held against each other. */
export interface Digest {
  readonly records: number
  readonly sum: number
}

/** What a side prints as its only line. */
export interface Measured {
  readonly cpuSeconds: number
  readonly wallSeconds: number
  readonly rssMaxMb: number
  readonly digest: Digest
  /** Largest sum of bytes that waited in the channels of the job, where that was watched. */
  readonly queuedBytesMax?: number
}

/** Called once by a side, at its end. */
export function printMeasured(digest: Digest, queuedBytesMax?: number): void {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const measured: Measured = {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    wallSeconds: performance.now() / 1_000,
    rssMaxMb: maxRSS / 1_024,
    digest,
    ...(queuedBytesMax === undefined ? {} : { queuedBytesMax }),
  }
  console.log(JSON.stringify(measured))
}

/** Runs a file of this folder with the flags of this process. Throws when it fails. */
export async function measure(file: string, args: readonly string[]): Promise<Measured> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code}: ${output}`)
  return JSON.parse(output) as Measured
}
