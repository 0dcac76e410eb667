/** The jobs that a server lists, and which of them a command is about. Pure but for the asking. */
import { MillraceError } from '@millrace/api'
import { usageError } from '../command/command-line.ts'
import type { RestClient } from './rest-client.ts'

export interface ListedJob {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly startedAtMs: number
  readonly durationMs: number
  readonly tasksRunning: number
  readonly tasks: number
  /** As it came. */
  readonly json: object
}

const OVERVIEW = '/jobs/overview'
const ENDED: ReadonlySet<string> = new Set(['FINISHED', 'FAILED', 'CANCELED', 'SUSPENDED'])

export function hasEnded({ state }: ListedJob): boolean {
  return ENDED.has(state)
}

export async function listJobs(client: RestClient): Promise<readonly ListedJob[]> {
  const { json } = await client.get(OVERVIEW)
  const jobs = typeof json === 'object' && json !== null && 'jobs' in json ? json.jobs : undefined
  if (!Array.isArray(jobs)) throw client.unreadable(OVERVIEW)
  return jobs.map((job: Readonly<Record<string, unknown>>) => {
    const tasks = (job.tasks ?? {}) as Readonly<Record<string, unknown>>
    const { jid, name, state } = job
    if (typeof jid !== 'string' || typeof name !== 'string' || typeof state !== 'string')
      throw client.unreadable(OVERVIEW)
    return {
      id: jid,
      name,
      state,
      startedAtMs: numberOf(job['start-time']),
      durationMs: numberOf(job.duration),
      tasksRunning: numberOf(tasks.running),
      tasks: numberOf(tasks.total),
      json: job,
    }
  })
}

/** The id that was given, or that of the only job that runs. */
export async function chooseJobId(command: string, client: RestClient, given: string | undefined): Promise<string> {
  if (given !== undefined) {
    if (!isJobId(given))
      throw usageError(command, `"${given}" is no job id.`, 'millrace list shows the ids: 32 hex digits.')
    return given.toLowerCase()
  }
  const running = (await listJobs(client)).filter((job) => !hasEnded(job))
  const [only, ...more] = running
  if (only === undefined) {
    throw new MillraceError('RUNNING_JOB_NOT_FOUND', `No job runs at ${client.address}`, {
      hint: 'millrace list -a shows those that have ended.',
    })
  }
  if (more.length > 0) {
    const names = running.map(({ id, name }) => `${id} (${name})`).join(', ')
    throw usageError(
      command,
      `${running.length} jobs run at ${client.address}.`,
      `Name the one that is meant: ${names}`,
    )
  }
  return only.id
}

export function isJobId(text: string): boolean {
  return /^[0-9a-f]{32}$/i.test(text)
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
