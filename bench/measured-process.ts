/**
 * One run of one side as a process of its own: CPU time and peak memory are those of the whole process, all threads
 * included, as the process itself reports them at its end. Peers in other languages print the same line.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { basename, isAbsolute } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { COMPILER_FLAGS } from '@millrace/runtime'
import type { RowDigest } from './digest/row-digest.ts'

/** Spares each process the stripping of types, which an installed package does not need either. */
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/millrace-bench', import.meta.url))

/** What a side prints as its only line. */
export interface Measured {
  readonly cpuSeconds: number
  /** How much of it had passed before the work began. */
  readonly setupCpuSeconds: number
  readonly wallSeconds: number
  /** Null where the system does not tell. */
  readonly peakMemoryBytes: number | null
  /** Rows. */
  readonly outputs: number
  readonly digest: string
  /** Largest sum of bytes that waited in the channels of the job, where that was watched. */
  readonly queuedBytesMax?: number
  /** How much of the wall time had passed before the work began, where the side tells. */
  readonly setupWallSeconds?: number
  /** Completed checkpoints, the final one among them, where the side tells. */
  readonly checkpoints?: number
  /** How many cores everything else on the machine took meanwhile, as the one who waited saw it; undefined where the system does not tell. */
  readonly othersCores?: number | undefined
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
}

/** User and system time of this process since its start. */
export function cpuSecondsOfProcess(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  return (userCPUTime + systemCPUTime) / 1e6
}

/** Called once by a side, at its end. */
export function printMeasured(
  digest: RowDigest,
  more: Pick<Measured, 'setupCpuSeconds' | 'queuedBytesMax' | 'setupWallSeconds' | 'checkpoints'>,
): void {
  const measured: Measured = {
    ...more,
    ...costOfProcess(),
    outputs: digest.rows,
    digest: digest.toString(),
  }
  console.log(JSON.stringify(measured))
}

/** What this process has cost so far. */
export function costOfProcess(): Pick<Measured, 'cpuSeconds' | 'wallSeconds' | 'peakMemoryBytes'> {
  return {
    cpuSeconds: cpuSecondsOfProcess(),
    wallSeconds: performance.now() / 1_000,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1_024,
  }
}

/** The command for a file of this folder, with the flags of this process and what the `millrace` command sets. */
export function nodeCommand(file: string, args: readonly string[]): Command {
  return {
    command: process.execPath,
    args: [...process.execArgv, ...COMPILER_FLAGS, fileURLToPath(new URL(file, import.meta.url)), ...args],
  }
}

/** Runs a command to its end and reads its line. Throws when it fails. */
export function measure(command: Command): Promise<Measured> {
  return measureAs<Measured>(command)
}

/** The same for a command with a line of its own. */
export async function measureAs<T extends Pick<Measured, 'cpuSeconds'>>(
  command: Command,
): Promise<T & Pick<Measured, 'othersCores'>> {
  const [beforeMs, before] = [performance.now(), machineCpuSeconds()]
  const measured = JSON.parse(await outputOf(command)) as T
  const [wallSeconds, all] = [(performance.now() - beforeMs) / 1_000, machineCpuSeconds() - before]
  // A system that hides its times shows none at all.
  return all > 0 ? { ...measured, othersCores: Math.max(0, all - measured.cpuSeconds) / wallSeconds } : measured
}

/** Of all cores since the machine started. */
function machineCpuSeconds(): number {
  return cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1_000, 0)
}

/** Runs a command to its end. Throws when it fails. */
export async function outputOf({ command, args }: Command): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) {
    // Where a file lies on this machine is of no use in lines that others read.
    const words = [command, ...args].map((word) => (isAbsolute(word) ? basename(word) : word))
    throw new Error(`${words[0]} ${words.slice(1).slice(-6).join(' ')} ended with ${code}: ${output}`)
  }
  return output
}
