/** Tells a process from every other one, also from a later one with the same id, and whether it still lives. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { promisify } from 'node:util'

export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in whatever form the system gives; comparable on the same host only. */
  readonly startedAt: string
  readonly host: string
}

/** As `JSON.stringify` gave it; `undefined` for anything else. */
export function parseIdentity(text: string | undefined): ProcessIdentity | undefined {
  if (text === undefined) return undefined
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json !== 'object' || json === null) return undefined
    const { pid, startedAt, host } = json as Partial<Record<keyof ProcessIdentity, unknown>>
    if (typeof pid !== 'number' || typeof startedAt !== 'string' || typeof host !== 'string') return undefined
    return { pid, startedAt, host }
  } catch {
    return undefined
  }
}

export interface ProcessTable {
  /** True also when it cannot be told, as for another host. */
  isAlive(process: ProcessIdentity): Promise<boolean>
}

/** The processes of this machine: `/proc` on Linux, `ps` elsewhere. */
export class SystemProcessTable implements ProcessTable {
  async self(): Promise<ProcessIdentity> {
    const { pid } = process
    return { pid, startedAt: (await startOf(pid)) ?? 'unknown', host: hostname() }
  }

  async isAlive(identity: ProcessIdentity): Promise<boolean> {
    if (identity.host !== hostname()) return true
    if (!isRunning(identity.pid)) return false
    const startedAt = await startOf(identity.pid)
    // A process of that id runs; without start times it has to count as the owner.
    if (startedAt === undefined || identity.startedAt === 'unknown') return true
    return startedAt === identity.startedAt
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

async function startOf(pid: number): Promise<string | undefined> {
  try {
    return process.platform === 'linux' ? await linuxStart(pid) : await psStart(pid)
  } catch {
    return undefined
  }
}

/** Clock ticks since boot, with the id of the boot that they count from. */
async function linuxStart(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
  // The command in parentheses may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie has ended and only waits to be asked for.
  if (fields[0] === 'Z' || fields[0] === 'X') return 'ended'
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim()
  return `${boot}/${fields[19]}`
}

async function psStart(pid: number): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], {
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  })
  return stdout.trim() || undefined
}
